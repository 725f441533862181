//! Where findings are collected, each reported at once.

use super::{Area, CheckReport, Finding, Verdict};
use crate::backup::PlaceName;

/// Reports a finding.
pub(super) type Tell<'a> = &'a (dyn Fn(&Finding) + Send + Sync);

/// The findings so far, and what the next one is about.
pub(super) struct CheckSheet<'a> {
    tell: Tell<'a>,
    area: Area,
    subject: String,
    /// The place that is tried as the bucket is.
    place: Option<PlaceName>,
    report: CheckReport,
}

impl<'a> CheckSheet<'a> {
    pub(super) fn new(tell: Tell<'a>) -> Self {
        Self {
            tell,
            area: Area::Database,
            subject: String::new(),
            place: None,
            report: CheckReport::default(),
        }
    }

    /// From here on findings are about this.
    pub(super) fn turn_to(&mut self, area: Area, subject: impl Into<String>) {
        (self.area, self.subject) = match (&self.place, area) {
            (Some(name), Area::Bucket) => (Area::Place, format!("{name}, {}", subject.into())),
            _ => (area, subject.into()),
        };
    }

    /// From here on what is found of a bucket is about this place.
    pub(super) fn turn_to_place(&mut self, name: &PlaceName) {
        (self.area, self.subject) = (Area::Place, name.to_string());
        self.place = Some(name.clone());
    }

    pub(super) fn ok(&mut self, what: &'static str, detail: impl Into<String>) {
        self.add(what, Verdict::Ok, detail.into(), None);
    }

    /// Left out, and why.
    pub(super) fn skipped(&mut self, what: &'static str, why: impl Into<String>) {
        self.add(what, Verdict::Skipped, why.into(), None);
    }

    pub(super) fn warning(&mut self, what: &'static str, detail: impl Into<String>, cure: impl Into<String>) {
        let cure = Some(cure.into()).filter(|cure| !cure.is_empty());
        self.add(what, Verdict::Warning, detail.into(), cure);
    }

    pub(super) fn failed(&mut self, what: &'static str, detail: impl Into<String>, cure: Option<String>) {
        self.add(what, Verdict::Failed, detail.into(), cure);
    }

    pub(super) fn add(&mut self, what: &'static str, verdict: Verdict, detail: String, cure: Option<String>) {
        let finding = Finding {
            area: self.area,
            subject: self.subject.clone(),
            what,
            verdict,
            detail,
            cure,
        };
        (self.tell)(&finding);
        self.report.findings.push(finding);
    }

    pub(super) fn into_report(self) -> CheckReport {
        self.report
    }
}
