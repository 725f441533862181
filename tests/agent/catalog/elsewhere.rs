//! A wrong prefix, and what there is where nothing was found.

use crate::{
    stage::Stage,
    testbed::{Agent, Outcome},
};

/// The agent with another prefix of the same bucket.
fn at(agent: Agent, prefix: &str) -> Agent {
    agent.env("PGCOFFER_BUCKET", format!("s3://testbed/{prefix}"))
}

/// That the place which has the backups is named, in one hint that can be followed.
fn names_the_place(outcome: &Outcome) {
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = "there are backups of main in s3://testbed/backups: if you mean these, set \
                 PGCOFFER_BUCKET=s3://testbed/backups";
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_wrong_prefix_leads_to_the_place_that_has_backups() {
    let stage = Stage::small();
    stage.back_up();
    // what others have in the same bucket
    stage.bucket.write("uploads/2026/a.jpg", "x");
    stage.bucket.write("logs/app.log", "x");
    let configured = || stage.agent();
    let unconfigured = || stage.agent().without("PGCOFFER_DB_MAIN_URL");
    for prefix in [
        "",
        "backup",
        "backups/main",
        "backups/main/archives",
        "a/b/c",
        "Backups",
    ] {
        for agent in [configured(), unconfigured()] {
            let agent = at(agent, prefix);
            let listed = agent.run(["list"]).success();
            names_the_place(&listed);
            let json = agent.run(["list", "--json"]).success().json();
            assert_eq!(json["elsewhere"][0]["location"], "s3://testbed/backups", "{prefix}");
            let status = agent.run(["status"]).ended_with(8);
            names_the_place(&status);
            // neither the folders of one database nor those of others are databases
            for folder in ["archives", "records", "details", "uploads", "logs", "manual"] {
                assert!(
                    !status.text().contains(&format!("{folder}:")),
                    "{prefix}: {}",
                    status.text()
                );
            }
            names_the_place(&agent.run(["show"]).ended_with(7));
        }
    }
    let wrong = at(configured(), "backup").run(["check"]);
    names_the_place(&wrong);
    // in the right place none of this is looked for
    let right = configured().run(["list", "--json"]).success().json();
    assert_eq!(right["elsewhere"], serde_json::json!([]));
}

#[test]
fn a_folder_named_wrong_leads_to_the_right_one() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("nas/backups");
    std::fs::create_dir_all(&place).unwrap();
    let bare = || stage.agent().without("PGCOFFER_REPOSITORY");
    let of = |path: &std::path::Path| bare().env("PGCOFFER_BUCKET", format!("file://{}", path.display()));
    of(&place).run(["backup"]).success();
    for wrong in [place.join("main"), folder.path().join("nas"), folder.path().to_owned()] {
        let listed = of(&wrong).run(["list", "--json"]).success().json();
        let found = listed["elsewhere"][0]["location"].as_str().unwrap_or_default();
        assert_eq!(found, format!("file://{}", place.display()), "{}", wrong.display());
    }
}

#[test]
fn where_there_is_no_backup_at_all_that_is_said() {
    let stage = Stage::small();
    let shown = stage.agent().run(["show"]).ended_with(7);
    assert!(
        shown.stderr.contains("nothing was backed up there so far"),
        "{}",
        shown.stderr
    );
}

#[test]
fn what_was_not_found_has_what_there_is_beside_it() {
    let stage = Stage::small();
    let made = stage.back_up();
    let id = made["id"].as_str().unwrap().to_owned();
    for (args, words) in [
        (
            &["get", "latest:weekly"][..],
            vec!["there are manual ones", id.as_str(), "latest:manual"],
        ),
        (
            &["show", "--before", "2020-01-01"],
            vec!["the oldest one here is", id.as_str(), "which began"],
        ),
        (
            &["show", "latest:daily", "--before", "2020-01-01"],
            vec!["the oldest one here is", id.as_str()],
        ),
        (&["show", "abcdef"], vec!["`pgcoffer list` shows what there is"]),
    ] {
        let outcome = stage.run(args.iter().copied()).ended_with(7);
        for word in words {
            assert!(outcome.stderr.contains(word), "{args:?}: {word}: {}", outcome.stderr);
        }
        assert!(!outcome.stderr.contains("prefix"), "{args:?}: {}", outcome.stderr);
    }
}
