//! Messages in words: what happened, since when, which backup is the newest good one, and what to do. Every channel
//! shows the same message.

mod copies;
mod drills;
mod lines;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use self::lines::{
    backup_line, heroku_app, late_lines, name, newest_good_line, origin, retry_line, tiers, with_commands,
};
use super::{
    body::{Body, Paragraph},
    figures::{minute, size},
};
use crate::{
    backup::{BackupSummary, CopyEvent, Event, NewestGood, Occurrence, Reason, RunError, Topic},
    readme::RUNBOOK,
    text::{escaped, escaped_lines},
};

/// A message in words, before a channel formats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What happened, in a few words.
    pub title: String,
    /// The same and why, on one line: a mail's subject, and what a telephone shows of a message.
    pub subject: String,
    /// The body.
    pub paragraphs: Vec<Paragraph>,
    /// The agent and the bucket.
    pub origin: String,
}

impl Message {
    /// The message for an event.
    #[must_use]
    pub fn new(event: &Event) -> Self {
        let mut body = Body::default();
        let title = match &event.what {
            Occurrence::Failed {
                error, failures, since, ..
            } => {
                let repeated = (*failures > 1).then_some((*failures, *since));
                failed(event, error, repeated, &mut body)
            }
            Occurrence::Interrupted { failures, since, .. } => interrupted(
                event,
                since.filter(|_| *failures > 1).map(|since| (*failures, since)),
                &mut body,
            ),
            Occurrence::Trouble { topic, error } => trouble(event, *topic, error, &mut body),
            Occurrence::Missed { error, .. } => missed(event, error.as_ref(), &mut body),
            Occurrence::CaughtUp { backup, .. } => caught_up(event, backup, &mut body),
            Occurrence::Recovered { failures, backup, .. } => recovered(event, *failures, backup, &mut body),
            Occurrence::Suspicious { backup, reasons } => suspicious(event, backup, reasons, &mut body),
            Occurrence::Succeeded { backup, .. } => succeeded(event, backup, &mut body),
            Occurrence::Drill(drill) => drills::drill(event, drill, &mut body),
            Occurrence::Copies(copies) => copies::copies(event, copies, &mut body),
            Occurrence::Digest { databases } => super::digest::words(event, databases, &mut body),
            Occurrence::Test => test(event, &mut body),
        };
        let is_bad = matches!(
            event.what,
            Occurrence::Failed { .. }
                | Occurrence::Trouble { .. }
                | Occurrence::Missed { .. }
                | Occurrence::Suspicious { .. }
        ) || matches!(&event.what, Occurrence::Drill(drill) if drill.is_bad())
            || matches!(&event.what, Occurrence::Copies(CopyEvent::Behind { .. }));
        if is_bad {
            body.say(format!("Runbook: {RUNBOOK}"));
        }
        // for every channel: no text from outside can move a cursor, reorder a line or begin a new one
        for paragraph in &mut body.0 {
            if !paragraph.verbatim {
                paragraph.text = with_commands(&paragraph.text, event);
            }
            paragraph.text = escaped_lines(&paragraph.text).into_owned();
        }
        Self {
            subject: escaped(&subject(&title, event)).into_owned(),
            title: escaped(&title).into_owned(),
            paragraphs: body.0,
            origin: escaped(&origin(event)).into_owned(),
        }
    }

    /// The body and the origin as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let paragraphs = self.paragraphs.iter().map(|paragraph| match paragraph.verbatim {
            true => indented(&paragraph.text),
            false => paragraph.text.clone(),
        });
        let mut parts: Vec<String> = paragraphs.collect();
        parts.push(format!("-- \n{}", self.origin));
        parts.join("\n\n") + "\n"
    }
}

/// The longest that a subject is: what clients of mail and telephones show of one is shorter still.
const SUBJECT_CHARS_MAX: usize = 160;

