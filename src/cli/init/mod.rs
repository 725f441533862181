//! `init`: from nothing to settings that work, a key that is kept elsewhere, and a sheet to recover by.
//!
//! Everything is asked first; files are written at the very end, all or none. Where nobody can be asked, flags say it
//! all.

pub(super) mod args;
mod bucket;
mod databases;
pub(super) mod facts;
mod finish;
mod heroku;
mod key;
mod left;
mod schedule;
mod sheet;
mod terminal;
mod trial;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use pgcoffer::{
    Error, Result,
    backup::Label,
    config::{Config, Settings, label_of_url, trimmed},
    setup::Setup,
};

use args::InitArgs;
use terminal::{SavedTerminal, Terminal};

use super::{global::Global, output, signals::Signals};

/// Variables of the AWS SDK that lead to the bucket.
const OF_AWS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
];

/// Asks, tries, and writes.
pub(super) fn run(global: &Global, args: &InitArgs, signals: &Signals) -> Result<()> {
    let mut settings = super::settings(global);
    super::say_where_from(&settings);
    // a login or a key that is set belongs to a database that only the arguments name
    for (name, url) in databases::named(&args.databases) {
        settings.take_argument(&name, &url, "--database");
    }
    let config = Config::read(&settings)?;
    if let Some(location) = &config.location {
        bucket::check_is_bucket(location)?;
    }
    let found = SavedTerminal::now();
    let terminal = Terminal {
        asks: found.is_terminal() && !global.json,
        yes: args.yes,
    };
    let vars = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .map(|(name, value)| (name, trimmed(&value).to_owned()));
    let written = Arc::new(Mutex::new(Written::default()));
    let draft = Draft {
        terminal,
        json: global.json,
        quiet: global.quiet,
        args: args.clone(),
        vars: vars.collect(),
        setup: begin(&settings, args),
        config,
        written: Arc::clone(&written),
        dropped: Vec::new(),
    };
    let runtime = super::runtime()?;
    let outcome = runtime.block_on(async {
        let interrupt = signals.end_by_work();
        let work = tokio::task::spawn_blocking(move || draft.go(&settings));
        let work = async { work.await? };
        interrupt.or(work).await
    });
    // who writes is not stopped in its midst
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    written.stop();
    found.restore();
    if let Err(Error::Interrupted { .. }) = outcome
        && !written.done
    {
        output::note("\nnothing was written and nothing was changed");
    }
    // a read of the terminal may still be waiting
    runtime.shutdown_background();
    outcome
}

/// What must not be left half-done.
#[derive(Default)]
struct Written {
    done: bool,
    /// The user asked to stop: nothing begins to be written.
    stopped: bool,
    /// The trial under way.
    trial: Option<rustix::process::Pid>,
}

impl Written {
    fn stop(&mut self) {
        self.stopped = true;
        if let Some(pid) = self.trial.take() {
            // it may have ended meanwhile
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// The set-up while it is being made.
struct Draft {
    terminal: Terminal,
    json: bool,
    quiet: bool,
    args: InitArgs,
    vars: BTreeMap<String, String>,
    setup: Setup,
    /// The settings that are there already.
    config: Config,
    written: Arc<Mutex<Written>>,
    /// Variables of the environment that an answer has taken back: the trial must not see them either.
    dropped: Vec<&'static str>,
}

/// What is set already stays, unless it is said otherwise.
fn begin(settings: &Settings, args: &InitArgs) -> Setup {
    let mut setup = Setup {
        app: args.heroku.clone(),
        ..Setup::default()
    };
    for (name, value) in settings.iter() {
        setup.set(name, value.as_str());
    }
    for name in OF_AWS {
        if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
            setup.set(name, value);
        }
    }
    if let (None, Ok(region)) = (setup.text("AWS_REGION"), std::env::var("AWS_DEFAULT_REGION")) {
        setup.set("AWS_REGION", region);
    }
    setup
}

impl Draft {
    fn go(mut self, settings: &Settings) -> Result<()> {
        finish::look_ahead(&self.args, self.terminal.asks, self.json)?;
        self.refuse_beside_passphrase()?;
        self.greet();
        if self.keep_what_is_there(settings)? {
            return self.check_alone();
        }
        self.databases()?;
        self.bucket()?;
        self.key(settings)?;
        self.schedule()?;
        self.try_form()?;
        self.try_it()?;
        self.pin()?;
        self.finish()
    }

    fn greet(&self) {
        self.terminal.say(
            "This sets up encrypted backups of PostgreSQL in your own S3 bucket: seven steps, about five minutes.\n\
             Nothing is written before the end; Ctrl-C stops at any time.",
        );
    }

    /// Whether there is a set-up already that is only to be checked.
    fn keep_what_is_there(&self, settings: &Settings) -> Result<bool> {
        let complete = !self.config.databases.is_empty() && self.config.secret.is_some();
        let open = self.terminal.asks && !self.args.wants_something();
        let (Some(location), true, true) = (&self.config.location, complete, open) else {
            return Ok(false);
        };
        let labels: Vec<String> = self.labels().iter().map(ToString::to_string).collect();
        let key = key::variable_set(settings).and_then(|name| settings.origin(name));
        self.terminal.say(&format!(
            "\npgcoffer is set up here already: {} into {location}, key from {}.",
            labels.join(", "),
            key.unwrap_or_else(|| "each database's own".to_owned())
        ));
        let choice = self.terminal.choose(
            "What shall be done",
            &[
                "check it as it is, and change nothing",
                "go through it again, keeping the key",
            ],
        )?;
        Ok(choice == 0)
    }

    fn step(&self, number: u8, title: &str) {
        self.terminal.say(&format!("\n{number}. {title}"));
    }

    fn labels(&self) -> Vec<Label> {
        let names = self.setup.variables.keys();
        names.filter_map(|name| label_of_url(name)).collect()
    }
}

fn usage(why: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage {
        why: why.into(),
        hint: hint.into(),
    }
}
