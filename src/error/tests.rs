use super::*;

#[test]
fn every_side_has_its_exit_status() {
    let store = |kind| {
        Error::Store(store::Error {
            kind,
            doing: "read x".into(),
            why: "y".into(),
            cure: None,
            place: store::PlaceKind::Bucket,
        })
    };
    assert_eq!(store(store::Kind::Denied).exit_status(), ExitStatus::Bucket);
    assert_eq!(store(store::Kind::Configuration).exit_status(), ExitStatus::Usage);
    assert_eq!(
        Error::seal("x", seal::Error::NotSealed).exit_status(),
        ExitStatus::Integrity
    );
    assert_eq!(
        Error::no_such_backup("latest", "s3://b").exit_status(),
        ExitStatus::NoSuchBackup
    );
    assert_eq!(Error::usage("x", "y").exit_status(), ExitStatus::Usage);
    assert_eq!(Error::Internal("x".into()).exit_status(), ExitStatus::Bug);
    let failed = Error::RestoreFailed {
        target: "t".into(),
        backup: "20261129T023000Z-0123abcd".into(),
        state: TargetState::Incomplete,
        made_roles: Vec::new(),
        source: Box::new(Error::seal("x", seal::Error::NotSealed)),
    };
    assert_eq!(failed.exit_status(), ExitStatus::Integrity);
}

/// `latest` may mean another backup by the time somebody goes on.
#[test]
fn who_can_go_on_with_a_restore_is_told_which_backup_it_was() {
    let failed = Error::RestoreFailed {
        target: "t".into(),
        backup: "20261129T023000Z-0123abcd".into(),
        state: TargetState::Resumable,
        made_roles: Vec::new(),
        source: Box::new(Error::Interrupted {
            exit_status: ExitStatus::Interrupted,
        }),
    };
    let hint = failed.hint().unwrap_or_default();
    assert!(
        hint.contains("--resume") && hint.contains("20261129T023000Z-0123abcd"),
        "{hint}"
    );
}

/// The target holds something by then, and what is already there was not there before.
#[test]
fn no_cure_after_a_restore_contradicts_the_next() {
    let hint = |cause| {
        let failed = Error::RestoreFailed {
            target: "t".into(),
            backup: "20261129T023000Z-0123abcd".into(),
            state: TargetState::Resumable,
            made_roles: Vec::new(),
            source: Box::new(Error::Postgres(postgres::Error::LoadFailed(postgres::ChildFault {
                program: "psql",
                ending: "exit status: 3".into(),
                stderr: String::new(),
                cause,
            }))),
        };
        failed.hint().unwrap_or_default()
    };
    let lost = hint(postgres::FailureCause::ConnectionLost);
    assert!(lost.contains("server's log") && lost.contains("--resume"), "{lost}");
    assert!(!lost.contains("run the command again"), "{lost}");
    let twice = hint(postgres::FailureCause::AlreadyExists);
    assert!(!twice.contains("--clean") && twice.contains("--resume"), "{twice}");
    // the same statement would fail again
    let older = hint(postgres::FailureCause::OlderServer);
    assert!(older.contains("a newer one") && !older.contains("--resume"), "{older}");
}

/// A folder that is there need not be made, whatever can't be written in it.
#[test]
fn a_folder_is_to_be_made_only_where_there_is_none() {
    let hint = |path: &Path| {
        let error = Error::io("write", path, io::ErrorKind::NotFound.into());
        error.hint().unwrap_or_default()
    };
    assert!(hint(Path::new("/no/such/folder/x")).contains("mkdir -p"));
    let there = hint(Path::new("/no-such-file"));
    assert!(there.contains("choose another folder"), "{there}");
}

#[test]
fn one_fault_is_one_line_and_several_are_a_list() {
    let fault = |variable: &str| Fault {
        variable: variable.into(),
        why: "bad".into(),
        hint: Some("do".into()),
    };
    assert_eq!(Error::Config(vec![fault("A")]).to_string(), "A: bad\nhint: do");
    assert_eq!(
        Error::Config(vec![fault("A"), fault("B")]).to_string(),
        "2 settings are wrong\n  A: bad\n    hint: do\n  B: bad\n    hint: do"
    );
}
