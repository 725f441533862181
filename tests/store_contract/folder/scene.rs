//! A folder for a test, and what the test does there.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use pgcoffer::store::{Attributes, Error, Location, Options, PARTS_MAX, PartPlan, Store, Unfinished};
use tokio::runtime::Runtime;

/// A folder, and who works in it.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    runtime: Runtime,
    pub(crate) store: Store,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir(&top).unwrap();
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(connect(&top)).unwrap();
        Self { folder, runtime, store }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join("top").join(below)
    }

    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits for what must not take long, whatever stands in the way.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let limit = std::time::Duration::from_secs(20);
        self.runtime
            .block_on(async { tokio::time::timeout(limit, work).await })
            .expect("it hangs")
    }

    pub(crate) fn put(&self, key: &str, body: &'static str) -> Result<(), Error> {
        self.run(self.store.put_new(key, body.into(), &Attributes::default()))
            .map(drop)
    }

    pub(crate) fn replace(&self, key: &str, body: &'static str, etag: &str) -> Result<(), Error> {
        self.run(self.store.replace(key, body.into(), &Attributes::default(), etag))
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        let objects = self.run(self.store.list("")).unwrap();
        objects.into_iter().map(|object| object.key).collect()
    }

    pub(crate) fn head(&self, key: &str) -> Option<String> {
        self.run(self.store.head(key)).unwrap().and_then(|object| object.etag)
    }

    pub(crate) fn unfinished(&self) -> Vec<Unfinished> {
        self.run(self.store.unfinished("")).unwrap().unwrap()
    }

    pub(crate) fn upload(&self, key: &str, body: &[u8]) -> Result<(), Error> {
        self.run(async {
            let plan = PartPlan::for_expected(0, PARTS_MAX);
            let mut upload = self.store.begin_upload(key, plan, &Attributes::default()).await?;
            upload.write(body).await?;
            upload.complete().await.map(drop)
        })
    }
}

pub(crate) async fn connect(top: &Path) -> Result<Store, Error> {
    Store::connect(Location::Folder(top.to_owned()), Options::default()).await
}

pub(crate) fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every path below a folder with its kind, length and place on the disk.
pub(crate) fn snapshot(folder: &Path) -> Vec<(PathBuf, u64, u64, bool)> {
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
