//! The hint for each fault of a connection, a login or a child process: one sentence that is true in that case.

use super::client::NamedFolder;
use super::error::{AuthFault, ChildFault, ConnectFault, Error, FailureCause};
use super::obstacle::{Obstacle, ObstacleKind};
use super::sql::ident;
use super::wire::LoginRefusal;

impl Error {
    /// One sentence with the cure, if there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Url(fault) => fault.hint(),
            Self::Login { refused, .. } => refused.hint().to_owned(),
            Self::UnsupportedByClient(_) => {
                "install libpq 16 or later, or use sslmode=verify-full with sslrootcert= and omit require_auth".into()
            }
            Self::Pooler {
                direct: Some(direct), ..
            } => format!(
                "put the server's own address into the url: host \
                {direct}"
            ),
            Self::Pooler { direct: None, .. } => "give the url of the PostgreSQL server itself, or of a pooler in \
                session mode: providers call it the direct or unpooled url (on Heroku, DATABASE_URL instead of \
                DATABASE_CONNECTION_POOL_URL)"
                .into(),
            Self::Connect { fault, .. } => fault.hint()?.to_owned(),
            Self::Auth { why, .. } => why.hint().to_owned(),
            Self::Lost { .. } => "the network, a pooler or a restart of the server ended it; run the command again, \
                                  and connect to the server itself instead of a pooler"
                .into(),
            Self::Query {
                target, code, message, ..
            } => match database_right(target, message.raw()) {
                Some(grant) if code == "42501" => grant,
                _ => query_hint(code)?.to_owned(),
            },
            Self::Locked { holder: Some(_), .. } => {
                "wait until it has ended; the lock is released when its connection ends".into()
            }
            Self::Locked { holder: None, .. } => "its holder has just ended, or is invisible to this role: run the \
                                                  command again"
                .into(),
            Self::TargetLocked { .. } => {
                "nothing was changed by this one. Wait until the other one has ended, or stop it \
                                          where it runs, by Ctrl-C; only then look at what is in the target"
                    .into()
            }
            Self::LockTaken { holder, .. } => format!(
                "any role that may connect to the database can take this lock. If it is a backup by another login, \
                 wait; otherwise have the database's administrator find out who it is, and end that session: SELECT \
                 pg_catalog.pg_terminate_backend({});",
                holder.pid
            ),
            Self::Obstacles { obstacles, .. } => {
                let cure = Obstacle::cure(obstacles, STATEMENTS_SHOWN);
                let is_of_role = obstacles.iter().any(|one| one.kind == ObstacleKind::Role);
                match is_of_role {
                    true => cure,
                    false => format!(
                        "run `pgcoffer check --fix-sql`, which prints all of it at once, for what is created later as \
                         well; by hand, {cure}"
                    ),
                }
            }
            Self::NewerServer {
                server_major, named, ..
            } => install(Some(*server_major), named.as_ref()),
            Self::NoClient { major, named, .. } => install(*major, named.as_ref()),
            Self::ClientFolder {
                folder,
                fault,
                elsewhere,
            } => fault.hint(folder, elsewhere),
            Self::Unrestricted => "install the newest minor version of the client (17.6, 18 or later), or the client \
                of the server's own version"
                .into(),
            Self::DumpFailed(fault) => fault.hint(true)?.to_owned(),
            Self::LoadFailed(fault) => fault.hint(false)?.to_owned(),
            Self::TargetNotEmpty {
                objects,
                may_be_resumed,
                ..
            } => {
                let all = match objects.len() < super::target_objects::NAMED {
                    true => "",
                    false => "; these are the first, and psql lists all: \\dn, \\d *.*, \\df *.*, \\dT *.*",
                };
                let resume = match may_be_resumed {
                    true => {
                        "if an interrupted restore of this backup has left that, --resume goes on with it; otherwise "
                    }
                    false => "",
                };
                format!(
                    "{resume}restore into a new database (createdb NAME); --clean replaces the objects of the backup in this \
                     one instead, in one transaction: not where you still need what is in it{all}"
                )
            }
            Self::RoleOverridden(role_override) => format!(
                "if that is intended, set the role in the url: options=-c%20role%3DROLE; otherwise run, as the \
                 database's owner or a superuser: {}",
                role_override.reset()
            ),
            Self::TargetStandby { .. } => "give the url of the primary".into(),
            Self::TargetReadOnly { .. } => "restore into another database; or reset the setting for this database \
                                            (ALTER DATABASE … RESET default_transaction_read_only), or only for this \
                                            restore in the url: options=-c%20default_transaction_read_only%3Doff"
                .into(),
            Self::Setting(left) => left.cure(),
            Self::LocalServer(fault) => return fault.hint(),
            Self::Reserved(unusable) => unusable.hint(),
            Self::Io { .. } => return None,
        })
    }
}

