//! The door to PostgreSQL: all communication with a server goes through this module.
//!
//! - [`DatabaseUrl`] is the address of a database with its login. It reaches child processes through their environment.
//! - [`Clients`] are the installed `pg_dump`, `pg_restore` and `psql`, chosen by major version.
//! - [`Session`] is a connection of the agent: for the advisory lock, the facts about a database ([`Inspection`]), what
//!   would make a dump fail ([`Obstacle`]), and what would prevent a restore.
//! - [`LocalServer`] is a server of the agent's own for a drill, and [`ScratchDatabase`] a database to restore into;
//!   [`ReservedDatabase`] is one that exists, where none can be created.
//! - [`Dump`] and [`Load`] are the child processes that the data is piped through.
//!
//! This module never prints, and doesn't read the environment, except for the AWS SDK that signs IAM tokens. A password
//! is held in a [`SecretText`](crate::redact::SecretText), passed to child processes in their environment and never in
//! their arguments, and removed from everything that they write to stderr.

mod advisory_lock;
mod any_encoding;
mod auth_methods;
mod child;
mod child_file;
mod client;
mod collation;
mod column;
mod diagnose;
mod dump;
mod dumped;
mod error;
mod examine;
mod explain;
mod extension_members;
mod failures;
mod fixed_setting;
mod globals;
mod globals_sql;
mod harmless_settings;
mod hints;
mod iam;
mod identity;
mod inspect;
mod lasting_settings;
mod load;
mod load_lines;
mod local_server;
mod lock_holder;
mod locks;
mod message_language;
mod obstacle;
mod omitted;
mod pooler;
mod preflight;
mod reader;
mod reserved;
mod role_override;
mod row_security;
mod scratch;
mod script;
mod session;
mod settings;
mod skipped_hosts;
pub mod sql;
mod target;
mod target_objects;
mod transcript;
mod url;
mod wire;
mod writable;

pub use client::{ClientWarning, Clients, FolderFault, NamedFolder, PgClient};
pub use collation::CollationInUse;
pub use dump::{Dump, DumpOptions, DumpReport};
pub use error::{AuthFault, ChildFault, ConnectFault, Error, FailureCause};
pub use examine::{Examination, MissingDefaultGrants, Standby};
pub use extension_members::AddedMembers;
pub use failures::{StatementFailure, StatementFailures};
pub use fixed_setting::FixedSetting;
pub use globals_sql::globals_sql;
pub use iam::{AwsIam, PasswordFuture, PasswordSource};
pub use identity::{ClusterDatabase, is_same_database};
pub use inspect::Inspection;
pub use load::{ContentsFile, Load, LoadOptions, LoadReport};
pub use load_lines::{LoadLine, LoadWatch};
pub use local_server::{LocalServer, LocalServerFault, LocalServerOptions, ServerPrograms, check_local_room};
pub use lock_holder::LockHolder;
pub use locks::{Blocker, LockCapacity};
pub use message_language::MessageLanguage;
pub use obstacle::{Obstacle, ObstacleKind, RowSecurityBypass};
pub use omitted::{Omitted, OmittedKind};
pub use reserved::{RESERVED_SCHEMA, ReservedDatabase, ReservedFault, ReservedRequest, UnusableReserved};
pub use role_override::RoleOverride;
pub use scratch::{
    CheckAnswer, DefinedObject, DefinitionPart, FoundObject, InvalidIndex, ScratchDatabase, ScratchRequest,
    UncheckedConstraint,
};
pub use session::Session;
pub use settings::{Direction, SessionSettings};
pub use skipped_hosts::{SkippedHost, list as list_skipped_hosts};
pub use target::{
    Abilities, Ability, BuiltObjects, CHECK_ALL, ConnectionRoom, DefaultGrant, DefinitionRefusal, DefinitionTrial,
    DropStatements, DroppedObject, ExistingObject, Extension, ExtensionNeed, ExtensionTable, ForeignKey,
    MissingExtension, ObjectIdentity, Reference, RequiredFacts, Schema, TargetFacts, slot_removal,
};
pub use url::{DatabaseUrl, SslMode, UrlFault, UrlForm};
pub use wire::LoginRefusal;
