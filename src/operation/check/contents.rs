//! What a dump will hold and what it leaves out, and what keeps it from being made: locks, and settings of role and
//! database.

use super::sheet::CheckSheet;
use crate::postgres::{AddedMembers, Blocker, Examination, Inspection, LockCapacity, SessionSettings};

/// Whether there is anything to dump. A URL with a wrong name leads to a database that is there and empty.
pub(super) fn tables(sheet: &mut CheckSheet<'_>, inspection: &Inspection) {
    if inspection.is_empty() {
        sheet.warning(
            "tables",
            inspection.nothing_in_it(),
            "if it is new, do nothing; otherwise correct the database's name at the end of the url",
        );
    }
}

/// What no dump contains: what belongs to an extension that didn't create it, and what pg_dump skips.
pub(super) fn left_out(sheet: &mut CheckSheet<'_>, inspection: &Inspection) {
    for added_members in &inspection.added_members {
        sheet.warning("extensions", added_members.to_string(), AddedMembers::CURE);
    }
    if inspection.added_members.is_empty() {
        sheet.ok("extensions", "no extension holds objects that a dump would leave out");
    }
    for omitted in &inspection.omitted {
        sheet.warning("left out", omitted.to_string(), omitted.cure());
    }
    if inspection.omitted.is_empty() {
        sheet.ok("left out", "pg_dump leaves nothing out silently");
    }
}

/// Whether the dump gets its locks.
pub(super) fn locks(sheet: &mut CheckSheet<'_>, inspection: &Inspection, examination: &Examination) {
    room(sheet, inspection.locks);
    if let [first, rest @ ..] = examination.blockers.as_slice() {
        blocked(sheet, first, rest.len());
    }
}

fn room(sheet: &mut CheckSheet<'_>, room: LockCapacity) {
    if room.is_too_small() {
        let detail = format!("{room}: it ends with \"out of shared memory\"");
        sheet.failed("locks", detail, Some(room.cure()));
    } else if room.is_tight() {
        let detail = format!("{room}: other sessions may leave too little");
        sheet.warning("locks", detail, room.cure());
    } else {
        sheet.ok(
            "locks",
            format!("a dump takes {} of about {}", room.needed, room.capacity),
        );
    }
}

fn blocked(sheet: &mut CheckSheet<'_>, first: &Blocker, more: usize) {
    let more = match more {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    sheet.warning(
        "locked tables",
        format!("{first}{more}: a dump waits for it for two minutes, and fails then"),
        "let it end: a migration, VACUUM FULL, a transaction that somebody forgot; an orphaned prepared transaction \
         ends by ROLLBACK PREPARED",
    );
}

/// Settings that a run can't change for itself.
pub(super) fn settings(sheet: &mut CheckSheet<'_>, settings: &SessionSettings) {
    for left in &settings.fixed {
        sheet.warning("settings", left.to_string(), left.cure());
    }
    if settings.fixed.is_empty() {
        sheet.ok(
            "settings",
            "no setting of the role or the database changes what a dump holds",
        );
    }
}
