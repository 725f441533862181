//! Which error is which [`Cause`]: what of it may leave the machine.
//!
//! Every match is exhaustive: a new kind of error is told to nobody before somebody has decided by which words of ours.

use std::io;

use super::Error;
use crate::{
    cause::{Backup, Bucket, Cause, Child, ChildCause, Database, Machine, Program, SettingName, SqlState},
    compress, lifecycle, postgres, seal, store,
};

impl Error {
    /// What may be told of it over a channel: no text from outside, and no row of a table.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Usage { .. } => Machine::Command.into(),
            Self::Config(faults) => {
                let names = faults.iter().filter_map(|fault| SettingName::parse(&fault.variable));
                Machine::Settings { names: names.collect() }.into()
            }
            Self::Postgres(error) => of_postgres(error),
            Self::Store(error) => match error.place {
                store::PlaceKind::Bucket => of_kind(error.kind),
                store::PlaceKind::Folder => of_folder(error.kind),
                store::PlaceKind::Server => of_server(error.kind),
            }
            .into(),
            Self::Seal { source, .. } => of_seal(source),
            Self::Record { .. } => Backup::BackupRecord.into(),
            Self::Dump(_) => child(Program::PgDump, ChildCause::NotWhole),
            Self::Silent { .. } => child(Program::PgDump, ChildCause::Silent),
            Self::Problems { .. } => Backup::BackupProblems.into(),
            Self::Archive { .. } | Self::Payload { .. } | Self::Differs { .. } | Self::Certificate { .. } => {
                Backup::BackupDamaged.into()
            }
            Self::Compress(error) => of_compress(error),
            Self::NoSuchBackup { .. } | Self::NoSuchCertificate { .. } => Backup::BackupMissing.into(),
            Self::NotGood { .. } => Backup::BackupFailed.into(),
            Self::NotTaken { cause, .. } => cause.clone(),
            Self::NotDue { .. } => Backup::BackupNotDue.into(),
            Self::Clock { told: false, .. } => Bucket::BucketUndated.into(),
            Self::Clock { .. } => Bucket::BucketClock.into(),
            Self::NotWhole { .. } => Bucket::BucketNotWhole.into(),
            Self::Lifecycle(error) => of_lifecycle(error),
            Self::Rules { .. } => Bucket::BucketLifecycle.into(),
            Self::Cold { under_way, .. } => match under_way {
                true => Bucket::BucketThawing.into(),
                false => Bucket::BucketCold.into(),
            },
            Self::TargetUnsuitable { problems, .. } => Database::DatabaseRights {
                objects: problems.len(),
            }
            .into(),
            Self::RestoreFailed { source, .. } | Self::Rows { source, .. } => source.cause(),
            Self::Io { doing, .. } if doing.starts_with("listen on") => Machine::Listen.into(),
            Self::Io { source, .. } | Self::Sink(source) => of_io(source),
            Self::OutputClosed => of_io(&io::ErrorKind::BrokenPipe.into()),
            Self::NotReported { source } => source.cause(),
            Self::TimeLimit { .. } => Machine::TimeLimit.into(),
            Self::Interrupted { .. } => Machine::Interrupted.into(),
            Self::Unexplained { .. } => Bucket::BucketUnexplained.into(),
            Self::Unsettled { .. } => Bucket::BucketStranger.into(),
            Self::Internal(_) => Machine::Bug.into(),
        }
    }
}

fn child(program: Program, cause: ChildCause) -> Cause {
    Child { program, cause }.into()
}

