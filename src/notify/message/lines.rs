//! Lines that several messages share.

use crate::{
    backup::{BackupSummary, Event, LateTier, NewestGood, RunsOn},
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

/// The app in commands of Heroku; none where the agent doesn't run there.
pub(super) fn heroku_app(event: &Event) -> Option<&str> {
    // https://devcenter.heroku.com/articles/creating-apps: names have lower-case letters, digits and dashes
    let is_name = |app: &&str| {
        app.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match &event.origin.runs_on {
        RunsOn::Machine => None,
        RunsOn::Heroku { app } => Some(app.as_deref().filter(is_name).unwrap_or("YOUR-APP")),
    }
}

/// Text whose commands are run as they are written there: on Heroku in a one-off dyno. What is only mentioned, as what
/// starts by itself, stays.
pub(super) fn with_commands(text: &str, event: &Event) -> String {
    const COMMAND: &str = "`pgcoffer ";
    let Some(app) = heroku_app(event) else {
        return text.to_owned();
    };
    let mut written = String::with_capacity(text.len() + 64);
    let mut parts = text.split(COMMAND);
    written.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let is_mentioned = ["starts ", "by "].iter().any(|before| written.ends_with(before));
        match is_mentioned {
            true => written.push_str(COMMAND),
            false => written.push_str(&format!("`heroku run -a {app} -- pgcoffer ")),
        }
        written.push_str(part);
    }
    written
}
