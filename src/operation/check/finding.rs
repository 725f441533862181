//! What a check says, line by line.

use serde::{Deserialize, Serialize};

/// How one thing that was tried came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not tried, because of something else; the detail says of what.
    Skipped,
    /// It works, and a person should look at it.
    Warning,
    /// A backup, a prune or a restore will fail.
    Failed,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// A database and the client programs that dump it.
    Database,
    /// The bucket.
    Bucket,
    /// Another place, which holds copies.
    Place,
    /// What seals and opens the backups.
    Key,
    /// When backups are made and how long they are kept.
    Schedule,
    /// Who is told.
    Notifications,
    /// Whether a drill can be carried out here.
    Drill,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// On what: a database's label, the bucket, a channel.
    pub subject: String,
    /// What was tried: a few words that stay the same from one release to the next.
    pub what: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen, lower case, no full stop; for what was skipped, why.
    pub detail: String,
    /// What to do, where something is to be done.
    pub cure: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// In the order in which it was tried.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// How many findings have that verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.verdict == verdict).count()
    }

    /// Whether nothing failed; warnings may be among them.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.count(Verdict::Failed) == 0
    }
}
