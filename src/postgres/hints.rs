//! The hint for each fault of a connection, a login or a child process: one sentence that is true in that case.

use super::error::{ChildFault, ConnectFault, FailureCause};
use super::explain::AuthFault;
use super::wire::LoginRefusal;

impl ConnectFault {
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Unresolved => "check the host in the url, and this machine's DNS",
            Self::Refused => "check host and port, and that the server runs and listens on that address",
            Self::Unreachable => "check this machine's network and the server's address",
            Self::Timeout => "a firewall or an allow list may drop the packets; check host and port",
            Self::NoTls => {
                "the server offers no tls: enable it there, or add sslmode=disable&allow_plaintext=yes to the url if \
                 you trust the network"
            }
            Self::Certificate => {
                "the certificate is from an unknown authority, is for another host, or has expired: set sslrootcert= \
                 to the authority's file, and use the host name of the certificate; sslmode=require without \
                 sslrootcert checks nothing"
            }
            Self::NoSuchDatabase => "check the database's name in the url",
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
            FailureCause::BadArchive => "the archive is cut off or damaged: verify the backup",
            FailureCause::NotRead | FailureCause::Unknown => return None,
        })
    }
}
