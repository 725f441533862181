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
    fs::create_dir_all(scene.path("main/records")).unwrap();
    fs::write(scene.outside("secret"), "secret").unwrap();
    let at = |name: &str| scene.path(&format!("main/records/{name}"));
    symlink(scene.outside("secret"), at("link")).unwrap();
    symlink("/nonexistent", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("/dev/zero", at("device")).unwrap();
    make_pipe(&at("pipe"));
    let socket = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    let before: Vec<_> = snapshot(scene.folder.path());
    for name in ["link", "dangling", "loop", "device", "pipe", "socket", "folder"] {
        let key = format!("main/records/{name}");
        assert_eq!(scene.head(&key), None, "{name}");
        assert_eq!(
            scene.run(scene.store.read(&key, 100)).unwrap_err().kind,
            Kind::NotFound,
            "{name}"
        );
        let range = scene.run(scene.store.read_range(&key, 0..1, None));
        assert_eq!(range.unwrap_err().kind, Kind::NotFound, "{name}");
        assert_eq!(scene.put(&key, "x").unwrap_err().kind, Kind::Exists, "{name}");
        assert_eq!(scene.upload(&key, b"x").unwrap_err().kind, Kind::Exists, "{name}");
        assert_eq!(
            scene.replace(&key, "x", "\"0\"").unwrap_err().kind,
            Kind::Exists,
            "{name}"
        );
        scene.run(scene.store.delete(&key, None)).unwrap();
    }
    assert_eq!(scene.keys(), [""; 0]);
    assert_eq!(scene.run(scene.store.folders("")).unwrap(), [""; 0]);
    fs::remove_file(scene.path(".pgcoffer.lock")).unwrap();
    assert_eq!(snapshot(scene.folder.path()), before);
    drop(socket);
}

/// A folder on the way to an object that is a link leads somewhere else.
#[test]
fn a_link_instead_of_a_folder_is_not_followed() {
    let scene = Scene::new();
    let elsewhere = scene.outside("elsewhere");
    fs::create_dir_all(elsewhere.join("daily")).unwrap();
    fs::write(elsewhere.join("x.pgc"), "of others").unwrap();
    fs::create_dir(scene.path("main")).unwrap();
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

/// The lock is a file of a known name: whoever may write there could put something else in its place.
#[test]
fn a_link_instead_of_the_lock_is_not_followed() {
    let scene = Scene::new();
    scene.put("x", "x").unwrap();
    let (lock, victim) = (scene.path(".pgcoffer.lock"), scene.outside("victim"));
    symlink(&victim, &lock).unwrap();
    assert_eq!(scene.run(scene.store.delete("x", None)).unwrap_err().kind, Kind::Denied);
    assert!(!victim.exists());
    fs::remove_file(&lock).unwrap();
    make_pipe(&lock);
    assert_eq!(scene.run(scene.store.delete("x", None)).unwrap_err().kind, Kind::Denied);
    fs::remove_file(&lock).unwrap();
    scene.run(scene.store.delete("x", None)).unwrap();
    assert_eq!(scene.keys(), [""; 0]);
}

#[test]
fn names_that_are_not_utf8_and_files_of_others_are_not_changed() {
    let scene = Scene::new();
    scene.put("main/records/x.pgc", "x").unwrap();
    let odd = scene.path("main/records").join(OsStr::from_bytes(b"\xff\xfe.pgc"));
    fs::write(&odd, "odd").unwrap();
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
    ];
    assert_eq!(scene.keys(), keys);
    assert_eq!(scene.run(scene.store.folders("")).unwrap(), ["main"]);
    assert_eq!(scene.unfinished(), []);
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
    assert!(odd.exists() && !scene.outside("outside").exists());
}