/// The title with why, where that is known: a person who reads nothing else knows what broke.
fn subject(title: &str, event: &Event) -> String {
    let reason = event.reasons().first().map(ToString::to_string);
    let why = match &event.what {
        Occurrence::Suspicious { .. } => reason,
        Occurrence::Drill(drill) => drills::subject(drill),
        Occurrence::Copies(copies) => copies::subject(copies),
        Occurrence::Failed { .. } | Occurrence::Trouble { .. } | Occurrence::Missed { .. } => {
            event.error().map(|error| error.cause.to_string())
        }
        _ => None,
    };
    let Some(why) = why else {
        return title.to_owned();
    };
    let subject = format!("{title}: {why}");
    match subject.char_indices().nth(SUBJECT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", subject[..end].trim_end()),
        None => subject,
    }
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("    {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn failed(event: &Event, error: &RunError, repeated: Option<(usize, Timestamp)>, body: &mut Body) -> String {
    let (name, at) = (name(event), minute(event.at));
    let title = match &event.database {
        None => {
            body.say(format!("pgcoffer could not begin at {at}: no database was backed up."));
            "backups FAILED before they began".to_owned()
        }
        Some(_) => {
            body.say(format!("The backup of {name} failed at {at}."));
            format!("backup of {name} FAILED")
        }
    };
    body.say(why(error));
    body.say_hint(event);
    body.say(state(event, repeated));
    body.say(more(event));
    title
}

fn interrupted(event: &Event, repeated: Option<(usize, Timestamp)>, body: &mut Body) -> String {
    let (name, at) = (name(event), minute(event.at));
    body.say(format!(
        "The backup of {name} was interrupted at {at}: something told it to stop before it was done (a restart, a \
         deployment, a time limit). There is no backup of this run."
    ));
    body.say_hint(event);
    body.say(state(event, repeated));
    format!("backup of {name} interrupted")
}

/// The situation after a failure: how often it has failed, what is late, which backups there are, and what happens
/// next.
fn state(event: &Event, repeated: Option<(usize, Timestamp)>) -> String {
    let mut state = Vec::new();
    if let Some((times, since)) = repeated {
        let since = minute(since);
        state.push(format!("It has failed {times} times in a row since {since}."));
    }
    state.extend(late_lines(event.late()));
    state.push(newest_good_line(event));
    state.extend(retry_line(event));
    state.join("\n")
}

fn trouble(event: &Event, topic: Topic, error: &RunError, body: &mut Body) -> String {
    let (name, at) = (name(event), minute(event.at));
    let (title, first) = match topic {
        Topic::Retention => (
            format!("retention of {name} failed"),
            format!("Old backups of {name} could not be deleted at {at}. Nothing is lost; what has run out piles up."),
        ),
        Topic::Bucket => (
            format!("a backup of {name} is GONE"),
            format!("Something in the bucket is not as it was left, seen at {at}."),
        ),
        Topic::Repository => (
            format!("backups of another repository among those of {name}"),
            format!("In the folder of {name} stand backups of another repository, under the same key, seen at {at}."),
        ),
        Topic::Drill => (
            format!("drill of {name} FAILED"),
            format!("Something of a drill of {name} failed at {at}."),
        ),
        Topic::Copies => (
            format!("copies of {name} are BEHIND"),
            format!("Copies of {name} could not be made at {at}."),
        ),
        Topic::Backup => (
            format!("backup of {name} FAILED"),
            format!("The backup of {name} failed at {at}."),
        ),
    };
    body.say(first);
    body.say(match topic {
        Topic::Bucket | Topic::Repository => format!("Why: {}.", error.cause),
        Topic::Retention | Topic::Backup | Topic::Drill | Topic::Copies => why(error),
    });
    body.say_hint(event);
    let mut state = Vec::new();
    if let (Topic::Bucket, Some(id)) = (topic, &error.run) {
        state.push(format!("It is the backup {id}."));
    }
    state.push(newest_good_line(event));
    body.say(state.join("\n"));
    title
}

/// Why it failed. The full message of a server or a program is only shown to those who may read it.
fn why(error: &RunError) -> String {
    let cause = &error.cause;
    match &error.run {
        Some(id) => format!("Why: {cause}. `pgcoffer show {id}` has what was said in full."),
        None => format!("Why: {cause}. The log of that run has what was said in full."),
    }
}

fn missed(event: &Event, error: Option<&RunError>, body: &mut Body) -> String {
    let name = name(event);
    body.say(format!("A backup of {name} that was due was not made."));
    let mut state = late_lines(event.late());
    state.push(match error {
        Some(_) => "The last attempt failed.".to_owned(),
        None => "No attempt is known to have been made.".to_owned(),
    });
    body.say(state.join("\n"));
    body.say(error.map(why).unwrap_or_default());
    body.say(newest_good_line(event));
    body.say(retry_line(event).unwrap_or_default());
    body.say(match event.hint() {
        Some(hint) => format!("What to do: {hint}."),
        None => "What to do: see whether whatever starts `pgcoffer tick` still does (Heroku Scheduler, cron, a \
            CronJob), and look into its log. `pgcoffer tick` by hand makes the backup now."
            .to_owned(),
    });
    format!("backup of {name} MISSED")
}

fn caught_up(event: &Event, backup: &BackupSummary, body: &mut Body) -> String {
    let name = name(event);
    body.say(format!("A backup of {name} that was due was not made."));
    let mut state = late_lines(event.late());
    let (id, tiers, stored) = (&backup.id, tiers(backup), size(backup.bytes));
    state.push(format!("It has been caught up now: {id} ({tiers}, {stored})."));
    body.say(state.join("\n"));
    body.say(
        "What to do: see why nothing ran before. Whatever starts `pgcoffer tick` (Heroku Scheduler, cron, a \
        CronJob) was off, late, or could not start it.",
    );
    format!("backup of {name} was late, and is made")
}

fn recovered(event: &Event, failures: usize, backup: &BackupSummary, body: &mut Body) -> String {
    let name = name(event);
    let before = match (failures, event.since()) {
        (0, Some(since)) => format!(" None had been made since {}.", minute(since)),
        (1, Some(since)) => format!(" The run before failed at {}.", minute(since)),
        (n, Some(since)) => format!(" {n} runs failed before, since {}.", minute(since)),
        (_, None) => String::new(),
    };
    body.say(format!("There is a good backup of {name} again.{before}"));
    body.say(backup_line(backup));
    body.say("Nothing needs to be done.");
    format!("backup of {name} is good again")
}

fn suspicious(event: &Event, backup: &BackupSummary, reasons: &[Reason], body: &mut Body) -> String {
    let name = name(event);
    body.say(format!(
        "The backup of {name} that ended at {} is complete, and looks wrong beside the ones before it:",
        minute(event.at)
    ));
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    body.quote(reasons.join("\n"));
    body.say(backup_line(backup));
    let id = &backup.id;
    body.say(format!(
        "What to do: find out whether that data was meant to go. If it was, `pgcoffer accept {id}`. If it was not, the \
         backups before it still have it: \
         `pgcoffer list --database {name}` shows them, and none of them is deleted while this one is not accepted."
    ));
    format!("backup of {name} looks SUSPICIOUS")
}

fn succeeded(event: &Event, backup: &BackupSummary, body: &mut Body) -> String {
    let name = name(event);
    body.say(format!("{name} was backed up at {}.", minute(event.at)));
    body.say(backup_line(backup));
    format!("backup of {name} is good")
}

fn test(event: &Event, body: &mut Body) -> String {
    body.say(format!(
        "This is a test, sent at {} by `pgcoffer check --notify`. Messages like this one tell you when a backup fails \
         or is missed.",
        minute(event.at)
    ));
    body.say("Nothing needs to be done.");
    "test: this channel works".to_owned()
}

/// Where to find more help, and how to restore if the database itself is lost.
fn more(event: &Event) -> String {
    match &event.database {
        Some(database) => {
            let tries = format!(
                "`pgcoffer check {database}` tries every part of it and says what is missing; `pgcoffer backup \
                 {database}` tries again at once."
            );
            match event.newest_good {
                NewestGood::None => tries,
                _ if heroku_app(event).is_some() => {
                    let app = heroku_app(event).unwrap_or_default();
                    format!(
                        "{tries} If the database itself is lost: `heroku addons:create heroku-postgresql:standard-0 \
                         --as RESTORED --wait -a {app}` makes a new one, and `pgcoffer restore latest --database \
                         {database} --to env:RESTORED_URL` restores into it."
                    )
                }
                _ => format!(
                    "{tries} If the database itself is lost: put the URL of a new, empty one into TARGET_URL, then \
                     `pgcoffer restore latest --database {database} --to env:TARGET_URL --confirm NAME`, where NAME is \
                     the new database's."
                ),
            }
        }
        None => "`pgcoffer check` tries every part of it and says what is missing.".to_owned(),
    }
}
