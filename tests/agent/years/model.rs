//! What the test itself knows of one database's backups, by arithmetic of its own: what is due, what may go, what must.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{BackupId, Label, Record, Retention, Served, Tier},
    seal::{Secret, open_bytes},
};

use crate::{
    testbed::{S3Server, identity},
    years::plan::{Plan, end},
};

pub(crate) const KEEP_LAST: usize = 3;
/// How far ahead of the clock a run may be dated and still be believed.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// One run that was seen in the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) record: Record,
    /// when it came, by the bucket's clock: an agent whose clock is wrong dates its runs otherwise
    arrived: Timestamp,
    /// what the database held
    pub(crate) content: i64,
}

/// One database's runs: those that stand, and every period that was ever served.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) label: &'static str,
    pub(crate) secret: Secret,
    pub(crate) plan: Plan,
    pub(crate) standing: BTreeMap<String, Known>,
    served: BTreeMap<(Tier, Timestamp), String>,
    was_above_floor: bool,
    /// archives and uploads that are no backups, and since when they were seen
    left: BTreeMap<String, Timestamp>,
    pub(crate) made: usize,
    pub(crate) deleted: usize,
}

impl Model {
    pub(crate) fn new(label: &'static str, secret: Secret, plan: Plan) -> Self {
        Self {
            label,
            secret,
            plan,
            standing: BTreeMap::new(),
            served: BTreeMap::new(),
            was_above_floor: false,
            left: BTreeMap::new(),
            made: 0,
            deleted: 0,
        }
    }

