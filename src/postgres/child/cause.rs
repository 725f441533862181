//! Finds the cause of a program's failure in its output: by its own messages, by SQLSTATE, and by the server's messages
//! if these are known to be English.

use crate::postgres::error::Cause;
use crate::postgres::speech::{Speech, sqlstate, without_names};

/// The signal of a writer whose reader is gone: number 13 on every Unix.
const SIGPIPE: i32 = 13;

/// Messages of the programs themselves. They are in English, since the programs are started that way.
const OWN_WORDS: &[(&str, Cause)] = &[
    ("server version mismatch", Cause::VersionMismatch),
    ("unsupported version (", Cause::ArchiveTooNew),
    ("no password supplied", Cause::Auth),
    ("authentication method requirement", Cause::LoginKept),
    ("channel binding required", Cause::LoginKept),
    ("server closed the connection unexpectedly", Cause::ConnectionLost),
    ("could not receive data from server", Cause::ConnectionLost),
    ("could not send data to server", Cause::ConnectionLost),
    ("connection to server was lost", Cause::ConnectionLost),
    ("SSL connection has been closed unexpectedly", Cause::ConnectionLost),
    ("user may lack SELECT privilege", Cause::PermissionDenied),
    ("could not read from input file", Cause::BadArchive),
    ("does not appear to be a valid", Cause::BadArchive),
    ("input file is too short", Cause::BadArchive),
    ("terminated by user", Cause::Terminated),
];

/// Messages of the server, which the programs repeat without the SQLSTATE. Used only if the server is known to send
/// English messages. The order matters: a lock timeout is also a cancelled statement.
const SERVERS_WORDS: &[(&str, Cause)] = &[
    ("conflict with recovery", Cause::RecoveryConflict),
    ("canceling statement due to statement timeout", Cause::LockTimeout),
    ("canceling statement due to lock timeout", Cause::LockTimeout),
    ("row-level security policy", Cause::RowSecurity),
    ("password authentication failed", Cause::Auth),
    ("no pg_hba.conf entry", Cause::Auth),
    ("terminating connection", Cause::ConnectionLost),
    ("No space left on device", Cause::DiskFull),
    ("out of shared memory", Cause::OutOfLocks),
    ("cache lookup failed", Cause::DefinitionsChanged),
    ("could not open relation with OID", Cause::DefinitionsChanged),
    ("invalid memory alloc request size", Cause::RowTooLarge),
    ("annot enlarge string buffer", Cause::RowTooLarge),
    ("permission denied to create extension", Cause::ExtensionRight),
    ("must be owner of extension", Cause::ExtensionRight),
    ("permission denied", Cause::PermissionDenied),
    ("must be owner of", Cause::PermissionDenied),
    ("must be superuser", Cause::PermissionDenied),
    ("must be member of role", Cause::PermissionDenied),
    ("must be able to SET ROLE", Cause::PermissionDenied),
    ("extension control file", Cause::NoSuchExtension),
    ("is not available", Cause::NoSuchExtension),
    ("already exists", Cause::AlreadyExists),
    ("role  does not exist", Cause::NoSuchRole),
];

/// Causes by SQLSTATE, for programs that show it, as `psql` does.
const CODES: &[(&str, Cause)] = &[
    ("42501", Cause::PermissionDenied),
    ("55P03", Cause::LockTimeout),
    ("57014", Cause::LockTimeout),
    ("40001", Cause::RecoveryConflict),
    ("57P01", Cause::ConnectionLost),
    ("57P02", Cause::ConnectionLost),
    ("28P01", Cause::Auth),
    ("28000", Cause::Auth),
    ("53100", Cause::DiskFull),
    ("53200", Cause::OutOfLocks),
    ("42710", Cause::AlreadyExists),
    ("42P04", Cause::AlreadyExists),
    ("42P06", Cause::AlreadyExists),
    ("42P07", Cause::AlreadyExists),
    ("42723", Cause::AlreadyExists),
    ("0A000", Cause::NoSuchExtension),
    ("58P01", Cause::NoSuchExtension),
];

