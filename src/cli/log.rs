//! The log on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use super::args::{Global, LogFormat};

/// Begins logging: our own lines at the level that was asked for, everybody else's only when something is wrong.
pub(super) fn init(global: &Global) {
    let (ours, theirs) = match (global.quiet, global.verbose) {
        (true, _) => ("warn", "error"),
        (false, 0) => ("info", "error"),
        (false, 1) => ("debug", "warn"),
        (false, _) => ("trace", "debug"),
    };
    let filter = EnvFilter::new(format!("{theirs},pgcoffer={ours}"));
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
            let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
            registry
                .with(layer.with_ansi(std::io::stderr().is_terminal()))
                .init();
        }
    }
}
