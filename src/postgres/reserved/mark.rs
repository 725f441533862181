//! The mark of a database that is reserved for drills: the schema `pgcoffer_drill`, whose comment says for which
//! repository, in which database, and what is in it now.
//!
//! A comment is written by one statement, so the mark is never half. The id of a repository is random, so no stranger's
//! database carries it by accident. The identity of the database tells a copy from the one that was reserved.

use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, SCHEMA};
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::literal;

/// How its comment begins. Behind it stands JSON.
const TITLE: &str = "reserved by pgcoffer for drills: each restores into this database and empties it ";

/// A comment that is longer is no mark.
const BYTES_MAX: usize = 1 << 20;

/// What the mark says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The id of the repository whose drills use the database.
    pub(super) repository: String,
    /// The database in which the mark was made; `None` if the server refuses to tell which it is.
    pub(super) database: Option<String>,
    /// When its server was started, in microseconds since 1970. A copy of its files has the same identity, and is
    /// started at another time. `None` in a mark of an earlier version.
    #[serde(default)]
    pub(super) server_started: Option<String>,
    /// What is in the database.
    pub(super) state: State,
    /// What was there before the first drill, and stays.
    pub(super) baseline: Baseline,
}

/// What is in a reserved database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Nothing: the last drill has emptied it.
    Empty,
    /// What a drill has restored, which runs or was killed.
    InUse,
}

/// The mark as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FoundMark {
    /// There is no schema of that name.
    None,
    /// There is one, and its comment is no mark.
    Unreadable,
    /// The mark.
    Mark(Box<Mark>),
}

impl Mark {
    fn text(&self) -> String {
        let json = serde_json::to_string(self).expect("a mark has string keys and no fallible field");
        format!("{TITLE}{json}")
    }

    fn parse(comment: &str) -> Option<Self> {
        let json = comment.strip_prefix(TITLE).filter(|json| json.len() <= BYTES_MAX)?;
        serde_json::from_str(json).ok()
    }
}

impl Session {
    /// The mark of this database. A schema that another role owns is not the mark of this one.
    pub(super) async fn reservation(&mut self) -> Result<FoundMark, Error> {
        const WHAT: &str = "look for the mark of a reserved database";
        let look = format!(
            "SELECT pg_catalog.obj_description(n.oid, 'pg_namespace'), pg_catalog.pg_has_role(n.nspowner, 'USAGE')
               FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.=) '{SCHEMA}'"
        );
        let rows = self.rows(WHAT, &look).await?;
        let Some(row) = rows.first() else {
            return Ok(FoundMark::None);
        };
        let is_own: bool = self.column(row, 1, WHAT)?;
        let mark = row.text(0).filter(|_| is_own).and_then(Mark::parse);
        Ok(mark.map_or(FoundMark::Unreadable, |mark| FoundMark::Mark(Box::new(mark))))
    }

    /// When the server was started, in microseconds since 1970.
    pub(super) async fn server_started(&mut self) -> Result<String, Error> {
        const WHAT: &str = "ask when the server was started";
        const STARTED: &str = "
            SELECT (pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) OPERATOR(pg_catalog.*)
                    1000000::pg_catalog.float8)::pg_catalog.int8";
        let rows = self.rows(WHAT, STARTED).await?;
        self.first(&rows, WHAT)
    }

    /// Writes the mark, in one transaction. Not retried.
    pub(super) async fn reserve(&mut self, mark: &Mark) -> Result<(), Error> {
        let write = format!(
            "CREATE SCHEMA IF NOT EXISTS {SCHEMA}; COMMENT ON SCHEMA {SCHEMA} IS {}",
            literal(&mark.text())
        );
        self.change("mark the reserved database", &write).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is_one() {
        let mark = Mark {
            repository: "c0ffee".to_owned(),
            database: Some("7/5".to_owned()),
            server_started: Some("1700000000000000".to_owned()),
            state: State::InUse,
            baseline: Baseline::default(),
        };
        let text = mark.text();
        assert_eq!(Mark::parse(&text), Some(mark));
        for other in [
            "",
            "reserved by pgcoffer for drills",
            TITLE,
            &text[1..],
            &text[..text.len() - 1],
            &text.replace("in_use", "unknown"),
            &format!("{text}{}", " ".repeat(BYTES_MAX)),
        ] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }
}
