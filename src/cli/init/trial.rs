//! Settings tried exactly as they will be set: by `pgcoffer check`, which has them as its environment. Each URL and
//! each bucket is tried when it is typed, and everything together at the end.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::process::ExitStatusExt as _,
    process::{self, Command, Stdio},
    sync::PoisonError,
};

use pgcoffer::{
    Error, Result,
    backup::PlaceName,
    exit_status::ExitStatus,
    operation::{Area, Verdict},
    seal::RepositoryId,
    setup::{Setup, url_variable},
};

use super::{Draft, journal::Asked, trial_report::Trial};
use crate::cli::screen::note;

/// Variables that belong to credentials or region, and are never a part of a set-up.
pub(super) const BESIDE: [&str; 2] = ["AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"];

impl Draft {
    /// Everything together. What failed is said last, so that it is still on the screen.
    pub(super) fn try_it(&mut self) -> Asked<()> {
        self.step(7, "Trial");
        if self.args.no_check {
            self.terminal
                .say("   Left out (--no-check); `pgcoffer check` makes up for it.");
            return Ok(());
        }
        if self.carries_out() {
            self.terminal.say("   Everything is tried on Heroku, as step 9.");
            return Ok(());
        }
        loop {
            self.terminal.say("   Trying everything. This takes some seconds.");
            let trial = self.trial(&self.setup, "all", &[])?;
            self.report(&trial);
            if trial.is_good() {
                return Ok(());
            }
            if !self.terminal.asks || self.terminal.yes {
                return Err(failed(&trial).into());
            }
            let has_places = !self.setup.places().is_empty();
            let mut choices = vec![
                "try again, once it is mended",
                "name another bucket, or other credentials for it",
                "name another database",
            ];
            choices.extend(has_places.then_some("name other places for copies, or none"));
            choices.extend([
                "go on all the same; backups will fail until it is mended",
                "stop here, and write nothing",
            ]);
            let chosen = self.terminal.choose("   Not all is well", &choices)?;
            match chosen + usize::from(chosen > 2 && !has_places) {
                0 => {}
                1 => {
                    self.drop_access();
                    self.setup.variables.remove("PGCOFFER_BUCKET");
                    self.bucket()?;
                }
                2 => self.another_database()?,
                3 => self.other_places()?,
                4 => return Ok(()),
                _ => return Err(failed(&trial).into()),
            }
        }
    }

    fn another_database(&mut self) -> Asked<()> {
        for label in self.labels() {
            self.setup.variables.remove(&url_variable(&label));
        }
        self.setup.attachments.clear();
        self.databases()
    }

    fn other_places(&mut self) -> Asked<()> {
        let names: Vec<PlaceName> = self.setup.places().into_iter().map(|(name, _)| name).collect();
        for name in names {
            self.setup.forget_place(&name);
        }
        self.copies()
    }

    /// Tries a database's URL that was just given; false if it doesn't work and another one is to be given.
    pub(super) fn try_database_url(&self, url: &str) -> Asked<bool> {
        if self.args.no_check || !self.terminal.asks || self.terminal.yes {
            return Ok(true);
        }
        let mut setup = Setup::default();
        setup.set("PGCOFFER_DB_MAIN_URL", url);
        for name in ["PGCOFFER_PG_BIN", "PGCOFFER_DB_MAIN_AUTH"] {
            if let Some(value) = self.setup.text(name) {
                setup.set(name, value);
            }
        }
        loop {
            self.terminal.say("   Trying it.");
            if self.works(self.trial(&setup, "database", &[])?.about(Area::Database)) {
                return Ok(true);
            }
            let choices = [
                "give another URL",
                "try again, once it is mended",
                "keep it; it may work where pgcoffer will run",
            ];
            match self.terminal.choose("   This database doesn't work yet", &choices)? {
                0 => return Ok(false),
                1 => {}
                _ => return Ok(true),
            }
        }
    }

    /// Tries the bucket that was just given. What is sealed there is tried when there is a key.
    pub(super) fn bucket_trial(&self) -> Asked<Trial> {
        let mut setup = self.setup.clone();
        for label in self.labels() {
            setup.variables.remove(&url_variable(&label));
        }
        for name in ["PGCOFFER_KEY", "PGCOFFER_PASSPHRASE", "PGCOFFER_OLD_KEYS"] {
            setup.variables.remove(name);
        }
        setup.variables.retain(|name, _| !name.starts_with("PGCOFFER_DB_"));
        Ok(self.trial(&setup, "bucket", &[])?.about(Area::Bucket))
    }

    /// Sends a test to everybody who is to be notified.
    pub(super) fn try_notices(&self) -> Asked<bool> {
        let setup = self.notices_alone();
        let trial = self.trial(&setup, "notices", &["--notify"])?;
        Ok(self.works(trial.about(Area::Notifications)))
    }

    /// Shows what failed, or that nothing did.
    pub(super) fn works(&self, trial: Trial) -> bool {
        if trial.is_good() {
            self.terminal.say("   It works.");
        } else {
            self.terminal.say(trial.failures().trim_end());
        }
        trial.is_good()
    }

