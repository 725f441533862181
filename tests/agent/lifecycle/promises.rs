//! What lifecycle rules promise is what happens, on the day promised, and nothing else.

use std::time::Duration;

use crate::{
    lifecycle::rules::{COLD, KEEP, agent},
    testbed::{LifecycleAction, S3Server},
};

const DAY: Duration = Duration::from_secs(86_400);
/// Large enough to be moved.
const LARGE: usize = 200 << 10;

/// Writes objects of every kind and an upload, lets day after day pass, and says on which day the rules did what.
fn live_through(server: &S3Server, days: u32) -> Vec<(u32, String)> {
    for database in ["main", "shop", "stranger"] {
        for tier in ["manual", "hourly", "daily", "monthly", "yearly"] {
            server.write(&format!("backups/{database}/archives/{tier}/x.pgc"), vec![7; LARGE]);
        }
        server.write(&format!("backups/{database}/records/x.pgc"), vec![7; LARGE]);
    }
    server.write("backups/main/archives/monthly/small.pgc", vec![7; 1000]);
    for key in [
        "photos/x",
        "backups/notes",
        "backups/main/x",
        "backups/main/archives/x",
        "other/main/archives/monthly/x",
    ] {
        server.write(key, vec![7; LARGE]);
    }
    begin(server.client(), "backups/main/archives/daily/lost.pgc");
    begin(server.client(), "photos/lost");
    days_pass(server, days)
}

fn days_pass(server: &S3Server, days: u32) -> Vec<(u32, String)> {
    let mut done = Vec::new();
    for day in 1..=days {
        server.advance(DAY);
        done.extend(server.carry_out_lifecycle().into_iter().map(|deed| {
            let action = match deed.action {
                LifecycleAction::Expired => "deleted".to_owned(),
                LifecycleAction::Transitioned { to, .. } => to,
                LifecycleAction::Aborted { .. } => "aborted".to_owned(),
                LifecycleAction::VersionRemoved { .. } => "freed".to_owned(),
            };
            (day, format!("{} {action}", deed.key))
        }));
    }
    done.sort();
    done
}

#[tokio::main]
async fn begin(client: aws_sdk_s3::Client, key: &str) {
    client
        .create_multipart_upload()
        .bucket("testbed")
        .key(key)
        .send()
        .await
        .unwrap();
}

fn deeds(done: &[(u32, &str)]) -> Vec<(u32, String)> {
    done.iter().map(|(day, deed)| (*day, (*deed).to_owned())).collect()
}

#[test]
fn archives_move_on_the_planned_day_and_nothing_else_does() {
    let server = S3Server::start();
    let args = [
        "lifecycle",
        "apply",
        "--abort-days",
        "2",
        "--keep",
        KEEP,
        "--database",
        "main",
    ];
    agent(&server).run(args.iter().chain(&COLD)).success();
    // S3 acts at the first midnight after so many days, and the test looks at the same hour each day
    let expected = deeds(&[
        (3, "backups/main/archives/daily/lost.pgc aborted"),
        (8, "backups/main/archives/yearly/x.pgc DEEP_ARCHIVE"),
        (31, "backups/main/archives/monthly/x.pgc GLACIER"),
    ]);
    assert_eq!(live_through(&server, 400), expected);
}

#[test]
fn backups_expire_after_their_retention_and_not_before() {
    let server = S3Server::start();
    let args = [
        "lifecycle",
        "apply",
        "--expire",
        "--keep",
        "hourly 30h, daily 9d, monthly 2mo",
        "--database",
        "main",
    ];
    let said = agent(&server).run(args).success();
    assert!(
        said.text()
            .contains("warning: an expiry rule ignores PGCOFFER_KEEP_LAST and holds")
    );
    let expected = deeds(&[
        (4, "backups/main/archives/hourly/x.pgc deleted"),
        (8, "backups/main/archives/daily/lost.pgc aborted"),
        (11, "backups/main/archives/daily/x.pgc deleted"),
        (64, "backups/main/archives/monthly/small.pgc deleted"),
        (64, "backups/main/archives/monthly/x.pgc deleted"),
    ]);
    assert_eq!(live_through(&server, 400), expected);
}

#[test]
fn records_expire_last_if_manual_backups_expire_too() {
    let server = S3Server::start();
    let keep = [
        "--expire",
        "--expire-manual",
        "20d",
        "--keep",
        "daily 9d",
        "--database",
        "main",
    ];
    agent(&server).run(["lifecycle", "apply"].iter().chain(&keep)).success();
    let done = live_through(&server, 60);
    assert_eq!(
        done.last(),
        Some(&(22, "backups/main/records/x.pgc deleted".to_owned()))
    );
    assert!(done.contains(&(22, "backups/main/archives/manual/x.pgc deleted".to_owned())));
}

#[test]
fn noncurrent_versions_of_only_this_database_are_deleted() {
    let server = S3Server::start();
    server.behave(|behaviour| behaviour.versioned = true);
    let args = ["lifecycle", "apply", "--noncurrent", "5", "--database", "main"];
    agent(&server).run(args).success();
    let folders = [
        "backups/main/archives/daily/",
        "backups/main/records/",
        "backups/shop/records/",
        "photos/",
    ];
    for folder in folders {
        server.write(&format!("{folder}x"), vec![7; LARGE]);
        server.write(&format!("{folder}stays"), vec![7; LARGE]);
        delete(server.client(), &format!("{folder}x"));
    }
    let expected = deeds(&[
        (6, "backups/main/archives/daily/x freed"),
        (6, "backups/main/records/x freed"),
    ]);
    assert_eq!(days_pass(&server, 100), expected);
    let left = server.keys();
    assert!(
        folders.iter().all(|folder| left.contains(&format!("{folder}stays"))),
        "{left:?}"
    );
}

#[tokio::main]
async fn delete(client: aws_sdk_s3::Client, key: &str) {
    client.delete_object().bucket("testbed").key(key).send().await.unwrap();
}
