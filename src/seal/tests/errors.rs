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
        Error::WeakPassphrase { advice: String::new() },
        Error::Key(KeyFault::Checksum { position: None }),
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

#[test]
fn what_does_not_open_is_told_by_what_is_wanted_and_what_is_there() {
    let key = |n: u8| format!("key {n:016x}");
    let passphrase = || "a passphrase".to_owned();
    let told = |sealed_for: &[String], held: &[String]| {
        let error = Error::WrongKey {
            sealed_for: sealed_for.to_vec(),
            held: held.to_vec(),
        };
        (error.to_string(), error.hint().unwrap())
    };
    let (why, hint) = told(&[passphrase()], &[passphrase(), key(1)]);
    assert_eq!(
        why,
        "wrong passphrase: sealed for another passphrase, tried: a passphrase and key 0000000000000001"
    );
    assert!(
        hint.starts_with("set PGCOFFER_PASSPHRASE") && !hint.contains("KEY"),
        "{hint}"
    );
    let (why, hint) = told(&[passphrase()], &[key(1)]);
    assert_eq!(why, "wrong key: sealed for a passphrase, tried: key 0000000000000001");
    assert!(hint.contains("instead of PGCOFFER_KEY"), "{hint}");
    let (why, hint) = told(&[key(2)], &[passphrase()]);
    assert_eq!(why, "wrong key: sealed for key 0000000000000002, tried: a passphrase");
    assert!(hint.contains("instead of PGCOFFER_PASSPHRASE"), "{hint}");
    let (why, hint) = told(&[key(2), passphrase()], &[passphrase()]);
    assert!(why.contains("key 0000000000000002 and another passphrase"), "{why}");
    assert!(hint.contains("PGCOFFER_KEY") && hint.contains("exactly"), "{hint}");
    let (why, hint) = told(&[key(2)], &[key(1)]);
    assert_eq!(
        why,
        "wrong key: sealed for key 0000000000000002, tried: key 0000000000000001"
    );
    assert!(
        hint.contains("PGCOFFER_DB_<NAME>_KEY") && !hint.contains("PASSPHRASE"),
        "{hint}"
    );
    let here = Error::RepositoryOfOthers {
        id: None,
        pinned: false,
        sealed_for: vec![passphrase()],
        held: vec![passphrase()],
    };
    assert_eq!(
        here.to_string(),
        "wrong passphrase: this place is sealed for another passphrase, tried: a passphrase"
    );
}
