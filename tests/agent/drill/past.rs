//! Drills of earlier days, written into the bucket as they would have written them.

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{BackupId, DrillName, Label},
    seal::{Content, MasterKey, PayloadCompression, Secret},
};
use serde_json::{Value, json};

use crate::{
    stage::KEY,
    testbed::{REPOSITORY, S3Server, identity, sealed},
};

/// The report of a drill that began some time ago.
pub(crate) struct PastDrill {
    label: &'static str,
    key: &'static str,
    began: Timestamp,
    id: BackupId,
    report: Value,
}

impl PastDrill {
    /// A drill of this backup of `main` that proved all of it.
    pub(crate) fn ago(id: &str, ago: SignedDuration) -> Self {
        let began = Timestamp::from_second((Timestamp::now() - ago).as_second()).unwrap();
        let id = BackupId::parse(id).unwrap();
        let report = json!({
            "version": 1, "repository": REPOSITORY, "id": id, "backed_up": id.time(),
            "started": began, "finished": began + SignedDuration::from_mins(7), "who": "ann@desk", "agent": "0.1.0",
            "outcome": "completed", "verdict": "proven", "differences": 0, "not_compared": 0, "checks_passed": 0,
            "checks_failed": 0, "scratch": {"place": "local", "version": "16.4", "major": 16}, "source_version": "16.4",
            "dump_bytes": 4000, "findings_bytes": 0, "findings_sha256": "", "times": {"prepare_ms": 900, "restore_ms": 362_000, "compare_ms": 9000}, "earlier": [],
        });
        Self {
            label: "main",
            key: KEY,
            began,
            id,
            report,
        }
    }

    /// Of another database, or sealed with another key.
    pub(crate) fn of(mut self, label: &'static str, key: &'static str) -> Self {
        (self.label, self.key) = (label, key);
        self
    }

    /// It found differences.
    pub(crate) fn not_proven(self, differences: u64) -> Self {
        self.with("/verdict", "not_proven").with("/differences", differences)
    }

    /// It could not be carried out.
    pub(crate) fn not_carried_out(mut self) -> Self {
        let report = self.report.as_object_mut().unwrap();
        for name in [
            "verdict",
            "differences",
            "not_compared",
            "checks_passed",
            "checks_failed",
        ] {
            report.remove(name);
        }
        report["outcome"] = "not_carried_out".into();
        report.insert("exit_status".to_owned(), 1.into());
        report.insert("cause".to_owned(), "disk-full".into());
        self
    }

    /// Any field of its report, by its path.
    pub(crate) fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        *self.report.pointer_mut(pointer).unwrap() = value.into();
        self
    }

    fn secret(&self) -> Secret {
        Secret::Key(MasterKey::parse(self.key).unwrap())
    }

    pub(crate) fn name(&self) -> DrillName {
        let label = Label::parse(self.label).unwrap();
        DrillName::new(&identity(&self.secret(), self.label), &label, &self.id, self.began)
    }

    /// The sealed report.
    pub(crate) fn sealed(&self) -> Vec<u8> {
        let mut report = self.report.clone();
        let name = self.name();
        report["name"] = name.as_str().into();
        report["database"] = self.label.into();
        let (content, plain) = (Content::Drill, PayloadCompression::None);
        let json = report.to_string();
        sealed(
            name.as_str(),
            content,
            plain,
            self.label,
            &self.secret(),
            json.as_bytes(),
        )
    }

    /// Puts it into the bucket; its key.
    pub(crate) fn put(self, bucket: &S3Server) -> String {
        let key = self.path(bucket, ".pgc");
        self.write(bucket, &key, self.sealed());
        key
    }

    /// Puts in only that it has begun; the key.
    pub(crate) fn begun(self, bucket: &S3Server) -> String {
        let key = self.path(bucket, ".begun");
        self.write(bucket, &key, b"a drill began\n".to_vec());
        key
    }

    fn path(&self, bucket: &S3Server, end: &str) -> String {
        format!("{}/{}/drills/{}{end}", bucket.prefix(), self.label, self.name())
    }

    fn write(&self, bucket: &S3Server, key: &str, bytes: Vec<u8>) {
        bucket.write(key, bytes);
        let ago = Timestamp::now().duration_since(self.began);
        bucket.age(key, ago.unsigned_abs());
    }
}
