//! The log on stderr.

use std::{
    ffi::OsString,
    io::{IsTerminal as _, Write as _},
};

use clap::ValueEnum as _;
use pgcoffer::{
    config::trimmed,
    operation::{OUTCOME, SPANS},
    panics,
};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, fmt, prelude::*, registry::LookupSpan};

use super::{
    args::{Global, LogFormat},
    traces::Traces,
};

/// The format that was asked for: the flag over the variable. A wrong variable is told with all other settings.
pub(super) fn format(flag: Option<LogFormat>) -> LogFormat {
    let variable = std::env::var("PGCOFFER_LOG_FORMAT").unwrap_or_default();
    let by_variable = LogFormat::from_str(trimmed(&variable), false).ok();
    flag.or(by_variable).unwrap_or(LogFormat::Text)
}

/// The same where the arguments could not be parsed.
pub(super) fn format_of(args: impl Iterator<Item = OsString>) -> LogFormat {
    let args: Vec<OsString> = args.collect();
    let is_asked = |pair: &[OsString]| pair[0] == "--log-format" && pair[1] == "json";
    let asked = args.iter().any(|one| one == "--log-format=json") || args.windows(2).any(is_asked);
    format(asked.then_some(LogFormat::Json))
}

/// Begins logging: our own lines at the level that was asked for, everybody else's only when something is wrong. And
/// tracing, where the environment asks for that.
/// Where the command sums up what failed (`summed_up`), a person is not told so twice.
pub(super) fn init(global: &Global, format: LogFormat, summed_up: bool) -> Option<Traces> {
    let (ours, theirs) = match (global.quiet, global.verbose) {
        (true, _) => (LevelFilter::WARN, LevelFilter::ERROR),
        (false, 0) => (LevelFilter::INFO, LevelFilter::ERROR),
        (false, 1) => (LevelFilter::DEBUG, LevelFilter::WARN),
        (false, _) => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    let outcome = match (format, summed_up) {
        (LogFormat::Text, true) => LevelFilter::OFF,
        _ => ours,
    };
    let filter = Targets::new()
        .with_default(theirs)
        .with_target("pgcoffer", ours)
        .with_target(OUTCOME, outcome)
        .with_target(SPANS, LevelFilter::OFF);
    let log = match format {
        LogFormat::Json => json().boxed(),
        LogFormat::Text => {
            let layer = fmt::layer().with_writer(line_of_its_own).with_target(false);
            layer.with_ansi(std::io::stderr().is_terminal()).boxed()
        }
    };
    let begun = Traces::begin();
    let (layer, traces, trouble) = match begun {
        Ok(Some((layer, traces))) => (Some(layer), Some(traces), None),
        Ok(None) => (None, None, None),
        Err(trouble) => (None, None, Some(trouble)),
    };
    tracing_subscriber::registry()
        .with(log.with_filter(filter))
        .with(layer)
        .init();
    if let Some((why, hint)) = trouble {
        tracing::warn!(hint, "nothing is traced: {why}");
    }
    traces
}

/// Logging in JSON and nothing else, for what is wrong before anything is known.
pub(super) fn init_json() {
    tracing_subscriber::registry().with(json()).init();
}

/// One object a line: `timestamp`, `level`, `target`, `message`, and the fields of each message beside them.
fn json<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
}

/// Makes a panic a line of the log like any other: with its place, and with its words only where they are the source's own.
/// Others may quote data.
pub(super) fn panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = panics::note(info);
        let words = panics::literal(info.payload());
        let words = words.map_or_else(String::new, |words| format!(": {words}"));
        tracing::error!(place, "this is a bug in pgcoffer: it panicked{words}");
    }));
}

/// Stderr for one line of the log, where a progress bar may stand: the bar gives way and is drawn again.
fn line_of_its_own() -> std::io::Stderr {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        // back to the line's beginning, and clear it; where that fails the line is only less tidy
        let _ = stderr.write_all(b"\r\x1b[2K");
    }
    stderr
}
