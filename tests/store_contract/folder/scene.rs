//! A folder for a test, and what the test does there.

use std::{
    fs,
    path::{Path, PathBuf},
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
