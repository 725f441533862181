//! Servers that die, hang, are full, or refuse.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use pgcoffer::store::{Attributes, Kind};

use super::scene::{Scene, upload};
use crate::{
    duties::pattern,
    testbed::{SshdOptions, is_root},
};

#[test]
fn an_upload_goes_on_when_its_connection_is_cut() {
    let scene = Scene::new();
    let body = pattern(40 << 20);
    let stored = scene.run(upload(&scene.store, "main/archives/daily/x.pgc", &body, || {
        assert!(scene.sshd.kill_sessions() > 0);
    }));
    assert_eq!(stored.unwrap().bytes, body.len() as u64);
    assert!(scene.sshd.logins() >= 2);
    assert!(fs::read(scene.path("main/archives/daily/x.pgc")).unwrap() == body);
    scene.run(scene.store.settle());
    assert_eq!(scene.unfinished(), []);
}

/// What is cut again and again still arrives as it was sent, or not at all.
#[test]
fn a_server_that_dies_at_any_moment_leaves_no_half_object() {
    let scene = Scene::new();
    let body = pattern(6 << 20);
    let mut uploaded = 0;
    for n in 0..12_u64 {
        let key = format!("main/archives/daily/{n}.pgc");
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(5 * n));
                scene.sshd.kill_sessions()
            });
            scene.upload(&key, &body)
        });
        match result {
            Ok(_) => uploaded += 1,
            Err(error) => assert_eq!(error.kind, Kind::Unreachable, "{error}"),
        }
    }
    assert!(uploaded > 6, "{uploaded}");
    for object in scene.run(scene.store.list("")).unwrap() {
        assert!(fs::read(scene.path(&object.key)).unwrap() == body, "{}", object.key);
    }
}

#[test]
fn reading_and_listing_go_on_when_a_connection_is_cut() {
    let scene = Scene::new();
    let body = pattern(8 << 20);
    scene.upload("main/x", &body).unwrap();
    for n in 0..8_u64 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(3 * n));
                scene.sshd.kill_sessions()
            });
            let read = scene.run(scene.store.read_range("main/x", 0..body.len() as u64, None));
            assert!(read.unwrap() == body);
            assert_eq!(scene.keys(), ["main/x"]);
        });
    }
}

#[test]
fn a_server_that_is_gone_is_an_error_and_leaves_an_unfinished_upload() {
    let mut scene = Scene::with(SshdOptions::default(), |options| {
        options.reconnect_max = Duration::from_secs(2)
    });
    let body = pattern(16 << 20);
    let store = scene.store.clone();
    let began = Instant::now();
    let (sshd, runtime) = (&mut scene.sshd, tokio::runtime::Runtime::new().unwrap());
    let cut = runtime
        .block_on(upload(&store, "main/x", &body, || sshd.stop()))
        .unwrap_err();
    assert_eq!(cut.kind, Kind::Unreachable, "{cut}");
    assert!(began.elapsed() < Duration::from_secs(30));
    scene.sshd.restart();
    let left = scene.unfinished();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].key.as_str(), scene.keys()), ("main/x", Vec::new()));
    scene.run(scene.store.abort(&left[0])).unwrap();
    assert_eq!(scene.unfinished(), []);
}

/// Its process is there and does nothing, as when its disk hangs.
#[test]
fn a_server_that_hangs_is_given_up() {
    let scene = Scene::with(SshdOptions::default(), |options| {
        options.silence_max = Duration::from_secs(2)
    });
    scene.put("x", "x").unwrap();
    let held = scene.sshd.hold_sessions();
    let began = Instant::now();
    let error = scene.run(scene.store.list("")).unwrap_err();
    assert_eq!(error.kind, Kind::Silent, "{error}");
    assert!(
        error.why.contains("2 s") && began.elapsed() < Duration::from_secs(10),
        "{error}"
    );
    drop(held);
    // the next one has a connection of its own
    assert_eq!(scene.keys(), ["x"]);
}

/// A quota and the like: the server's process is ended by the system.
#[test]
fn a_limit_on_the_size_of_files_is_an_error_with_its_reason() {
    let scene = Scene::with(
        SshdOptions {
            file_kib_max: Some(2048),
            ..SshdOptions::default()
        },
        |_| {},
    );
    scene.put("small", "small").unwrap();
    let error = scene.upload("large", &pattern(8 << 20)).unwrap_err();
    // it ends at the byte that is one too many, or refuses it
    assert!(matches!(error.kind, Kind::Unreachable | Kind::Full), "{error}");
    assert!(error.hint().unwrap().contains("ulimit -f"), "{:?}", error.hint());
    assert_eq!(scene.keys(), ["small"]);
}

/// A file system of four megabytes. Only root can mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf) -> Option<Self> {
        if !is_root() {
            return None;
        }
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=4m,mode=0777", "none"])
            .arg(&path);
        mount
            .status()
            .is_ok_and(|status| status.success())
            .then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told() {
    let scene = Scene::new();
    let Some(_disk) = SmallDisk::mount(scene.sshd.folder()) else {
        eprintln!("skipped: only root mounts a small disk");
        return;
    };
    scene.put("main/small", "small").unwrap();
    let error = scene.upload("main/large", &pattern(8 << 20)).unwrap_err();
    assert_eq!(error.kind, Kind::Full, "{error}");
    assert!(error.why.contains("disk is full"), "{error}");
    assert!(error.hint().unwrap().contains("make room"), "{:?}", error.hint());
    scene.run(scene.store.settle());
    assert_eq!(
        (scene.keys(), scene.unfinished()),
        (vec!["main/small".to_owned()], Vec::new())
    );
    // what was given up makes room again
    scene.upload("main/medium", &pattern(2 << 20)).unwrap();
}

#[test]
fn rights_that_are_missing_are_told() {
    let scene = Scene::new();
    scene.put("main/x", "x").unwrap();
    let mode = |path: &str, mode| fs::set_permissions(scene.path(path), fs::Permissions::from_mode(mode)).unwrap();
    mode("main", 0o500);
    for error in [
        scene.put("main/y", "y").unwrap_err(),
        scene.upload("main/y", b"y").unwrap_err(),
        scene.run(scene.store.delete("main/x", None)).unwrap_err(),
    ] {
        assert_eq!(error.kind, Kind::Denied, "{error}");
        assert!(error.hint().unwrap().contains("own the folder"), "{:?}", error.hint());
    }
    mode("main", 0o000);
    assert_eq!(scene.run(scene.store.list("")).unwrap_err().kind, Kind::Denied);
    assert_eq!(scene.run(scene.store.head("main/x")).unwrap_err().kind, Kind::Denied);
    mode("main", 0o700);
    assert_eq!(scene.keys(), ["main/x"]);
}

#[test]
fn a_missing_folder_is_never_created() {
    let scene = Scene::new();
    let file = scene.sshd.path("file");
    fs::write(&file, "file").unwrap();
    for path in [scene.sshd.path("none/below"), file] {
        let location = scene.sshd.location(&path);
        let store = scene.connect(|options| options.location = location).unwrap();
        let errors = [
            scene.run(store.check_reachable()).unwrap_err(),
            scene.run(store.list("")).unwrap_err(),
            scene
                .run(store.put_new("x", "x".into(), &Attributes::default()))
                .unwrap_err(),
            scene.run(upload(&store, "x", b"x", || ())).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind, Kind::NoBucket, "{error}");
            assert!(error.hint().unwrap().contains("mount"), "{error}");
        }
    }
    assert!(!scene.sshd.path("none").exists());
}
