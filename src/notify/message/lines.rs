//! Lines that several messages share.

use crate::{
    backup::{BackupSummary, Event, LateTier, NewestGood},
    notify::figures::{age, minute, size},
};

pub(super) fn name(event: &Event) -> &str {
    event.database.as_ref().map_or("every database", |label| label.as_str())
}

pub(super) fn late_lines(late: &[LateTier]) -> Vec<String> {
    let line = |late: &LateTier| format!("The {} backup has been due since {}.", late.tier, minute(late.due));
    late.iter().map(line).collect()
}

pub(super) fn newest_good_line(event: &Event) -> String {
    match &event.newest_good {
        NewestGood::Is { id, started } => format!(
            "Newest good backup: {id}, {} old ({}).",
            age(*started, event.at),
            minute(*started)
        ),
        NewestGood::None => format!("There is NO good backup of {}.", name(event)),
        NewestGood::Unknown => {
            "Which backup is the newest good one could not be looked up: `pgcoffer list` tells.".to_owned()
        }
    }
}

pub(super) fn retry_line(event: &Event) -> Option<String> {
    let at = minute(event.retry_at()?);
    Some(format!("The first tick after {at} tries again."))
}

pub(super) fn backup_line(backup: &BackupSummary) -> String {
    format!(
        "Backup: {} ({}), {} stored.",
        backup.id,
        tiers(backup),
        size(backup.bytes)
    )
}

pub(super) fn tiers(backup: &BackupSummary) -> String {
    let tiers: Vec<&str> = backup.tiers.iter().map(|tier| tier.as_str()).collect();
    tiers.join(", ")
}

pub(super) fn origin(event: &Event) -> String {
    let agent = format!("pgcoffer {} on {}", env!("CARGO_PKG_VERSION"), event.origin.host);
    match &event.origin.location {
        Some(location) => format!("{agent}, {location}"),
        None => agent,
    }
}