    fn report(&self, trial: &Trial) {
        if self.terminal.journal.is_repeating() {
            return;
        }
        note(trial.text().trim_end());
        let (good, bad) = (trial.count(Verdict::Ok), trial.count(Verdict::Failed));
        let warnings = match trial.count(Verdict::Warning) {
            1 => "1 warning".to_owned(),
            n => format!("{n} warnings"),
        };
        if trial.failed.is_none() {
            note(&format!("\n{good} ok, {warnings}, {bad} failed"));
        }
        if bad > 0 {
            note(&format!("\nWhat failed, once more:\n{}", trial.failures().trim_end()));
        }
    }

    /// `check` as it would be called by hand, for a set-up that stays as it is.
    pub(super) fn check_alone(&self) -> Asked<()> {
        let trial = self.trial(&self.setup, "all", &[])?;
        self.report(&trial);
        match trial.is_good() {
            true => Ok(()),
            false => Err(failed(&trial).into()),
        }
    }

    /// Pins the repository: the one that is here, or where there is none yet a new one. Where it can't be seen, nothing
    /// is pinned.
    pub(super) fn pin(&mut self) -> Result<()> {
        const NAME: &str = "PGCOFFER_REPOSITORY";
        if self.args.no_check || self.setup.variables.contains_key(NAME) {
            return Ok(());
        }
        let mut command = self.command("repository", &self.setup).map_err(not_run)?;
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

    /// One run of `check` with these settings. What was tried before is not tried again for who goes back, so that the
    /// answers which followed it still fit.
    pub(super) fn trial(&self, setup: &Setup, what: &str, arguments: &[&str]) -> Result<Trial> {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        for (name, value) in &setup.variables {
            (name, value.as_str()).hash(&mut hasher);
        }
        let settings = hasher.finish();
        let attempt = {
            let mut attempts = self.attempts.borrow_mut();
            let attempt = attempts.entry(settings).or_insert(0_usize);
            *attempt += 1;
            *attempt
        };
        let known = |trials: &super::Trials| trials.get(&(settings, attempt)).cloned();
        if let Some(trial) = known(&self.trials.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(trial);
        }
        let trial = self.run_check(setup, arguments)?;
        let mut trials = self.trials.lock().unwrap_or_else(PoisonError::into_inner);
        trials.insert((settings, attempt), trial.clone());
        Ok(trial)
    }

    fn run_check(&self, setup: &Setup, arguments: &[&str]) -> Result<Trial> {
        let mut command = self.command("check", setup).map_err(not_run)?;
        command.args(arguments).arg("--json");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = self.child(command, "`pgcoffer check`")?;
        let trial = serde_json::from_slice::<Trial>(&output.stdout);
        Ok(trial.unwrap_or_else(|_| Trial {
            findings: Vec::new(),
            failed: Some(status_of(output.status)),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
        }))
    }

    /// Runs a child that ends with this set-up.
    pub(super) fn child(&self, mut command: Command, what: &str) -> Result<process::Output> {
        let not_run = |source| Error::Io {
            doing: format!("run {what}"),
            source,
        };
        let child = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            if written.stopped {
                return Err(Error::Interrupted {
                    exit_status: ExitStatus::Interrupted,
                });
            }
            let child = command.spawn().map_err(not_run)?;
            written.child = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            child
        };
        let output = child.wait_with_output().map_err(not_run)?;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).child = None;
        match ended_by_signal(output.status) {
            // Ctrl-C goes to both, and the child may be the first to end
            Some(exit_status) => Err(Error::Interrupted { exit_status }),
            None => Ok(output),
        }
    }

    /// This program, with these settings as its environment.
    pub(super) fn command(&self, name: &str, setup: &Setup) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        // no file of settings: all of them stand in the environment
        command.args([name, "--config", "/dev/null", "--log-format", "text", "--quiet"]);
        for name in self.vars.keys().filter(|name| name.starts_with("PGCOFFER_")) {
            command.env_remove(name);
        }
        for name in &self.dropped {
            command.env_remove(name);
        }
        for (name, value) in &setup.variables {
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

fn status_of(status: process::ExitStatus) -> ExitStatus {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.and_then(ExitStatus::of_number).unwrap_or(ExitStatus::Failed)
}

/// The status of a child that a signal has ended, whether it noticed or not.
fn ended_by_signal(status: process::ExitStatus) -> Option<ExitStatus> {
    let ended = match status.signal() {
        Some(signal) => ExitStatus::of_signal(signal),
        None => Some(status_of(status)),
    };
    ended.filter(|status| status.is_of_signal())
}

/// The trial's own exit status stands for what is wrong.
fn failed(trial: &Trial) -> Error {
    Error::Problems {
        what: "the trial failed: see above; nothing was written (--no-check leaves it out)".to_owned(),
        exit_status: trial.failed.unwrap_or(ExitStatus::Problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_a_signal_has_ended_ends_the_set_up_as_the_signal_does() {
        let of = |raw| ended_by_signal(process::ExitStatus::from_raw(raw));
        // killed by SIGINT, before it could notice; and ended in order
        assert_eq!(of(2), Some(ExitStatus::Interrupted));
        assert_eq!(of(130 << 8), Some(ExitStatus::Interrupted));
        assert_eq!(of(15), Some(ExitStatus::Terminated));
        // a crash and a failure are none
        assert_eq!(of(11), None);
        assert_eq!((of(8 << 8), of(0)), (None, None));
    }
}
