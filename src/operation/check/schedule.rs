//! When backups are made, and how long they are kept.

use super::{Area, CheckDatabase, CheckRequest, sheet::CheckSheet};

pub(super) fn schedule(sheet: &mut CheckSheet<'_>, request: &CheckRequest, database: &CheckDatabase) {
    sheet.turn_to(Area::Schedule, database.label.as_str());
    let name = database.label.as_str().to_ascii_uppercase();
    let Some(schedule) = &database.schedule else {
        if database.unscheduled {
            return sheet.ok("schedule", "off: backups are made only by hand");
        }
        return sheet.warning(
            "schedule",
            "no schedule is set: backups are made only by hand, and nobody is told if they stop",
            format!(
                "set PGCOFFER_SCHEDULE, for example to \"daily at 02:30 keep 7d\", or PGCOFFER_DB_{name}_SCHEDULE \
                to \"off\" if that is meant"
            ),
        );
    };
    let next = schedule
        .next_due(&[], request.clock.now())
        .map(|_| schedule.to_string());
    sheet.ok(
        "schedule",
        format!(
            "{} ({})",
            next.unwrap_or_default(),
            schedule.zone().iana_name().unwrap_or("UTC")
        ),
    );
    for warning in schedule.warnings() {
        sheet.warning("schedule", warning.to_string(), "docs/retention.md has examples");
    }
}