impl Cause {
    /// The cause of the first known message. Names don't count, as they can contain any text; nor does the failed
    /// statement, which `pg_restore` repeats at the end.
    pub(super) fn of(text: &str, signal: Option<i32>, speech: Speech) -> Self {
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
        let by_words = || known(SERVERS_WORDS).filter(|_| speech != Speech::Foreign);
        match known(OWN_WORDS).or(by_code).or_else(by_words) {
            Some(cause) => cause,
            // the server's own reason would have come before this
            None if words.contains("PQgetCopyData() failed") && speech != Speech::Foreign => Self::ConnectionLost,
            None if signal == Some(SIGPIPE) => Self::NotRead,
            None if signal.is_some() => Self::Terminated,
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Speech};

    #[test]
    fn causes_are_read_from_messages() {
        let cases = [
            (
                "pg_restore: error: could not execute query: ERROR:  permission denied to create extension \
                 \"pg_stat_statements\"",
                Cause::ExtensionRight,
            ),
            ("ERROR:  must be owner of extension pgcrypto", Cause::ExtensionRight),
            (
                "pg_dump: error: query failed: ERROR:  permission denied for table t",
                Cause::PermissionDenied,
            ),
            (
                "pg_dump: error: aborting because of server version mismatch",
                Cause::VersionMismatch,
            ),
            (
                "ERROR:  canceling statement due to conflict with recovery",
                Cause::RecoveryConflict,
            ),
            (
                "ERROR:  canceling statement due to statement timeout",
                Cause::LockTimeout,
            ),
            (
                "ERROR:  query would be affected by row-level security policy for table \"t\"",
                Cause::RowSecurity,
            ),
            (
                "FATAL:  terminating connection due to administrator command",
                Cause::ConnectionLost,
            ),
            (
                "ERROR:  could not extend file \"base/1\": No space left on device",
                Cause::DiskFull,
            ),
            ("ERROR:  role \"gone\" does not exist", Cause::NoSuchRole),
            (
                "ERROR:  out of shared memory\nHINT:  You might need to increase max_locks_per_transaction.",
                Cause::OutOfLocks,
            ),
            (
                "pg_dump: error: query failed: ERROR:  cache lookup failed for index 16400",
                Cause::DefinitionsChanged,
            ),
            (
                "pg_dump: error: Error message from server: ERROR:  invalid memory alloc request size 1288490191",
                Cause::RowTooLarge,
            ),
            (
                "pg_restore: error: unsupported version (1.16) in file header",
                Cause::ArchiveTooNew,
            ),
            ("something else", Cause::Unknown),
            (
                "ERROR:  syntax error\nCommand was: COMMENT ON TABLE t IS 'No space left on device';",
                Cause::Unknown,
            ),
            (
                "ERROR:  column \"No space left on device\" is of another type",
                Cause::Unknown,
            ),
        ];
        for (text, cause) in cases {
            assert_eq!(Cause::of(text, None, Speech::English), cause, "{text}");
        }
        assert_eq!(Cause::of("", Some(13), Speech::English), Cause::NotRead);
        assert_eq!(Cause::of("", Some(9), Speech::English), Cause::Terminated);
    }

    #[test]
    fn in_another_language_the_programs_own_words_and_codes_count_alone() {
        for (text, cause) in [
            (
                "pg_dump: error: query failed: FEHLER:  keine Berechtigung für Tabelle t",
                Cause::Unknown,
            ),
            (
                "pg_dump: error: FEHLER:  already exists ist keine Ursache",
                Cause::Unknown,
            ),
            (
                "pg_dump: error: server closed the connection unexpectedly",
                Cause::ConnectionLost,
            ),
            (
                "psql:<stdin>:7: FEHLER:  42501: keine Berechtigung für Schema s",
                Cause::PermissionDenied,
            ),
            (
                "psql:<stdin>:7: ERREUR:  42P07: la relation « t » existe déjà",
                Cause::AlreadyExists,
            ),
        ] {
            assert_eq!(Cause::of(text, None, Speech::Foreign), cause, "{text}");
        }
    }
}
