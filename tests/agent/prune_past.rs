//! Backups of long ago: one real backup, sealed anew under ids of the past, in a bucket that needs no database.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{BackupId, Failure, Label, Record, Retention, Served, Status, Tier},
    seal::{Content, Header, MasterKey, Secret, open_bytes, seal_bytes},
};
use serde_json::Value;

use crate::{
    stage::{KEY, Stage},
    testbed::{Agent, Outcome, S3Server},
};

/// A bucket with backups of any age, and an agent that may prune them. No database is there to be asked.
pub(crate) struct Scene {
    pub(crate) bucket: S3Server,
}

/// A backup to be made up.
#[derive(Clone, Copy)]
pub(crate) struct Past {
    hours_ago: i64,
    retain: &'static str,
    pub(crate) tier: Tier,
    key: &'static str,
    label: &'static str,
    tagged: bool,
    failed: bool,
    suspicious: bool,
}

/// Where a backup stands.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) archive: String,
    pub(crate) record: String,
    /// where its mark would stand
    pub(crate) mark: String,
}

/// A backup as bytes.
pub(crate) struct Bytes {
    pub(crate) made: Made,
    pub(crate) archive: Vec<u8>,
    pub(crate) record: Vec<u8>,
    pub(crate) tags: Vec<(String, String)>,
}

/// The real backup, opened.
struct Template {
    record: Record,
    header: Header,
    archive: Vec<u8>,
}

impl Past {
    /// A good backup of so many hours ago, kept so long.
    pub(crate) fn good(hours_ago: i64, retain: &'static str) -> Self {
        Self {
            hours_ago,
            retain,
            tier: Tier::Daily,
            key: KEY,
            label: "main",
            tagged: true,
            failed: false,
            suspicious: false,
        }
    }

    /// The record of a run that failed so many hours ago.
    pub(crate) fn failed(hours_ago: i64) -> Self {
        let good = Self::good(hours_ago, "30d");
        Self {
            failed: true,
            ..good
        }
    }

    /// Made with another key.
    pub(crate) fn by(self, key: &'static str) -> Self {
        Self { key, ..self }
    }

    /// Of another database.
    pub(crate) fn of(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// Under another tier.
    pub(crate) fn tier(self, tier: Tier) -> Self {
        Self { tier, ..self }
    }

    /// On a service that refused tags.
    pub(crate) fn untagged(self) -> Self {
        let tagged = false;
        Self { tagged, ..self }
    }

    /// Marked by the anomaly check: it lost all its tables.
    pub(crate) fn suspicious(self) -> Self {
        let suspicious = true;
        Self { suspicious, ..self }
    }

    /// Its objects, sealed.
    pub(crate) fn bytes(self) -> Bytes {
        let (template, secret) = (template(), secret(self.key));
        let label = Label::parse(self.label).unwrap();
        let identity = secret.identity(self.label).unwrap();
        let started = Timestamp::now() - SignedDuration::from_hours(self.hours_ago);
        let id = BackupId::new(&identity, &label, started);
        let retention: Retention = self.retain.parse().unwrap();
        let archive = seal_bytes(
            id.as_str(),
            Content::Archive,
            template.header.compression,
            self.label,
            &secret,
            &template.archive,
        );
        let archive = archive.unwrap();
        let path = format!("{label}/archives/{}/{id}.pgc", self.tier);
        let mut record = Record {
            id: id.clone(),
            database: label,
            tier: self.tier,
            retention,
            expires: retention.expires(started),
            serves: vec![Served {
                tier: self.tier,
                due: started,
                retention,
            }],
            started,
            finished: started + SignedDuration::from_secs(1),
            ..template.record.clone()
        };
        let sealed = record.sealed.as_mut().unwrap();
        sealed.key.clone_from(&path);
        sealed.bytes = archive.len() as u64;
        sealed.tagged = self.tagged;
        self.spoil(&mut record);
        let json = record.to_json();
        let sealed = seal_bytes(
            id.as_str(),
            Content::Record,
            pgcoffer::seal::Compression::None,
            self.label,
            &secret,
            &json,
        );
        Bytes {
            made: Made {
                archive: format!("backups/{path}"),
                record: format!("backups/{}/records/{id}.pgc", self.label),
                mark: format!("backups/{}/marks/{id}.pgc", self.label),
                id: id.to_string(),
            },
            archive,
            record: sealed.unwrap(),
            tags: tags(&record, &identity.owner()),
        }
    }

    /// What a run that failed, or one that looks wrong, has on its record.
    fn spoil(self, record: &mut Record) {
        if self.failed {
            record.sealed = None;
            record.tables.clear();
            record.status = Status::Failed(Failure {
                error: "the database was away".to_owned(),
                hint: None,
                exit_status: 3,
            });
        }
        if self.suspicious {
            record.tables.clear();
            record.suspicious = vec!["it holds 0 tables".to_owned()];
        }
    }
}

impl Made {
    /// Archive and record.
    pub(crate) fn keys(&self) -> [&str; 2] {
        [&self.archive, &self.record]
    }

    /// What a comparison of two moments says where this, and nothing else, was deleted.
    pub(crate) fn removed(&self) -> Vec<String> {
        removed(&[self])
    }
}

/// What a comparison says where these backups, and nothing else, were deleted.
pub(crate) fn removed(gone: &[&Made]) -> Vec<String> {
    let mut keys: Vec<&str> = gone.iter().flat_map(|made| made.keys()).collect();
    keys.sort_unstable();
    keys.iter().map(|key| format!("removed {key}")).collect()
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
            record,
            tags,
        } = past.bytes();
        if !past.failed {
            self.write(&made.archive, &archive, &tags, past.hours_ago);
        }
        self.write(&made.record, &record, &tags, past.hours_ago);
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

pub(crate) fn secret(key: &str) -> Secret {
    Secret::Key(MasterKey::parse(key).unwrap())
}

/// The tags that the agent gives to archive and record.
fn tags(record: &Record, owner: &str) -> Vec<(String, String)> {
    let facts = [
        ("owner", owner.to_owned()),
        ("database", record.database.to_string()),
        ("tier", record.tier.to_string()),
        ("retain", record.retention.to_string()),
    ];
    let expires = record.expires.map(|time| ("expires", time.to_string()));
    let facts = facts.into_iter().chain(expires);
    facts
        .map(|(name, value)| (format!("pgcoffer:{name}"), value))
        .collect()
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let stage = Stage::small();
        stage.back_up();
        let secrets = [secret(KEY)];
        let read = |part| open_bytes(&stage.bucket.read(&stage.key(part)).unwrap(), &secrets);
        let (_, record) = read("/records/").unwrap();
        let (header, archive) = read("/archives/").unwrap();
        Template {
            record: Record::from_json(&record).unwrap(),
            header,
            archive,
        }
    })
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
    let fields =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let mut shown_fields = fields(&shown);
    shown_fields.retain(|name| name != "hold" && name != "accepted");
    assert_eq!(shown_fields, fields(&real));
    // this one is the newest and so stays, two days after its end
    assert_eq!(scene.verdict(&old), ("keep".into(), "floor".into()));
}
