//! Tries each right in the bucket on a probe object.

use super::outcome::{Outcome, absent_tags, guarded, of};
use crate::{
    rights::{AccessMode, S3Action},
    store::{Error, Kind, Probe, S3},
};

/// The result of trying one right.
pub(super) struct Trial {
    pub(super) action: S3Action,
    /// What was tried, in a few words.
    pub(super) what: &'static str,
    pub(super) outcome: Outcome,
}

/// All results, and what the trials left behind.
#[derive(Default)]
pub(super) struct Trials {
    pub(super) all: Vec<Trial>,
    /// Keys of probe objects that could not be deleted.
    pub(super) left: Vec<String>,
}

/// The folder of the probe objects: no database has this name, as labels have no dot.
pub(super) const FOLDER: &str = ".pgcoffer-check";
/// What the trial is called that writes once more where something is.
pub(super) const CONDITIONAL_WRITE: &str = "conditional write";

/// Tries everything. With credentials that only add, one object with a fixed name is used again and again, as they
/// can't delete it.
pub(super) async fn try_all(store: &S3, mode: Option<AccessMode>) -> Trials {
    let location = store.location();
    let key = match mode {
        Some(AccessMode::DropBox) => location.key(&format!("{FOLDER}/drop-box")),
        // where reports of drills may be written
        Some(AccessMode::Drill) => location.key(&format!("{FOLDER}/drills/check")),
        _ => location.key(&format!("{FOLDER}/{}", random())),
    };
    let only_adds = matches!(mode, Some(AccessMode::DropBox | AccessMode::Drill));
    let mut trials = Trials::default();
    let probe = store.probe(&key);
    let written = trials.write(&probe).await;
    if written && only_adds {
        trials.overwrite(&probe).await;
    }
    trials.list(&probe, written).await;
    trials.read(&probe, written).await;
    trials.tags(&probe, written).await;
    let other = format!("{key}-parts");
    let parts = if only_adds { &key } else { &other };
    // a report is written at once
    let put_together = match mode {
        Some(AccessMode::Drill) => false,
        _ => trials.parts(&store.probe(parts), parts == &key).await,
    };
    trials.delete(&probe, written, only_adds).await;
    if written && trials.may_not(S3Action::DeleteObject) {
        trials.left.push(key.clone());
    }
    if put_together && store.probe(&other).delete(None).await.is_err() {
        trials.left.push(other);
    }
    trials
}

/// A name that no other probe has. If the system has no random bytes, the time is used.
pub(super) fn random() -> String {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => data_encoding::HEXLOWER.encode(&bytes),
        Err(_) => jiff::Timestamp::now().as_nanosecond().to_string(),
    }
}

impl Trials {
    /// Whether a right was tried and denied.
    pub(super) fn may_not(&self, action: S3Action) -> bool {
        let denied = |trial: &Trial| trial.action == action && matches!(trial.outcome, Outcome::Denied(_));
        self.all.iter().any(denied)
    }

    /// Whether a right was tried and is there.
    pub(super) fn may(&self, action: S3Action) -> bool {
        let works =
            |trial: &Trial| trial.action == action && matches!(trial.outcome, Outcome::Works(_) | Outcome::Odd(..));
        self.all.iter().any(works)
    }

    fn add(&mut self, action: S3Action, what: &'static str, outcome: Outcome) {
        self.all.push(Trial { action, what, outcome });
    }

    /// Writes the probe twice. The second write must be refused.
    async fn write(&mut self, probe: &Probe<'_>) -> bool {
        let first = probe.write(true).await;
        let stands = match &first {
            Ok(()) => true,
            Err(error) => error.kind == Kind::Exists,
        };
        // a service that knows no conditions at all still may take objects
        let (first, stands) = match first {
            Err(error) if error.kind == Kind::Unsupported => {
                let plain = probe.write(false).await;
                let stands = plain.is_ok();
                (plain, stands)
            }
            other => (other, stands),
        };
        let outcome = match first {
            Err(error) if error.kind == Kind::Exists => Ok(()),
            other => other,
        };
        self.add(S3Action::PutObject, "write", of(outcome, "an object was written"));
        if stands {
            let again = probe.write(true).await;
            self.add(S3Action::PutObject, CONDITIONAL_WRITE, guarded(again));
        }
        stands
    }

