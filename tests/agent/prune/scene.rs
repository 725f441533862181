//! A bucket with backups of the past in it, and an agent that prunes it; no database is there to be asked.

use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    prune::past::{Bytes, Made, Past},
    stage::{KEY, Stage},
    testbed::{Agent, Outcome, S3Server},
};

/// A bucket with backups of any age, and an agent that may prune them. No database is there to be asked.
pub(crate) struct Scene {
    pub(crate) bucket: S3Server,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            bucket: S3Server::start(),
        }
    }

    /// A backup of two days ago that was kept for one hour, and one of an hour ago that is kept for a week.
    pub(crate) fn with_one_expired() -> (Self, Made) {
        let scene = Self::new();
        let old = scene.put(Past::good(48, "1h"));
        scene.put(Past::good(1, "7d"));
        (scene, old)
    }

    /// Puts a backup there, written when it says.
    pub(crate) fn put(&self, past: Past) -> Made {
        let Bytes {
            made,
            archive,
            details,
            record,
            tags,
        } = past.bytes();
        if !past.failed {
            self.write(&made.archive, &archive, &tags, past.hours_ago);
        }
        // as if it had stood for a day: what has just come pushes nothing out that would be the last one of some age,
        // and most tests are about other rules
        self.write(&made.details, &details, &tags, past.hours_ago.max(25));
        self.write(&made.record, &record, &tags, past.hours_ago.max(25));
        if !past.tagged {
            for key in made.keys() {
                self.bucket.set_tags(key, &[]);
            }
        }
        made
    }

    pub(crate) fn write(&self, key: &str, bytes: &[u8], tags: &[(String, String)], hours_ago: i64) {
        self.bucket.write(key, bytes.to_vec());
        let tags: Vec<(&str, &str)> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.bucket.set_tags(key, &tags);
        self.age(key, hours_ago);
    }

    /// Makes an object, or the uploads under its key, older by so many hours.
    pub(crate) fn age(&self, key: &str, hours: i64) {
        let age = SignedDuration::from_hours(hours);
        self.bucket.age(key, age.unsigned_abs());
    }

    /// One that keeps at least one good backup.
    pub(crate) fn agent(&self) -> Agent {
        Agent::new()
            .s3(&self.bucket)
            .database_url("main", "postgresql://nobody@127.0.0.1:1/nothing")
            .key(KEY)
            .env("PGCOFFER_KEEP_LAST", "1")
    }

    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.agent().run(args)
    }

    /// Prunes, which must succeed; what changed in the bucket.
    #[track_caller]
    pub(crate) fn pruned(&self) -> Vec<String> {
        self.changed_by(&self.agent(), 0).0
    }

    /// Prunes with this agent, which ends with this status; what changed in the bucket, and how it ended.
    #[track_caller]
    pub(crate) fn changed_by(&self, agent: &Agent, code: i32) -> (Vec<String>, Outcome) {
        let before = self.bucket.snapshot();
        let outcome = agent.run(["prune"]).ended_with(code);
        (before.changes(&self.bucket.snapshot()), outcome)
    }

    /// Prunes by the command line's words, deletes nothing, and ends with this status.
    #[track_caller]
    pub(crate) fn deletes_nothing(&self, code: i32) -> Outcome {
        let (changes, outcome) = self.changed_by(&self.agent(), code);
        assert_eq!(changes, [""; 0], "{}", outcome.text());
        let deletes = self.bucket.count("DeleteObject") + self.bucket.count("DeleteObjects");
        assert_eq!(deletes + self.bucket.count("AbortMultipartUpload"), 0);
        outcome
    }

    /// The plan for `main`.
    #[track_caller]
    pub(crate) fn plan(&self) -> Value {
        let outcome = self.run(["prune", "--dry-run", "--json"]).success();
        outcome.json()["databases"][0].clone()
    }

    /// The verdict on a backup and the reason, by the plan's words for programs.
    #[track_caller]
    pub(crate) fn verdict(&self, made: &Made) -> (String, String) {
        let plan = self.plan();
        let lines = plan["backups"].as_array().unwrap();
        let line = lines.iter().find(|line| line["id"] == *made.id);
        let line = line.unwrap_or_else(|| panic!("{} is not in {plan:#}", made.id));
        let word = |name: &str| line[name].as_str().unwrap().to_owned();
        (word("verdict"), word("reason"))
    }

    /// What the plan says of a leftover: why it is kept, none where it is to be deleted.
    #[track_caller]
    pub(crate) fn kept(&self, key: &str) -> Option<String> {
        let plan = self.plan();
        let lines = plan["leftovers"].as_array().unwrap();
        let line = lines.iter().find(|line| line["key"] == key);
        let line = line.unwrap_or_else(|| panic!("{key} is not in {plan:#}"));
        line["kept"].as_str().map(str::to_owned)
    }
}

#[test]
fn a_backup_of_the_past_is_what_the_agent_itself_would_have_made() {
    let scene = Scene::new();
    let old = scene.put(Past::good(48, "1h"));
    scene.run(["verify", &old.id]).success();
    let stage = Stage::small();
    let real = stage.back_up_with(["--tier", "daily", "--retain", "1h"]);
    let names = |tags: Option<Vec<(String, String)>>| -> Vec<String> {
        tags.unwrap().into_iter().map(|(name, _)| name).collect()
    };
    for (ours, part) in [(&old.archive, "/archives/"), (&old.record, "/records/")] {
        assert_eq!(
            names(scene.bucket.tags(ours)),
            names(stage.bucket.tags(&stage.key(part)))
        );
    }
    let shown = scene.run(["show", &old.id, "--json"]).success().json();
    let fields = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let mut shown_fields = fields(&shown);
    let of_show = "hold retained accepted notices last_read_back drills drill_findings measured places places_unseen";
    shown_fields.retain(|name| !of_show.split(' ').any(|other| other == name));
    let mut made_fields = fields(&real);
    made_fields.retain(|name| !["made", "copies"].contains(&name.as_str()));
    assert_eq!(shown_fields, made_fields);
    // this one is the newest and so stays, two days after its end
    assert_eq!(scene.verdict(&old), ("keep".into(), "floor".into()));
}
