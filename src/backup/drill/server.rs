//! Where a drill restores.

use serde::{Deserialize, Serialize};

use super::super::Collation;
use crate::text::Untrusted;

/// What kind of database a drill restores into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillPlace {
    /// One on a server that was made for this drill.
    OwnServer,
    /// One that was made for this drill on a server that was there.
    OwnDatabase,
    /// One that is reserved for drills, and is emptied before and after each.
    Reserved,
    /// What a later version knows.
    #[serde(other)]
    Other,
}

/// Where a drill restored a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrillServer {
    /// `local`, or the address as user@host:port/name.
    pub place: Untrusted,
    /// Its version.
    pub version: Untrusted,
    /// Its major version.
    pub major: u32,
    /// The collation of the restored database, where the server says which version it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Collation>,
    /// Whether it is another server than the one that was backed up, by what the two say of themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_other: Option<bool>,
    /// What kind of database it was restored into; none in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DrillPlace>,
    /// Whether what was restored is gone: the database was removed, or the reserved one emptied. None if that isn't
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
}
