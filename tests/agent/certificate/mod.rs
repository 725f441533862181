//! Certificates: who verifies them, what is forged, what stands in them, and what becomes of them with another key.

mod forged;
mod given_out;
mod key_change;
mod numbers;
mod others;

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::Value;

use crate::{
    stage::{SMALL, Stage},
    testbed::{Agent, Outcome},
};

/// Names that stand in the database, and in no certificate without names.
const NAMES: [&str; 3] = ["people", "visits", "guests"];

/// A backup with drills, and the public key in a file.
struct Scene {
    stage: Stage,
    agent: Agent,
}

impl Scene {
    /// So many drills, each with a certificate.
    fn drilled(count: usize) -> Self {
        let stage = Stage::backed_up(SMALL);
        let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
        let scene = Self { stage, agent };
        for _ in 0..count {
            scene.drill();
        }
        scene.write_key();
        scene
    }

    fn drill(&self) {
        self.agent.run(["drill"]).success();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.stage.file(name)
    }

    fn key_file(&self) -> PathBuf {
        self.file("key.pem")
    }

    fn write_key(&self) {
        let key = self.agent.run(["certificate", "key"]).success();
        std::fs::write(self.key_file(), &key.stdout).unwrap();
    }

    /// Every certificate, in a file of its own: in the order of their numbers.
    fn get_all(&self) -> Vec<PathBuf> {
        let outcome = self.agent.run(["certificate", "get", "--all", "--json"]).success();
        let json = outcome.json();
        let files = json["files"].as_array().unwrap().iter();
        files.map(|file| self.file(file.as_str().unwrap())).collect()
    }

    /// The newest certificate as it is given out.
    fn newest(&self) -> Value {
        self.agent.run(["certificate", "get", "-o", "-"]).success().json()
    }
}

/// Somebody who has nothing but files: no bucket, no secret, no settings.
fn verify<S: AsRef<std::ffi::OsStr>>(key: &Path, files: impl IntoIterator<Item = S>) -> Outcome {
    let mut args = vec![
        "certificate".into(),
        "verify".into(),
        "--key".into(),
        key.as_os_str().to_owned(),
    ];
    args.extend(files.into_iter().map(|file| file.as_ref().to_owned()));
    Agent::new().run(args)
}

/// What was printed, with its lines joined, since they are broken where a terminal ends.
fn told(outcome: &Outcome) -> String {
    outcome.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What an envelope states.
fn statement(envelope: &Value) -> Value {
    let payload = BASE64.decode(envelope["payload"].as_str().unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}
