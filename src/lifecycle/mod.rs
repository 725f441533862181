//! The lifecycle rules that pgcoffer needs in the bucket, and how they are merged into those that the bucket has.
//!
//! No I/O: [`plan`] computes the rules for a set of databases and checks the options; [`Document`] parses a bucket's
//! configuration and writes one in which the rules of others are unchanged, byte for byte.
//!
//! Each rule selects one folder of one database by its prefix, never by a tag: some services drop tag filters and then
//! apply the rule to the whole bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html>

mod class;
mod document;
mod element;
mod kept_days;
mod plan;
mod planned_rule;
mod rule;
mod services;
mod transition;

pub use class::{Class, Retrieval, ThawTime};
pub use document::{Document, RULES_MAX};
pub use kept_days::KeptDays;
pub use plan::{ABORT_DAYS, Expiry, LifecyclePlan, RuleOptions, plan};
pub use planned_rule::{PlannedRule, RuleAction, RuleForm, is_ours, owner};
pub use rule::Rule;
pub use services::service_warnings;
pub use transition::{Transition, parse_transitions};

/// What is wrong with the options, or with the bucket's configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A clause can't be parsed.
    #[error("{clause:?}: {why}")]
    Transition {
        /// The clause as the user wrote it.
        clause: String,
        /// What is wrong with it.
        why: String,
    },
    /// The options contradict each other or S3's limits. Holds each contradiction.
    #[error("{}", list("these rules are impossible", .0))]
    Contradictions(Vec<String>),
    /// The bucket's configuration can't be parsed.
    #[error("the bucket's lifecycle configuration can't be read: {0}")]
    Unreadable(String),
    /// The bucket's configuration contains something that this version doesn't know.
    #[error("{}", list("the bucket's lifecycle configuration contains what this version of pgcoffer doesn't know", .0))]
    Unknown(Vec<String>),
    /// The bucket can't have that many rules.
    #[error("the bucket would have {0} rules, and S3 allows {RULES_MAX}")]
    TooMany(usize),
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Transition { .. } => {
                "write, for example: monthly to glacier after 30d, yearly to deep_archive after 7d"
            }
            Self::Contradictions(_) => {
                "keep the tier longer, move it sooner, or choose a class with a shorter minimum storage time: \
                 docs/glacier.md has the table"
            }
            Self::Unreadable(_) => "read it with `aws s3api get-bucket-lifecycle-configuration`; nothing was changed",
            Self::Unknown(_) => {
                "nothing was changed, since rules that can't be compared can't be restored either: add the rules of \
                 `pgcoffer lifecycle plan --xml` by hand"
            }
            Self::TooMany(_) => "remove rules that you don't need, or use a separate bucket for backups",
        };
        Some(text.to_owned())
    }
}

/// A single fault on the same line, several on lines below.
fn list(what: &str, faults: &[String]) -> String {
    match faults {
        [only] => format!("{what}: {only}"),
        all => format!("{what}:\n  {}", all.join("\n  ")),
    }
}

#[cfg(test)]
mod tests;
