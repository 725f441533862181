//! What a check says, line by line.

use serde::Serialize;

/// How one thing that was tried came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// as it should be
    Ok,
    /// not tried, because of something else; the detail says of what
    Skipped,
    /// it works, and a person should look at it
    Warning,
    /// a backup, a prune or a restore will fail
    Failed,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// a database and the client programs that dump it
    Database,
    /// the bucket
    Bucket,
    /// what seals and opens the backups
    Key,
    /// when backups are made and how long they are kept
    Schedule,
    /// who is told
    Notifications,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// what it is about
    pub area: Area,
    /// on what: a database's label, the bucket, a channel
    pub subject: String,
    /// what was tried: a few words that stay the same from one release to the next
    pub what: &'static str,
    /// how it came out
    pub verdict: Verdict,
    /// what was seen, lower case, no full stop; for what was skipped, why
    pub detail: String,
    /// what to do, where something is to be done
    pub cure: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// in the order in which it was tried
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
