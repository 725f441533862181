use super::Verdict;
use crate::backup::BackupId;

/// What is kept and what may be deleted: one line for each run, newest first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// The lines.
    pub lines: Vec<Line>,
}

/// The verdict on one run. As JSON: `{"id": …, "verdict": "keep", "reason": "until", …}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// The run's id.
    pub id: BackupId,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Plan {
    /// The number of runs that are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.lines.len() - self.deleted()
    }

    /// The number of runs that may be deleted.
    #[must_use]
    pub fn deleted(&self) -> usize {
        self.deletions().count()
    }

    /// The runs that may be deleted, oldest first: after an interruption, the newest remain.
    pub fn deletions(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().rev().filter(|line| line.is_deletion())
    }
}

impl Line {
    /// Whether the run may be deleted.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        matches!(self.verdict, Verdict::Delete(_))
    }
}