/// The GRANT that lets the role of this target create something in its database, where the server's message is that it
/// may not.
fn database_right(target: &str, message: &str) -> Option<String> {
    message.strip_prefix("permission denied for database ")?;
    let (user, place) = target.split_once('@')?;
    let (_, database) = place.rsplit_once('/')?;
    let grant = format!("GRANT CREATE ON DATABASE {} TO {};", ident(database), ident(user));
    Some(format!("have the database's owner run: {grant}"))
}

/// The number of statements in a hint.
const STATEMENTS_SHOWN: usize = 5;

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn query_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "42501" => "the role lacks a right for that: have the right granted, or use another role",
        "57014" | "55P03" => {
            "the server took too long, or another session holds a lock: run the command again when \
                              the server is less busy"
        }
        "53100" | "53200" | "53300" | "53400" => {
            "the server is out of disk space, memory, connections or locks (raise max_locks_per_transaction): correct \
             that, and run the command again"
        }
        _ => return None,
    })
}

/// The hint to install a client. If the settings name a folder, no other is searched, so a package installed elsewhere
/// changes nothing.
fn install(major: Option<u32>, named: Option<&NamedFolder>) -> String {
    let version = major.map_or_else(String::new, |major| format!("-{major}"));
    let package = format!("postgresql-client{version}");
    let Some(named) = named else {
        return format!(
            "install PostgreSQL's client programs (apt-get install {package}), or set PGCOFFER_PG_BIN to the folder \
             that has them"
        );
    };
    let only = format!(
        "PGCOFFER_PG_BIN names {}, and no other folder is searched",
        named.folder.display()
    );
    match named.elsewhere.first() {
        Some(found) => format!(
            "{only}: set it to {}, or unset it, so that that is found",
            found.display()
        ),
        None => format!(
            "{only}: install {package}, and set it to the folder that this has, such as /usr/lib/postgresql/{}/bin",
            major.unwrap_or(18)
        ),
    }
}

impl ConnectFault {
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Unresolved => "check the host in the url for a typing error, and this machine's DNS",
            Self::Refused => "check host and port, and that the server runs and listens on that address",
            Self::Unreachable => "check this machine's network and the server's address",
            Self::Timeout => "a firewall or an allow list may drop the packets; check host and port",
            Self::NoTls => {
                "enable tls at the server; or, if you trust the network, write sslmode=disable&allow_plaintext=yes at \
                 the end of the url, in the place of any other sslmode"
            }
            Self::Certificate => {
                "the certificate is from an unknown authority, is for another host, or has expired: set sslrootcert= \
                 to the authority's file, and use the host name of the certificate; sslmode=require without \
                 sslrootcert checks nothing"
            }
            Self::NoSuchDatabase => {
                "check the database's name in the url, in which capital letters count: `psql --list` with this url's \
                 host and user, and --dbname postgres, shows which there are"
            }
            Self::NoSuchTarget => {
                "check the database's name in the url, in which capital letters count; a new one is made by createdb \
                 NAME"
            }
            Self::TooMany => "close other connections or raise the server's limit; a dump needs two",
            Self::StartingUp => "wait a little",
            Self::File => {
                "name files that exist and are readable: certificates in PEM, a key that only its owner can read, its \
                 passphrase in sslpassword="
            }
            Self::NoPostgres => {
                "check host and port: another service answers there, or something on the way damages \
                                 the data"
            }
            Self::Pooler => {
                "this is the answer of a pooler (such as PgBouncer): use the url of the PostgreSQL server itself, \
                 since a dump through a pooler can fail"
            }
            Self::OtherKind => {
                "name a host of that kind, or change target_session_attrs; after a failover this ends \
                                by itself"
            }
            Self::NoPassword => {
                "with passfile=, the file must exist and be readable only by its owner; with auth=aws-iam, the AWS SDK \
                 must find credentials (environment, profile, role) and the database's region"
            }
            Self::Tls | Self::Other => return None,
        })
    }
}

impl AuthFault {
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Password => {
                "check the user and the password in the url; special characters must be percent-encoded, and \
                 credentials may have been rotated"
            }
            Self::Entry => {
                "check the user in the url; otherwise the server's pg_hba.conf has no line for this role, database and \
                 address: add one (a server that accepts only encrypted connections sends the same error, and needs \
                 sslmode=require in the url)"
            }
            Self::Connect => "have the database's owner run GRANT CONNECT ON DATABASE for this role",
        }
    }
}

