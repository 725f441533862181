use super::*;

/// A cause of each kind, with all that have a number.
fn some() -> Vec<Cause> {
    let name = |text: &str| SettingName::parse(text).unwrap();
    let query = |code: Option<&str>| Database::DatabaseQuery {
        sqlstate: code.and_then(SqlState::parse),
    };
    let settings = |names: &[&str]| Machine::Settings {
        names: names.iter().copied().map(name).collect(),
    };
    let child = |program, cause| Child { program, cause };
    vec![
        Database::DatabaseRefused.into(),
        query(None).into(),
        query(Some("42501")).into(),
        Database::DatabaseRights { objects: 1 }.into(),
        Database::DatabaseRights { objects: 15_000 }.into(),
        child(Program::PgDump, ChildCause::LockTimeout).into(),
        child(Program::PgRestore, ChildCause::Unknown).into(),
        Bucket::BucketDenied.into(),
        Backup::BackupArchiveGone.into(),
        settings(&[]).into(),
        settings(&["PGCOFFER_BUCKET"]).into(),
        settings(&["AWS_REGION"; 9]).into(),
        Machine::Bug.into(),
    ]
}

#[test]
fn each_is_read_as_it_was_written() {
    for cause in some() {
        let json = serde_json::to_string(&cause).unwrap();
        assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), cause, "{json}");
        let code = cause.code();
        let is_plain = code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(is_plain && !code.is_empty(), "{code}");
    }
}

#[test]
fn one_of_a_later_version_is_read_all_the_same() {
    for text in ["\"bucket-haunted\"", "null", "{\"x\":1}", "[]"] {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = Cause::lenient(&mut deserializer).unwrap();
        assert_eq!(read, Cause::Machine(Machine::Unknown));
    }
}

#[test]
fn they_read_alike() {
    for cause in some() {
        for text in [Some(cause.to_string()), cause.hint().map(str::to_owned)] {
            let text = text.unwrap_or_else(|| "none".to_owned());
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        }
    }
}

#[test]
fn nothing_but_codes_and_names_fits_in() {
    for bad in ["", "4250", "425012", "4250a", "42\n01", "ünf!!"] {
        assert_eq!(SqlState::parse(bad), None, "{bad:?}");
    }
    for bad in ["", "HOME", "PGCOFFER_ann@example.com", "PGCOFFER_X\n", "pgcoffer_key"] {
        assert_eq!(SettingName::parse(bad), None, "{bad:?}");
    }
}
