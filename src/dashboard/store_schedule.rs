//! Stores another schedule of a database in the bucket.

use super::done::{Done, done};
use crate::{
    agent::{Agent, ScheduleChange},
    backup::Label,
    config::ScheduleOrigin,
    error::{Error, Result},
};

/// The change that a form asks for.
pub(super) fn change_to(schedule: &str, timezone: &str) -> ScheduleChange {
    let timezone = timezone.trim();
    ScheduleChange {
        schedule: Some(schedule.to_owned()),
        drill: None,
        timezone: (!timezone.is_empty()).then(|| timezone.to_owned()),
    }
}

/// Stores a schedule of a database that is configured here, unless the settings say it.
pub(super) async fn store_schedule(agent: &Agent, label: &Label, change: &ScheduleChange, who: &str) -> Result<Done> {
    let current = agent.current();
    let Some(database) = current.database(label) else {
        return Err(Error::usage(
            format!("{label} is not configured here"),
            "`pgcoffer schedule set` stores a schedule for it",
        ));
    };
    if database.origin == ScheduleOrigin::Settings {
        return Err(Error::usage(
            format!("the schedule of {label} is set in the settings of this machine"),
            "change PGCOFFER_SCHEDULE there, or unset it to have a schedule in the bucket",
        ));
    }
    let stored = agent.store_schedule(Some(label.as_str()), change, who).await?;
    agent.refresh_schedules().await?;
    let text = stored.schedule.map_or_else(String::new, |text| text.to_string());
    let mut done = done(
        label,
        None,
        format!("It is stored in the bucket, and counts from now on: {text}."),
    );
    done.path = Some(format!("/databases/{label}/schedule"));
    Ok(done)
}
