//! The log on stderr.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
};

use clap::ValueEnum as _;
use jiff::Timestamp;
use pgcoffer::{
    config::trimmed,
    operation::{OUTCOME, SPANS},
    panics,
    redact::redacted,
    text::{continued, escaped_json},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    fmt::{
        self, FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    prelude::*,
    registry::LookupSpan,
};

use super::{
    global::{Global, LogFormat},
    terminal,
    traces::Traces,
    width::message_wrapped,
};

/// The format that was asked for: the flag over the variable. A wrong variable is reported with all other settings.
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
/// Where the command sums up what failed (`summed_up`), the log does not repeat it. Where somebody waits at a terminal
/// for the command to end (`is_watched`), its lines are notes for that person.
pub(super) fn init(global: &Global, format: LogFormat, summed_up: bool, is_watched: bool) -> Option<Traces> {
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
            let layer = fmt::layer().with_writer(line_of_its_own);
            let is_terminal = io::stderr().is_terminal();
            let has_colours = terminal::stderr_has_color();
            match is_terminal && is_watched && global.verbose == 0 {
                true => layer.event_format(Note { has_colours }).boxed(),
                false => layer
                    .event_format(Line {
                        has_colours,
                        is_terminal,
                    })
                    .boxed(),
            }
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
        .with_writer(|| Escaped(io::stderr()))
}

/// A line of the log for people: moment, level, message and fields. What was written into a message is shown as
/// everywhere else on a terminal, and its later lines are indented, so that each line that begins at the margin is one
/// of ours.
struct Line {
    has_colours: bool,
    /// A person doesn't read microseconds.
    is_terminal: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let (mut time, mut message) = (String::new(), String::new());
        match self.is_terminal {
            true => time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            false => SystemTime.format_time(&mut Writer::new(&mut time))?,
        }
        context.format_fields(Writer::new(&mut message), event)?;
        let message = redacted(&message).into_owned();
        let (level, message) = (event.metadata().level(), continued(&message));
        if !self.has_colours {
            return writeln!(writer, "{time} {level:>5} {message}");
        }
        let colour = match *level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            Level::DEBUG => 34,
            Level::TRACE => 35,
        };
        writeln!(writer, "\x1b[2m{time}\x1b[0m \x1b[{colour}m{level:>5}\x1b[0m {message}")
    }
}

/// A note for a person who waits at a terminal: the message alone, with the database that it is about, and a hint below
/// it. Whoever wants moments and fields asks for them by `-v`.
struct Note {
    has_colours: bool,
}

impl<S, N> FormatEvent<S, N> for Note
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let mut fields = NoteFields::default();
        event.record(&mut fields);
        let (before, colour) = match *event.metadata().level() {
            Level::ERROR => ("error: ", 31),
            Level::WARN => ("warning: ", 33),
            _ => ("", 2),
        };
        let about = fields
            .database
            .map_or_else(String::new, |database| format!("{database}: "));
        let text = redacted(&format!("{about}{}", fields.message)).into_owned();
        let columns = terminal::stderr_message_columns();
        let text = message_wrapped(&format!("{before}{}", continued(&text)), columns);
        match (self.has_colours, before) {
            (false, _) => writeln!(writer, "{text}")?,
            (true, "") => writeln!(writer, "\x1b[2m{text}\x1b[0m")?,
            (true, _) => {
                let rest = text.strip_prefix(before).unwrap_or_default();
                writeln!(writer, "\x1b[{colour}m{before}\x1b[0m{rest}")?;
            }
        }
        match fields.hint {
            Some(hint) => {
                let hint = format!("hint: {}", continued(&redacted(&hint)));
                writeln!(writer, "{}", message_wrapped(&hint, columns))
            }
            None => Ok(()),
        }
    }
}

/// The fields that a note shows.
#[derive(Default)]
struct NoteFields {
    message: String,
    database: Option<String>,
    hint: Option<String>,
}

impl Visit for NoteFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "database" => self.database = Some(format!("{value:?}")),
            // an optional hint that is none is not recorded
            "hint" => self.hint = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

/// A writer of lines of JSON, in which nothing moves a cursor.
struct Escaped<W>(W);

impl<W: io::Write> io::Write for Escaped<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(escaped_json(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Makes a panic a line of the log like any other: with its place, and with its words only where they are the source's
/// own. Others may quote data.
pub(super) fn panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = panics::note(info);
        let words = panics::literal(info.payload());
        let words = words.map_or_else(String::new, |words| format!(": {words}"));
        tracing::error!(place, "this is a bug in pgcoffer: it panicked{words}");
    }));
}

/// Stderr for one line of the log, where a progress bar may stand: the bar gives way and is drawn again.
fn line_of_its_own() -> io::Stderr {
    let mut stderr = io::stderr();
    if terminal::stderr_can_redraw() {
        // back to the line's beginning, and clear it; where that fails the line is only less tidy
        let _ = stderr.write_all(b"\r\x1b[2K");
    }
    stderr
}
