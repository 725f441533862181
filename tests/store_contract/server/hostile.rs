//! What others may put into the folder: links, pipes, devices, names that are not text.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
};

use pgcoffer::store::Kind;

use super::scene::Scene;
use crate::files::{make_pipe, snapshot};

/// Each thing that is no plain file, under the name of an object.
#[test]
fn only_plain_files_are_followed_opened_or_changed() {
    let scene = Scene::new();
    let outside = scene.sshd.path("outside");
    fs::create_dir_all(scene.path("main/records")).unwrap();
    for folder in ["main", "main/records"] {
        scene.sshd.give(&scene.path(folder));
    }
    fs::write(&outside, "secret").unwrap();
    let at = |name: &str| scene.path(&format!("main/records/{name}"));
    symlink(&outside, at("link")).unwrap();
    symlink("/nonexistent", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("/dev/zero", at("device")).unwrap();
    make_pipe(&at("pipe"));
    let socket = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    let before = snapshot(&scene.sshd.folder());
    for name in ["link", "dangling", "loop", "device", "pipe", "socket", "folder"] {
        let key = format!("main/records/{name}");
        assert_eq!(scene.head(&key), None, "{name}");
        let read = scene.run(scene.store.read(&key, 100));
        assert_eq!(read.unwrap_err().kind, Kind::NotFound, "{name}");
        let range = scene.run(scene.store.read_range(&key, 0..1, None));
        assert_eq!(range.unwrap_err().kind, Kind::NotFound, "{name}");
        for refused in [
            scene.put(&key, "x").unwrap_err(),
            scene.upload(&key, b"x").unwrap_err(),
            scene.replace(&key, "x", "\"0\"").unwrap_err(),
        ] {
            assert_eq!(refused.kind, Kind::Exists, "{name}: {refused}");
        }
        scene.run(scene.store.delete(&key, None)).unwrap();
    }
    assert_eq!(scene.keys(), [""; 0]);
    assert_eq!(scene.run(scene.store.folders("")).unwrap(), [""; 0]);
    scene.run(scene.store.settle());
    assert_eq!(snapshot(&scene.sshd.folder()), before);
    assert_eq!(fs::read(&outside).unwrap(), b"secret");
    drop(socket);
}

/// A folder on the way to an object that is a link leads somewhere else.
#[test]
fn a_link_instead_of_a_folder_is_not_followed() {
    let scene = Scene::new();
    let elsewhere = scene.sshd.path("elsewhere");
    fs::create_dir_all(elsewhere.join("daily")).unwrap();
    fs::write(elsewhere.join("x.pgc"), "of others").unwrap();
    fs::create_dir(scene.path("main")).unwrap();
    for path in [&scene.path("main"), &elsewhere] {
        scene.sshd.give(path);
    }
    symlink(&elsewhere, scene.path("main/records")).unwrap();
    symlink(&elsewhere, scene.path("shop")).unwrap();
    fs::write(scene.path("main/file"), "file").unwrap();
    for key in ["main/records/x.pgc", "shop/x.pgc"] {
        assert_eq!(scene.head(key), None);
        scene.run(scene.store.delete(key, None)).unwrap();
        let put = scene.put(&format!("{key}.new"), "x").unwrap_err();
        assert_eq!(put.kind, Kind::Denied, "{put}");
        assert!(
            put.why.contains("is a link") && put.hint().unwrap().contains("move it away"),
            "{put}"
        );
        assert_eq!(
            scene.upload(&format!("{key}.new"), b"x").unwrap_err().kind,
            Kind::Denied
        );
    }
    assert_eq!(scene.put("main/file/x", "x").unwrap_err().kind, Kind::Denied);
    assert_eq!(scene.keys(), ["main/file"]);
    assert_eq!(scene.run(scene.store.folders("")).unwrap(), ["main"]);
    assert_eq!(fs::read(elsewhere.join("x.pgc")).unwrap(), b"of others");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 2);
}

#[test]
fn names_that_are_not_utf8_and_files_of_others_are_not_changed() {
    let scene = Scene::new();
    scene.put("main/records/x.pgc", "x").unwrap();
    let odd = scene.path("main/records").join(OsStr::from_bytes(b"\xff\xfe.pgc"));
    fs::write(&odd, "odd").unwrap();
    // what a lossy reader would make of that name
    let alike = scene.path("main/records/\u{fffd}\u{fffd}.pgc");
    fs::write(&alike, "alike").unwrap();
    let odd_folder = scene.path("main").join(OsStr::from_bytes(b"\xc3("));
    fs::create_dir(&odd_folder).unwrap();
    fs::write(odd_folder.join("y"), "y").unwrap();
    fs::write(scene.path("main/records/README"), "of others").unwrap();
    // as rsync and editors name what they are writing
    fs::write(scene.path("main/records/.x.pgc.AbCdEf"), "of others").unwrap();
    let deep = (0..40).fold(scene.path("deep"), |path, n| path.join(n.to_string()));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("z"), "z").unwrap();
    let keys = [
        "main/records/.x.pgc.AbCdEf",
        "main/records/README",
        "main/records/x.pgc",
        "main/records/\u{fffd}\u{fffd}.pgc",
    ];
    assert_eq!(scene.keys(), keys);
    assert_eq!(scene.run(scene.store.folders("")).unwrap(), ["main"]);
    assert_eq!(scene.unfinished(), []);
    scene.run(scene.store.delete(keys[3], None)).unwrap();
    assert!(odd.exists() && !alike.exists());
    for key in [
        "../outside",
        "main/../../outside",
        "/etc/passwd",
        "",
        "main//x",
        "main/./x",
        "a\0b",
    ] {
        assert_eq!(scene.head(key), None, "{key:?}");
        assert!(scene.put(key, "x").is_err(), "{key:?}");
        scene.run(scene.store.delete(key, None)).unwrap();
    }
    assert!(odd.exists() && !scene.sshd.path("outside").exists());
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
