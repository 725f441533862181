//! Finds the cause of a program's failure in its output: by its own messages, by SQLSTATE, and by the server's messages
//! if these are known to be English.

use crate::postgres::error::FailureCause;
use crate::postgres::message_language::{MessageLanguage, sqlstate, without_names};

/// The signal of a writer whose reader is gone: number 13 on every Unix.
const SIGPIPE: i32 = 13;

/// Messages of the programs themselves. They are in English, since the programs are started that way.
const OWN_WORDS: &[(&str, FailureCause)] = &[
    ("server version mismatch", FailureCause::VersionMismatch),
    ("unsupported version (", FailureCause::ArchiveTooNew),
    ("no password supplied", FailureCause::Auth),
    ("authentication method requirement", FailureCause::LoginKept),
    ("channel binding required", FailureCause::LoginKept),
    (
        "server closed the connection unexpectedly",
        FailureCause::ConnectionLost,
    ),
    ("could not receive data from server", FailureCause::ConnectionLost),
    ("could not send data to server", FailureCause::ConnectionLost),
    ("connection to server was lost", FailureCause::ConnectionLost),
    (
        "SSL connection has been closed unexpectedly",
        FailureCause::ConnectionLost,
    ),
    ("user may lack SELECT privilege", FailureCause::PermissionDenied),
    ("could not read from input file", FailureCause::BadArchive),
    ("does not appear to be a valid", FailureCause::BadArchive),
    ("input file is too short", FailureCause::BadArchive),
    ("terminated by user", FailureCause::Terminated),
];

/// Messages of the server, which the programs repeat without the SQLSTATE. Used only if the server is known to send
/// English messages. The order matters: a lock timeout is also a cancelled statement.
const SERVERS_WORDS: &[(&str, FailureCause)] = &[
    ("conflict with recovery", FailureCause::RecoveryConflict),
    (
        "canceling statement due to statement timeout",
        FailureCause::LockTimeout,
    ),
    ("canceling statement due to lock timeout", FailureCause::LockTimeout),
    ("row-level security policy", FailureCause::RowSecurity),
    ("password authentication failed", FailureCause::Auth),
    ("no pg_hba.conf entry", FailureCause::Auth),
    ("terminating connection", FailureCause::ConnectionLost),
    ("No space left on device", FailureCause::DiskFull),
    ("out of shared memory", FailureCause::OutOfLocks),
    ("cache lookup failed", FailureCause::DefinitionsChanged),
    ("could not open relation with OID", FailureCause::DefinitionsChanged),
    ("invalid memory alloc request size", FailureCause::RowTooLarge),
    ("annot enlarge string buffer", FailureCause::RowTooLarge),
    ("permission denied to create extension", FailureCause::ExtensionRight),
    ("must be owner of extension", FailureCause::ExtensionRight),
    ("permission denied", FailureCause::PermissionDenied),
    ("must be owner of", FailureCause::PermissionDenied),
    ("must be superuser", FailureCause::PermissionDenied),
    ("must be member of role", FailureCause::PermissionDenied),
    ("must be able to SET ROLE", FailureCause::PermissionDenied),
    ("extension control file", FailureCause::NoSuchExtension),
    ("is not available", FailureCause::NoSuchExtension),
    ("violates foreign key constraint", FailureCause::MissingRows),
    ("already exists", FailureCause::AlreadyExists),
    ("role  does not exist", FailureCause::NoSuchRole),
];

/// Causes by SQLSTATE, for programs that show it, as `psql` does.
const CODES: &[(&str, FailureCause)] = &[
    ("42501", FailureCause::PermissionDenied),
    ("55P03", FailureCause::LockTimeout),
    ("57014", FailureCause::LockTimeout),
    ("40001", FailureCause::RecoveryConflict),
    ("57P01", FailureCause::ConnectionLost),
    ("57P02", FailureCause::ConnectionLost),
    ("28P01", FailureCause::Auth),
    ("28000", FailureCause::Auth),
    ("53100", FailureCause::DiskFull),
    ("53200", FailureCause::OutOfLocks),
    ("42710", FailureCause::AlreadyExists),
    ("42P04", FailureCause::AlreadyExists),
    ("42P06", FailureCause::AlreadyExists),
    ("42P07", FailureCause::AlreadyExists),
    ("42723", FailureCause::AlreadyExists),
    ("23503", FailureCause::MissingRows),
    ("0A000", FailureCause::NoSuchExtension),
    ("58P01", FailureCause::NoSuchExtension),
];

