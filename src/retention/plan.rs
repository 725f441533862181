use super::RetentionVerdict;
use crate::backup::BackupId;

/// What is kept and what may be deleted: one line for each run, newest first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RetentionPlan {
    /// The lines.
    pub lines: Vec<PlanLine>,
}

/// The verdict on one run. As JSON: `{"id": …, "verdict": "keep", "reason": "until", …}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlanLine {
    /// The run's id.
    pub id: BackupId,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: RetentionVerdict,
}

impl RetentionPlan {
    /// The number of runs that may be deleted.
    #[must_use]
    pub fn deleted(&self) -> usize {
        self.deletions().count()
    }

    /// The runs that may be deleted, oldest first: after an interruption, the newest remain.
    pub fn deletions(&self) -> impl Iterator<Item = &PlanLine> {
        self.lines.iter().rev().filter(|line| line.is_deletion())
    }
}

impl PlanLine {
    /// Whether the run may be deleted.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        matches!(self.verdict, RetentionVerdict::Delete(_))
    }
}