fn of_postgres(error: &postgres::Error) -> Cause {
    use postgres::Error as E;
    match error {
        E::Url(_) => Database::DatabaseUrl.into(),
        E::Login { .. } | E::UnsupportedByClient(_) => Database::DatabaseLoginKept.into(),
        E::Pooler { .. } => Database::DatabasePooler.into(),
        E::LockTaken { .. } => Database::DatabaseLockTaken.into(),
        E::Unrestricted => child(Program::PgRestore, ChildCause::Unrestricted),
        E::Connect { fault, .. } => of_connection(*fault).into(),
        E::Auth { .. } => Database::DatabaseLogin.into(),
        E::Lost { .. } => Database::DatabaseLost.into(),
        E::Query { code, .. } => Database::DatabaseQuery {
            sqlstate: SqlState::parse(code),
        }
        .into(),
        E::Locked { .. } | E::TargetLocked { .. } => Database::DatabaseLocked.into(),
        E::Obstacles { obstacles, .. } => Database::DatabaseRights {
            objects: obstacles.len(),
        }
        .into(),
        E::NewerServer { .. } => child(Program::PgDump, ChildCause::OlderThanServer),
        E::NoClient { program, .. } => child(Program::named(program), ChildCause::NotInstalled),
        E::ClientFolder { .. } => child(Program::named("pg_dump"), ChildCause::NotInstalled),
        E::DumpFailed(fault) | E::LoadFailed(fault) => child(Program::named(fault.program), of_child(fault.cause)),
        E::TargetNotEmpty { .. } => Database::DatabaseNotEmpty.into(),
        E::RoleOverridden(_) | E::TargetReadOnly { .. } | E::TargetStandby { .. } | E::Setting(_) => {
            Database::DatabaseSettings.into()
        }
        E::Reserved(_) => Database::DatabaseNotEmpty.into(),
        E::LocalServer(fault) => match **fault {
            postgres::LocalServerFault::NoRoom { .. } => Machine::DiskFull.into(),
            _ => Machine::Command.into(),
        },
        E::Io { what, .. } if what.starts_with("start ") => {
            let name = what.rsplit('/').next().unwrap_or_default();
            child(Program::named(name), ChildCause::NotStarted)
        }
        E::Io { source, .. } => of_io(source),
    }
}

fn of_connection(fault: postgres::ConnectFault) -> Database {
    use postgres::ConnectFault as F;
    match fault {
        F::Unresolved => Database::DatabaseHostUnknown,
        F::Refused => Database::DatabaseRefused,
        F::Unreachable => Database::DatabaseUnreachable,
        F::Timeout => Database::DatabaseTimeout,
        F::NoTls => Database::DatabaseWithoutTls,
        F::Certificate => Database::DatabaseCertificate,
        F::Tls => Database::DatabaseTls,
        F::NoSuchDatabase | F::NoSuchTarget => Database::DatabaseMissing,
        F::TooMany => Database::DatabaseFull,
        F::StartingUp => Database::DatabaseStarting,
        F::File => Database::DatabaseFile,
        F::NoPostgres => Database::DatabaseForeign,
        F::Pooler => Database::DatabasePooler,
        F::OtherKind => Database::DatabaseConnection,
        F::NoPassword => Database::DatabasePassword,
        F::Other => Database::DatabaseConnection,
    }
}

fn of_child(cause: postgres::FailureCause) -> ChildCause {
    use postgres::FailureCause as C;
    match cause {
        C::PermissionDenied => ChildCause::PermissionDenied,
        C::RowSecurity => ChildCause::RowSecurity,
        C::LockTimeout => ChildCause::LockTimeout,
        C::VersionMismatch => ChildCause::OlderThanServer,
        C::ArchiveTooNew => ChildCause::ArchiveTooNew,
        C::OutOfLocks => ChildCause::OutOfLocks,
        C::DefinitionsChanged => ChildCause::DefinitionsChanged,
        C::RowTooLarge => ChildCause::RowTooLarge,
        C::RecoveryConflict => ChildCause::RecoveryConflict,
        C::ConnectionLost => ChildCause::ConnectionLost,
        C::Auth => ChildCause::Login,
        C::LoginKept => ChildCause::LoginKept,
        C::DiskFull => ChildCause::DiskFull,
        C::Terminated => ChildCause::Terminated,
        C::AlreadyExists => ChildCause::AlreadyExists,
        C::NoSuchRole => ChildCause::NoSuchRole,
        C::NoSuchExtension => ChildCause::NoSuchExtension,
        C::ExtensionRight => ChildCause::ExtensionRight,
        C::BadArchive => ChildCause::BadArchive,
        C::MissingRows | C::NotRead | C::OlderServer | C::Unknown => ChildCause::Unknown,
    }
}

/// What is said otherwise of a folder than of a bucket.
fn of_folder(kind: store::Kind) -> Bucket {
    use store::Kind as K;
    match kind {
        K::NoBucket => Bucket::FolderMissing,
        K::Denied => Bucket::FolderDenied,
        K::Unreachable | K::Busy | K::Silent => Bucket::FolderSilent,
        K::Unsupported => Bucket::FolderUnfit,
        K::Damaged | K::Mismatch | K::Other => Bucket::FolderFailing,
        kind => of_kind(kind),
    }
}

