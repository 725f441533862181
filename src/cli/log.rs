//! The log on stderr.

use std::io::{IsTerminal as _, Write as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, prelude::*};

use super::args::{Global, LogFormat};

/// Begins logging: our own lines at the level that was asked for, everybody else's only when something is wrong.
pub(super) fn init(global: &Global) {
    let (ours, theirs) = match (global.quiet, global.verbose) {
        (true, _) => (LevelFilter::WARN, LevelFilter::ERROR),
        (false, 0) => (LevelFilter::INFO, LevelFilter::ERROR),
        (false, 1) => (LevelFilter::DEBUG, LevelFilter::WARN),
        (false, _) => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    let filter = Targets::new()
        .with_default(theirs)
        .with_target("pgcoffer", ours);
    let registry = tracing_subscriber::registry().with(filter);
    match global.log_format {
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            )
            .init(),
        LogFormat::Text => {
            let layer = fmt::layer().with_writer(line_of_its_own).with_target(false);
            registry
                .with(layer.with_ansi(std::io::stderr().is_terminal()))
                .init();
        }
    }
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
