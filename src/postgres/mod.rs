//! The door to PostgreSQL: everything that talks to a server goes through here.
//!
//! - [`DatabaseUrl`] is where a database is and how to log in; it reaches child processes through their environment.
//! - [`Clients`] are the `pg_dump`, `pg_restore` and `psql` installed here, and the choice among them by major version.
//! - [`Session`] is one connection of our own: the advisory lock, the look at what is there ([`Inspection`]) and at
//!   whatever would make a dump fail ([`Obstacle`]), and what stands in the way of a restore.
//! - [`Dump`] and [`Load`] are the child processes whose pipes the data runs through.
//!
//! Nothing here prints or reads the environment, but by the AWS SDK's hand where a token of IAM is signed. A password
//! is held in a [`SecretText`](crate::redact::SecretText), goes to children in their environment and never in their arguments, and is struck out of
//! whatever they write to stderr.

mod adopted;
mod child;
mod client;
mod column;
mod diagnose;
mod dump;
mod error;
mod examine;
mod explain;
mod failures;
mod hints;
mod holder;
mod iam;
mod identity;
mod imposed;
mod inspect;
mod load;
mod locks;
mod logins;
mod occupants;
mod omitted;
mod passed_over;
mod pooler;
mod preflight;
mod reader;
mod row_security;
mod script;
mod session;
mod settings;
mod speech;
pub mod sql;
mod target;
mod transcript;
mod url;
mod wire;

pub use adopted::Adopted;
pub use client::{Client, ClientWarning, Clients};
pub use dump::{Dump, DumpOptions, DumpReport};
pub use error::{Cause, ChildFault, ConnectFault, Error};
pub use examine::{Examination, Standby, Unprepared};
pub use explain::AuthFault;
pub use failures::{Failure, Failures};
pub use holder::Holder;
pub use iam::{AwsIam, PasswordFuture, PasswordSource};
pub use identity::is_same_database;
pub use imposed::Imposed;
pub use inspect::Inspection;
pub use load::{Load, LoadOptions, LoadReport};
pub use locks::{Blocker, LockRoom};
pub use omitted::{Omitted, OmittedKind};
pub use passed_over::{PassedOver, list as list_passed_over};
pub use preflight::{Obstacle, ObstacleKind};
pub use row_security::Guard;
pub use session::Session;
pub use settings::{LeftSetting, Road, Settings};
pub use speech::Speech;
pub use target::{
    Abilities, Ability, DefaultGrant, Drops, Extension, ExtensionTable, Lost, Place, Present, Questions, Refusal,
    Schema, TargetFacts, Trial, statement_without_slot,
};
pub use url::{DatabaseUrl, SslMode, UrlFault, UrlForm};
pub use wire::LoginRefused;
