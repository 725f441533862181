//! A server for a test, and what the test does there.

use std::{path::PathBuf, time::Duration};

use pgcoffer::store::{Attributes, Error, PARTS_MAX, PartPlan, SftpOptions, Store, Stored, Unfinished};
use tokio::runtime::Runtime;

use crate::testbed::{Sshd, SshdOptions};

/// Longer than anything may take here.
const LIMIT: Duration = Duration::from_secs(60);

/// A server, and who works on it.
pub(crate) struct Scene {
    pub(crate) sshd: Sshd,
    runtime: Runtime,
    pub(crate) store: Store,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(SshdOptions::default(), |_| {})
    }

    pub(crate) fn with(options: SshdOptions, change: impl FnOnce(&mut SftpOptions)) -> Self {
        let sshd = Sshd::with(options);
        let mut options = sshd.sftp_options();
        change(&mut options);
        Self {
            sshd,
            runtime: Runtime::new().unwrap(),
            store: Store::connect_sftp(options).unwrap(),
        }
    }

    /// Another connection to the server.
    pub(crate) fn connect(&self, change: impl FnOnce(&mut SftpOptions)) -> Result<Store, Error> {
        let mut options = self.sshd.sftp_options();
        change(&mut options);
        Store::connect_sftp(options)
    }

    /// What comes of the first use of a connection.
    pub(crate) fn reach(&self, change: impl FnOnce(&mut SftpOptions)) -> Result<(), Error> {
        let store = self.connect(change)?;
        self.run(store.check_reachable())
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.sshd.folder().join(below)
    }

    /// Waits for what must not take long, whatever stands in the way.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { tokio::time::timeout(LIMIT, work).await })
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

    pub(crate) fn upload(&self, key: &str, body: &[u8]) -> Result<Stored, Error> {
        self.run(upload(&self.store, key, body, || ()))
    }
}

/// Uploads this body, and does something in the middle.
pub(crate) async fn upload(store: &Store, key: &str, body: &[u8], meanwhile: impl FnOnce()) -> Result<Stored, Error> {
    let plan = PartPlan::for_expected(0, PARTS_MAX);
    let mut upload = store.begin_upload(key, plan, &Attributes::default()).await?;
    let (first, second) = body.split_at(body.len() / 2);
    upload.write(first).await?;
    meanwhile();
    upload.write(second).await?;
    upload.complete().await
}
