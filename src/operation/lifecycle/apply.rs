use std::time::Duration;

use super::{AppliedRules, changes, conflicting_rules, count_others, document, our_rules, read};
use crate::{
    backup::Label,
    error::{Error, Result},
    lifecycle::{Document, LifecyclePlan, service_warnings},
    operation::Interrupt,
    retry::Backoff,
    store::{self, Lifecycle, S3},
    text::counted,
};

/// Pauses before each attempt to read the rules back, in milliseconds. AWS may show a new configuration late.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-set-lifecycle-configuration-intro.html>
const READ_PAUSES_MS: [u64; 6] = [0, 250, 750, 1000, 2000, 4000];
/// How often the agent tries to restore the old rules before it leaves that to the user.
const UNDO_ATTEMPTS: u32 = 3;

/// Writes the rules of a plan into the bucket: reads the bucket's rules, merges ours into them, writes them, reads them
/// back, compares all of them, and restores the old rules on any difference.
///
/// Not atomic, as S3 has no conditional write for this request. If two agents read before either writes, the later
/// write removes the other's rules. Each then finds a difference, restores what it had read, and fails with an error.
/// An agent that reads what another has written does no harm.
///
/// Safe to cancel before the write. From the write to the comparison a signal is ignored.
///
/// # Errors
/// [`Error::Lifecycle`] before anything is written. [`Error::Rules`] says what the service did and which rules it has
/// now.
pub async fn apply_lifecycle(
    store: &S3,
    databases: &[Label],
    plan: &LifecyclePlan,
    interrupt: &Interrupt,
) -> Result<AppliedRules> {
    let there = interrupt.or(read(store)).await?;
    let before = document(there.as_ref())?;
    before.check_known()?;
    let ours = our_rules(store, databases);
    let wanted = before.with(&plan.rules, &ours)?;
    let mut warnings = plan.warnings.clone();
    warnings.extend(service_warnings(store.host(), plan));
    warnings.extend(conflicting_rules(store, databases, &before));
    let applied = AppliedRules {
        bucket: store.location().bucket.clone(),
        written: wanted != before,
        changes: changes(&before, &wanted, &ours),
        of_others: count_others(&before, &ours),
        warnings,
    };
    if applied.written {
        let write = RuleWrite {
            store,
            there,
            before,
            wanted,
            ours: &ours,
        };
        write.run().await?;
    }
    Ok(applied)
}

/// The steps from the first write to the last comparison.
struct RuleWrite<'a> {
    store: &'a S3,
    /// The configuration that the service had before.
    there: Option<Lifecycle>,
    before: Document,
    wanted: Document,
    ours: &'a dyn Fn(&str) -> bool,
}

/// The state of the bucket's rules when they are read back.
enum BucketState {
    /// Our rules as written, and all others unchanged.
    Written,
    /// The rules from before the write.
    Unchanged,
    /// Other rules. Holds the differences.
    Different(Vec<String>),
    /// The rules could not be read.
    Unreadable(Error),
}

