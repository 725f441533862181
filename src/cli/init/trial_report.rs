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

    /// The host key that a server showed, if it was refused because none is pinned in this setting.
    pub(super) fn host_key(&self, setting: &str) -> Option<String> {
        let names_it = |one: &&TrialFinding| one.cure.as_ref().is_some_and(|cure| cure.contains(setting));
        let mut failed = self.findings.iter().filter(|one| one.verdict == Verdict::Failed);
        let detail = &failed.find(names_it)?.detail;
        let mut words = detail.split(|c: char| c.is_whitespace() || c == ',');
        let shown = words.find(|word| word.starts_with("SHA256:"));
        shown.map(str::to_owned)
    }

    /// What works and somebody should look at.
    pub(super) fn warnings(&self) -> Option<String> {
        let warnings = self.findings.iter().filter(|one| one.verdict == Verdict::Warning);
        Some(warnings.map(TrialFinding::line).collect()).filter(|text: &String| !text.is_empty())
    }

    /// The findings that failed, and nothing else.
    pub(super) fn failures(&self) -> String {
        let failed = self.findings.iter().filter(|one| one.verdict == Verdict::Failed);
        let lines: Vec<String> = failed.map(TrialFinding::line).collect();
        format!("{}{}", self.error, lines.concat())
    }
}
