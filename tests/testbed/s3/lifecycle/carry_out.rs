//! What the rules do with objects and uploads, by the server's clock:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>.

use std::time::SystemTime;

use s3s::dto::*;

use super::super::S3Server;
use super::super::bucket::{Bucket, Object as StoredObject, Stores, Upload};
use super::super::clock::{http_date, midnight_after, time_of};
use super::super::cold::WATERFALL;
use super::{Filter, Rules};

/// Smaller objects stay where they are, unless a rule says which sizes it is about.
const LEAST_MOVED_BYTES: u64 = 128 << 10;

/// What a rule did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedOut {
    pub key: String,
    pub rule_id: String,
    pub action: LifecycleAction,
}

/// What was done with an object or an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifecycleAction {
    Expired,
    Transitioned {
        from: String,
        to: String,
    },
    Aborted {
        upload_id: String,
    },
    /// An old version, in a bucket with versions.
    VersionRemoved {
        version_id: String,
    },
}

impl S3Server {
    /// Does what the bucket's rules say is due by the server's clock, once for every object and upload. Objects come
    /// first in the answer, in order of keys, then old versions, then uploads.
    pub fn carry_out_lifecycle(&self) -> Vec<CarriedOut> {
        let now = self.shared.clock.now();
        let has_versions = self.shared.control().behaviour.has_versions();
        let mut stores = self.shared.stores();
        let Some(rules) = stores.bucket(self.bucket()).unwrap().lifecycle.clone() else {
            return vec![];
        };
        let bucket = stores.bucket(self.bucket()).unwrap();
        let objects = bucket.objects.iter();
        let mut due: Vec<_> = objects
            .filter_map(|(key, object)| rules.verdict(key, object, now))
            .collect();
        due.extend(rules.old_versions(bucket, now));
        let uploads = stores.uploads.iter();
        let uploads = uploads.filter(|(_, upload)| upload.bucket == self.bucket());
        due.extend(uploads.filter_map(|(id, upload)| rules.abort(id, upload, now)));
        due.iter()
            .for_each(|deed| deed.apply(self.bucket(), &mut stores, has_versions.then_some(now)));
        due
    }
}

impl CarriedOut {
    /// What expires stays as a version since `hidden_at`, if it stays.
    fn apply(&self, bucket: &str, stores: &mut Stores, hidden_at: Option<SystemTime>) {
        let bucket: &mut Bucket = match &self.action {
            LifecycleAction::Aborted { upload_id } => {
                stores.uploads.remove(upload_id);
                return;
            }
            _ => stores.bucket_mut(bucket).expect("its rules were read"),
        };
        match &self.action {
            LifecycleAction::Transitioned { to, .. } => {
                let object = bucket.object_mut(&self.key).expect("it was looked at");
                object.attributes.storage_class = Some(to.clone());
                object.restore = None;
            }
            LifecycleAction::VersionRemoved { version_id } => {
                bucket.remove_version(&self.key, version_id);
            }
            _ => match hidden_at {
                Some(now) => drop(bucket.hide(&self.key, now)),
                None => drop(bucket.remove(&self.key)),
            },
        }
    }
}

/// The header `x-amz-expiration`.
pub(in super::super) fn expiration(bucket: &Bucket, key: &str, object: &StoredObject) -> Option<String> {
    let (expires, rule) = bucket.lifecycle.as_ref()?.expiry(key, object)?;
    Some(format!(
        "expiry-date=\"{}\", rule-id=\"{}\"",
        http_date(expires),
        percent_encoding::utf8_percent_encode(id(rule), percent_encoding::NON_ALPHANUMERIC)
    ))
}

impl Rules {
    fn enabled(&self) -> impl Iterator<Item = &LifecycleRule> {
        let rules = self.rules.iter();
        rules.filter(|rule| rule.status.as_str() == ExpirationStatus::ENABLED)
    }

