use serde::{Deserialize, Serialize};

use crate::{
    backup::{DrillCheck, DrillFinding, DrillFindings, DrilledTable},
    text::Untrusted,
};

/// What a drill found, by name: the part of a certificate that only the form with names has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedFindings {
    /// Why the drill could not be carried out, in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Untrusted>,
    /// Every table with its rows, as it was dumped and as it came back.
    #[serde(default)]
    pub tables: Vec<DrilledTable>,
    /// What came back otherwise, or did not come back.
    #[serde(default)]
    pub differences: Vec<DrillFinding>,
    /// What could not be compared.
    #[serde(default)]
    pub not_compared: Vec<DrillFinding>,
    /// What was left out without a loss.
    #[serde(default)]
    pub left_out: Vec<DrillFinding>,
    /// The customer's own statements.
    #[serde(default)]
    pub checks: Vec<DrillCheck>,
    /// What else was said.
    #[serde(default)]
    pub remarks: Vec<Untrusted>,
}

impl From<DrillFindings> for NamedFindings {
    fn from(findings: DrillFindings) -> Self {
        Self {
            error: findings.error,
            tables: findings.tables,
            differences: findings.differences,
            not_compared: findings.not_compared,
            left_out: findings.left_out,
            checks: findings.checks,
            remarks: findings.remarks,
        }
    }
}