impl LoginRefusal {
    pub(super) fn describe(self) -> String {
        match self {
            Self::Clear => "it asks for the password in clear text, and the server was not verified".to_owned(),
            Self::Excluded(method) => format!("it asks for {method}, which require_auth in the url excludes"),
            Self::None => "it asks for no login, and require_auth in the url requires one".to_owned(),
            Self::NotBound => {
                "channel_binding=require in the url requires a login that is bound to the tls connection, and this one \
                 isn't"
                    .to_owned()
            }
            Self::NoPassword => "it asks for a password, and the url has none".to_owned(),
            Self::Unknown => "it asks for a method that pgcoffer doesn't support (kerberos, sspi, oauth)".to_owned(),
            Self::NotProven => "the server did not prove that it knows the password".to_owned(),
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Clear => {
                "an attacker on the network could be asking: verify the server's certificate with sslmode=verify-full \
                 and sslrootcert=, or store the password as scram-sha-256 on the server; require_auth=password in the \
                 url sends it anyway"
            }
            Self::Excluded(_) | Self::None => {
                "change the server's pg_hba.conf, or require_auth in the url if that server may ask for it"
            }
            Self::NotBound => {
                "store the password as scram-sha-256, and let no proxy end the tls connection; otherwise use \
                 sslmode=verify-full and omit channel_binding"
            }
            Self::NoPassword => "put the password into the url, with special characters percent-encoded",
            Self::Unknown => "let the role log in by scram-sha-256 or a client certificate",
            Self::NotProven => {
                "this is not the server that knows this role: do not connect until you know what answers there"
            }
        }
    }
}

impl ChildFault {
    pub(super) fn hint(&self, dump: bool) -> Option<&'static str> {
        Some(match self.cause {
            FailureCause::PermissionDenied if dump => {
                "grant the role USAGE on the schema and SELECT on the object, and on future objects by ALTER DEFAULT \
                 PRIVILEGES; `pgcoffer check` prints every missing right"
            }
            FailureCause::PermissionDenied => {
                "restore as the owner of the target database; objects that only a superuser may create need a superuser"
            }
            FailureCause::RowSecurity => {
                "a policy hides rows from this role: use the owner's credential or ALTER ROLE … BYPASSRLS"
            }
            FailureCause::LockTimeout => {
                "another session, often a migration, holds a lock that excludes readers; run the command again after \
                 that"
            }
            FailureCause::VersionMismatch => {
                "install the client of the server's major version, or set PGCOFFER_PG_BIN to its folder"
            }
            FailureCause::ArchiveTooNew => "use a pg_restore at least as new as the pg_dump that made the archive",
            FailureCause::OutOfLocks if dump => {
                "raise max_locks_per_transaction on the server, which needs a restart: `pgcoffer check` prints the \
                 value; or reduce the number of partitions"
            }
            FailureCause::OutOfLocks => {
                "a restore in one transaction keeps a lock on each object that it creates: raise \
                 max_locks_per_transaction on the target's server, which needs a restart, or restore in several \
                 transactions"
            }
            FailureCause::DefinitionsChanged => {
                "a table was dropped or altered during the dump, most likely by a migration: run the command again \
                 after that"
            }
            FailureCause::RowTooLarge => {
                "a row is larger than 1 GB as text, in which binary values take twice their size: split such values or \
                 move them into large objects; if a value is mostly text, bytea_output = escape for the role of the \
                 login may help"
            }
            FailureCause::RecoveryConflict => {
                "back up from the primary, or raise max_standby_streaming_delay on this standby"
            }
            FailureCause::ConnectionLost => {
                "the server or the network closed the connection; read the server's log, and run the command again"
            }
            FailureCause::OlderServer => {
                "the target's server is older than the one that was backed up, and does not know this definition: \
                 restore into a server of the same major version or a newer one (`pgcoffer show` names it)"
            }
            FailureCause::Auth => "check the user and the password in the url",
            FailureCause::LoginKept => {
                "the server asks the program for a login method that it must not use: the password in clear text, a \
                 method that require_auth excludes, or, with a libpq before 16, a login that isn't bound to the tls \
                 connection. Install libpq 16 or later, verify the server's certificate with sslmode=verify-full and \
                 sslrootcert=, or name the method with require_auth= in the url"
            }
            FailureCause::DiskFull => "free space on the server's disk",
            FailureCause::Terminated => {
                "another process ended it: a deploy, a limit of memory or time, or an administrator"
            }
            FailureCause::AlreadyExists => "restore into an empty database, or with --clean",
            FailureCause::NoSuchRole => {
                "create the role first, let --roles create create it, or leave out what names it with --roles skip"
            }
            FailureCause::ExtensionRight => "first have the extension created in the target by a role with the right",
            FailureCause::NoSuchExtension => "first install the extension's package on the target server",
            FailureCause::MissingRows => {
                "the target lacks rows that these rows refer to: of a part, restore the tables that it refers to before it or \
                 with it (--table can be repeated); a whole backup that lacks them was made of a database in which that key \
                 was not checked, and --leave-out foreign-key:NAME restores it without the key"
            }
            FailureCause::BadArchive => "the archive is cut off or damaged: verify the backup",
            FailureCause::NotRead | FailureCause::Unknown => return None,
        })
    }
}
