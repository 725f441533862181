//! Findings of a check, a line each as they come.

use std::sync::{Mutex, PoisonError};

use pgcoffer::{
    Result,
    backup::Label,
    operation::{Area, CheckReport, Finding, Verdict},
    redact::redacted,
    text::continued,
};
use serde_json::json;

use super::{
    output::{Output, insert, print, print_document, to_json},
    width::{columns, wrapped},
};

/// The lines so far: a heading whenever they turn to something else.
pub(super) struct CheckLines {
    json: bool,
    about: Mutex<Option<(Area, String)>>,
}

impl CheckLines {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            about: Mutex::new(None),
        }
    }

    /// Prints one; of JSON there is one document, at the end.
    pub(super) fn tell(&self, finding: &Finding) {
        if self.json {
            return;
        }
        let about = Some((finding.area, finding.subject.clone()));
        let mut before = self.about.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        if *before != about {
            let gap = if before.is_some() { "\n" } else { "" };
            text = format!("{gap}{}\n", heading(finding.area, &finding.subject));
            *before = about;
        }
        text.push_str(&line(&finding.into(), columns(std::io::stdout())));
        // what can't be shown is in the exit status all the same
        let _ = print(text);
    }
}

/// A finding as its line shows it.
pub(super) struct FindingLine<'a> {
    pub(super) what: &'a str,
    pub(super) verdict: Verdict,
    pub(super) detail: &'a str,
    pub(super) cure: Option<&'a str>,
}

impl<'a> From<&'a Finding> for FindingLine<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            what: finding.what,
            verdict: finding.verdict,
            detail: &finding.detail,
            cure: finding.cure.as_deref(),
        }
    }
}

pub(super) fn heading(area: Area, subject: &str) -> String {
    match area {
        Area::Database if subject == "this machine" => "This machine".to_owned(),
        Area::Database if subject == "database" => "Database".to_owned(),
        Area::Database => format!("Database {subject}"),
        Area::Bucket => format!("Bucket {subject}"),
        Area::Place => format!("Place {subject}"),
        Area::Key => format!("Key of {subject}"),
        Area::Schedule => format!("Schedule of {subject}"),
        Area::Drill => "Drills".to_owned(),
        Area::Notifications if subject == "notifications" => "Notifications".to_owned(),
        Area::Notifications => format!("Notifications by {subject}"),
    }
}

/// The columns before a detail: verdict and what was tried.
const BEFORE: usize = 30;
/// The least columns in which a detail stands beside these.
const BESIDE_MIN: usize = 78;

pub(super) fn line(finding: &FindingLine<'_>, columns: Option<usize>) -> String {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Skipped => "-",
        Verdict::Warning => "warning",
        Verdict::Failed => "FAILED",
    };
    let detail = continued(&redacted(finding.detail)).into_owned();
    if columns.is_some_and(|columns| columns < BESIDE_MIN) {
        return narrow_line(verdict, finding, &detail, columns);
    }
    let seen = format!("  {verdict:<8} {:<20} {detail}", finding.what);
    // behind the two spaces that every line begins with
    let mut text = wrapped(&seen, BEFORE, columns) + "\n";
    if let Some(cure) = finding.cure {
        let cure = continued(&redacted(cure)).into_owned();
        let cure = format!("  {:<8} {:<20} => {cure}", "", "");
        text.push_str(&wrapped(&cure, "=> ".len(), columns));
        text.push('\n');
    }
    text
}

/// The same on a narrow terminal: what was tried, and below it what came of it.
fn narrow_line(verdict: &str, finding: &FindingLine<'_>, detail: &str, columns: Option<usize>) -> String {
    let mut text = format!("  {verdict:<8} {}\n", finding.what);
    text.push_str(&wrapped(&format!("    {detail}"), 0, columns));
    text.push('\n');
    if let Some(cure) = finding.cure {
        let cure = continued(&redacted(cure)).into_owned();
        text.push_str(&wrapped(&format!("    => {cure}"), "=> ".len(), columns));
        text.push('\n');
    }
    text
}

impl Output {
    pub(super) fn checked(self, report: &CheckReport) -> Result<()> {
        let count = |verdict| report.count(verdict);
        if self.json {
            let mut value = to_json(report)?;
            insert(&mut value, "failed", count(Verdict::Failed).into());
            insert(&mut value, "warnings", count(Verdict::Warning).into());
            return self.print_json(&value);
        }
        let warnings = match count(Verdict::Warning) {
            1 => "1 warning".to_owned(),
            n => format!("{n} warnings"),
        };
        let left_out = match count(Verdict::Skipped) {
            0 => String::new(),
            n => format!(", {n} not tried"),
        };
        print(format!(
            "\n{} ok, {warnings}, {} failed{left_out}\n",
            count(Verdict::Ok),
            count(Verdict::Failed)
        ))
    }

    pub(super) fn reader_sql(self, database: &Label, role: &str, sql: &str) -> Result<()> {
        if self.json {
            let value = json!({ "database": database, "role": role, "sql": sql });
            return self.print_json(&value);
        }
        print_document(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_narrow_terminal_a_detail_stands_below() {
        let finding = FindingLine {
            what: "conditional write",
            verdict: Verdict::Warning,
            detail: "what is there is written over, though the request forbids it (PutObject)",
            cure: Some("use a service that has conditional writes"),
        };
        let shown = line(&finding, Some(60));
        assert_eq!(
            shown,
            "  warning  conditional write\n    what is there is written over, though the request\n    forbids it \
             (PutObject)\n    => use a service that has conditional writes\n"
        );
        assert_eq!(
            line(&finding, Some(100))
                .lines()
                .next()
                .map(|line| line.find("what is there")),
            Some(Some(32))
        );
    }
}
