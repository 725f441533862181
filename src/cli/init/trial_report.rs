//! What a run of `pgcoffer check` said, read from its JSON, and the lines that show it.

use pgcoffer::{
    exit_status::ExitStatus,
    operation::{Area, NO_BUCKET_CURE, Verdict},
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
    fn is_without_bucket(&self) -> bool {
        self.verdict == Verdict::Failed && self.cure.as_deref() == Some(NO_BUCKET_CURE)
    }

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

    /// Whether the bucket is not there at all.
    pub(super) fn has_no_bucket(&self) -> bool {
        self.findings.iter().any(TrialFinding::is_without_bucket)
    }

    /// The same for who has just typed the bucket's name, and is asked for another one: no setting is there to correct.
    pub(super) fn asking_again(mut self) -> Self {
        for finding in self.findings.iter_mut().filter(|one| one.is_without_bucket()) {
            finding.cure = Some("make the bucket with your provider, or name another one below".to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_typed_is_typed_anew_and_no_setting_is_named() {
        let of = |cure: &str| Trial {
            findings: vec![TrialFinding {
                area: Area::Bucket,
                subject: "s3://not-there/x".to_owned(),
                what: "list".to_owned(),
                verdict: Verdict::Failed,
                detail: "NoSuchBucket".to_owned(),
                cure: Some(cure.to_owned()),
            }],
            ..Trial::default()
        };
        let trial = of(NO_BUCKET_CURE);
        assert!(trial.has_no_bucket());
        let text = trial.asking_again().failures();
        assert!(text.contains("below"), "{text}");
        assert!(!text.contains("PGCOFFER_BUCKET"), "{text}");
        assert!(!of("set AWS_REGION to the bucket's region").has_no_bucket());
    }
}
