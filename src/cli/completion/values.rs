//! The values of arguments: those that the program knows by itself, labels of databases from the settings, ids from the
//! bucket.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    sync::mpsc,
    thread,
    time::Duration,
};

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use pgcoffer::{
    agent::Agent,
    backup::{BackupId, Label, PlaceName, Tier},
    catalog::{CatalogEntry, ListedRuns},
    config::{label_of_url, place_of_setting},
    operation::{Interrupt, Pattern},
    text::ago_in_column,
};

use crate::cli::{
    args::Cli,
    environment,
    global::{Place, value_of},
    settings_from, settings_named,
};

/// How long a person waits for a key to do something. Whatever hasn't answered by then is left out: a bucket, a file of
/// settings that is a pipe, a passphrase that takes long to stretch.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How many ids are offered.
const IDS: usize = 20;

/// Tells the arguments of a command, and of all commands below it, what their values may be. It goes by their names,
/// which mean the same in every command.
pub(in crate::cli) fn with_values(command: Command) -> Command {
    command.mut_args(with_value).mut_subcommands(with_values)
}

fn with_value(arg: Arg) -> Arg {
    let words = match arg.get_id().as_str() {
        "id" | "later_id" => return arg.add(ArgValueCompleter::new(ids)),
        "database" | "label" => return arg.add(ArgValueCandidates::new(labels)),
        "from" | "place" => return arg.add(ArgValueCandidates::new(places)),
        "to" if names_value(&arg, "PLACE") => return arg.add(ArgValueCandidates::new(places)),
        "to" => return arg.add(ArgValueCandidates::new(urls)),
        "command" => return arg.add(ArgValueCandidates::new(commands)),
        "timezone" => return arg.add(ArgValueCandidates::new(time_zones)),
        "tier" => "manual hourly daily weekly monthly yearly",
        "mode" => "full drop-box prune restore",
        "service" => "aws wasabi ceph minio other r2 b2",
        "compression" => "none zstd zstd:1 zstd:3 zstd:9 zstd:19",
        "retain" | "retention" | "expire_manual" => "24h 7d 30d 5w 12mo 7y forever",
        "output" if names_value(&arg, "FORM") => "heroku env dotenv toml kubernetes shell",
        "leave_out" | "only" => return arg.add(ArgValueCandidates::new(kinds)),
        _ => return arg,
    };
    arg.add(ArgValueCandidates::new(move || {
        words.split(' ').map(CompletionCandidate::new).collect()
    }))
}

/// Databases that the settings name, whatever else is wrong with these.
fn labels() -> Vec<CompletionCandidate> {
    let found = in_time(|| {
        let settings = settings_from(&Place::of(&typed()));
        let labels = settings.iter().filter_map(|(name, _)| label_of_url(name));
        labels.collect::<BTreeSet<Label>>()
    });
    let labels = found.into_iter().flatten();
    labels.map(|label| CompletionCandidate::new(label.as_str())).collect()
}

/// Places that the settings name, whatever else is wrong with these.
fn places() -> Vec<CompletionCandidate> {
    let found = in_time(|| {
        let settings = settings_from(&Place::of(&typed()));
        let urls = settings.iter().filter_map(|(name, value)| {
            let (place, what) = place_of_setting(name, value)?;
            (what == "_URL").then(|| (place, scheme(value)))
        });
        urls.collect::<BTreeSet<(PlaceName, &'static str)>>()
    });
    let places = found.into_iter().flatten();
    places
        .map(|(name, what)| CompletionCandidate::new(name.as_str()).help(Some(what.into())))
        .collect()
}

/// What a place is. Its address isn't shown: somebody may look on.
fn scheme(url: &str) -> &'static str {
    match url.split("://").next() {
        Some("s3") => "on S3",
        Some("sftp") => "on a server",
        _ => "a folder",
    }
}

/// Whether an argument shows its value by this name.
fn names_value(arg: &Arg, wanted: &str) -> bool {
    let names = arg.get_value_names();
    names.is_some_and(|names| names.iter().any(|name| name.as_str() == wanted))
}

/// Kinds of objects, which a name may follow behind a colon.
fn kinds() -> Vec<CompletionCandidate> {
    Pattern::kinds().map(CompletionCandidate::new).collect()
}

fn commands() -> Vec<CompletionCandidate> {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown.map(|sub| CompletionCandidate::new(sub.get_name())).collect()
}

/// Variables that hold the URL of a database: their names alone.
fn urls() -> Vec<CompletionCandidate> {
    let is_url = |value: &OsStr| {
        let value = value.to_string_lossy();
        value.starts_with("postgres://") || value.starts_with("postgresql://")
    };
    let names = std::env::vars_os().filter(|(_, value)| is_url(value));
    let names = names.filter_map(|(name, _)| name.into_string().ok());
    let plain = names.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let mut all: Vec<String> = plain.map(|name| format!("env:{name}")).collect();
    all.sort();
    all.into_iter().map(CompletionCandidate::new).collect()
}

fn time_zones() -> Vec<CompletionCandidate> {
    let zones = jiff::tz::db().available();
    zones.map(|zone| CompletionCandidate::new(zone.as_str())).collect()
}

/// The words that mean a backup, and the ids of the newest ones.
fn ids(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let latest = CompletionCandidate::new("latest").help(Some("the newest good one".into()));
    let of_tier = |tier: Tier| {
        let help = format!("the newest good one of the tier {tier}");
        CompletionCandidate::new(format!("latest:{tier}")).help(Some(help.into()))
    };
    let mut all = vec![latest];
    // tiers and ids make a long list: each where it is wanted
    match current.is_empty() || !"latest".starts_with(current.as_ref()) && !current.starts_with("latest") {
        true => all.extend(in_time(ids_in_bucket).into_iter().flatten()),
        false => all.extend(Tier::ALL.map(of_tier)),
    }
    // the random part of an id alone may have been typed
    let tail = format!("-{current}");
    let (by_beginning, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|one| holds(one, |id| id.starts_with(&*current)));
    match by_beginning.is_empty() {
        true => others
            .into_iter()
            .filter(|one| holds(one, |id| id.contains(&tail)))
            .collect(),
        false => by_beginning,
    }
}