    /// The periods that are due: those that no good run in the bucket serves.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Served> {
        let due = |&(tier, retention): &(Tier, Retention)| {
            let due = self.plan.latest(tier, now);
            let serves = |known: &Known| {
                let record = &known.record;
                let of_tier = record.serves.iter().any(|served| served.tier == tier);
                of_tier && record.started >= due
            };
            let good = self.good(now);
            let is_served = good.into_iter().any(serves);
            (!is_served).then_some(Served { tier, due, retention })
        };
        self.plan.keep.iter().filter_map(due).collect()
    }

    /// The good runs that are not dated ahead, newest first.
    fn good(&self, now: Timestamp) -> Vec<&Known> {
        let mut good: Vec<&Known> = self.timely(now).filter(|known| known.record.is_good()).collect();
        good.sort_by_key(|known| std::cmp::Reverse(known.record.started));
        good
    }

    fn timely(&self, now: Timestamp) -> impl Iterator<Item = &Known> {
        let standing = self.standing.values();
        standing.filter(move |known| known.record.started <= now + SKEW)
    }

    /// Whether the newest run is good, so that something may be deleted at all.
    fn may_delete(&self, now: Timestamp) -> bool {
        let newest = self.timely(now).max_by_key(|known| known.record.started);
        newest.is_some_and(|known| known.record.is_good())
    }

    /// Whether nothing keeps this run any more.
    fn has_run_out(&self, known: &Known, now: Timestamp) -> bool {
        let record = &known.record;
        if record.started > now + SKEW {
            return false;
        }
        if !record.is_good() {
            return record.started + SignedDuration::from_hours(30 * 24) <= now;
        }
        let good = self.good(now);
        let newest = good.iter().take(KEEP_LAST);
        let in_floor = newest.into_iter().any(|other| other.record.id == record.id);
        let mut serves = record.serves.iter();
        !in_floor && !is_an_elder(known, &good, now) && serves.all(|served| self.is_over(record, served, &good, now))
    }

    fn is_over(&self, record: &Record, served: &Served, good: &[&Known], now: Timestamp) -> bool {
        let Retention::Newest(count) = served.retention else {
            return end(record.started, served.retention) <= now;
        };
        // what came when the period was long over stands for nobody's
        let in_time = |run: &Known, due: Timestamp| {
            let open = SignedDuration::from_hours(2 * hours(served.tier) + 24);
            let came = run.arrived.max(run.record.started);
            came.duration_since(due) <= open
        };
        let of_tier = || {
            let runs = good.iter();
            let serves = runs.flat_map(|run| run.record.serves.iter().map(move |served| (run, served)));
            serves.filter(|(run, other)| other.tier == served.tier && in_time(run, other.due))
        };
        let mut newer: Vec<Timestamp> = Vec::new();
        let mut dues: Vec<_> = of_tier()
            .map(|(_, other)| other.due)
            .filter(|due| *due > served.due)
            .collect();
        dues.sort_unstable();
        // moments closer together than a third of the period are one
        for due in dues.into_iter().rev() {
            let third = SignedDuration::from_mins(hours(served.tier) * 20);
            let apart = |last: &Timestamp| last.duration_since(due) >= third;
            if newer.last().is_none_or(|last| *last != due && apart(last)) {
                newer.push(due);
            }
        }
        let mut same = of_tier().filter(|(run, other)| other.due == served.due && run.record.started > record.started);
        newer.len() >= usize::from(count)
            || same.any(|(_, other)| matches!(other.retention, Retention::Newest(n) if n >= count))
    }

    /// Whether the newest good run was followed by a failure that still asks for patience.
    pub(crate) fn may_pause(&self, now: Timestamp) -> bool {
        let newest_good = self.good(now).first().map(|known| known.record.started);
        let mut failed = self.timely(now).filter(|known| !known.record.is_good());
        failed.any(|known| {
            let record = &known.record;
            newest_good.is_none_or(|good| record.started > good)
                && record.finished + SignedDuration::from_hours(6) + SKEW > now
        })
    }

    /// Looks at the bucket after a tick that began at `began` and ended at `now`, by the clock it had: what is new,
    /// what is gone, and whether that may be.
    pub(crate) fn look(&mut self, bucket: &S3Server, (began, now): (Timestamp, Timestamp), honest: bool, content: i64) {
        let records = self.found(bucket, "records");
        for (id, (key, _)) in &records {
            if !self.standing.contains_key(id) {
                let arrived = bucket.arrived(key).unwrap();
                let record = self.opened(id, &bucket.read(key).unwrap());
                self.meet(
                    Known {
                        record,
                        arrived,
                        content,
                    },
                    honest,
                    began,
                );
            }
        }
        let gone: Vec<String> = self
            .standing
            .keys()
            .filter(|id| !records.contains_key(*id))
            .cloned()
            .collect();
        for id in &gone {
            let known = &self.standing[id];
            assert!(
                self.may_delete(now),
                "{id} was deleted though the newest run is not good"
            );
            assert!(
                self.has_run_out(known, now),
                "{id} was deleted and is kept: {:?}",
                known.record
            );
            assert!(honest, "{id} was deleted by a wrong clock");
        }
        self.deleted += gone.len();
        self.standing.retain(|id, _| records.contains_key(id));
        let good = self.standing.values().filter(|known| known.record.is_good()).count();
        self.was_above_floor |= good >= KEEP_LAST;
        assert!(
            !self.was_above_floor || good >= KEEP_LAST,
            "{}: {good} are left",
            self.label
        );
        self.look_at_archives(bucket);
    }

    /// A record that its own key opens.
    fn opened(&self, id: &str, sealed: &[u8]) -> Record {
        let (_, json) = open_bytes(sealed, std::slice::from_ref(&self.secret)).expect("it is of another database");
        let record = Record::from_json(&json).unwrap();
        assert_eq!((record.id.as_str(), record.database.as_str()), (id, self.label));
        record
    }

    /// A run that was not there before: it serves nothing that is served already.
    fn meet(&mut self, known: Known, honest: bool, began: Timestamp) {
        let record = &known.record;
        let id = record.id.to_string();
        assert!(record.started >= began, "{id} began before its tick");
        if record.is_good() && honest {
            for served in &record.serves {
                let earlier = self.served.insert((served.tier, served.due), id.clone());
                assert_eq!(earlier, None, "{id} serves again what was served: {served:?}");
            }
        }
        self.standing.insert(id, known);
        self.made += 1;
    }

    /// Every good run has its archive; others are counted from the day when they were seen.
    fn look_at_archives(&mut self, bucket: &S3Server) {
        let mut archives = self.found(bucket, "archives");
        for (id, known) in self.standing.iter().filter(|(_, known)| known.record.is_good()) {
            let sealed = known.record.object().unwrap();
            let (key, bytes) = archives
                .remove(id)
                .unwrap_or_else(|| panic!("the archive of {id} is gone"));
            assert!(key.ends_with(&sealed.key), "{key}");
            assert_eq!(bytes, sealed.bytes, "{key}");
        }
        let uploads = bucket.uploads_under_way().into_iter();
        let mine = format!("/{}/", self.label);
        let uploads = uploads
            .filter(|upload| upload.key.contains(&mine))
            .map(|upload| upload.upload_id);
        let left = uploads.chain(archives.into_values().map(|(key, _)| key));
        let seen = |what: String| {
            // one that a clock ahead has dated is young until that day
            let id = what
                .rsplit('/')
                .next()
                .and_then(|name| BackupId::parse(name.strip_suffix(".pgc")?).ok());
            let dated = id.map_or(Timestamp::MIN, |id| id.time());
            let since = self.left.get(&what).copied();
            (what, since.unwrap_or_else(|| bucket.now().max(dated)))
        };
        self.left = left.map(seen).collect();
    }

    /// After a tick in calm weather: nothing stands that should be gone.
    pub(crate) fn assert_tidy(&self, began: Timestamp) {
        if !self.may_delete(began) {
            return;
        }
        for (id, known) in &self.standing {
            let keeps = !self.has_run_out(known, began) || Some(known.record.started) == self.newest(began);
            assert!(keeps, "{id} stands and should be gone at {began}: {:?}", known.record);
        }
        for (what, since) in &self.left {
            let days = began.duration_since(*since).as_hours() / 24;
            assert!(days < 2, "{what} was left behind for {days} days");
        }
    }

    fn newest(&self, now: Timestamp) -> Option<Timestamp> {
        self.timely(now).map(|known| known.record.started).max()
    }

    /// Objects in one of this database's folders that bear an id of ours: their keys and lengths.
    fn found(&self, bucket: &S3Server, folder: &str) -> BTreeMap<String, (String, u64)> {
        let identity = identity(&self.secret, self.label);
        let label = Label::parse(self.label).unwrap();
        let below = format!("{}/{}/{folder}/", bucket.prefix(), self.label);
        let objects = bucket
            .objects()
            .into_iter()
            .filter(|object| object.key.starts_with(&below));
        objects
            .filter_map(|object| {
                let name = object.key.rsplit('/').next()?.strip_suffix(".pgc")?;
                let id = BackupId::parse(name).ok()?;
                let ours = id.is_by(&identity, &label) && !object.key.contains("/manual/");
                ours.then(|| (name.to_owned(), (object.key.clone(), object.size_bytes)))
            })
            .collect()
    }
}

/// Whether it is the newest good one that has stood for one of these numbers of days. `good`: newest first.
fn is_an_elder(known: &Known, good: &[&Known], now: Timestamp) -> bool {
    [1, 7, 30, 90, 365].iter().any(|days| {
        let since = now - SignedDuration::from_hours(24 * days);
        let elder = good.iter().find(|other| other.arrived <= since);
        elder.is_some_and(|elder| elder.record.id == known.record.id)
    })
}

/// How long a period of a tier lasts, at the least.
fn hours(tier: Tier) -> i64 {
    match tier {
        Tier::Manual => 0,
        Tier::Hourly => 1,
        Tier::Daily => 24,
        Tier::Weekly => 7 * 24,
        Tier::Monthly => 28 * 24,
        Tier::Yearly => 365 * 24,
    }
}
