//! What a drill can prove.

use serde::{Deserialize, Serialize};

/// What a drill has proven of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillVerdict {
    /// Everything came back as it was dumped.
    Proven,
    /// Everything that could be compared came back as it was dumped. What could not be compared is named.
    PartlyProven,
    /// Something came back otherwise, or did not come back.
    NotProven,
}

impl DrillVerdict {
    /// Its name in reports, JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::PartlyProven => "partly_proven",
            Self::NotProven => "not_proven",
        }
    }

    /// Its words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::PartlyProven => "partly proven",
            Self::NotProven => "not proven",
        }
    }

    /// Whether the backup came back, as far as it could be compared.
    #[must_use]
    pub fn came_back(self) -> bool {
        self != Self::NotProven
    }
}