impl RuleWrite<'_> {
    async fn run(&self) -> Result<()> {
        let new = Lifecycle {
            xml: self.wanted.xml(),
            minimum_size: self.minimum_size(),
        };
        let answer = self.store.put_lifecycle(&new).await;
        if let Err(error) = &answer {
            tracing::warn!("{error}: reading the rules back to see whether they were written");
        }
        let refusal = matches!(&answer, Err(error) if !error.kind.is_passing());
        match (self.settle(refusal).await, answer) {
            (BucketState::Written, _) => Ok(()),
            (BucketState::Unchanged, Err(error)) if !error.kind.is_passing() => Err(refused(&error)),
            (BucketState::Unchanged, Err(error)) => self.undo(format!("{error}")).await,
            (BucketState::Unchanged, Ok(())) => {
                let why = "the service confirmed the new rules, and still shows the old ones";
                self.undo(why.to_owned()).await
            }
            (BucketState::Different(differences), _) => {
                let lines = differences.join("\n  ");
                let why = format!("the service changed the rules that it was sent:\n  {lines}");
                self.undo(why).await
            }
            (BucketState::Unreadable(error), _) => {
                let why = format!("the written rules can't be read back ({error})");
                self.undo(why).await
            }
        }
    }

    /// The service's minimum object size. Sent with every write, since the service resets it to its default otherwise.
    fn minimum_size(&self) -> Option<String> {
        self.there.as_ref()?.minimum_size.clone()
    }

    /// Reads the rules until the new ones show. A state that is neither new nor old counts only when it is seen twice.
    async fn settle(&self, refusal: bool) -> BucketState {
        let mut last = BucketState::Unchanged;
        for pause in READ_PAUSES_MS {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let seen = self.read_back().await;
            match (&seen, &last) {
                (BucketState::Written, _)
                | (BucketState::Different(_), BucketState::Different(_))
                | (BucketState::Unreadable(_), BucketState::Unreadable(_)) => {
                    return seen;
                }
                // the write was refused, so nothing more will change
                (BucketState::Unchanged, _) if refusal => return seen,
                _ => last = seen,
            }
        }
        last
    }

    async fn read_back(&self) -> BucketState {
        let back = match self.store.lifecycle().await {
            Ok(back) => back,
            Err(error) => return BucketState::Unreadable(error.into()),
        };
        let document = match document(back.as_ref()) {
            Ok(document) => document,
            Err(error) => return BucketState::Unreadable(error),
        };
        let mut differences = self.wanted.differences(&document, self.ours);
        differences.extend(self.size_difference(back.as_ref()));
        if differences.is_empty() {
            BucketState::Written
        } else if self.is_before(back.as_ref(), &document) {
            BucketState::Unchanged
        } else {
            BucketState::Different(differences)
        }
    }

    /// Compares the minimum object size. Without rules there was none, and the service sets its default.
    fn size_difference(&self, back: Option<&Lifecycle>) -> Option<String> {
        let before = &self.there.as_ref()?.minimum_size;
        let after = back.and_then(|back| back.minimum_size.clone());
        let text = |size: &Option<String>| size.clone().unwrap_or_else(|| "none".to_owned());
        (*before != after).then(|| {
            format!(
                "the minimum size of objects to move was {} and is now {}",
                text(before),
                text(&after)
            )
        })
    }

    fn is_before(&self, back: Option<&Lifecycle>, document: &Document) -> bool {
        *document == self.before && self.size_difference(back).is_none()
    }

    /// Restores the old rules. Always returns an error: what happened, and which rules the bucket has now.
    async fn undo(&self, why: String) -> Result<()> {
        tracing::warn!("the rules are not as they should be: restoring the old rules");
        let mut attempt = 1;
        let state = loop {
            let old = self.old_with_added().await;
            let written = self.put_back(&old).await;
            tokio::time::sleep(Duration::from_millis(250)).await;
            let back = self.store.lifecycle().await.map_err(Error::from);
            let state = match back.and_then(|back| Ok((document(back.as_ref())?, back))) {
                Ok((document, back)) if document == old && self.size_difference(back.as_ref()).is_none() => {
                    return Err(undone(&why));
                }
                Ok((document, _)) => names(&document),
                Err(error) => format!("can't be read: {error}"),
            };
            if let Err(error) = written {
                tracing::warn!("{error}");
            }
            if attempt == UNDO_ATTEMPTS {
                break state;
            }
            tokio::time::sleep(Backoff::OF_REQUESTS.jittered(attempt)).await;
            attempt += 1;
        };
        Err(self.not_restored(&why, &state))
    }

    /// The old rules, with those that another user has added since. They are not ours to remove.
    async fn old_with_added(&self) -> Document {
        let there = self.store.lifecycle().await;
        let there = there.ok().and_then(|there| document(there.as_ref()).ok());
        match there {
            Some(there) => self.before.with_added(&there, &self.wanted),
            None => self.before.clone(),
        }
    }

    async fn put_back(&self, old: &Document) -> std::result::Result<(), store::Error> {
        if old.rules().is_empty() {
            return self.store.delete_lifecycle().await;
        }
        match &self.there {
            Some(there) if *old == self.before => self.store.put_lifecycle(there).await,
            _ => {
                let old = Lifecycle {
                    xml: old.xml(),
                    minimum_size: self.minimum_size(),
                };
                self.store.put_lifecycle(&old).await
            }
        }
    }

    fn not_restored(&self, why: &str, state: &str) -> Error {
        let should = match &self.there {
            Some(there) if !self.before.rules().is_empty() => format!(
                "{}, with the default minimum size {}:\n{}",
                names(&self.before),
                there.minimum_size.as_deref().unwrap_or("none"),
                there.xml.trim()
            ),
            _ => "no rule at all".to_owned(),
        };
        let bucket = &self.store.location().bucket;
        Error::Rules {
            why: format!(
                "{why}\nTHE OLD RULES COULD NOT BE RESTORED. s3://{bucket} now has: {state}.\nIt should have: {should}"
            ),
            hint: format!(
                "correct the bucket's rules by hand, at once: rules that the service changed may delete objects that \
                 you want to keep (aws s3api get-bucket-lifecycle-configuration --bucket {bucket})"
            ),
        }
    }
}

fn refused(error: &store::Error) -> Error {
    let hint = match error.kind {
        store::Kind::Denied => {
            "writing lifecycle rules needs s3:PutLifecycleConfiguration on the bucket: run this once with the bucket \
             owner's credentials"
        }
        _ => "`pgcoffer lifecycle plan --xml` prints the rules, so that you can write them with another tool",
    };
    Error::Rules {
        why: format!("{error}; the rules are unchanged"),
        hint: hint.to_owned(),
    }
}

fn undone(why: &str) -> Error {
    Error::Rules {
        why: format!("{why}\nthe old rules were restored, and were read back unchanged"),
        hint: "this service can't be trusted with these rules, or another program wrote rules at the same time: if it \
               happens again, let `pgcoffer prune` delete backups and choose the class at upload with \
               PGCOFFER_STORAGE_CLASS"
            .to_owned(),
    }
}

fn names(document: &Document) -> String {
    match document.rules() {
        [] => "no rule at all".to_owned(),
        rules => {
            let names: Vec<String> = rules.iter().map(crate::lifecycle::Rule::name).collect();
            format!("{} ({})", counted(names.len(), "rule"), names.join(", "))
        }
    }
}
