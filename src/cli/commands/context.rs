//! What every command works with: the agent, the options of every command, and how its result is shown.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use pgcoffer::{
    Error, Result,
    agent::Agent,
    operation::{Progress, Target},
};

use crate::cli::{
    global::Global,
    log,
    output::{self, Output},
    watch::watched,
};

/// What every command works with.
pub(super) struct Context<'a> {
    pub(super) global: &'a Global,
    pub(super) agent: &'a Agent,
    pub(super) output: Output,
}

impl Context<'_> {
    /// Shows progress while `work` runs.
    pub(super) async fn watched<T>(&self, doing: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
        watched(self.global, doing, progress, work).await
    }

    /// Says on stderr what could not be delivered: the last thing before the command's own error.
    pub(super) fn say_undelivered(&self) {
        let undelivered = self.agent.notifications().take_undelivered();
        output::undelivered(&undelivered, log::format(self.global.log_format));
    }

    /// Where a dump is written. Standard output takes it only where that is no terminal.
    pub(super) fn target(&self, file: PathBuf) -> Result<Target> {
        if file != Path::new("-") {
            return Ok(Target::File(file));
        }
        if std::io::stdout().is_terminal() {
            return Err(usage(
                "a dump is not for a terminal",
                "give -o FILE, or pipe it into pg_restore",
            ));
        }
        self.rows_target(file)
    }

    /// Where rows are written. A terminal takes them, too, with escapes for what it would obey.
    pub(super) fn rows_target(&self, file: PathBuf) -> Result<Target> {
        if file != Path::new("-") {
            return Ok(Target::File(file));
        }
        if self.output.json {
            return Err(usage("--json and -o - both want standard output", "give -o FILE"));
        }
        Ok(match std::io::stdout().is_terminal() {
            true => Target::Terminal,
            false => Target::Stdout,
        })
    }
}

pub(super) fn usage(why: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage {
        why: why.into(),
        hint: hint.into(),
    }
}
