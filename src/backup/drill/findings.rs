use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize};

use super::{DrillName, DrillVerdict, FindingReason, UnreadableDrill};
use crate::{
    archive::{Contents, Definitions, Fingerprint, LargeObjects, TableData},
    backup::{
        Label,
        lists::{FEW, few},
    },
    seal::RepositoryId,
    text::Untrusted,
};

/// The version of the shape of findings that this program writes.
pub const FINDINGS_VERSION: u32 = 1;

/// The characters of each text that are written: a whole function can stand in a reason.
const TEXT_CHARS_MAX: usize = 2_000;

/// A part of the backup that came back otherwise, or that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrillFinding {
    /// pg_dump's word for its kind.
    pub kind: Untrusted,
    /// Its schema; empty if it is in none.
    pub schema: Untrusted,
    /// Its name.
    pub name: Untrusted,
    /// What is different, or why it could not be compared.
    pub why: Untrusted,
    /// The same reason without a name.
    #[serde(default)]
    pub reason: FindingReason,
    /// Its label for people, like `table public.orders`.
    #[serde(default)]
    pub label: Untrusted,
}

/// The result of one statement of `PGCOFFER_DRILL_SQL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrillCheck {
    /// The line of the file on which its expectation stands.
    pub line: usize,
    /// The statement.
    pub statement: Untrusted,
    /// What is expected of it, as the file says it.
    pub expected: Untrusted,
    /// What it has returned, in words where that is no value.
    pub found: Untrusted,
    /// Whether that is as expected.
    pub passed: bool,
}

/// One table of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrilledTable {
    /// The schema.
    pub schema: Untrusted,
    /// The name.
    pub name: Untrusted,
    /// What was dumped; none if it isn't in the backup.
    pub expected: Option<TableRows>,
    /// What the restored database held; none if it isn't there.
    pub found: Option<TableRows>,
}

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TableRows {
    /// Rows.
    pub rows: u64,
    /// Bytes of its rows in COPY's text form.
    pub bytes: u64,
    /// The fingerprint of its rows, as in [`TableFingerprint`](crate::backup::TableFingerprint).
    pub fingerprint: Fingerprint,
}

/// The large objects of both sides of the comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrilledLargeObjects {
    /// What was dumped.
    pub expected: LargeObjects,
    /// What the restored database held.
    pub found: LargeObjects,
}

/// What a drill found, with the names of tables: sealed as the details of a backup are, beside the
/// [`DrillRecord`](super::DrillRecord) and before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrillFindings {
    /// Why the drill could not be carried out: what failed, on what, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Untrusted>,
    /// What cures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Untrusted>,
    /// What came back otherwise, or did not come back.
    #[serde(default, deserialize_with = "few")]
    pub differences: Vec<DrillFinding>,
    /// What could not be compared.
    #[serde(default, deserialize_with = "few")]
    pub not_compared: Vec<DrillFinding>,
    /// What was left out without a loss.
    #[serde(default, deserialize_with = "few")]
    pub left_out: Vec<DrillFinding>,
    /// The user's own statements.
    #[serde(default, deserialize_with = "few")]
    pub checks: Vec<DrillCheck>,
    /// What else the user should know.
    #[serde(default, deserialize_with = "few")]
    pub remarks: Vec<Untrusted>,
    /// Every table, by schema and name.
    #[serde(default)]
    pub tables: Vec<DrilledTable>,
    /// All large objects together.
    #[serde(default)]
    pub large_objects: DrilledLargeObjects,
    /// What the archive's table of contents defines, by kind.
    #[serde(default, deserialize_with = "few")]
    pub definitions: Vec<Definitions>,
}

/// The document that is sealed: findings, and whose they are.
#[derive(Serialize)]
struct WrittenFindings<'a> {
    version: u32,
    repository: RepositoryId,
    name: &'a DrillName,
    database: &'a Label,
    #[serde(flatten)]
    findings: DrillFindings,
}

#[derive(Deserialize)]
struct OwnerOfFindings {
    version: u32,
    name: DrillName,
    database: Label,
}

