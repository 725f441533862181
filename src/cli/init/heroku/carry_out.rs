//! Step 9 of a set-up on Heroku: what is still to be done is shown, asked for, and run.

use std::{
    fs,
    io::Write as _,
    process::Command,
    sync::PoisonError,
    thread,
    time::{Duration, Instant},
};

use pgcoffer::{
    Error, Result,
    backup::Label,
    exit_status::ExitStatus,
    setup::heroku::{Attachment, CREDENTIAL, CommandLine, SOURCE, checked_grants, commands},
};
use serde_json::Value;

use super::{
    OnHeroku, failures,
    run::{Ended, Output, run},
    shown::Way,
    steps::{HerokuStep, differing, missing},
    unavailable,
};
use crate::cli::{
    init::{
        Draft,
        journal::{Asked, Journal},
    },
    screen::{self, note},
    width::{columns, wrapped},
};

/// How long a new credential may take to become active. Heroku names no limit; minutes have been seen.
const ACTIVE_WITHIN: Duration = Duration::from_secs(15 * 60);
/// How long between two looks at it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Draft {
    /// Shows what is to be done, and does it.
    pub(in crate::cli::init) fn carry_out(mut self) -> Asked<()> {
        self.step(9, "Heroku");
        let Some(found) = self.heroku.clone() else {
            return Ok(());
        };
        let app = found.name.clone();
        let own = self.setup.attachments.values().find(|database| database.owner == app);
        if let Some(owner) = own.filter(|_| !found.has_code_of_its_own()) {
            return Err(super::usage(
                format!("{} belongs to {app} itself", owner.add_on),
                "give the name of a second app as --heroku, such as APP-backups, and this one as --heroku-from",
            )
            .into());
        }
        self.refuse_another_key(&found)?;
        let backed_up = self.backed_up()?;
        let steps = missing(&self.setup, &found, &backed_up);
        let way = self.ask_way(&steps, &app)?;
        self.write_files(None)?;
        let Some(way) = way else {
            return Ok(());
        };
        self.written.lock().unwrap_or_else(PoisonError::into_inner).on_heroku = Some(app.clone());
        // from here on there is no way back: what was run stays run
        self.terminal.journal = Journal::default();
        let count = steps.len();
        for (n, step) in steps.iter().enumerate() {
            self.announce(n, count, step, &app);
            if way == Way::Each && !self.terminal.confirm("   Run it?", true)? {
                self.say_where_it_stopped(&app);
                return Ok(());
            }
            self.take_step(step, &found, (n + 1, count))?;
        }
        self.say_the_end(&app, &steps);
        match self.json {
            true => Ok(screen::print_json(&self.json_summary(&app, &steps))?),
            false => self.offer_scheduler(&app),
        }
    }

    /// A key that is set on Heroku seals backups already: no other one takes its place unseen.
    fn refuse_another_key(&self, found: &OnHeroku) -> Result<()> {
        for name in ["PGCOFFER_KEY", "PGCOFFER_PASSPHRASE"] {
            let (Some(there), here) = (found.vars.get(name), self.setup.text(name)) else {
                continue;
            };
            if here != Some(there.as_str()) && !self.args.new_key {
                return Err(super::usage(
                    format!("{name} of {} is another one than the one that is given", found.name),
                    "leave --key-file out to keep the app's; --new-key makes a new one and keeps the old one readable",
                ));
            }
        }
        Ok(())
    }

    /// The databases of which the bucket has a good backup, as far as it can be seen from here.
    fn backed_up(&self) -> Result<Vec<Label>> {
        let mut found = Vec::new();
        for label in self.labels() {
            let command = self.command("list", &self.setup);
            let mut command = command.map_err(|source| Error::Io {
                doing: "run `pgcoffer list`".to_owned(),
                source,
            })?;
            command.args(["--json", "--database", label.as_str()]);
            command
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null());
            let output = self.child(command, "`pgcoffer list`")?;
            let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let backups = list["backups"].as_array();
            let good = |one: &Value| one["status"] == "succeeded";
            if backups.is_some_and(|backups| backups.iter().any(good)) {
                found.push(label);
            }
        }
        Ok(found)
    }

    fn take_step(&self, step: &HerokuStep, found: &OnHeroku, (n, count): (usize, usize)) -> Result<()> {
        let app = found.name.as_str();
        let attachment = |label: &Label| self.setup.attachments.get(label);
        let ended = match step {
            HerokuStep::App => self.run(&commands::create_app(app, &self.setup.home), Output::Shown)?,
            HerokuStep::Buildpack(buildpack) => self.run(&commands::add_buildpack(app, buildpack), Output::Shown)?,
            HerokuStep::Build => self.build(app)?,
            HerokuStep::ConfigVars => {
                return self
                    .set_config_vars(found)
                    .inspect_err(|_| self.say_where_it_stopped(app));
            }
            HerokuStep::Credential(label) => match attachment(label) {
                Some(database) => self.make_credential(database)?,
                None => return Ok(()),
            },
            HerokuStep::Attach(label) => match attachment(label) {
                Some(database) => self.run(&commands::attach(app, label, database), Output::Shown)?,
                None => return Ok(()),
            },
            HerokuStep::Grants(label) => match attachment(label) {
                Some(database) => self
                    .grant(app, label, database)
                    .inspect_err(|_| self.say_where_it_stopped(app))?,
                None => return Ok(()),
            },
            HerokuStep::Scheduler => self.run(&commands::add_scheduler(app), Output::Shown)?,
            HerokuStep::Check => self.run(&commands::in_dyno(app, "pgcoffer check"), Output::Shown)?,
            HerokuStep::Backup(label) => self.run(
                &commands::in_dyno(app, &format!("pgcoffer backup {label}")),
                Output::Shown,
            )?,
            HerokuStep::Verify(label) => {
                let command = format!("pgcoffer verify --database {label}");
                self.run(&commands::in_dyno(app, &command), Output::Shown)?
            }
        };
        if ended.good {
            return Ok(());
        }
        for line in ended.said.iter().filter(|_| ended.code.is_none()) {
            note(&format!("      {line}"));
        }
        self.interrupted()?;
        note(&format!("\nhint: {}", failures::hint(step, app, &ended)));
        self.say_where_it_stopped(app);
        let how = ended
            .code
            .map_or_else(String::new, |code| format!(" with status {code}"));
        Err(Error::Problems {
            what: format!("step {n} of {count} failed{how}: {}", step.title()),
            exit_status: ExitStatus::Failed,
        })
    }

    pub(super) fn run(&self, line: &CommandLine, output: Output) -> Result<Ended> {
        let mut command = Command::new(line.program());
        command.args(line.arguments());
        run(command, output, &self.written)
    }

    /// A failure after a signal is that signal's.
    fn interrupted(&self) -> Result<()> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        match written.stopped {
            true => Err(Error::Interrupted {
                exit_status: ExitStatus::Interrupted,
            }),
            false => Ok(()),
        }
    }

    /// Pushes the app's two files.
    fn build(&self, app: &str) -> Result<Ended> {
        let failed = |source| Error::Io {
            doing: "write the app's source into a temporary folder".to_owned(),
            source,
        };
        let folder = tempfile::tempdir().map_err(failed)?;
        for (name, content) in SOURCE {
            fs::write(folder.path().join(name), content).map_err(failed)?;
        }
        let names = SOURCE.map(|(name, _)| name).join(" ");
        let lines = [
            "git init --quiet".to_owned(),
            format!("git add {names}"),
            commands::commit(),
            commands::push(app),
        ];
        // the words of a shell, as they are shown and as the script has them
        let mut command = Command::new("sh");
        command.args(["-c", &lines.join(" && ")]).current_dir(folder.path());
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        run(command, Output::Shown, &self.written)
    }

    fn set_config_vars(&self, found: &OnHeroku) -> Result<()> {
        let vars = differing(&self.setup, found);
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.to_owned(), zeroize::Zeroizing::new(value.to_owned())));
        let vars = vars.collect::<std::collections::BTreeMap<_, _>>();
        if !self.quiet {
            let names: Vec<&str> = vars.keys().map(String::as_str).collect();
            let text = format!("      {}", names.join(", "));
            note(&wrapped(&text, 0, columns(std::io::stderr())));
        }
        let account = found.login.account();
        let set = found.login.wait(account.set_config_vars(&found.name, &vars));
        set.map_err(|error| unavailable(&error))
    }

    /// Makes the credential unless it is there, and waits until it is active.
    fn make_credential(&self, database: &Attachment) -> Result<Ended> {
        let url = commands::credential_url(database);
        let active = self.run(&url, Output::Dropped)?;
        if active.good {
            note(&format!("      {CREDENTIAL} is there already"));
            return Ok(active);
        }
        let made = self.run(&commands::create_credential(database), Output::Shown)?;
        // one that is being made already is waited for as well
        let began = Instant::now();
        let mut said = false;
        loop {
            self.interrupted()?;
            let active = self.run(&url, Output::Dropped)?;
            if active.good {
                return Ok(active);
            }
            if began.elapsed() > ACTIVE_WITHIN || (!made.good && said) {
                return Ok(if made.good { active } else { made });
            }
            if !said {
                note(&format!("      waiting until {CREDENTIAL} is active"));
                said = true;
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Has a dyno say which rights are missing, and the owner of the database grant them.
    fn grant(&self, app: &str, label: &Label, database: &Attachment) -> Result<Ended> {
        let printed = self.run(&commands::print_grants(app, label), Output::Kept)?;
        if !printed.good {
            return Ok(printed);
        }
        // whoever can change the app can change what its dynos print, and psql obeys backslash commands
        let sql = checked_grants(&printed.output).map_err(|found| {
            super::usage(
                format!(
                    "a dyno of {app} printed something else than the grants of pgcoffer, and nothing was run: {found}"
                ),
                format!("see who can change {app} and what it runs: `heroku releases -a {app}`"),
            )
        })?;
        if !self.terminal.yes {
            note(&sql);
        }
        let failed = |source| Error::Io {
            doing: "write the SQL into a temporary file".to_owned(),
            source,
        };
        let mut file = tempfile::Builder::new().suffix(".sql").tempfile().map_err(failed)?;
        file.write_all(sql.as_bytes()).map_err(failed)?;
        file.flush().map_err(failed)?;
        if database.is_reached_by_dynos_alone() {
            if self.terminal.yes {
                note(&sql);
            }
            return Ok(Ended {
                good: false,
                said: vec!["only dynos reach this database: run the SQL above in one, as its owner".to_owned()],
                ..printed
            });
        }
        self.run(
            &commands::run_sql(database, &file.path().display().to_string()),
            Output::Shown,
        )
    }
}
