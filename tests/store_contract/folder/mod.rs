//! What can happen to a folder and not to a bucket: files that are changed in place, a folder that is missing, and what
//! others put into it.

mod hostile;
mod scene;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use pgcoffer::store::{Attributes, Kind, Location, LockMode, Options, PARTS_MAX, PartPlan, Store};
use tokio::runtime::Runtime;

use crate::files::{make_pipe, mode};
use scene::{Scene, connect};

#[test]
fn files_and_folders_are_only_for_their_owner() {
    let scene = Scene::new();
    scene.put("main/records/x.pgc", "x").unwrap();
    scene.upload("main/archives/daily/x.pgc", b"archive").unwrap();
    for folder in ["main", "main/records", "main/archives", "main/archives/daily"] {
        assert_eq!(mode(&scene.path(folder)), 0o700, "{folder}");
    }
    for file in ["main/records/x.pgc", "main/archives/daily/x.pgc"] {
        assert_eq!(mode(&scene.path(file)), 0o600, "{file}");
    }
    scene.run(scene.store.delete("main/records/x.pgc", None)).unwrap();
    assert_eq!(mode(&scene.path(".pgcoffer.lock")), 0o600);
    assert_eq!(scene.keys(), ["main/archives/daily/x.pgc"]);
}

/// A share that isn't mounted leaves an empty place, or none.
#[test]
fn a_missing_folder_is_never_created() {
    let scene = Scene::new();
    let none = scene.outside("none/below");
    let store = scene.run(connect(&none)).unwrap();
    let file = scene.outside("file");
    fs::write(&file, "file").unwrap();
    let no_folder = scene.run(connect(&file)).unwrap();
    for store in [store, no_folder] {
        let put = scene
            .run(store.put_new("x", "x".into(), &Attributes::default()))
            .unwrap_err();
        let list = scene.run(store.list("")).unwrap_err();
        let reach = scene.run(store.check_reachable()).unwrap_err();
        let plan = PartPlan::for_expected(0, PARTS_MAX);
        let begin = scene
            .run(store.begin_upload("x", plan, &Attributes::default()))
            .err()
            .unwrap();
        for error in [put, list, reach, begin] {
            assert_eq!(error.kind, Kind::NoBucket, "{error}");
            assert!(error.hint().unwrap().contains("mount"), "{error}");
        }
    }
    assert!(!scene.outside("none").exists());
}

#[test]
fn options_that_only_s3_has_are_refused_by_name() {
    let top = PathBuf::from("/never/looked/at");
    let runtime = Runtime::new().unwrap();
    for (options, name) in [
        (
            Options {
                lock: Some(LockMode::Compliance),
                ..Options::default()
            },
            "PGCOFFER_LOCK",
        ),
        (
            Options {
                write_only: true,
                ..Options::default()
            },
            "PGCOFFER_MODE=drop-box",
        ),
        (
            Options {
                storage_class: Some("GLACIER".to_owned()),
                ..Options::default()
            },
            "PGCOFFER_STORAGE_CLASS",
        ),
    ] {
        let refused = runtime
            .block_on(Store::connect(Location::Folder(top.clone()), options))
            .err()
            .unwrap();
        assert_eq!(refused.kind, Kind::Configuration);
        assert!(refused.to_string().contains(name) && refused.hint().unwrap().contains(name));
    }
}

#[test]
fn a_file_changed_in_place_is_another_object() {
    let scene = Scene::new();
    let path = scene.path("x");
    let changes: [fn(&Path); 4] = [
        // as long as before, written over
        |path| {
            fs::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .write_all(b"other")
                .unwrap()
        },
        |path| {
            fs::OpenOptions::new()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"more")
                .unwrap()
        },
        |path| {
            fs::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(2)
                .unwrap()
        },
        // another file of the same length and date in its place
        |path| {
            let other = path.with_extension("other");
            fs::write(&other, "other").unwrap();
            assert!(
                Command::new("touch")
                    .arg("-r")
                    .arg(path)
                    .arg(&other)
                    .status()
                    .unwrap()
                    .success()
            );
            fs::rename(other, path).unwrap();
        },
    ];
    for change in changes {
        scene.put("x", "first").unwrap();
        let before = scene.head("x").unwrap();
        assert_eq!(scene.head("x").unwrap(), before);
        change(&path);
        assert_ne!(scene.head("x").unwrap(), before);
        let read = scene.run(scene.store.read_range("x", 0..1, Some(&before))).unwrap_err();
        assert_eq!(read.kind, Kind::Changed);
        assert_eq!(
            scene.run(scene.store.delete("x", Some(&before))).unwrap_err().kind,
            Kind::Changed
        );
        assert_eq!(scene.replace("x", "y", &before).unwrap_err().kind, Kind::Exists);
        fs::remove_file(&path).unwrap();
    }
}

