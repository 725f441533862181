//! A bucket may hold a great many objects that are none of the agent's business.

use std::time::{Duration, Instant};

use aws_sdk_s3::types::Tag;

use crate::testbed::{Fault, Rule, S3Server};
use crate::{list, once, put, refusal};

#[tokio::test]
async fn a_million_bystanders_are_quickly_there_and_passed_over() {
    let server = S3Server::start();
    let client = once(&server);
    let began = Instant::now();
    server.fill("logs/2031/", 600_000);
    server.fill("photos/", 400_000);
    put(&client, "logs/first", "x").await;
    put(&client, "backups/1", "x").await;
    put(&client, "photos0", "x").await;
    let filled = began.elapsed();
    assert!(filled < Duration::from_secs(20), "{filled:?}");

    let began = Instant::now();
    for _ in 0..30 {
        let top = list(&client, "", "/").await;
        assert_eq!(top, ["photos0", "backups/", "logs/", "photos/"]);
    }
    assert_eq!(list(&client, "logs/", "/").await, ["logs/first", "logs/2031/"]);
    assert_eq!(list(&client, "backups/", "").await, ["backups/1"]);
    let page = client.list_objects_v2().bucket("testbed").prefix("photos/");
    let page = page.start_after("photos/000399990").send().await.unwrap();
    let keys: Vec<_> = page.contents().iter().filter_map(|o| o.key()).collect();
    assert_eq!(keys.len(), 9);
    assert_eq!(keys[0], "photos/000399991");
    let listed = began.elapsed();
    // Looking at each of the million takes several times as long.
    assert!(listed < Duration::from_secs(3), "{listed:?}");
    assert_eq!((server.pages("logs/"), server.pages("photos/")), (1, 1));
}

#[tokio::test]
async fn pages_go_on_behind_groups_and_keys() {
    let server = S3Server::start();
    server.fill("a/", 5);
    server.fill("b/é/", 5);
    server.fill("\u{10ffff}", 2);
    for key in ["a", "b/", "b0", "c"] {
        server.write(key, "x");
    }
    let client = once(&server);
    server.behave(|behaviour| behaviour.page_size = 1);
    let mut top = list(&client, "", "/").await;
    top.sort();
    let last = ["\u{10ffff}000000000", "\u{10ffff}000000001"];
    assert_eq!(top, ["a", "a/", "b/", "b0", "c", last[0], last[1]]);
    assert_eq!(server.pages(""), 7);
    assert_eq!(list(&client, "b/", "/").await, ["b/", "b/é/"]);
    assert_eq!(server.pages("b/"), 2);
    // nothing lies behind a group of the highest character
    let grouped = list(&client, "", "\u{10ffff}").await;
    assert_eq!(grouped.last().unwrap(), "\u{10ffff}");
    server.behave(|behaviour| behaviour.page_size = 3);
    assert_eq!(list(&client, "a/", "").await.len(), 5);
    assert_eq!(server.pages("a/"), 2);

    server.inject(Rule::on("ListObjectsV2").key("b/").always(), Fault::access_denied());
    list(&client, "a/", "").await;
    let denied = client.list_objects_v2().bucket("testbed").prefix("b/");
    assert_eq!(refusal(denied.send().await).0, 403);
}

#[tokio::test]
async fn snapshots_tell_what_changed() {
    let server = S3Server::start();
    let client = once(&server);
    server.fill("foreign/", 4);
    put(&client, "ours/1", "x").await;
    let before = server.snapshot();
    assert_eq!(before, server.snapshot());

    let key = |n: usize| format!("foreign/00000000{n}");
    server.delete(&key(0));
    server.set_tags(&key(1), &[("a", "b")]);
    server.cool(&key(2), "GLACIER");
    put(&client, "foreign/new", "x").await;
    put(&client, "ours/2", "x").await;
    let after = server.snapshot();
    let told = |what: &str, key: &str| format!("{what} {key}");
    let changes = [
        told("removed", &key(0)),
        told("changed", &key(1)),
        told("changed", &key(2)),
        told("added", "foreign/new"),
    ];
    assert_eq!(
        before.clone().outside("ours/").changes(&after.clone().outside("ours/")),
        changes
    );
    assert_ne!(before, after);

    // the same bytes, written again
    let before = server.snapshot();
    put(&client, "ours/1", "x").await;
    assert_eq!(before.changes(&server.snapshot()), ["changed ours/1"]);
    let before = server.snapshot();
    let tag = Tag::builder().key("a").value("1").build().unwrap();
    let tagging = aws_sdk_s3::types::Tagging::builder().tag_set(tag);
    let tagging = tagging.build().unwrap();
    let write = client.put_object_tagging().bucket("testbed").key(key(3));
    write.tagging(tagging).send().await.unwrap();
    assert_eq!(before.changes(&server.snapshot()), [told("changed", &key(3))]);
}