    fn about<'r>(&'r self, key: &str, object: &StoredObject) -> impl Iterator<Item = &'r LifecycleRule> {
        let size_bytes = object.content.len();
        self.enabled()
            .filter(move |rule| Filter::of(rule).fits(key, &object.tags, size_bytes))
    }

    /// What is to be done with an object. That it expires comes before that it moves.
    fn verdict(&self, key: &str, object: &StoredObject, now: SystemTime) -> Option<CarriedOut> {
        let expiry = self.expiry(key, object).filter(|(due, _)| *due <= now);
        let (rule, action) = if let Some((_, rule)) = expiry {
            (rule, LifecycleAction::Expired)
        } else {
            let (rank, rule) = self.transition(key, object, now)?;
            let (from, to) = (object.class().to_owned(), WATERFALL[rank].to_owned());
            (rule, LifecycleAction::Transitioned { from, to })
        };
        Some(CarriedOut {
            key: key.to_owned(),
            rule_id: id(rule).to_owned(),
            action,
        })
    }

    /// When an object expires, by the rule that says so first.
    fn expiry(&self, key: &str, object: &StoredObject) -> Option<(SystemTime, &LifecycleRule)> {
        let rules = self.about(key, object).filter_map(|rule| {
            let expiration = rule.expiration.as_ref()?;
            let due = due(object.modified, expiration.days, expiration.date.as_ref())?;
            Some((due, rule))
        });
        rules.min_by_key(|(due, _)| *due)
    }

    /// The coldest class that an object is due to move to, if it is below its own.
    fn transition(&self, key: &str, object: &StoredObject, now: SystemTime) -> Option<(usize, &LifecycleRule)> {
        let moves = self.about(key, object).flat_map(|rule| {
            let transitions = rule.transitions.iter().flatten();
            transitions.map(move |transition| (rule, transition))
        });
        let moves = moves.filter_map(|(rule, transition)| {
            let class = transition.storage_class.as_ref()?.as_str();
            let due = due(object.modified, transition.days, transition.date.as_ref())?;
            let rank = WATERFALL.iter().position(|name| *name == class)?;
            let moves =
                due <= now && leads_down(object.class(), rank) && self.large_enough(rule, class, object.content.len());
            moves.then_some((rank, rule))
        });
        // Of rules for the same class, the first.
        moves.reduce(|a, b| if b.0 > a.0 { b } else { a })
    }

    fn large_enough(&self, rule: &LifecycleRule, class: &str, size_bytes: u64) -> bool {
        let varies = self
            .minimum
            .as_ref()
            .is_some_and(|minimum| minimum.as_str() == TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS);
        size_bytes >= LEAST_MOVED_BYTES
            || Filter::of(rule).has_sizes()
            || varies && matches!(class, "GLACIER" | "DEEP_ARCHIVE")
    }

    /// The old versions that are to go: not those that a lock holds, nor the newest few where a rule keeps some.
    fn old_versions(&self, bucket: &Bucket, now: SystemTime) -> Vec<CarriedOut> {
        let mut newer = std::collections::BTreeMap::<&str, i32>::new();
        let mut due = Vec::new();
        for old in bucket.noncurrent.iter().rev() {
            let newer = newer.entry(&old.key).or_default();
            let rule = self.about(&old.key, &old.object).find(|rule| {
                let expiration = rule.noncurrent_version_expiration.as_ref();
                expiration.is_some_and(|expiration| {
                    let days = expiration.noncurrent_days.unwrap_or_default();
                    midnight_after(old.since, days) <= now
                        && *newer >= expiration.newer_noncurrent_versions.unwrap_or(0)
                })
            });
            *newer += 1;
            if let Some(rule) = rule.filter(|_| !old.object.lock.holds(now, false)) {
                due.push(CarriedOut {
                    key: old.key.clone(),
                    rule_id: id(rule).to_owned(),
                    action: LifecycleAction::VersionRemoved {
                        version_id: old.object.version().to_owned(),
                    },
                });
            }
        }
        due
    }

    fn abort(&self, upload_id: &str, upload: &Upload, now: SystemTime) -> Option<CarriedOut> {
        let rules = self.enabled().filter(|rule| {
            let days = rule
                .abort_incomplete_multipart_upload
                .as_ref()
                .and_then(|abort| abort.days_after_initiation);
            upload.key.starts_with(Filter::of(rule).prefix)
                && days.is_some_and(|days| midnight_after(upload.initiated, days) <= now)
        });
        Some(CarriedOut {
            key: upload.key.clone(),
            rule_id: id(rules.into_iter().next()?).to_owned(),
            action: LifecycleAction::Aborted {
                upload_id: upload_id.to_owned(),
            },
        })
    }
}

fn id(rule: &LifecycleRule) -> &str {
    rule.id.as_deref().unwrap_or_default()
}

fn due(modified: SystemTime, days: Option<i32>, date: Option<&Timestamp>) -> Option<SystemTime> {
    let by_days = days.map(|days| midnight_after(modified, days));
    by_days.or_else(|| date.map(time_of))
}

/// From the single-zone class objects move to the two coldest alone.
fn leads_down(from: &str, to_rank: usize) -> bool {
    let from_rank = WATERFALL.iter().position(|class| *class == from);
    to_rank > from_rank.unwrap_or(0) && !(from == "ONEZONE_IA" && WATERFALL[to_rank] == "GLACIER_IR")
}
