//! What people are told: what failed, since when, what the newest good backup is, and what to do.

use super::{
    Event, Kind, Late, NewestGood,
    figures::{age, minute, size},
};
use crate::text::{escaped, escaped_lines};

/// A message as it is read, before a channel gives it its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// the subject
    pub title: String,
    /// the body
    pub paragraphs: Vec<Paragraph>,
    /// which agent and which bucket
    pub origin: String,
}

/// Some lines of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// the lines
    pub text: String,
    /// what a program said, to be shown as it stands
    pub verbatim: bool,
}

impl Letter {
    /// Body and origin as plain text.
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

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("    {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Puts an event into words.
#[must_use]
pub fn letter(event: &Event) -> Letter {
    let mut body = Body::default();
    let title = match event.kind {
        Kind::Failure => failure(event, &mut body),
        Kind::Missed => missed(event, &mut body),
        Kind::Recovery => recovery(event, &mut body),
        Kind::Suspicious => suspicious(event, &mut body),
        Kind::Success => success(event, &mut body),
        Kind::Digest => super::digest::words(event, &mut body),
        Kind::Test => test(event, &mut body),
    };
    // whatever the medium: nothing in a message moves a cursor, reorders a line or begins one of its own
    for paragraph in &mut body.0 {
        paragraph.text = escaped_lines(&paragraph.text).into_owned();
    }
    Letter {
        title: escaped(&title).into_owned(),
        paragraphs: body.0,
        origin: escaped(&origin(event)).into_owned(),
    }
}

/// The paragraphs so far.
#[derive(Default)]
pub(super) struct Body(Vec<Paragraph>);

impl Body {
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.add(text.into(), false);
    }

    pub(super) fn quote(&mut self, text: impl Into<String>) {
        self.add(text.into(), true);
    }

    fn add(&mut self, text: String, verbatim: bool) {
        if !text.is_empty() {
            self.0.push(Paragraph { text, verbatim });
        }
    }
}

fn failure(event: &Event, body: &mut Body) -> String {
    let (title, first) = what_failed(event);
    body.say(first);
    if !event.interrupted {
        body.say(why(event));
    }
    if let Some(hint) = event.hint() {
        body.say(format!("What to do: {hint}."));
    }
    let mut state = Vec::new();
    if let ("bucket", Some(id)) = (event.what, &event.run) {
        state.push(format!("It is the backup {id}."));
    }
    if let (2.., Some(since)) = (event.failures, event.since) {
        let (times, since) = (event.failures, minute(since));
        state.push(format!("It has failed {times} times in a row since {since}."));
    }
    state.extend(late_lines(&event.late));
    state.extend(newest_good_line(event));
    state.extend(retry_line(event));
    body.say(state.join("\n"));
    if event.what == "backup" && !event.interrupted {
        body.say(more(event));
    }
    title
}

/// The title of a failure, and the sentence that it begins with.
fn what_failed(event: &Event) -> (String, String) {
    let (name, at) = (name(event), minute(event.at));
    match (event.what, &event.database) {
        _ if event.interrupted => (
            format!("backup of {name} interrupted"),
            format!(
                "The backup of {name} was interrupted at {at}: something told it to stop before it was done (a \
                 restart, a deployment, a time limit). There is no backup of this run."
            ),
        ),
        (_, None) => (
            "backups FAILED before they began".to_owned(),
            format!("pgcoffer could not begin at {at}: no database was backed up."),
        ),
        ("retention", _) => (
            format!("retention of {name} failed"),
            format!("Old backups of {name} could not be deleted at {at}. Nothing is lost; what has run out piles up."),
        ),
        ("bucket", _) => (
            format!("a backup of {name} is GONE"),
            format!("Something in the bucket is not as it was left, seen at {at}."),
        ),
        ("repository", _) => (
            format!("backups of another repository among those of {name}"),
            format!("In the folder of {name} stand backups of another repository, under the same key, seen at {at}."),
        ),
        _ => (
            format!("backup of {name} FAILED"),
            format!("The backup of {name} failed at {at}."),
        ),
    }
}

/// Why it failed; what exactly was said is for those who may read it.
fn why(event: &Event) -> String {
    let Some(cause) = &event.cause else {
        return String::new();
    };
    let whole = match (&event.run, event.what) {
        (_, "bucket" | "repository") => String::new(),
        (Some(id), _) => format!(" `pgcoffer show {id}` has what was said in full."),
        (None, _) => " The log of that run has what was said in full.".to_owned(),
    };
    format!("Why: {cause}.{whole}")
}

fn missed(event: &Event, body: &mut Body) -> String {
    let name = name(event);
    body.say(format!("A backup of {name} that was due was not made."));
    let mut state = late_lines(&event.late);
    let Some(backup) = &event.backup else {
        state.push(match &event.cause {
            Some(_) => "The last attempt failed.".to_owned(),
            None => "No attempt is known to have been made.".to_owned(),
        });
        body.say(state.join("\n"));
        body.say(why(event));
        body.say(newest_good_line(event).unwrap_or_default());
        body.say(retry_line(event).unwrap_or_default());
        body.say(match event.hint() {
            Some(hint) => format!("What to do: {hint}."),
            None => "What to do: see whether whatever starts `pgcoffer tick` still does (Heroku Scheduler, cron, a \
                CronJob), and look into its log. `pgcoffer tick` by hand makes the backup now."
                .to_owned(),
        });
        return format!("backup of {name} MISSED");
    };
    let (id, tiers, stored) = (&backup.id, backup.tiers.join(", "), size(backup.bytes));
    state.push(format!("It has been caught up now: {id} ({tiers}, {stored})."));
    body.say(state.join("\n"));
    body.say(
        "What to do: see why nothing ran before. Whatever starts `pgcoffer tick` (Heroku Scheduler, cron, a \
        CronJob) was off, late, or could not start it.",
    );
    format!("backup of {name} was late, and is made")
}

fn recovery(event: &Event, body: &mut Body) -> String {
    let name = name(event);
    let before = match (event.failures, event.since) {
        (0, Some(since)) => format!(" None had been made since {}.", minute(since)),
        (1, Some(since)) => format!(" The run before failed at {}.", minute(since)),
        (n, Some(since)) if n > 1 => format!(" {n} runs failed before, since {}.", minute(since)),
        _ => String::new(),
    };
    body.say(format!("There is a good backup of {name} again.{before}"));
    body.say(backup_line(event));
    body.say("Nothing needs to be done.");
    format!("backup of {name} is good again")
}

fn suspicious(event: &Event, body: &mut Body) -> String {
    let name = name(event);
    body.say(format!(
        "The backup of {name} that ended at {} is complete, and looks wrong beside the ones before it:",
        minute(event.at)
    ));
    let reasons = event.reasons.iter().map(ToString::to_string);
    body.quote(reasons.collect::<Vec<_>>().join("\n"));
    body.say(backup_line(event));
    let id = event.backup.as_ref().map_or("ID", |backup| &backup.id);
    body.say(format!(
        "What to do: find out whether that data was meant to go. If it was, `pgcoffer accept {id}`. If it was not, the \
         backups before it still have it: \
         `pgcoffer list --database {name}` shows them, and none of them is deleted while this one is not accepted."
    ));
    format!("backup of {name} looks SUSPICIOUS")
}

fn success(event: &Event, body: &mut Body) -> String {
    let name = name(event);
    body.say(format!("{name} was backed up at {}.", minute(event.at)));
    body.say(backup_line(event));
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

/// Where to look when the hint was not enough, and the way back where the database itself is gone.
fn more(event: &Event) -> String {
    match &event.database {
        Some(database) => {
            let tries = format!(
                "`pgcoffer check {database}` tries every part of it and says what is missing; `pgcoffer backup \
                 {database}` tries again at once."
            );
            match event.newest_good {
                NewestGood::None => tries,
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

fn name(event: &Event) -> &str {
    event.database.as_deref().unwrap_or("every database")
}

fn late_lines(late: &[Late]) -> Vec<String> {
    let line = |late: &Late| format!("The {} backup has been due since {}.", late.tier, minute(late.due));
    late.iter().map(line).collect()
}

fn newest_good_line(event: &Event) -> Option<String> {
    Some(match &event.newest_good {
        NewestGood::Is { id, started } => format!(
            "Newest good backup: {id}, {} old ({}).",
            age(*started, event.at),
            minute(*started)
        ),
        NewestGood::None => format!("There is NO good backup of {}.", name(event)),
        NewestGood::Unknown => {
            "Which backup is the newest good one could not be looked up: `pgcoffer list` tells.".to_owned()
        }
    })
}

fn retry_line(event: &Event) -> Option<String> {
    let at = minute(event.retry_at?);
    Some(format!("The first tick after {at} tries again."))
}

fn backup_line(event: &Event) -> String {
    event.backup.as_ref().map_or_else(String::new, |backup| {
        let tiers = backup.tiers.join(", ");
        format!("Backup: {} ({tiers}), {} stored.", backup.id, size(backup.bytes))
    })
}

fn origin(event: &Event) -> String {
    let agent = format!("pgcoffer {} on {}", env!("CARGO_PKG_VERSION"), event.origin.host);
    match &event.origin.location {
        Some(location) => format!("{agent}, {location}"),
        None => agent,
    }
}