impl FailureCause {
    /// The cause of the first known message. Names don't count, as they can contain any text; nor does the failed
    /// statement, which `pg_restore` repeats at the end.
    pub(super) fn of(text: &str, signal: Option<i32>, message_language: MessageLanguage) -> Self {
        let text = text.split("Command was: ").next().unwrap_or_default();
        let words = without_names(text);
        let known = |table: &[(&str, Self)]| {
            let mut table = table.iter();
            table
                .find(|(message, _)| words.contains(message))
                .map(|(_, cause)| *cause)
        };
        let code = sqlstate(&words);
        let by_code = code
            .and_then(|code| CODES.iter().find(|(known, _)| *known == code))
            .map(|(_, cause)| *cause);
        let by_words = || known(SERVERS_WORDS).filter(|_| message_language != MessageLanguage::Unknown);
        match known(OWN_WORDS).or(by_code).or_else(by_words) {
            Some(cause) => cause,
            // the server's own reason would have come before this
            None if words.contains("PQgetCopyData() failed") && message_language != MessageLanguage::Unknown => {
                Self::ConnectionLost
            }
            None if signal == Some(SIGPIPE) => Self::NotRead,
            None if signal.is_some() => Self::Terminated,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FailureCause, MessageLanguage};

    #[test]
    fn causes_are_read_from_messages() {
        let cases = [
            (
                "pg_restore: error: could not execute query: ERROR:  permission denied to create extension \
                 \"pg_stat_statements\"",
                FailureCause::ExtensionRight,
            ),
            (
                "ERROR:  must be owner of extension pgcrypto",
                FailureCause::ExtensionRight,
            ),
            (
                "pg_dump: error: query failed: ERROR:  permission denied for table t",
                FailureCause::PermissionDenied,
            ),
            (
                "pg_dump: error: aborting because of server version mismatch",
                FailureCause::VersionMismatch,
            ),
            (
                "ERROR:  canceling statement due to conflict with recovery",
                FailureCause::RecoveryConflict,
            ),
            (
                "ERROR:  canceling statement due to statement timeout",
                FailureCause::LockTimeout,
            ),
            (
                "ERROR:  query would be affected by row-level security policy for table \"t\"",
                FailureCause::RowSecurity,
            ),
            (
                "FATAL:  terminating connection due to administrator command",
                FailureCause::ConnectionLost,
            ),
            (
                "ERROR:  could not extend file \"base/1\": No space left on device",
                FailureCause::DiskFull,
            ),
            ("ERROR:  role \"gone\" does not exist", FailureCause::NoSuchRole),
            (
                "ERROR:  insert or update on table \"a\" violates foreign key constraint \"a_b_fkey\"",
                FailureCause::MissingRows,
            ),
            (
                "ERROR:  out of shared memory\nHINT:  You might need to increase max_locks_per_transaction.",
                FailureCause::OutOfLocks,
            ),
            (
                "pg_dump: error: query failed: ERROR:  cache lookup failed for index 16400",
                FailureCause::DefinitionsChanged,
            ),
            (
                "pg_dump: error: Error message from server: ERROR:  invalid memory alloc request size 1288490191",
                FailureCause::RowTooLarge,
            ),
            (
                "pg_restore: error: unsupported version (1.16) in file header",
                FailureCause::ArchiveTooNew,
            ),
            ("something else", FailureCause::Unknown),
            (
                "ERROR:  syntax error\nCommand was: COMMENT ON TABLE t IS 'No space left on device';",
                FailureCause::Unknown,
            ),
            (
                "ERROR:  column \"No space left on device\" is of another type",
                FailureCause::Unknown,
            ),
        ];
        for (text, cause) in cases {
            assert_eq!(FailureCause::of(text, None, MessageLanguage::English), cause, "{text}");
        }
        assert_eq!(
            FailureCause::of("", Some(13), MessageLanguage::English),
            FailureCause::NotRead
        );
        assert_eq!(
            FailureCause::of("", Some(9), MessageLanguage::English),
            FailureCause::Terminated
        );
    }

    #[test]
    fn in_another_language_the_programs_own_words_and_codes_count_alone() {
        for (text, cause) in [
            (
                "pg_dump: error: query failed: FEHLER:  keine Berechtigung für Tabelle t",
                FailureCause::Unknown,
            ),
            (
                "pg_dump: error: FEHLER:  already exists ist keine Ursache",
                FailureCause::Unknown,
            ),
            (
                "pg_dump: error: server closed the connection unexpectedly",
                FailureCause::ConnectionLost,
            ),
            (
                "psql:<stdin>:7: FEHLER:  42501: keine Berechtigung für Schema s",
                FailureCause::PermissionDenied,
            ),
            (
                "psql:<stdin>:7: ERREUR:  42P07: la relation « t » existe déjà",
                FailureCause::AlreadyExists,
            ),
        ] {
            assert_eq!(FailureCause::of(text, None, MessageLanguage::Unknown), cause, "{text}");
        }
    }
}