fn of_server(kind: store::Kind) -> Bucket {
    use store::Kind as K;
    match kind {
        K::Configuration => Bucket::ServerSettings,
        K::NoCredentials | K::CredentialsUnavailable | K::WrongCredentials => Bucket::ServerLogin,
        K::Certificate => Bucket::ServerHostKey,
        K::NoBucket => Bucket::ServerFolderMissing,
        K::Denied => Bucket::ServerDenied,
        K::Full => Bucket::ServerFull,
        K::Unreachable | K::Busy | K::Silent | K::Endpoint => Bucket::ServerUnreachable,
        K::Unsupported => Bucket::ServerUnfit,
        K::Damaged | K::Mismatch | K::Other => Bucket::ServerFailing,
        kind => of_kind(kind),
    }
}

fn of_kind(kind: store::Kind) -> Bucket {
    use store::Kind as K;
    match kind {
        K::Configuration => Bucket::BucketSettings,
        K::NoCredentials => Bucket::BucketNoCredentials,
        K::CredentialsUnavailable => Bucket::BucketCredentialsUnavailable,
        K::WrongCredentials => Bucket::BucketWrongCredentials,
        K::Denied => Bucket::BucketDenied,
        K::NoBucket => Bucket::BucketMissing,
        K::WrongRegion => Bucket::BucketRegion,
        K::Endpoint => Bucket::BucketEndpoint,
        K::Certificate => Bucket::BucketCertificate,
        K::NotFound => Bucket::BucketNotFound,
        K::Exists => Bucket::BucketExists,
        K::Changed => Bucket::BucketChanged,
        K::Cold => Bucket::BucketCold,
        K::Unsupported => Bucket::BucketUnsupported,
        K::Full => Bucket::BucketFull,
        K::Busy => Bucket::BucketBusy,
        K::Unreachable => Bucket::BucketUnreachable,
        K::PlainHttp => Bucket::BucketPlain,
        K::Damaged => Bucket::BucketDamaged,
        K::Silent => Bucket::BucketSilent,
        K::Mismatch => Bucket::BucketMismatch,
        K::Other => Bucket::BucketOther,
    }
}

fn of_seal(error: &seal::Error) -> Cause {
    use seal::Error as E;
    match error {
        E::NotSealed
        | E::HeaderMalformed { .. }
        | E::HeaderCutShort
        | E::HeaderChanged
        | E::AboveCeiling { .. }
        | E::Misplaced { .. }
        | E::FrameChanged { .. }
        | E::CutShort { .. }
        | E::TrailingBytes { .. } => Backup::BackupDamaged.into(),
        E::NewerVersion { .. } => Backup::BackupRecord.into(),
        E::WrongKey { .. } | E::RepositoryOfOthers { .. } | E::BeyondCatalogKey { .. } => Backup::BackupKey.into(),
        E::OtherRepository { .. } => Bucket::BucketStranger.into(),
        E::WeakPassphrase { .. } | E::Key(_) => Machine::Key.into(),
        E::OutOfMemory { .. } | E::Random(_) => Machine::Resources.into(),
        E::BackupId | E::FrameSize { .. } => Machine::Bug.into(),
    }
}

fn of_compress(error: &compress::Error) -> Cause {
    match error {
        compress::Error::Compress(_) => Machine::Resources.into(),
        compress::Error::Decompress(_) | compress::Error::Cut | compress::Error::TooLong => {
            Backup::BackupDamaged.into()
        }
    }
}

fn of_lifecycle(error: &lifecycle::Error) -> Cause {
    use lifecycle::Error as E;
    match error {
        E::Transition { .. } | E::Contradictions(_) => Machine::Settings { names: Vec::new() }.into(),
        E::Unreadable(_) | E::Unknown(_) | E::TooMany(_) => Bucket::BucketLifecycle.into(),
    }
}

fn of_io(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Machine::DiskFull.into(),
        io::ErrorKind::PermissionDenied => Machine::FileRights.into(),
        _ => Machine::File.into(),
    }
}
