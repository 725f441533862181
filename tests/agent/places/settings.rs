//! Settings of places that can't be right, and what is said of them.

use super::Places;
use crate::{stage::SMALL, testbed::Agent};

/// What a command says that is refused for its settings.
#[track_caller]
fn refused(agent: &Agent) -> String {
    agent.run(["list"]).ended_with(2).stderr
}

#[test]
fn each_slip_has_its_cure() {
    let places = Places::of(SMALL);
    let agent = places.agent();
    for (name, value, words) in [
        (
            "PGCOFFER_COPY_BUCKET_URL",
            "s3://b",
            "is the name of PGCOFFER_BUCKET itself",
        ),
        (
            "PGCOFFER_COPY_OFFSITE_URI",
            "s3://b",
            "did you mean PGCOFFER_COPY_OFFSITE_URL",
        ),
        (
            "PGCOFFER_COPY_NAS_REGION",
            "eu-central-1",
            "only a place on S3 has that",
        ),
        ("PGCOFFER_COPY_TAPE_RATE", "1MB", "set, and it is not"),
        ("PGCOFFER_COPY_NAS_RATE", "fast", "is no rate"),
        ("PGCOFFER_COPY_NAS_RETAIN", "7", "by age, and not by count"),
        (
            "PGCOFFER_COPY_OFFSITE_STORAGE_CLASS",
            "DEEP_ARCHIVE",
            "can't be read back",
        ),
        ("PGCOFFER_COPY_OFFSITE_CREDENTIALS", "bucket", "is set as well"),
        (
            "PGCOFFER_COPIES_MIN",
            "3",
            "3 places are to hold each backup, and 2 are configured",
        ),
        (
            "PGCOFFER_COPY_OFFSITE_SECRET_ACCESS_KEY",
            "",
            "SECRET_ACCESS_KEY: PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID is set",
        ),
    ] {
        let said = refused(&agent.clone().env(name, value));
        let plain = said.replace(
            "other settings of this place are there, and it is not",
            "set, and it is not",
        );
        assert!(plain.contains(words), "{name}={value}: {said}");
    }
    let same = agent.env(
        "PGCOFFER_COPY_TWICE_URL",
        format!("file://{}", places.folder.path().display()),
    );
    assert!(refused(&same).contains("the same place as PGCOFFER_COPY_NAS_URL"));
}

/// A folder that isn't there is found by the setting that names it, and that is not the bucket's.
#[test]
fn a_folder_that_is_not_there_is_named_by_its_own_setting() {
    let places = Places::of(SMALL);
    let agent = places.agent().env("PGCOFFER_COPY_NAS_URL", "file:///no/such/folder");
    places.stage.back_up();
    let outcome = agent.run(["copy", "--to", "nas"]);
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    assert!(said.contains("correct PGCOFFER_COPY_NAS_URL"), "{said}");
    assert!(!said.contains("correct PGCOFFER_BUCKET"), "{said}");
}