fn holds(candidate: &CompletionCandidate, is_it: impl Fn(&str) -> bool) -> bool {
    candidate.get_value().to_str().is_some_and(is_it)
}

/// The newest runs in the bucket, one or two requests a run. Nothing is written, there or anywhere else.
///
/// A `pgcoffer.toml` that happens to be in this folder is not read: it may be anybody's, and whoever presses a key
/// hasn't asked for requests that are signed with their credentials to go where it says.
fn ids_in_bucket() -> Vec<CompletionCandidate> {
    let words = typed();
    let place = Place::of(&words);
    let database = value_of("--database", &words);
    let agent = Agent::from_settings(&settings_named(&place), environment(), Interrupt::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (Ok(agent), Ok(runtime)) = (agent, runtime) else {
        return Vec::new();
    };
    let listing = runtime.block_on(agent.list(database.as_deref(), ListedRuns::All, IDS));
    let Ok(listing) = listing else {
        return Vec::new();
    };
    let candidate = |one: &CatalogEntry| {
        let (record, id) = (&one.record, one.record.id.clone());
        let status = if one.is_sure() { "" } else { ", not good" };
        let age = ago_in_column(record.started, listing.seen);
        let help = format!("{}, {}, {age}{status}", record.database, record.tier);
        CompletionCandidate::new(BackupId::to_string(&id)).help(Some(help.into()))
    };
    listing.entries.iter().map(candidate).collect()
}

/// The line that is being completed.
fn typed() -> Vec<OsString> {
    let args = std::env::args_os();
    args.skip_while(|word| word != "--").skip(1).collect()
}

/// What this comes to, where it does so in time. What is too late goes on until the process ends, a moment later.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        // nobody waits for it any more
        let _ = done.send(work());
    });
    result.recv_timeout(PATIENCE).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::parser;

    fn offered(command: &str, arg: &str) -> Vec<String> {
        let mut command = parser::command().find_subcommand(command).unwrap().clone();
        command.build();
        let arg = command.get_arguments().find(|one| one.get_id() == arg).unwrap().clone();
        let all = arg.get::<ArgValueCandidates>().unwrap().candidates();
        all.iter()
            .map(|one| one.get_value().to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn what_is_offered_is_taken() {
        for (command, arg, option, rest) in [
            ("backup", "tier", "--tier", &[][..]),
            ("backup", "compression", "--compression", &[]),
            ("backup", "retain", "--retain", &[]),
            ("check", "mode", "--mode", &[]),
            ("policy", "mode", "--mode", &[]),
            ("policy", "service", "--service", &[]),
            ("init", "output", "--output", &[]),
            ("restore", "only", "--only", &["latest", "--to", "env:X"]),
            ("restore", "leave_out", "--leave-out", &["latest", "--to", "env:X"]),
        ] {
            let offered = offered(command, arg);
            assert!(offered.len() > 3, "{command} {option}: {offered:?}");
            for value in offered {
                let line = ["pgcoffer", command, option, &value]
                    .into_iter()
                    .chain(rest.iter().copied());
                Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{command} {option} {value}: {error}"));
            }
        }
    }

    /// Whoever adds an argument says what its values are, or that nobody but the user can know.
    #[test]
    fn every_value_can_be_completed_or_is_free_text() {
        let free = [
            "limit",
            "before",
            "thaw_days",
            "reason",
            "by",
            "part_size",
            "confirm",
            "parallel",
            "listen",
            "shortest_wait",
            "role",
            "lock_days",
            "cold",
            "keep",
            "abort_days",
            "noncurrent",
            "databases",
            "region",
            "endpoint_url",
            "schedule",
            "drill",
            "heroku",
            "heroku_from",
            "bucket",
            "index",
            "words",
            "jobs",
            "at_most_every",
            "sample",
            "table",
            "schema",
            "beside",
            "repository",
            "key",
            "backup",
            "places",
            "name",
        ];
        let mut command = parser::command();
        command.build();
        let mut left = vec![&command];
        while let Some(command) = left.pop() {
            left.extend(command.get_subcommands().filter(|one| one.get_name() != "help"));
            for arg in command.get_arguments() {
                let id = arg.get_id().as_str();
                let is_known = arg.get::<ArgValueCandidates>().is_some()
                    || arg.get::<ArgValueCompleter>().is_some()
                    || !arg.get_possible_values().is_empty()
                    || arg.get_value_hint() != clap::ValueHint::Unknown;
                let takes_none = !arg.get_num_args().unwrap_or_default().takes_values();
                assert!(
                    is_known || takes_none || free.contains(&id),
                    "{} {id}",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn what_stands_behind_an_option_is_found_in_both_forms() {
        let words: Vec<OsString> = ["pgcoffer", "list", "--bucket=s3://a/b", "--config", "x.toml"]
            .map(Into::into)
            .into();
        assert_eq!(value_of("--bucket", &words).as_deref(), Some("s3://a/b"));
        assert_eq!(value_of("--config", &words).as_deref(), Some("x.toml"));
        assert_eq!(value_of("--database", &words), None);
    }

    #[test]
    fn what_takes_too_long_is_left_out() {
        let (_keeps_open, never) = mpsc::channel::<()>();
        assert_eq!(in_time(move || never.recv().is_ok()), None);
        assert_eq!(in_time(|| 7), Some(7));
    }
}