    /// Tries whether an object can be overwritten without a condition, as a thief would.
    async fn overwrite(&mut self, probe: &Probe<'_>) {
        let outcome = match probe.write(false).await {
            Err(error) if error.kind == Kind::Denied => {
                Outcome::Works("an existing object can't be overwritten by a write without the condition".to_owned())
            }
            Ok(()) => Outcome::Odd(
                "a write without the condition overwrites an existing object".to_owned(),
                "use the policy that `pgcoffer policy --mode drop-box` prints, where the service knows its conditions; \
                 else versioning or Object Lock".to_owned(),
            ),
            Err(error) => of(Err(error), ""),
        };
        self.add(S3Action::PutObject, "overwrite", outcome);
    }

    async fn list(&mut self, probe: &Probe<'_>, written: bool) {
        let outcome = match probe.list().await {
            Ok(0) if written => Outcome::Odd(
                "the object that was just written is not in the list".to_owned(),
                "this service lists new objects late: a new backup may not be seen, and be made again".to_owned(),
            ),
            other => of(other.map(drop), "objects can be listed"),
        };
        self.add(S3Action::ListBucket, "list", outcome);
    }

    async fn read(&mut self, probe: &Probe<'_>, written: bool) {
        let outcome = match (written, probe.look().await) {
            (true, Ok(_)) => of(probe.read().await, "an object was read, whole and by range"),
            (false, Ok(_)) => of(Ok(()), "objects can be read"),
            (_, Err(error)) => self.without_object(error, "objects can be read"),
        };
        self.add(S3Action::GetObject, "read", outcome);
    }

    /// The result for an object that doesn't exist: the kind of refusal shows the right, unless the service hides
    /// missing objects from credentials that can't list.
    fn without_object(&self, error: Error, works: &str) -> Outcome {
        match error.kind {
            Kind::NotFound => Outcome::Works(works.to_owned()),
            Kind::Denied if !self.may(S3Action::PutObject) && self.may_not(S3Action::ListBucket) => {
                Outcome::Untried("no object to try it on, and a missing one is hidden without s3:ListBucket".to_owned())
            }
            _ => of(Err(error), works),
        }
    }

    async fn tags(&mut self, probe: &Probe<'_>, written: bool) {
        if !written {
            let found = probe.tags().await;
            let outcome = match found {
                Ok(_) => of(Ok(()), "tags can be read"),
                Err(error) => self.without_object(error, "tags can be read"),
            };
            self.add(S3Action::GetObjectTagging, "read tags", absent_tags(outcome));
            let why = "no object to try it on".to_owned();
            self.add(S3Action::PutObjectTagging, "write tags", Outcome::Untried(why));
            return;
        }
        let tagged = probe.tag().await;
        let was_tagged = tagged.is_ok();
        self.add(
            S3Action::PutObjectTagging,
            "write tags",
            absent_tags(of(tagged, "an object was tagged")),
        );
        let outcome = match probe.tags().await {
            Ok(0) if was_tagged => Outcome::Odd(
                "the service accepts tags and doesn't keep them".to_owned(),
                "backups don't need them: their records hold the same facts".to_owned(),
            ),
            other => of(other.map(drop), "tags can be read"),
        };
        self.add(S3Action::GetObjectTagging, "read tags", absent_tags(outcome));
    }

