use super::Verdict;
use crate::backup::BackupId;

/// What is kept and what may be deleted: a line for every run, newest first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// the lines
    pub lines: Vec<Line>,
}

/// The verdict on one run. As JSON: `{"id": …, "verdict": "keep", "reason": "until", …}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// the run's id
    pub id: BackupId,
    /// what becomes of it
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Plan {
    /// How many runs are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.lines.len() - self.deleted()
    }

    /// How many runs may be deleted.
    #[must_use]
    pub fn deleted(&self) -> usize {
        self.deletions().count()
    }

    /// What may be deleted, oldest first: whatever interrupts the work, the newest are left.
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
