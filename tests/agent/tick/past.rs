//! Runs of earlier days, written into the bucket as they would have written them; and printed text without what changes
//! from run to run.

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{BackupId, Details, Label, Record},
    seal::{Content, MasterKey, PayloadCompression, Secret},
};
use serde_json::{Value, json};

use crate::{
    stage::{KEY, Stage},
    testbed::{REPOSITORY, S3Server, identity, sealed, sealed_details},
};

/// A run that began some time ago.
pub(crate) struct Run {
    label: &'static str,
    key: &'static str,
    started: Timestamp,
    record: Value,
    details: Value,
}

pub(crate) fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

pub(crate) fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

impl Run {
    /// A good manual backup of two tables of `main`, that took a minute and is kept forever.
    pub(crate) fn ago(ago: SignedDuration) -> Self {
        let started = whole_second(Timestamp::now() - ago);
        let record = json!({
            "version": 1, "tier": "manual", "retention": "forever", "expires": null, "serves": [],
            "started": started, "finished": started + minutes(1), "agent": "0.1.0", "status": "succeeded",
            "anomalies": [], "compared": 5, "source": null, "sealed": null,
        });
        let details = json!({
            "error": null, "hint": null, "warnings": [], "suspicious": [],
            "tables": [table("people", 500), table("visits", 0)],
        });
        Self {
            label: "main",
            key: KEY,
            started,
            record,
            details,
        }
    }

    /// Of another database, sealed with its own key.
    pub(crate) fn of(mut self, label: &'static str, key: &'static str) -> Self {
        (self.label, self.key) = (label, key);
        self
    }

    /// Made for a period of this tier that fell due when the run began.
    pub(crate) fn serving(mut self, tier: &str, keep: &str) -> Self {
        let retention: pgcoffer::backup::Retention = keep.parse().unwrap();
        self.record["tier"] = tier.into();
        self.record["retention"] = keep.into();
        self.record["expires"] = json!(retention.expires(self.started));
        let served = json!({"tier": tier, "due": self.started, "retention": keep});
        self.record["serves"].as_array_mut().unwrap().push(served);
        self
    }

    /// No backup, with this exit status.
    pub(crate) fn failed(mut self, exit_status: u8) -> Self {
        self.record["status"] = "failed".into();
        self.details["error"] = "no route to the database".into();
        self.record["exit_status"] = exit_status.into();
        self.record["cause"] = "database-unreachable".into();
        self.details["tables"] = json!([]);
        self
    }

    /// It held so many rows in its first table.
    pub(crate) fn rows(mut self, rows: u64) -> Self {
        self.details["tables"] = json!([table("people", rows), table("visits", 0)]);
        self
    }

    /// It looked wrong when it was made: its first table had lost its rows.
    pub(crate) fn suspicious(self) -> Self {
        self.suspicious_for(json!({
            "kind": "lost_rows", "schema": "public", "table": "people", "rows": 3, "least_rows": 500, "backups": 5,
        }))
    }

    /// It looked wrong when it was made, for this reason as it stands in the details.
    pub(crate) fn suspicious_for(mut self, reason: Value) -> Self {
        self.record["anomalies"] = json!(["lost_rows"]);
        self.details["suspicious"] = json!([reason]);
        self
    }

    /// Any field of its record or its details, by its path.
    pub(crate) fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let found = self.record.pointer_mut(pointer);
        *found.or(self.details.pointer_mut(pointer)).unwrap() = value.into();
        self
    }

    /// Puts it into the bucket: the archive, the details, and the record.
    pub(crate) fn put(mut self, bucket: &S3Server) -> String {
        let secret = Secret::Key(MasterKey::parse(self.key).unwrap());
        let identity = identity(&secret, self.label);
        let id = BackupId::new(&identity, &Label::parse(self.label).unwrap(), self.started);
        let id = id.as_str().to_owned();
        self.record["id"] = id.as_str().into();
        self.record["repository"] = REPOSITORY.into();
        self.record["database"] = self.label.into();
        let below = format!("{}/{}", bucket.prefix(), self.label);
        let seal = |content, plain: &[u8]| sealed(&id, content, PayloadCompression::None, self.label, &secret, plain);
        if self.record["status"] == "succeeded" {
            let archive = seal(Content::Archive, b"what pg_dump wrote on that day");
            let tier = self.record["tier"].as_str().unwrap();
            let key = format!("{}/archives/{tier}/{id}.pgc", self.label);
            self.record["sealed"] = json!({
                "objects": [{
                    "key": key, "bytes": archive.len(), "sha256": "", "crc64nvme": "", "etag": null, "tagged": false,
                }],
                "dump_bytes": 4000, "part_bytes": 8 << 20,
                "compression": {"algorithm": "none", "level": 0, "chunk_bytes": 512 << 10},
            });
            self.write(bucket, &format!("{}/{key}", bucket.prefix()), archive);
        }
        let details: Details = serde_json::from_value(self.details.clone()).unwrap();
        self.record["counts"] = json!(details.counts());
        let mut record = Record::from_json(self.record.to_string().as_bytes()).unwrap();
        let details = sealed_details(&mut record, &details, &secret);
        self.record["details_bytes"] = record.details_bytes.into();
        self.record["details_sha256"] = record.details_sha256.raw().into();
        self.write(bucket, &format!("{below}/details/{id}.pgc"), details);
        let record = seal(Content::Record, self.record.to_string().as_bytes());
        self.write(bucket, &format!("{below}/records/{id}.pgc"), record);
        id
    }

    fn write(&self, bucket: &S3Server, key: &str, bytes: Vec<u8>) {
        bucket.write(key, bytes);
        let ago = Timestamp::now().duration_since(self.started);
        bucket.age(key, ago.unsigned_abs());
    }
}

