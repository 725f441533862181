//! Messages about scheduled drills.

use super::{
    Body,
    lines::{name, newest_good_line},
    why,
};
use crate::{
    backup::{DrillEvent, DrillVerdict, Event, ProvenBackup},
    notify::figures::minute,
    text::{counted, duration},
};

/// The body of a message about a drill; gives its title.
pub(super) fn drill(event: &Event, drill: &DrillEvent, body: &mut Body) -> String {
    let (name, at) = (name(event), minute(event.at));
    match drill {
        DrillEvent::Failed { error } => {
            body.say(format!(
                "The drill of {name} could not be carried out at {at}, so nothing was proven. The backups are as they were."
            ));
            body.say(why(error));
            body.say_hint(event);
            body.say(newest_good_line(event));
            format!("drill of {name} FAILED")
        }
        DrillEvent::NotProven {
            backup,
            differences,
            checks_failed,
        } => {
            let what = what_differs(*differences, *checks_failed);
            body.say(match differences {
                0 => format!(
                    "The data of the backup {backup} of {name} came back in a drill, and its answers are not what your own \
                     statements expect: {what}."
                ),
                _ => format!("The backup {backup} of {name} did not come back as it was dumped: {what}."),
            });
            body.say(format!(
                "What to do: `pgcoffer show {backup}` names what differs. `pgcoffer drill {backup}` tries it again, and with \
                 an earlier id one of those before it."
            ));
            body.say(newest_good_line(event));
            match differences {
                0 => format!("own checks of {name} FAILED in a drill"),
                _ => format!("backup of {name} did NOT come back"),
            }
        }
        DrillEvent::Overdue { due, error } => {
            body.say(format!(
                "The drill of {name} that was due {} has not been carried out: nobody knows whether its backups come back.",
                minute(*due)
            ));
            body.say(error.as_ref().map(why).unwrap_or_default());
            body.say(match event.hint() {
                Some(hint) => format!("What to do: {hint}."),
                None => format!(
                    "What to do: see whether whatever starts `pgcoffer tick` still does where PGCOFFER_DRILL is set, and \
                     look into its log. `pgcoffer drill latest --database {name}` drills now."
                ),
            });
            format!("drill of {name} OVERDUE")
        }
        DrillEvent::Recovered(proven) => {
            body.say(format!(
                "A backup of {name} came back again in a drill, after one that failed."
            ));
            body.say(proven_line(proven));
            body.say("Nothing needs to be done.");
            format!("backup of {name} came back again")
        }
        DrillEvent::Proven(proven) => {
            body.say(format!("A backup of {name} came back in a drill that ended at {at}."));
            body.say(proven_line(proven));
            format!("backup of {name} came back")
        }
    }
}

/// Why, for the subject of a message.
pub(super) fn subject(drill: &DrillEvent) -> Option<String> {
    match drill {
        DrillEvent::NotProven {
            differences,
            checks_failed,
            ..
        } => Some(what_differs(*differences, *checks_failed)),
        drill => drill.error().map(|error| error.cause.to_string()),
    }
}

fn what_differs(differences: u64, checks_failed: u64) -> String {
    let parts = counted(differences, "part");
    let checks = counted(checks_failed, "own check");
    match (differences, checks_failed) {
        (0, _) => format!("{checks} failed"),
        (_, 0) => format!("{parts} came back otherwise"),
        _ => format!("{parts} came back otherwise, {checks} failed"),
    }
}

fn proven_line(proven: &ProvenBackup) -> String {
    let rest = match proven.verdict {
        DrillVerdict::PartlyProven => format!(
            " {} could not be compared: `pgcoffer show {}` names them.",
            counted(proven.not_compared, "part"),
            proven.backup
        ),
        DrillVerdict::Proven | DrillVerdict::NotProven => String::new(),
    };
    let took = duration(proven.restore_ms);
    format!(
        "Backup: {}, {}, restored in {took}.{rest}",
        proven.backup,
        proven.verdict.words()
    )
}
