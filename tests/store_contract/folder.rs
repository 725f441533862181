//! What befalls a folder and no bucket: links, pipes, names that are no text, files that are changed in place, a folder
//! that isn't there.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::Command,
};

use pgcoffer::store::{Attributes, Error, Kind, Location, LockMode, Options, PARTS_MAX, PartPlan, Store, Unfinished};
use tokio::runtime::Runtime;

/// A folder, and who works in it.
struct Scene {
    folder: tempfile::TempDir,
    runtime: Runtime,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir(&top).unwrap();
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(connect(&top)).unwrap();
        Self { folder, runtime, store }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join("top").join(below)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits for what must not take long, whatever stands in the way.
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let limit = std::time::Duration::from_secs(20);
        self.runtime
            .block_on(async { tokio::time::timeout(limit, work).await })
            .expect("it hangs")
    }

    fn put(&self, key: &str, body: &'static str) -> Result<(), Error> {
        self.run(self.store.put_new(key, body.into(), &Attributes::default()))
            .map(drop)
    }

    fn replace(&self, key: &str, body: &'static str, etag: &str) -> Result<(), Error> {
        self.run(self.store.replace(key, body.into(), &Attributes::default(), etag))
    }

    fn keys(&self) -> Vec<String> {
        let objects = self.run(self.store.list("")).unwrap();
        objects.into_iter().map(|object| object.key).collect()
    }

    fn head(&self, key: &str) -> Option<String> {
        self.run(self.store.head(key)).unwrap().and_then(|object| object.etag)
    }

    fn unfinished(&self) -> Vec<Unfinished> {
        self.run(self.store.unfinished("")).unwrap().unwrap()
    }

    fn upload(&self, key: &str, body: &[u8]) -> Result<(), Error> {
        self.run(async {
            let plan = PartPlan::for_expected(0, PARTS_MAX);
            let mut upload = self.store.begin_upload(key, plan, &Attributes::default()).await?;
            upload.write(body).await?;
            upload.complete().await.map(drop)
        })
    }
}

async fn connect(top: &Path) -> Result<Store, Error> {
    Store::connect(Location::Folder(top.to_owned()), Options::default()).await
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_it_makes_is_for_its_owner_alone() {
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
fn a_folder_that_is_not_there_is_never_made() {
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
fn what_s3_alone_has_is_refused_by_name() {
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

/// Each thing that is no plain file, under the name of an object.
#[test]
fn what_is_no_plain_file_is_never_followed_opened_or_touched() {
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
fn a_link_in_the_place_of_a_folder_leads_nowhere() {
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
fn the_lock_is_no_way_out_either() {
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
fn names_that_are_no_text_and_files_of_others_are_left_alone() {
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

#[test]
fn what_is_changed_in_place_is_another_object() {
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
fn what_changes_no_bytes_changes_no_tag() {
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
fn its_facts_are_told() {
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

/// Every path below a folder with its kind, length and place on the disk.
fn snapshot(folder: &Path) -> Vec<(PathBuf, u64, u64, bool)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let about = fs::symlink_metadata(entry.path()).unwrap();
        let is_special = about.file_type().is_fifo() || about.file_type().is_socket();
        // the length of a folder tells nothing
        let bytes = if about.is_dir() { 0 } else { about.len() };
        all.push((entry.path(), bytes, about.ino(), is_special));
        if about.is_dir() {
            all.extend(snapshot(&entry.path()));
        }
    }
    all.sort();
    all
}
