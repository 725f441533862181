use std::time::Duration;

use super::{AppliedRules, changes, document, of_databases, others, read, rivals};
use crate::{
    backup::Label,
    error::{Error, Result},
    lifecycle::{Document, Plan, warnings_at},
    operation::Interrupt,
    store::{self, Lifecycle, S3},
    text::counted,
};

/// Pauses before each look at what was written: on AWS a new configuration may show late.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-set-lifecycle-configuration-intro.html>
const LOOKS_MS: [u64; 6] = [0, 250, 750, 1000, 2000, 4000];
/// How often the old rules are put back before it is left to a person.
const UNDO_ATTEMPTS: u32 = 3;

/// Puts the rules of a plan into the bucket: reads what is there, puts ours among it, writes, reads back, compares
/// everything, and undoes it on any difference.
///
/// S3 has no condition for this request: of two that read before either wrote, the later write takes the other's rules
/// away. Each then finds that something is missing or new and puts back what it had read; both fail and say so. One
/// that read what the other had written does no harm.
///
/// A signal is heeded before anything is written, not between that and the comparison.
///
/// # Errors
/// [`Error::Lifecycle`] before anything is written. [`Error::Rules`] says what the service did and what stands now.
pub async fn apply_lifecycle(
    store: &S3,
    databases: &[Label],
    plan: &Plan,
    interrupt: &Interrupt,
) -> Result<AppliedRules> {
    let there = interrupt.or(read(store)).await?;
    let before = document(there.as_ref())?;
    before.check_known()?;
    let ours = of_databases(store, databases);
    let wanted = before.with(&plan.rules, &ours)?;
    let mut warnings = plan.warnings.clone();
    warnings.extend(warnings_at(store.host(), plan));
    warnings.extend(rivals(store, databases, &before));
    let applied = AppliedRules {
        bucket: store.location().bucket.clone(),
        written: wanted != before,
        changes: changes(&before, &wanted, &ours),
        of_others: others(&before, &ours),
        warnings,
    };
    if applied.written {
        let writing = Writing {
            store,
            there,
            before,
            wanted,
            ours: &ours,
        };
        writing.carry_out().await?;
    }
    Ok(applied)
}

/// From the first write to the last comparison.
struct Writing<'a> {
    store: &'a S3,
    /// What the service gave, and what it said.
    there: Option<Lifecycle>,
    before: Document,
    wanted: Document,
    ours: &'a dyn Fn(&str) -> bool,
}

/// What a look shows.
enum Seen {
    /// What was written, and all else as it was.
    Wanted,
    /// What was there before.
    Before,
    /// Something else.
    Other(Vec<String>),
    /// Nothing.
    Nothing(Error),
}

impl Writing<'_> {
    async fn carry_out(&self) -> Result<()> {
        let new = Lifecycle {
            xml: self.wanted.xml(),
            minimum_size: self.minimum_size(),
        };
        let answer = self.store.put_lifecycle(&new).await;
        if let Err(error) = &answer {
            tracing::warn!("{error}: looking whether it was done");
        }
        let refusal = matches!(&answer, Err(error) if !error.kind.is_passing());
        match (self.settle(refusal).await, answer) {
            (Seen::Wanted, _) => Ok(()),
            (Seen::Before, Err(error)) if !error.kind.is_passing() => Err(refused(&error)),
            (Seen::Before, Err(error)) => self.undo(format!("{error}")).await,
            (Seen::Before, Ok(())) => {
                let why = "the service said that it took the rules, and shows the old ones";
                self.undo(why.to_owned()).await
            }
            (Seen::Other(differences), _) => {
                let lines = differences.join("\n  ");
                let why = format!("the service did not keep what it was sent:\n  {lines}");
                self.undo(why).await
            }
            (Seen::Nothing(error), _) => {
                let why = format!("what was written can't be read back ({error})");
                self.undo(why).await
            }
        }
    }

    /// Part of every write, since the service goes back to its default without it.
    fn minimum_size(&self) -> Option<String> {
        self.there.as_ref()?.minimum_size.clone()
    }

    /// Looks until what was written shows; what is neither that nor the old is looked at twice.
    async fn settle(&self, refusal: bool) -> Seen {
        let mut last = Seen::Before;
        for pause in LOOKS_MS {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let seen = self.look().await;
            match (&seen, &last) {
                (Seen::Wanted, _) | (Seen::Other(_), Seen::Other(_)) | (Seen::Nothing(_), Seen::Nothing(_)) => {
                    return seen;
                }
                // nothing is on its way
                (Seen::Before, _) if refusal => return seen,
                _ => last = seen,
            }
        }
        last
    }

    async fn look(&self) -> Seen {
        let back = match self.store.lifecycle().await {
            Ok(back) => back,
            Err(error) => return Seen::Nothing(error.into()),
        };
        let document = match document(back.as_ref()) {
            Ok(document) => document,
            Err(error) => return Seen::Nothing(error),
        };
        let mut differences = self.wanted.differences(&document, self.ours);
        differences.extend(self.size_difference(back.as_ref()));
        if differences.is_empty() {
            Seen::Wanted
        } else if self.is_before(back.as_ref(), &document) {
            Seen::Before
        } else {
            Seen::Other(differences)
        }
    }

    /// Where there were no rules there was no minimum size either, and the service chooses its default.
    fn size_difference(&self, back: Option<&Lifecycle>) -> Option<String> {
        let before = &self.there.as_ref()?.minimum_size;
        let after = back.and_then(|back| back.minimum_size.clone());
        let text = |size: &Option<String>| size.clone().unwrap_or_else(|| "none".to_owned());
        (*before != after).then(|| {
            format!(
                "the default minimum size of what is moved was {} and is {}",
                text(before),
                text(&after)
            )
        })
    }

    fn is_before(&self, back: Option<&Lifecycle>, document: &Document) -> bool {
        *document == self.before && self.size_difference(back).is_none()
    }

    /// Puts back what was there. Always an error: what happened, and what stands now.
    async fn undo(&self, why: String) -> Result<()> {
        tracing::warn!("the rules are not as they should be: putting back what was there");
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
            tokio::time::sleep(store::pause(attempt)).await;
            attempt += 1;
        };
        Err(self.left(&why, &state))
    }

    /// What was there before, and what somebody else has added since: their rules are not ours to take away.
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

    fn left(&self, why: &str, state: &str) -> Error {
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
                "{why}\nTHE OLD RULES COULD NOT BE PUT BACK. In s3://{bucket} now stands: {state}.\nWhat should stand \
                 there: {should}"
            ),
            hint: format!(
                "put the bucket's rules right by hand, at once: rules that the service changed may delete what nobody \
                 meant (aws s3api get-bucket-lifecycle-configuration --bucket {bucket})"
            ),
        }
    }
}

fn refused(error: &store::Error) -> Error {
    let hint = match error.kind {
        store::Kind::Denied => {
            "writing lifecycle rules needs s3:PutLifecycleConfiguration on the bucket: run this once with its owner's \
             credentials"
        }
        _ => "`pgcoffer lifecycle plan --xml` prints the rules, to be put there by other means",
    };
    Error::Rules {
        why: format!("{error}; the rules stand as they stood"),
        hint: hint.to_owned(),
    }
}

fn undone(why: &str) -> Error {
    Error::Rules {
        why: format!("{why}\nwhat was there before was put back, and was found to stand as it stood"),
        hint: "this service can't be trusted with these rules, or somebody else wrote at the same time: if it happens \
            again, let `pgcoffer prune` delete and choose the class at upload with PGCOFFER_STORAGE_CLASS"
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
