//! What errors say to people.

use super::*;

/// One of each kind that has a hint of its own.
fn with_hints() -> Vec<Error> {
    let what = "";
    vec![
        Error::NotSealed,
        Error::NewerVersion { version: 2 },
        Error::HeaderMalformed { line: 1, what },
        Error::HeaderCutShort,
        Error::AboveCeiling { what },
        Error::WrongKey {
            sealed_for: Vec::new(),
            held: Vec::new(),
        },
        Error::Misplaced {
            found_backup: BACKUP.to_owned(),
            found_content: Content::Record,
        },
        Error::WeakPassphrase {
            advice: String::new(),
        },
        Error::Key(KeyFault::Checksum),
        Error::Key(KeyFault::Zero),
        Error::OutOfMemory { kib: 65536 },
        Error::Random(getrandom::Error::UNSUPPORTED),
    ]
}

#[test]
fn hints_read_alike() {
    for error in with_hints() {
        let hint = error.hint().unwrap();
        assert!(
            hint.starts_with(|first: char| first.is_ascii_lowercase() || first == '`'),
            "{hint}"
        );
        assert!(!hint.ends_with('.'), "{hint}");
    }
}
