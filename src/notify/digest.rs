//! The weekly digest in words: a line for each database.

use jiff::Timestamp;

use super::{
    body::Body,
    figures::{age, minute, size},
};
use crate::backup::{DigestLine, Event};

/// Writes a digest into `body`. Returns its title.
pub(super) fn words(event: &Event, lines: &[DigestLine], body: &mut Body) -> String {
    let wrong = lines.iter().filter(|line| !line.problems.is_empty()).count();
    let title = match (wrong, lines.len()) {
        (0, 1) => "weekly digest: 1 database, all is well".to_owned(),
        (0, n) => format!("weekly digest: {n} databases, all is well"),
        (1, n) => format!("weekly digest: 1 of {n} databases NEEDS A LOOK"),
        (wrong, n) => format!("weekly digest: {wrong} of {n} databases NEED A LOOK"),
    };
    body.say(format!("How the backups stand at {}:", minute(event.at)));
    let line = |line: &DigestLine| one(line, event.at);
    body.quote(lines.iter().map(line).collect::<Vec<_>>().join("\n"));
    body.say(if wrong == 0 {
        "Nothing needs to be done. When did you last restore one of them to see?"
    } else {
        "What to do: `pgcoffer status` shows what is wrong, with what cures it."
    });
    title
}

fn one(line: &DigestLine, now: Timestamp) -> String {
    let newest = match (&line.newest_good, line.newest_started) {
        (Some(id), Some(started)) => format!("newest good {id}, {} old", age(started, now)),
        _ => "NO good backup".to_owned(),
    };
    let mut text = format!(
        "{}: {newest}; this week {} good, {} failed; {} kept, {}",
        line.database,
        line.good_this_week,
        line.failed_this_week,
        line.good,
        size(line.bytes)
    );
    for (count, what) in [(line.held, "held"), (line.suspicious, "suspicious")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    for problem in &line.problems {
        text.push_str(&format!("\n  ! {problem}"));
    }
    text
}
