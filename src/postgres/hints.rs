//! The cure for each fault of a connection, a login or a child process: one plain sentence that is true in that case.

use super::error::{Cause, ChildFault, ConnectFault};
use super::explain::AuthFault;
use super::wire::LoginRefused;

impl ConnectFault {
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Unresolved => "check the host in the url for a typing error, and this machine's name service",
            Self::Refused => "check host and port, and that the server runs and listens on that address",
            Self::Unreachable => "check this machine's network and the server's address",
            Self::Timeout => "a firewall or an allow list may drop the packets; check host and port",
            Self::NoTls => {
                "the server offers no tls; turn it on there, or put sslmode=disable&allow_plaintext=yes into the url \
                 if the network between is your own"
            }
            Self::Certificate => {
                "its certificate is not from an authority known here, not for this host, or has expired: name the \
                 authority's file by sslrootcert=, and the host as the certificate does; sslmode=require without \
                 sslrootcert checks nothing"
            }
            Self::NoSuchDatabase => "check the database's name in the url",
            Self::TooMany => "close other connections or raise the server's limit; a dump takes two",
            Self::StartingUp => "wait a little",
            Self::File => {
                "name files that are there and can be read: certificates in PEM, the key for its owner alone, its \
                 passphrase by sslpassword="
            }
            Self::NoPostgres => "check host and port: what answers there is something else, or damages what passes",
            Self::Pooler => {
                "this answer is a pooler's (PgBouncer or the like): give the url of the PostgreSQL server itself, \
                 since a dump through a pooler can break"
            }
            Self::OtherKind => "name a host that is one, or change target_session_attrs; a failover passes by itself",
            Self::NoPassword => {
                "with passfile= the file has to be there and readable by its owner alone; with auth=aws-iam a token \
                 needs credentials of AWS that the SDK finds (environment, profile, role), and the database's region"
            }
            Self::Tls | Self::Other => return None,
        })
    }
}

impl AuthFault {
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Password => {
                "check user and password, and that the url has one; its special characters must be percent-encoded, \
                 and credentials may have been rotated"
            }
            Self::Entry => {
                "check the user in the url; else the server's pg_hba.conf has no line that lets this role into this \
                 database from here: add one (a server that takes encrypted connections only says so as well, and \
                 wants sslmode=require in the url)"
            }
            Self::Connect => "let the database's owner run GRANT CONNECT ON DATABASE for this role",
        }
    }
}

impl LoginRefused {
    pub(super) fn describe(self) -> String {
        match self {
            Self::Clear => "it wants the password in clear, and who it is was not verified".to_owned(),
            Self::Excluded(method) => format!("it wants {method}, which require_auth in the url excludes"),
            Self::None => "it asks for none, and require_auth in the url wants one".to_owned(),
            Self::NotBound => {
                "channel_binding=require in the url wants one that is bound to the tls connection, which it doesn't do"
                    .to_owned()
            }
            Self::NoPassword => "it wants a password, and the url has none".to_owned(),
            Self::Unknown => "it wants one that is not spoken here (kerberos, sspi, oauth)".to_owned(),
            Self::NotProven => "it did not prove that it knows the password itself".to_owned(),
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Clear => {
                "whoever sits on the line could be asking: have the server's certificate checked by \
                 sslmode=verify-full with sslrootcert=, or store the password as scram-sha-256 on the server; \
                 require_auth=password in the url sends it all the same"
            }
            Self::Excluded(_) | Self::None => {
                "change the server's pg_hba.conf, or require_auth in the url if that server may ask for it"
            }
            Self::NotBound => {
                "the password has to be stored as scram-sha-256, and no proxy may end the tls connection; otherwise \
                 use sslmode=verify-full and leave channel_binding out"
            }
            Self::NoPassword => "put the password into the url, its special characters percent-encoded",
            Self::Unknown => "let the role log in by scram-sha-256 or a client certificate",
            Self::NotProven => {
                "what answers there is not the server that knows this role: do not connect until you know what it is"
            }
        }
    }
}

impl ChildFault {
    pub(super) fn hint(&self, dump: bool) -> Option<&'static str> {
        Some(match self.cause {
            Cause::PermissionDenied if dump => {
                "grant the role USAGE on the schema and SELECT on the object, for those to come by ALTER DEFAULT \
                 PRIVILEGES; `pgcoffer check` prints all that's missing"
            }
            Cause::PermissionDenied => {
                "restore as the owner of the target database; objects that only a superuser may create need one"
            }
            Cause::RowSecurity => {
                "a policy hides rows from this role: use the owner's credential or ALTER ROLE … BYPASSRLS"
            }
            Cause::LockTimeout => {
                "another session holds a lock that excludes readers, often a migration; run it again after that"
            }
            Cause::VersionMismatch => {
                "install the client of the server's major version, or name its folder by PGCOFFER_PG_BIN"
            }
            Cause::ArchiveTooNew => "use a pg_restore at least as new as the pg_dump that made the archive",
            Cause::OutOfLocks if dump => {
                "raise max_locks_per_transaction on the server, which takes a restart: `pgcoffer check` says to what; \
                 or have fewer partitions"
            }
            Cause::OutOfLocks => {
                "a restore in one transaction keeps a lock on each object that it makes: raise \
                 max_locks_per_transaction on the target's server, which takes a restart, or restore in several \
                 transactions"
            }
            Cause::DefinitionsChanged => {
                "a table was dropped or altered while it was to be read, by a migration most likely: run it again \
                 after that"
            }
            Cause::RowTooLarge => {
                "a row takes more than 1 GB as text, and binary values twice their size: split such values or move \
                 them into large objects; bytea_output = escape for the role that logs in may make one fit that is \
                 mostly text"
            }
            Cause::RecoveryConflict => "back up from the primary, or raise max_standby_streaming_delay on this standby",
            Cause::ConnectionLost => {
                "the server or the network between cut the connection; look into the server's log, and run it again"
            }
            Cause::Auth => "check user and password of the url",
            Cause::LoginKept => {
                "the server asks the program for a login that it is kept from giving: the password in clear, what \
                 require_auth excludes, or, with a libpq before 16, one that isn't bound to the tls connection. \
                 Install a libpq of 16 or later, have the server's certificate checked by sslmode=verify-full with \
                 sslrootcert=, or name the login by require_auth= in the url"
            }
            Cause::DiskFull => "make room on the server's disk",
            Cause::Terminated => "something ended it: a deploy, a limit of memory or time, or an administrator",
            Cause::AlreadyExists => "restore into an empty database, or with --clean",
            Cause::NoSuchRole => {
                "create the role first, have it made by --roles create, or leave out what names it by --roles skip"
            }
            Cause::ExtensionRight => "have the extension created in the target first, by a role that may",
            Cause::NoSuchExtension => "install the extension's package on the target server first",
            Cause::BadArchive => "the archive is cut off or damaged: verify the backup",
            Cause::NotRead | Cause::Unknown => return None,
        })
    }
}
