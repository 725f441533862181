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
        state: TargetState::Incomplete,
        made_roles: Vec::new(),
        source: Box::new(Error::seal("x", seal::Error::NotSealed)),
    };
    assert_eq!(failed.exit_status(), ExitStatus::Integrity);
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