/// What doesn't change an object: reading, rights, a second name, and the process that looks.
#[test]
fn the_entity_tag_changes_only_with_the_bytes() {
    let scene = Scene::new();
    scene.upload("main/x", &vec![7; 9 << 20]).unwrap();
    let before = scene.head("main/x").unwrap();
    let path = scene.path("main/x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    fs::hard_link(&path, scene.outside("snapshot")).unwrap();
    fs::read(&path).unwrap();
    assert_eq!(scene.head("main/x").unwrap(), before);
    let again = scene.run(connect(&scene.path(""))).unwrap();
    let object = scene.run(again.head("main/x")).unwrap().unwrap();
    assert_eq!(object.etag.unwrap(), before);
}

/// What a writer that was killed leaves behind, with one and with two names.
#[test]
fn leftovers_are_unfinished_uploads_and_not_objects() {
    let scene = Scene::new();
    scene.put("main/archives/daily/x.pgc", "good").unwrap();
    let beside = scene.path("main/archives/daily/.x.pgc.0123456789abcdef.part");
    fs::hard_link(scene.path("main/archives/daily/x.pgc"), &beside).unwrap();
    fs::write(scene.path("main/archives/daily/.y.pgc.fedcba9876543210.part"), "half").unwrap();
    // under a name of ours that is no file
    make_pipe(&scene.path("main/archives/daily/.z.pgc.fedcba9876543210.part"));
    let left = scene.unfinished();
    let keys: Vec<&str> = left.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["main/archives/daily/x.pgc", "main/archives/daily/y.pgc"]);
    for one in &left {
        assert!(scene.run(scene.store.newest_part(one)).unwrap().is_some());
        scene.run(scene.store.abort(one)).unwrap();
        scene.run(scene.store.abort(one)).unwrap();
    }
    assert_eq!(scene.keys(), ["main/archives/daily/x.pgc"]);
    assert_eq!(fs::read(scene.path("main/archives/daily/x.pgc")).unwrap(), b"good");
    assert!(!beside.exists());
}

/// Somebody who follows no rule holds the name that an upload is about to take.
#[test]
fn an_upload_into_a_folder_that_goes_away_is_an_error() {
    let scene = Scene::new();
    let result = scene.run(async {
        let plan = PartPlan::for_expected(0, PARTS_MAX);
        let mut upload = scene.store.begin_upload("main/x", plan, &Attributes::default()).await?;
        upload.write(b"bytes").await?;
        fs::remove_dir_all(scene.path("main")).unwrap();
        upload.complete().await
    });
    assert_eq!(result.unwrap_err().kind, Kind::NotFound);
    assert_eq!(scene.keys(), [""; 0]);
}

#[test]
fn the_facts_of_a_folder_are_right() {
    let scene = Scene::new();
    let facts = |store: &Store| scene.run(store.folder().unwrap().facts()).unwrap();
    let own = facts(&scene.store);
    assert!(own.free_bytes > 0 && !own.is_mount_point);
    fs::set_permissions(scene.path(""), fs::Permissions::from_mode(0o770)).unwrap();
    assert!(facts(&scene.store).others_may_write);
    fs::set_permissions(scene.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!facts(&scene.store).others_may_write);
    // something is always mounted there
    let mounted = scene.run(connect(Path::new("/proc"))).unwrap();
    assert!(facts(&mounted).is_mount_point);
}