impl DrilledTable {
    /// Whether its rows came back as they were dumped. A dump may leave out the data of a table without rows.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        let held = |rows: Option<TableRows>| rows.filter(|rows| rows.rows > 0);
        held(self.expected) == held(self.found)
    }

    /// The tables of a dump and of another one, by schema and name.
    #[must_use]
    pub fn pairs(expected: &Contents, found: &Contents) -> Vec<Self> {
        /// What was dumped, and what was found.
        type Sides = (Option<TableRows>, Option<TableRows>);
        let mut tables: BTreeMap<(&Untrusted, &Untrusted), Sides> = BTreeMap::new();
        for table in &expected.tables {
            tables.entry((&table.schema, &table.name)).or_default().0 = Some(table.into());
        }
        for table in &found.tables {
            tables.entry((&table.schema, &table.name)).or_default().1 = Some(table.into());
        }
        let pair = |((schema, name), (expected, found)): ((&Untrusted, &Untrusted), _)| Self {
            schema: schema.clone(),
            name: name.clone(),
            expected,
            found,
        };
        tables.into_iter().map(pair).collect()
    }
}

impl From<&TableData> for TableRows {
    fn from(table: &TableData) -> Self {
        Self {
            rows: table.rows,
            bytes: table.bytes,
            fingerprint: table.fingerprint,
        }
    }
}

impl DrillFindings {
    /// The verdict that follows from them.
    #[must_use]
    pub fn verdict(&self) -> DrillVerdict {
        let has_failed = !self.differences.is_empty() || self.checks.iter().any(|check| !check.passed);
        match (has_failed, self.not_compared.is_empty()) {
            (true, _) => DrillVerdict::NotProven,
            (false, false) => DrillVerdict::PartlyProven,
            (false, true) => DrillVerdict::Proven,
        }
    }

    /// Writes the findings of a drill as JSON, with at most 20,000 of each list.
    ///
    /// # Errors
    /// What `to` refuses.
    pub fn write_json(
        &self,
        repository: RepositoryId,
        name: &DrillName,
        database: &Label,
        to: impl io::Write,
    ) -> io::Result<()> {
        let document = WrittenFindings {
            version: FINDINGS_VERSION,
            repository,
            name,
            database,
            findings: self.bounded(),
        };
        Ok(serde_json::to_writer(to, &document)?)
    }

    /// Reads the findings of this drill, looking at their version before anything else. `open`: the JSON from its
    /// beginning.
    ///
    /// # Errors
    /// [`UnreadableDrill`].
    pub fn read<R: io::Read>(
        open: impl Fn() -> R,
        name: &DrillName,
        database: &Label,
    ) -> Result<Self, UnreadableDrill> {
        let not_findings = |e: serde_json::Error| UnreadableDrill::NotFindings(e.to_string().into());
        let owner: OwnerOfFindings = serde_json::from_reader(io::BufReader::new(open())).map_err(not_findings)?;
        if owner.version > FINDINGS_VERSION {
            return Err(UnreadableDrill::Newer(owner.version, FINDINGS_VERSION));
        }
        if owner.name != *name || owner.database != *database {
            return Err(UnreadableDrill::Misplaced(owner.database, owner.name));
        }
        serde_json::from_reader(io::BufReader::new(open())).map_err(not_findings)
    }

    /// What is written of them.
    fn bounded(&self) -> Self {
        let cut = |text: &Untrusted| text.cut(TEXT_CHARS_MAX);
        let findings = |all: &[DrillFinding]| {
            let written = all.iter().take(FEW).map(|one| DrillFinding {
                why: cut(&one.why),
                ..one.clone()
            });
            written.collect::<Vec<_>>()
        };
        let checks = self.checks.iter().take(FEW).map(|check| DrillCheck {
            statement: cut(&check.statement),
            found: cut(&check.found),
            ..check.clone()
        });
        Self {
            error: self.error.as_ref().map(cut),
            hint: self.hint.as_ref().map(cut),
            differences: findings(&self.differences),
            not_compared: findings(&self.not_compared),
            left_out: findings(&self.left_out),
            checks: checks.collect(),
            remarks: self.remarks.iter().take(FEW).map(cut).collect(),
            tables: self.tables.clone(),
            large_objects: self.large_objects,
            definitions: self.definitions.iter().take(FEW).cloned().collect(),
        }
    }
}
