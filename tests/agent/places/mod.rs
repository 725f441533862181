//! Other places: copies, what is read from them, and what happens there.

mod copying;
mod damage;
mod drop_box;
mod drop_box_server;
mod health;
mod kept;
mod lost_bucket;
mod runbook;
mod server;
mod settings;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    stage::Stage,
    testbed::{Agent, S3Server},
};

/// A database, a bucket, and two places beside it: another S3 service with credentials of its own, and a folder.
pub(crate) struct Places {
    pub(crate) stage: Stage,
    pub(crate) other: S3Server,
    pub(crate) folder: tempfile::TempDir,
}

impl Places {
    pub(crate) fn of(sql: &'static str) -> Self {
        Self {
            stage: Stage::of(sql),
            other: S3Server::start(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// An agent that knows both places.
    pub(crate) fn agent(&self) -> Agent {
        with_folder(with_s3(self.stage.agent(), &self.other), self.folder.path())
    }

    /// Copies by hand, which must succeed; the reports.
    pub(crate) fn copy<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
        let args = ["copy", "--json"].into_iter().chain(args);
        let copied = self.agent().run(args).success().json();
        copied["copies"].as_array().unwrap().clone()
    }

    /// What is in the folder: each file with its bytes.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files(self.folder.path())
    }
}

/// The agent with a place `offsite` on this service, by credentials that the bucket doesn't have.
pub(crate) fn with_s3(agent: Agent, place: &S3Server) -> Agent {
    let all = json!({ "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
    let (id, secret) = place.credentials_with(&all);
    let url = format!("s3://{}/{}", place.bucket(), "copies");
    agent
        .env("PGCOFFER_COPY_OFFSITE_URL", url)
        .env("PGCOFFER_COPY_OFFSITE_ENDPOINT_URL", place.endpoint())
        .env("PGCOFFER_COPY_OFFSITE_PATH_STYLE", "true")
        .env("PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID", id)
        .env("PGCOFFER_COPY_OFFSITE_SECRET_ACCESS_KEY", secret)
}

/// The agent with a place `nas` in this folder.
pub(crate) fn with_folder(agent: Agent, folder: &Path) -> Agent {
    agent.env("PGCOFFER_COPY_NAS_URL", format!("file://{}", folder.display()))
}

/// All files below a folder, by their paths from it.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(one) = left.pop() {
        for entry in fs::read_dir(one).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                left.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The report of one place.
#[track_caller]
pub(crate) fn of_place<'a>(reports: &'a [Value], place: &str) -> &'a Value {
    let found = reports.iter().find(|report| report["place"] == place);
    found.unwrap_or_else(|| panic!("nothing of {place}: {reports:#?}"))
}
