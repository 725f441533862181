//! Which runs of a database are shown.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    backup::{Status, Tier},
    catalog::{CatalogEntry, Listing},
};

/// Which runs of a database are shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RunFilter {
    /// None for all.
    pub(super) state: Option<RunState>,
    /// None for all.
    pub(super) tier: Option<Tier>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RunState {
    /// A good backup that nothing is wrong with.
    Good,
    /// It failed.
    Failed,
    /// It is kept whatever its retention says.
    Held,
}

impl RunState {
    /// The state of this name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "good" => Some(Self::Good),
            "failed" => Some(Self::Failed),
            "held" => Some(Self::Held),
            _ => None,
        }
    }
}

impl RunFilter {
    pub(super) fn shows(self, listing: &Listing, one: &CatalogEntry) -> bool {
        let is_of_state = match self.state {
            Some(RunState::Good) => one.is_sure() && !listing.is_suspicious(&one.record),
            Some(RunState::Failed) => matches!(one.record.status, Status::Failed { .. }),
            Some(RunState::Held) => one.mark.as_ref().is_some_and(|mark| mark.hold.is_some()),
            None => true,
        };
        is_of_state && self.tier.is_none_or(|tier| one.record.tier == tier)
    }
}