    /// Uploads in parts, lists the upload, completes it, and aborts another one; gives whether an object was created. If
    /// an object of that name already exists (`taken`), completing must be refused, which proves the right as well.
    async fn parts(&mut self, probe: &Probe<'_>, taken: bool) -> bool {
        let begun = match probe.begin().await {
            Ok(upload_id) => upload_id,
            Err(error) => {
                let outcome = of(Err(error), "");
                self.add(S3Action::PutObject, "upload in parts", outcome);
                let why = || Outcome::Untried("no upload could be begun".to_owned());
                self.add(S3Action::AbortMultipartUpload, "abort an upload", why());
                self.uploads(probe, None).await;
                return false;
            }
        };
        let sent = probe.send_part(&begun).await;
        self.uploads(probe, Some(&begun)).await;
        let done = match sent {
            Ok(part) => probe.complete(&begun, part).await,
            Err(error) => Err(error),
        };
        let done = match done {
            Err(error) if error.kind == Kind::Exists && taken => Ok(()),
            other => other,
        };
        let put_together = done.is_ok() && !taken;
        self.add(
            S3Action::PutObject,
            "upload in parts",
            of(done, "an upload in parts was completed"),
        );
        let aborted = if put_together {
            match probe.begin().await {
                Ok(another) => probe.abort(&another).await,
                Err(error) => Err(error),
            }
        } else {
            probe.abort(&begun).await
        };
        let aborted = match aborted {
            // some services end an upload with the refusal to put it together
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            other => other,
        };
        self.add(
            S3Action::AbortMultipartUpload,
            "abort an upload",
            of(aborted, "an upload was aborted"),
        );
        put_together
    }

    async fn uploads(&mut self, probe: &Probe<'_>, under_way: Option<&str>) {
        let uploads = match probe.uploads().await {
            Err(error) if error.kind == Kind::Unsupported => Outcome::Absent(
                "this service doesn't list uploads: what a run that died left behind must be aborted by a lifecycle \
                 rule"
                    .to_owned(),
            ),
            other => of(other.map(drop), "unfinished uploads can be listed"),
        };
        self.add(S3Action::ListBucketMultipartUploads, "list uploads", uploads);
        let parts = match under_way {
            None => Outcome::Untried("no upload could be begun".to_owned()),
            Some(upload_id) => match probe.parts(upload_id).await {
                Err(error) if error.kind == Kind::Unsupported => {
                    Outcome::Absent("this service doesn't list the parts of uploads".to_owned())
                }
                other => of(other.map(drop), "the parts of an upload can be listed"),
            },
        };
        self.add(S3Action::ListMultipartUploadParts, "list parts", parts);
    }

    /// Deletes with a condition that isn't met, then without one, and looks whether the object is gone. In drop-box mode
    /// it deletes a name that was never written, which shows the right as well.
    async fn delete(&mut self, probe: &Probe<'_>, written: bool, drop_box: bool) {
        if !written || drop_box {
            return self.delete_nothing(probe).await;
        }
        // a right that is missing is told by the plain request, which needs no other
        let etag = probe.look().await.ok().flatten();
        let condition = match &etag {
            Some(_) => Some(probe.delete(Some("\"00000000000000000000000000000000\"")).await),
            None => None,
        };
        let deleted = match &condition {
            Some(Ok(())) => Ok(()),
            _ => probe.delete(None).await,
        };
        let is_done = deleted.is_ok();
        self.add(S3Action::DeleteObject, "delete", of(deleted, "the object was deleted"));
        if let (true, Some(condition)) = (is_done, condition) {
            let outcome = match condition {
                Ok(()) => Outcome::Odd(
                    "the service ignores If-Match on DELETE".to_owned(),
                    "prune looks at each object right before; let nobody else write to its folders".to_owned(),
                ),
                Err(error) if error.kind == Kind::Exists => {
                    Outcome::Works("an object that has changed since it was looked at is not deleted".to_owned())
                }
                Err(error) if error.kind == Kind::Unsupported => Outcome::Absent(
                    "this service has no conditional deletes: prune looks at each object right before".to_owned(),
                ),
                Err(error) => of(Err(error), ""),
            };
            self.add(S3Action::DeleteObject, "conditional delete", outcome);
        }
        if is_done && probe.look().await.is_ok() {
            let why = "the service said that the object was deleted, and it is still there".to_owned();
            let cure =
                "nothing can be pruned here: let a lifecycle rule delete, or ask whoever runs the service".to_owned();
            self.add(S3Action::DeleteObject, "deleted", Outcome::Odd(why, cure));
        }
    }

    async fn delete_nothing(&mut self, probe: &Probe<'_>) {
        let outcome = match probe.delete_nothing().await {
            Ok(()) => Outcome::Works("deleting is allowed".to_owned()),
            Err(error) if error.kind == Kind::NotFound => Outcome::Works("deleting is allowed".to_owned()),
            Err(error) => of(Err(error), ""),
        };
        self.add(S3Action::DeleteObject, "delete", outcome);
    }
}
