//! The requirements that a certificate is evidence for. `docs/compliance.md` says which field answers which.

use serde::{Deserialize, Serialize};

use crate::text::Untrusted;

/// One requirement of a framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Control {
    /// The framework.
    pub framework: Untrusted,
    /// Its number there.
    pub control: Untrusted,
}

/// What asks for tests of recovery, and for evidence of them: whatever the verdict is, a drill is such a test.
///
/// `docs/compliance.md` has the text of each, its source, and what of it a certificate does not answer.
pub const CONTROLS: [(&str, &str); 6] = [
    ("SOC 2", "A1.2, A1.3"),
    ("ISO/IEC 27001:2022", "A.8.13"),
    ("DORA (EU) 2022/2554", "Article 12(2), (3), (6)"),
    ("NIS2 (EU) 2024/2690", "Annex 4.2"),
    ("HIPAA 45 CFR", "164.308(a)(7)(ii)(A), (D)"),
    ("GDPR (EU) 2016/679", "Article 32(1)(c), (d)"),
];

/// The controls as a certificate lists them.
#[must_use]
pub(super) fn controls() -> Vec<Control> {
    let control = |(framework, control): &(&str, &str)| Control {
        framework: (*framework).into(),
        control: (*control).into(),
    };
    CONTROLS.iter().map(control).collect()
}
