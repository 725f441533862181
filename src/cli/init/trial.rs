//! The settings tried, exactly as they will be set: by `pgcoffer check` with them as its environment.

use std::{
    process::{self, Command, Stdio},
    sync::PoisonError,
};

use pgcoffer::{Error, Result, exit_status::ExitStatus, seal::RepositoryId, setup::url_variable};

use super::Draft;

/// What goes with the variables that a set-up has, and is in none.
const BESIDE: [&str; 2] = ["AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"];

impl Draft {
    pub(super) fn try_it(&mut self) -> Result<()> {
        self.step(5, "Trial");
        if self.args.no_check {
            self.terminal
                .say("   Left out (--no-check); `pgcoffer check` makes up for it.");
            return Ok(());
        }
        loop {
            let status = self.check()?;
            if status.success() {
                return Ok(());
            }
            if !self.terminal.asks || self.terminal.yes {
                return Err(failed(status));
            }
            let choices = [
                "try again, once it is mended",
                "name another bucket, or other credentials for it",
                "name another database",
                "go on all the same; backups will fail until it is mended",
                "stop here, and write nothing",
            ];
            match self.terminal.choose("   Not all is well", &choices)? {
                0 => {}
                1 => self.another_bucket()?,
                2 => self.another_database()?,
                3 => return Ok(()),
                _ => return Err(failed(status)),
            }
        }
    }

    fn another_bucket(&mut self) -> Result<()> {
        for name in super::OF_AWS.into_iter().chain(BESIDE) {
            self.setup.variables.remove(name);
            self.vars.remove(name);
            self.dropped.push(name);
        }
        for name in ["PGCOFFER_BUCKET", "PGCOFFER_S3_PATH_STYLE"] {
            self.setup.variables.remove(name);
        }
        self.bucket()
    }

    fn another_database(&mut self) -> Result<()> {
        for label in self.labels() {
            self.setup.variables.remove(&url_variable(&label));
        }
        self.setup.attachments.clear();
        self.databases()
    }

    /// `check` as it would be called by hand, for a set-up that stays as it is.
    pub(super) fn check_alone(&self) -> Result<()> {
        let status = self.check()?;
        if status.success() { Ok(()) } else { Err(failed(status)) }
    }

    /// Pins the repository: the one that is here, or where there is none yet a new one. Where it can't be seen, nothing
    /// is pinned.
    pub(super) fn pin(&mut self) -> Result<()> {
        const NAME: &str = "PGCOFFER_REPOSITORY";
        if self.args.no_check || self.setup.variables.contains_key(NAME) {
            return Ok(());
        }
        let mut command = self.command("repository").map_err(not_run)?;
        let output = command.stderr(Stdio::null()).output().map_err(not_run)?;
        let id = match output.status.code() {
            Some(0) => str::from_utf8(&output.stdout)
                .ok()
                .and_then(|text| text.trim().parse().ok()),
            // there is no backup yet
            Some(7) => RepositoryId::generate().ok(),
            _ => None,
        };
        if let Some(id) = id {
            self.setup.set(NAME, id.to_string());
        }
        Ok(())
    }

    fn check(&self) -> Result<process::ExitStatus> {
        let mut command = self.command("check").map_err(not_run)?;
        // what is printed here is the settings alone
        command.stdout(std::io::stderr());
        let mut child = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            if written.stopped {
                return Err(Error::Interrupted {
                    exit_status: ExitStatus::Interrupted,
                });
            }
            let child = command.spawn().map_err(not_run)?;
            written.trial = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            child
        };
        let status = child.wait().map_err(not_run)?;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).trial = None;
        Ok(status)
    }

    /// This program, with the settings that come out as its environment.
    pub(super) fn command(&self, name: &str) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        // no file of settings: all of them stand in the environment
        command.args([name, "--config", "/dev/null"]);
        for name in self.vars.keys().filter(|name| name.starts_with("PGCOFFER_")) {
            command.env_remove(name);
        }
        for name in &self.dropped {
            command.env_remove(name);
        }
        for (name, value) in &self.setup.variables {
            command.env(name, value.as_str());
        }
        command.stdin(Stdio::null());
        Ok(command)
    }
}

fn not_run(source: std::io::Error) -> Error {
    Error::Io {
        doing: "run `pgcoffer check`".to_owned(),
        source,
    }
}

/// The trial's own exit status stands for what is wrong.
fn failed(status: process::ExitStatus) -> Error {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let status = code.and_then(ExitStatus::of_number);
    Error::Problems {
        what: "the trial failed: see above; nothing was written (--no-check leaves it out)".to_owned(),
        exit_status: status.unwrap_or(ExitStatus::Failed),
    }
}
