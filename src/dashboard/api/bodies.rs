//! The bodies and queries that requests may have. Lengths are bounded by that of a body.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    backup::{BackupId, Retention, Tier},
    dashboard::run_filter::RunState,
};

/// Which backups, and how many of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BackupsQuery {
    /// Only those that are good, that failed, or that are held.
    #[param(inline, value_type = RunState, required = false)]
    pub(super) state: Option<RunState>,
    /// Only those of this tier.
    #[param(value_type = Tier, required = false)]
    pub(super) tier: Option<Tier>,
    /// The page, from 1 on.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 1000000)]
    pub(super) page: Option<u32>,
    /// How many there are on a page: 50, if nothing is said.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 100)]
    pub(super) per_page: Option<u32>,
}

/// How long to wait for the end.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitQuery {
    /// The seconds for which the answer may wait for the job to end: 0, if nothing is said.
    #[param(value_type = u32, required = false, maximum = 8)]
    pub(super) wait: Option<u32>,
}

/// A backup now.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BackUpBody {
    /// Make none where a good one was made so short a time ago, such as `10m`, `2h` or `1d`, and say which; join one
    /// that is in progress. For events: a hundred at once make one backup.
    #[schema(pattern = r"^[1-9][0-9]{0,1}[mhd]$", example = "10m")]
    pub(super) at_most_every: Option<String>,
}

/// A test of a restore.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DrillBody {
    /// The backup; the newest good one, if nothing is said. An id that none can have is that of no backup.
    #[schema(value_type = Option<BackupId>)]
    pub(super) id: Option<String>,
}

/// A hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldBody {
    /// Why it is kept.
    #[schema(pattern = r"\S", max_length = 1000, example = "before the migration")]
    pub(super) reason: String,
}

/// Another retention.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetainBody {
    /// How long it is kept, from its beginning on: `24h`, `7d`, `5w`, `12mo`, `7y` or `forever`.
    pub(super) retention: Retention,
}

/// A deletion.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteBody {
    /// The id of the backup once more, so that no mistyped path deletes anything.
    pub(super) id: BackupId,
}

/// Nothing to say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoBody {}
