//! The part of the page that only the form with names has: lists by name.

use super::{names::NamedFindings, page_html::Page};
use crate::{
    backup::{DrillCheck, DrillFinding, DrilledTable, TableRows},
    text::{Untrusted, counted, grouped, html_escaped},
};

/// The lines of a list that are shown; the certificate has them all.
const LINES_MAX: usize = 1000;

impl Page {
    pub(super) fn names(&mut self, names: &NamedFindings) {
        if let Some(error) = &names.error {
            self.heading("Why it could not be carried out");
            self.push(&format!("<pre>{}</pre>\n", html_escaped(&error.lines().to_string())));
        }
        self.findings("Differences by name", &names.differences);
        self.findings("Not compared, by name", &names.not_compared);
        self.findings("Left out, by name", &names.left_out);
        self.checks(&names.checks);
        self.tables(&names.tables);
        if !names.remarks.is_empty() {
            self.heading("Remarks");
            for remark in names.remarks.iter().take(LINES_MAX) {
                self.paragraph(&remark.to_string());
            }
        }
    }

    fn findings(&mut self, heading: &str, findings: &[DrillFinding]) {
        if findings.is_empty() {
            return;
        }
        self.heading(heading);
        self.push("<table class=\"list\">\n");
        for one in findings.iter().take(LINES_MAX) {
            self.row(&[&label(one), &one.why.first_line().to_string()]);
        }
        self.push("</table>\n");
        self.more(findings.len());
    }

    fn checks(&mut self, checks: &[DrillCheck]) {
        if checks.is_empty() {
            return;
        }
        self.heading("The customer's own statements");
        self.push("<table class=\"list checks\">\n");
        for check in checks.iter().take(LINES_MAX) {
            let verdict = if check.passed { "passed" } else { "failed" };
            let answer = format!("expected {}, found {}", check.expected, check.found.first_line());
            self.row(&[verdict, &check.statement.to_string(), &answer]);
        }
        self.push("</table>\n");
        self.more(checks.len());
    }

    fn tables(&mut self, tables: &[DrilledTable]) {
        if tables.is_empty() {
            return;
        }
        self.heading("Every table");
        self.push(
            "<table class=\"tables\"><thead><tr><th>Table</th><th>Rows dumped</th><th>Rows found</th><th>Fingerprint</th>\
             </tr></thead>\n<tbody>\n",
        );
        for table in tables.iter().take(LINES_MAX) {
            let name = format!("{}.{}", table.schema.identifier(), table.name.identifier());
            let rows = |side: &Option<TableRows>| match side {
                Some(held) => grouped(held.rows),
                None => "–".to_owned(),
            };
            let same = match (&table.expected, &table.found) {
                (Some(one), Some(other)) if one == other => format!("{}, equal", one.fingerprint),
                (Some(one), Some(other)) => format!("{}, found {}", one.fingerprint, other.fingerprint),
                (Some(one), None) | (None, Some(one)) => format!("{}, on one side alone", one.fingerprint),
                (None, None) => String::new(),
            };
            self.row(&[&name, &rows(&table.expected), &rows(&table.found), &same]);
        }
        self.push("</tbody></table>\n");
        self.more(tables.len());
    }

    fn more(&mut self, count: usize) {
        let more = count.saturating_sub(LINES_MAX);
        if more > 0 {
            self.paragraph(&format!(
                "… and {}, which the certificate itself has",
                counted(more, "more line")
            ));
        }
    }
}

fn label(finding: &DrillFinding) -> String {
    match finding.label.is_empty() {
        false => finding.label.to_string(),
        true => {
            let parts = [&finding.kind, &finding.schema, &finding.name];
            let parts = parts.into_iter().filter(|part| !part.is_empty());
            parts.map(Untrusted::to_string).collect::<Vec<_>>().join(" ")
        }
    }
}