impl Stage {
    /// Puts a run of earlier days into the bucket; its id.
    pub(crate) fn put(&self, run: Run) -> String {
        run.put(&self.bucket)
    }
}

fn table(name: &str, rows: u64) -> Value {
    json!({"schema": "public", "name": name, "rows": rows, "bytes": rows * 20, "fingerprint": "0".repeat(32), "span": [0, 0]})
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap()
}

/// A schedule of which no period begins within hours of this moment, so that nothing falls due while a test runs: each
/// tier's last period began at least 25 minutes ago, and its next one begins in 25 minutes at the earliest.
pub(crate) fn calm(clauses: &str) -> String {
    let day = Timestamp::now() + hours(3 * 24);
    let day = day.strftime("%A").to_string().to_lowercase();
    let now = Timestamp::now().strftime("%H %M").to_string();
    let (hour, minute) = now.split_once(' ').unwrap();
    let away = |text: &str, by: u32, of: u32| (text.parse::<u32>().unwrap() + by) % of;
    let (hour, minute) = (away(hour, 12, 24), away(minute, 30, 60));
    clauses
        .replace(":MM", &format!(":{minute:02}"))
        .replace("HH", &format!("{hour:02}"))
        .replace("DAY", &day)
}

/// A text with ids, times, lengths of time, sizes, ports and the widths of columns put in brackets or taken away.
pub(crate) fn settled(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let columns: Vec<&str> = line.split("  ").map(str::trim).collect();
        let columns = columns.into_iter().filter(|column| !column.is_empty());
        let columns: Vec<String> = columns.map(settled_column).collect();
        columns.join("  ") + "\n"
    });
    lines.collect()
}

/// A column of a table, or a whole line elsewhere.
fn settled_column(text: &str) -> String {
    let is_word = ["manual", "hourly", "weekly", "yearly", "failed"].contains(&text);
    let is_short_id = text.len() == 6 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    let is_age = text == "now" || text.ends_with(" ago");
    match (is_short_id && !is_word, is_age && text.split(' ').count() < 4) {
        (true, _) => "[id]".to_owned(),
        (_, true) => "[age]".to_owned(),
        _ => settled_words(text),
    }
}

fn settled_words(text: &str) -> String {
    // what was made within the same second
    let text = text.replace("just now", "0 seconds ago");
    let mut settled: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let bare = word.trim_end_matches([',', ':', '.', '`', ';']);
        let behind = &word[bare.len()..];
        let last = settled.last().map(String::as_str);
        let what = match kind(bare) {
            "clock" if last == Some("[time]") => continue,
            "clock" | "date" => "[time]",
            "span" if last == Some("[span]") => {
                settled.pop();
                "[span]"
            }
            "span" => "[span]",
            "id" => "[id]",
            _ if is_length(bare) && last.is_some_and(|last| last.parse::<f64>().is_ok()) => {
                settled.pop();
                "[span]"
            }
            "unit" if last.is_some_and(|last| last.parse::<f64>().is_ok()) => {
                settled.pop();
                "[size]"
            }
            _ => bare,
        };
        settled.push(format!("{what}{behind}"));
    }
    settled.join(" ")
}

/// A unit of an age in words: `5 hours`.
fn is_length(word: &str) -> bool {
    ["second", "minute", "hour", "day"].contains(&word.trim_end_matches('s'))
}

/// What a word is, by its shape: digits are `9` in it and small letters `a`.
fn kind(word: &str) -> &'static str {
    let word = word.trim_start_matches('`');
    if BackupId::parse(word).is_ok() {
        return "id";
    }
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    match shape.as_str() {
        "9999-99-99" | "99-99" => "date",
        "99:99" | "99:99:99" => "clock",
        "B" | "KiB" | "MiB" => "unit",
        "9s" | "99s" | "9m" | "99m" | "9h" | "99h" | "9d" | "99d" | "999d" => "span",
        _ => "",
    }
}
