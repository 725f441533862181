//! Backups of long ago: one real backup, sealed anew under ids of the past.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{Anomaly, BackupId, Details, Label, Reason, Record, Retention, Served, Status, Tier, TurnName},
    cause::Cause,
    compress::Reader,
    seal::{Content, MasterKey, SealedHeader, Secret, open_bytes},
};

use crate::{
    stage::{KEY, Stage},
    testbed::{identity, sealed, sealed_details},
};

/// A backup to be made up.
#[derive(Clone, Copy)]
pub(crate) struct Past {
    pub(crate) hours_ago: i64,
    retain: &'static str,
    tier: Tier,
    key: &'static str,
    label: &'static str,
    pub(crate) tagged: bool,
    pub(crate) failed: bool,
    suspicious: bool,
}

/// Where a backup stands.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) archive: String,
    pub(crate) details: String,
    pub(crate) record: String,
    /// where its mark would stand
    pub(crate) mark: String,
}

/// A backup as bytes.
pub(crate) struct Bytes {
    pub(crate) made: Made,
    pub(crate) archive: Vec<u8>,
    pub(crate) details: Vec<u8>,
    pub(crate) record: Vec<u8>,
    pub(crate) tags: Vec<(String, String)>,
}

/// The key of a turn of drop-box mode that began so many hours ago.
pub(crate) fn turn(tier: &str, hours_ago: i64) -> String {
    let secret = Secret::Key(MasterKey::parse(KEY).unwrap());
    let identity = identity(&secret, "main");
    let began = Timestamp::now() - SignedDuration::from_hours(hours_ago);
    let label = Label::parse("main").unwrap();
    let name = TurnName::new(&identity, &label, tier.parse().unwrap(), began, began);
    format!("backups/main/turns/{tier}/{}", name.as_str())
}

/// The real backup, opened.
struct Template {
    record: Record,
    details: Details,
    header: SealedHeader,
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
        Self { failed: true, ..good }
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
        let identity = identity(&secret, self.label);
        let started = Timestamp::now() - SignedDuration::from_hours(self.hours_ago);
        let id = BackupId::new(&identity, &label, started);
        let retention: Retention = self.retain.parse().unwrap();
        let archive = sealed(
            id.as_str(),
            Content::Archive,
            template.header.compression,
            self.label,
            &secret,
            &template.archive,
        );
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
        let of_archive = &mut record.sealed.as_mut().unwrap().objects[0];
        of_archive.key.clone_from(&path);
        of_archive.bytes = archive.len() as u64;
        of_archive.etag = None;
        of_archive.tagged = self.tagged;
        let mut details = template.details.clone();
        self.spoil(&mut record, &mut details);
        let details = sealed_details(&mut record, &details, &secret);
        let json = record.to_json();
        let record_bytes = sealed(
            id.as_str(),
            Content::Record,
            pgcoffer::seal::PayloadCompression::None,
            self.label,
            &secret,
            &json,
        );
        Bytes {
            made: Made {
                archive: format!("backups/{path}"),
                details: format!("backups/{}/details/{id}.pgc", self.label),
                record: format!("backups/{}/records/{id}.pgc", self.label),
                mark: format!("backups/{}/marks/{id}.pgc", self.label),
                id: id.to_string(),
            },
            archive,
            details,
            record: record_bytes,
            tags: tags(&record, &identity.owner()),
        }
    }

    /// What a run that failed, or one that looks wrong, has on its record.
    fn spoil(self, record: &mut Record, details: &mut Details) {
        if self.failed {
            record.sealed = None;
            details.tables.clear();
            details.error = Some("the database was away".into());
            record.status = Status::Failed {
                exit_status: 3,
                cause: Cause::default(),
            };
        }
        if self.suspicious {
            details.tables.clear();
            details.suspicious = vec![Reason::FewerTables {
                tables: 0,
                least_tables: 2,
                backups: 5,
            }];
            record.anomalies = vec![Anomaly::FewerTables];
        }
        record.counts = details.counts();
    }
}

impl Made {
    /// Archive, details and record.
    pub(crate) fn keys(&self) -> [&str; 3] {
        [&self.archive, &self.details, &self.record]
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
    facts.map(|(name, value)| (format!("pgcoffer:{name}"), value)).collect()
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let stage = Stage::small();
        stage.back_up();
        let secrets = [secret(KEY)];
        let read = |part| open_bytes(&stage.bucket.read(&stage.key(part)).unwrap(), &secrets);
        let (_, record) = read("/records/").unwrap();
        let record = Record::from_json(&record).unwrap();
        let (_, details) = read("/details/").unwrap();
        let (header, archive) = read("/archives/").unwrap();
        Template {
            details: Details::read(|| Reader::new(&details, 1 << 20), &record).unwrap(),
            record,
            header,
            archive,
        }
    })
}
