//! What a run of `pgcoffer check` said, read from its JSON, and the lines that show it.

use pgcoffer::{
    exit_status::ExitStatus,
    operation::{Area, Verdict},
};
use serde::Deserialize;

use crate::cli::{
    text_check::{FindingLine, heading, line},
    width::columns,
};

/// What one run of `check` said.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Trial {
    pub(super) findings: Vec<TrialFinding>,
    /// The exit status, where there is no report.
    #[serde(skip)]
    pub(super) failed: Option<ExitStatus>,
    /// The error, where there is no report.
    #[serde(skip)]
    pub(super) error: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct TrialFinding {
    area: Area,
    subject: String,
    what: String,
    verdict: Verdict,
    detail: String,
    cure: Option<String>,
}

impl TrialFinding {
    fn line(&self) -> String {
        let one = FindingLine {
            what: &self.what,
            verdict: self.verdict,
            detail: &self.detail,
            cure: self.cure.as_deref(),
        };
        line(&one, columns(std::io::stderr()))
    }
}

impl Trial {
    pub(super) fn is_good(&self) -> bool {
        self.failed.is_none() && self.count(Verdict::Failed) == 0
    }

    pub(super) fn count(&self, verdict: Verdict) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.verdict == verdict).count()
    }

    /// The findings about one area alone.
    pub(super) fn about(mut self, area: Area) -> Self {
        self.findings.retain(|finding| finding.area == area);
        if !self.findings.is_empty() {
            self.failed = None;
        }
        self
    }

    /// All findings, with a heading for each subject.
    pub(super) fn text(&self) -> String {
        let mut text = self.error.clone();
        let mut before = None;
        for finding in &self.findings {
            let about = (finding.area, finding.subject.as_str());
            if before != Some(about) {
                let gap = if before.is_some() { "\n" } else { "" };
                text.push_str(&format!("{gap}{}\n", heading(finding.area, &finding.subject)));
                before = Some(about);
            }
            text.push_str(&finding.line());
        }
        text
    }

    /// The findings that failed, and nothing else.
    pub(super) fn failures(&self) -> String {
        let failed = self.findings.iter().filter(|one| one.verdict == Verdict::Failed);
        let lines: Vec<String> = failed.map(TrialFinding::line).collect();
        format!("{}{}", self.error, lines.concat())
    }
}
