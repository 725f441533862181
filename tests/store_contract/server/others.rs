//! Servers that aren't OpenSSH's.

use std::{fs, os::unix::fs::symlink};

use pgcoffer::{
    redact::SecretText,
    store::{Attributes, Kind, Store},
};
use tokio::runtime::Runtime;

use super::scene::upload;
use crate::{
    duties::pattern,
    testbed::{SftpBehaviour, SftpServer},
};

fn connected(behaviour: SftpBehaviour) -> (SftpServer, Store, Runtime) {
    let server = SftpServer::start(behaviour);
    let store = Store::connect_sftp(server.sftp_options()).unwrap();
    (server, store, Runtime::new().unwrap())
}

#[test]
fn a_password_logs_in_by_itself_and_as_an_answer() {
    for asks in [false, true] {
        let (server, store, runtime) = connected(SftpBehaviour {
            asks,
            ..SftpBehaviour::default()
        });
        runtime
            .block_on(store.check_reachable())
            .unwrap_or_else(|e| panic!("{asks}: {e}"));
        let mut options = server.sftp_options();
        options.password = Some(SecretText::new("battery staple".to_owned()));
        let wrong = Store::connect_sftp(options).unwrap();
        let refused = runtime.block_on(wrong.check_reachable()).unwrap_err();
        assert_eq!(refused.kind, Kind::WrongCredentials, "{refused}");
        assert!(!refused.to_string().contains("battery"), "{refused}");
        assert!(
            refused.hint().unwrap().contains("password are right"),
            "{:?}",
            refused.hint()
        );
    }
}

/// How names are given is found out, and said.
#[test]
fn no_object_is_overwritten_however_the_server_renames() {
    for (links, posix_renames, renames_over, refuses, replaces) in [
        (false, false, false, true, false),
        (false, false, true, false, true),
        (true, false, true, true, true),
        (true, true, true, true, true),
        (false, true, true, false, true),
    ] {
        let (server, store, runtime) = connected(SftpBehaviour {
            links,
            posix_renames,
            renames_over,
            ..SftpBehaviour::default()
        });
        runtime.block_on(async {
            let none = Attributes::default();
            store.put_new("main/x", "first".into(), &none).await.unwrap();
            assert_eq!(
                store.put_new("main/x", "other".into(), &none).await.unwrap_err().kind,
                Kind::Exists
            );
            let late = upload(&store, "main/y", b"other", || {
                fs::write(server.folder().join("main/y"), "first").unwrap();
            });
            assert_eq!(late.await.unwrap_err().kind, Kind::Exists);
            assert_eq!(fs::read(server.folder().join("main/y")).unwrap(), b"first");
            let first = store.head("main/x").await.unwrap().unwrap().etag.unwrap();
            store.replace("main/x", "later".into(), &none, &first).await.unwrap();
            assert_eq!(store.read("main/x", 100).await.unwrap(), "later");
            assert_ne!(store.head("main/x").await.unwrap().unwrap().etag.unwrap(), first);
            let facts = store.sftp().unwrap().facts().await.unwrap();
            assert_eq!(
                (facts.refuses_taken_names, facts.replaces_atomically),
                (refuses, replaces),
                "{facts:?}"
            );
            assert!(!facts.syncs && facts.free_bytes.is_none() && facts.software.contains("Other"));
            assert_eq!(store.capabilities().conditions, refuses);
            store.settle().await;
            assert_eq!(store.unfinished("").await.unwrap(), Some(Vec::new()));
            // a handle that is closed may be another file's by now
            assert_eq!(server.stray_closes(), 0);
        });
    }
}

/// A server that tells of a link what it leads to would have it mistaken for a file.
#[test]
fn a_link_is_no_object_where_a_listing_follows_it() {
    let (server, store, runtime) = connected(SftpBehaviour::default());
    runtime.block_on(async {
        store
            .put_new("main/x", "x".into(), &Attributes::default())
            .await
            .unwrap();
        symlink(server.folder().join("main/x"), server.folder().join("main/link")).unwrap();
        symlink(server.folder(), server.folder().join("main/loop")).unwrap();
        let keys: Vec<String> = store
            .list("")
            .await
            .unwrap()
            .into_iter()
            .map(|object| object.key)
            .collect();
        assert_eq!(keys, ["main/x"]);
        assert_eq!(store.folders("").await.unwrap(), ["main"]);
        assert_eq!(store.folders("main/").await.unwrap(), [""; 0]);
    });
}

#[test]
fn a_server_that_sets_no_dates_still_tells_versions_apart() {
    let (_server, store, runtime) = connected(SftpBehaviour {
        keeps_dates: true,
        ..SftpBehaviour::default()
    });
    runtime.block_on(async {
        let none = Attributes::default();
        store.put_new("x", "first".into(), &none).await.unwrap();
        let first = store.head("x").await.unwrap().unwrap().etag.unwrap();
        store.replace("x", "later".into(), &none, &first).await.unwrap();
        let later = store.head("x").await.unwrap().unwrap().etag.unwrap();
        assert_ne!(first, later);
        assert_eq!(store.delete("x", Some(&first)).await.unwrap_err().kind, Kind::Changed);
    });
}

/// A refusal has its reason, as far as the server tells it, and leaves nothing.
#[test]
fn a_quota_and_a_full_disk_are_told() {
    for (code, words, why, hint) in [
        (15, "", "code 15", "quota"),
        (14, "", "code 14", "make room"),
        (4, "Disk quota exceeded", "quota exceeded", "quota"),
        (4, "Failure", "takes no more bytes", "make room"),
    ] {
        let (_server, store, runtime) = connected(SftpBehaviour {
            write_refusal: Some((1 << 20, code, words)),
            ..SftpBehaviour::default()
        });
        runtime.block_on(async {
            let refused = upload(&store, "main/x", &pattern(3 << 20), || ()).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Full, "{code} {words}: {refused}");
            assert!(
                refused.why.contains(why) && refused.hint().unwrap().contains(hint),
                "{refused} {:?}",
                refused.hint()
            );
            let small = store
                .put_new("main/y", pattern(2 << 20), &Attributes::default())
                .await
                .unwrap_err();
            assert_eq!(small.kind, Kind::Full, "{small}");
            store.settle().await;
            assert_eq!(store.list("").await.unwrap(), []);
            assert_eq!(store.unfinished("").await.unwrap(), Some(Vec::new()));
        });
    }
}

/// What was written is read back: a server that keeps other bytes has no object of ours.
#[test]
fn bytes_that_arrive_damaged_are_noticed() {
    let behaviour = SftpBehaviour {
        damages: true,
        ..SftpBehaviour::default()
    };
    let (server, store, runtime) = connected(behaviour);
    runtime.block_on(async {
        let damaged = upload(&store, "main/x", &pattern(2 << 20), || ()).await.unwrap_err();
        assert_eq!(damaged.kind, Kind::Mismatch, "{damaged}");
        let small = store
            .put_new("main/y", pattern(200 << 10), &Attributes::default())
            .await
            .unwrap_err();
        assert_eq!(small.kind, Kind::Mismatch, "{small}");
        store.settle().await;
        assert_eq!(store.list("").await.unwrap(), []);
        let mut options = server.sftp_options();
        options.read_back = false;
        let trusting = Store::connect_sftp(options).unwrap();
        upload(&trusting, "main/x", &pattern(2 << 20), || ()).await.unwrap();
        trusting.settle().await;
    });
}
