//! The page as a text that grows: its parts of HTML, with everything that is put into them escaped.

use std::fmt::Write as _;

use super::{predicate::DrillPredicate, style::STYLE};
use crate::text::{html_escaped, second};

/// A page while it is written.
pub(super) struct Page(String);

impl Page {
    pub(super) fn begin(predicate: &DrillPredicate) -> Self {
        let database = html_escaped(predicate.database.as_str());
        let day = predicate.drill.started_on.strftime("%Y-%m-%d");
        Self(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>Restore drill of {database}, {day}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n\
             <header><p class=\"kind\">Certificate of a restore drill</p>\n<h1>Database {database}</h1>\n\
             <p class=\"sub\">Number {} of this database · {}</p></header>\n",
            predicate.chain.number,
            second(predicate.drill.finished_on),
        ))
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.push(&format!("<h2>{}</h2>\n", html_escaped(text)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.push(&format!("<p>{}</p>\n", html_escaped(text)));
    }

    pub(super) fn fact(&mut self, name: &str, value: &str) {
        self.push(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n",
            html_escaped(name),
            html_escaped(value)
        ));
    }

    pub(super) fn row(&mut self, cells: &[&str]) {
        self.push("<tr>");
        for cell in cells {
            let _ = write!(self.0, "<td>{}</td>", html_escaped(cell));
        }
        self.push("</tr>\n");
    }

    /// Adds HTML.
    pub(super) fn push(&mut self, html: &str) {
        self.0.push_str(html);
    }

    pub(super) fn end(mut self) -> String {
        self.push("</main>\n</body>\n</html>\n");
        self.0
    }

    pub(super) fn two(&mut self, name: &str, (one, other): &(String, String)) {
        self.push(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
            html_escaped(name),
            html_escaped(one),
            html_escaped(other)
        ));
    }
}
