//! The bucket's lifecycle rules that pgcoffer wants, and how they are put among those that are there.
//!
//! Pure rules: [`plan`] says which rules a set of databases needs and what is wrong with the wish; [`Document`] reads a
//! bucket's configuration, and writes one in which everybody else's rules stand as they stood, byte for byte.
//!
//! A rule of ours names one folder of one database by its prefix, never a tag: some services drop filters by tag and
//! then apply the rule to the whole bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html>

mod class;
mod clause;
mod document;
mod element;
mod elsewhere;
mod kept;
mod plan;
mod planned;
mod rule;

pub use class::{Class, Retrieval, Wait};
pub use clause::{Clause, clauses};
pub use document::{Document, RULES_MAX};
pub use elsewhere::warnings_at;
pub use kept::Kept;
pub use plan::{ABORT_DAYS, Expiry, Plan, Wishes, plan};
pub use planned::{Action, Form, Planned, is_ours, owner};
pub use rule::Rule;

/// What is wrong with a wish, or with what the bucket holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// a clause can't be read
    #[error("{clause:?}: {why}")]
    Clause {
        /// the clause as it was given
        clause: String,
        /// what is wrong with it
        why: String,
    },
    /// the wishes contradict one another or what S3 takes
    #[error("{}", list("these wishes can't be met", .0))]
    Contradictions(Vec<String>),
    /// the bucket's configuration isn't one
    #[error("the bucket's lifecycle configuration can't be read: {0}")]
    Unreadable(String),
    /// the bucket's configuration holds what this version doesn't know
    #[error("{}", list("the bucket's lifecycle configuration holds what this version of pgcoffer doesn't know", .0))]
    Unknown(Vec<String>),
    /// there is no room for ours
    #[error("there would be {0} rules in the bucket, and a bucket takes {RULES_MAX}")]
    TooMany(usize),
}

impl Error {
    /// What a user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Clause { .. } => "write for example: monthly to glacier after 30d, yearly to deep_archive after 7d",
            Self::Contradictions(_) => {
                "keep the tier longer, move it sooner, or choose a class with a shorter minimum storage time: \
                 docs/glacier.md has the table"
            }
            Self::Unreadable(_) => {
                "look at it with `aws s3api get-bucket-lifecycle-configuration`; nothing was changed"
            }
            Self::Unknown(_) => {
                "nothing was changed, since rules that can't be compared afterwards can't be put back either: add the \
                 rules of `pgcoffer lifecycle plan --xml` by hand"
            }
            Self::TooMany(_) => "remove rules that nobody needs, or use a bucket of its own for backups",
        };
        Some(text.to_owned())
    }
}

/// One fault on the line, several below it.
fn list(what: &str, faults: &[String]) -> String {
    match faults {
        [only] => format!("{what}: {only}"),
        all => format!("{what}:\n  {}", all.join("\n  ")),
    }
}

#[cfg(test)]
mod tests;
