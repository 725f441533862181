//! Messages about copies in other places.

use super::{
    Body,
    lines::{name, newest_good_line},
};
use crate::{
    backup::{CopyEvent, Event, LatePlace},
    notify::figures::minute,
    text::counted,
};

/// The body of a message about copies; gives its title.
pub(super) fn copies(event: &Event, copies: &CopyEvent, body: &mut Body) -> String {
    let (name, at) = (name(event), minute(event.at));
    match copies {
        CopyEvent::Behind {
            places,
            complete,
            of,
            error,
        } => {
            body.say(format!(
                "The backups of {name} are in the bucket, and not in every other place, seen at {at}: {complete} of {} \
                 complete.",
                counted(of, "place")
            ));
            body.say(places.iter().map(line).collect::<Vec<_>>().join("\n"));
            if let Some(error) = error {
                body.say(format!(
                    "Why: {}, at that place. The log of that run has what was said in full.",
                    error.cause
                ));
            }
            let first = places.first().map_or("NAME", |place| place.name.as_str());
            body.say(format!(
                "What to do: `pgcoffer copy --to {first}` copies what is missing and says what keeps it from that. \
                 `pgcoffer check` tries every place."
            ));
            body.say(newest_good_line(event));
            format!("copies of {name} are BEHIND")
        }
        CopyEvent::CaughtUp { complete, of } => {
            body.say(format!(
                "The backups of {name} are in {complete} of {} beside the bucket again.",
                counted(of, "place")
            ));
            body.say("Nothing needs to be done.");
            format!("copies of {name} are complete again")
        }
    }
}

/// Which places, for the subject of a message.
pub(super) fn subject(copies: &CopyEvent) -> Option<String> {
    match copies {
        CopyEvent::Behind { places, .. } => {
            let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
            Some(names.join(", "))
        }
        CopyEvent::CaughtUp { .. } => None,
    }
}

fn line(place: &LatePlace) -> String {
    let LatePlace { name, missing, since } = place;
    let since = since.map_or_else(String::new, |since| format!(", behind since {}", minute(since)));
    match missing {
        Some(missing) => format!("{name}: {} missing{since}.", counted(missing, "backup")),
        None => format!("{name}: it could not be looked at."),
    }
}
