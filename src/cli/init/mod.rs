//! `init`: from nothing to settings that work, a key that is kept elsewhere, and a sheet to recover by; on Heroku, to
//! the first backup.
//!
//! Everything is asked first, and each answer is tried where it can be. Files are written at the very end, all or none.
//! Where nobody can be asked, flags say it all.

pub(super) mod args;
mod bucket;
mod copies;
mod copies_access;
mod copies_trial;
mod databases;
pub(super) mod facts;
mod finish;
mod from_app;
mod heroku;
mod interrupted;
mod journal;
mod key;
mod left;
mod notices;
mod place;
mod schedule;
mod sheet;
mod terminal;
mod trial;
mod trial_report;
mod undo;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use pgcoffer::{
    Error, Result,
    backup::Label,
    config::{Config, Settings},
    setup::Setup,
};
use zeroize::Zeroizing;

use args::InitArgs;
use heroku::OnHeroku;
use interrupted::{Flag, Written};
use journal::{Asked, Journal, Stop};
use place::Place;
use terminal::{SavedTerminal, Terminal};
use trial_report::Trial;

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
    heroku::check_names(args)?;
    let runtime = super::runtime()?;
    if args.undo {
        return undo::run(global, args, runtime.handle());
    }
    let found = SavedTerminal::now();
    let terminal = Terminal {
        asks: found.is_terminal() && !global.json,
        yes: args.yes,
        journal: Journal::default(),
    };
    let heroku = match args.app_to_set_up() {
        Some(app) => Some(Arc::new(OnHeroku::look(app, runtime.handle())?)),
        None => None,
    };
    let vars = from_app::variables(heroku.as_deref());
    let pairs = vars.iter().map(|(name, value)| (name.into(), value.as_str().into()));
    let mut settings = super::settings_by(&global.place(), pairs.collect());
    super::say_where_from(&settings);
    // a login or a key that is set belongs to a database that only the arguments name
    for (name, url) in databases::named(&args.databases) {
        settings.take_argument(&name, &url, "--database");
    }
    let named = copies::take_named(&mut settings, args, terminal.asks)?;
    let config = Config::read(&settings)?;
    if let Some(location) = &config.location {
        bucket::check_is_bucket(location)?;
    }
    finish::look_ahead(args, terminal.asks, global.json)?;
    let written = Arc::new(Mutex::new(Written::default()));
    interrupted::note_given(&written, args.given(global));
    let mut setup = begin(&settings, args, &vars);
    setup.variables.extend(named);
    if let Some(heroku) = &heroku {
        heroku.take_attached(&mut setup)?;
    }
    let draft = Draft {
        terminal,
        json: global.json,
        quiet: global.quiet,
        args: args.clone(),
        setup,
        vars,
        config,
        written: Arc::clone(&written),
        dropped: Vec::new(),
        new_key: Arc::default(),
        trials: Arc::default(),
        places: Arc::default(),
        attempts: RefCell::default(),
        heroku,
    };
    let outcome = runtime.block_on(async {
        let interrupt = signals.end_by_work();
        let work = tokio::task::spawn_blocking(move || draft.go(&settings));
        let work = async { work.await? };
        interrupt.or(work).await
    });
    interrupted::settle(&written, &found, &outcome);
    // a read of the terminal may still be waiting
    runtime.shutdown_background();
    outcome
}

/// Trials by their settings, and by how often these have been tried.
type Trials = BTreeMap<(u64, usize), Trial>;

/// The set-up while it is being made.
#[derive(Clone)]
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
    /// The key that was made, for who goes back.
    new_key: Arc<Mutex<Option<Zeroizing<String>>>>,
    /// What was tried, for who goes back.
    trials: Arc<Mutex<Trials>>,
    /// What stood in the bucket, by the settings it was looked at with.
    places: Arc<Mutex<BTreeMap<u64, Option<Place>>>>,
    /// How often the same settings have been tried since the beginning.
    attempts: RefCell<BTreeMap<u64, usize>>,
    /// The Heroku app that is to be set up.
    heroku: Option<Arc<OnHeroku>>,
}

/// What is set already stays, unless it is said otherwise.
fn begin(settings: &Settings, args: &InitArgs, vars: &BTreeMap<String, String>) -> Setup {
    let mut setup = Setup {
        app: args.heroku.clone(),
        ..Setup::default()
    };
    for (name, value) in settings.iter() {
        setup.set(name, value.as_str());
    }
    for name in OF_AWS {
        if let Some(value) = vars.get(name).filter(|value| !value.is_empty()) {
            setup.set(name, value.as_str());
        }
    }
    if let (None, Some(region)) = (setup.text("AWS_REGION"), vars.get("AWS_DEFAULT_REGION")) {
        setup.set("AWS_REGION", region.as_str());
    }
    setup
}

impl Draft {
    /// Asks until nobody goes back any more.
    fn go(self, settings: &Settings) -> Result<()> {
        loop {
            interrupted::begin_anew(&self.written);
            match self.clone().ask_and_write(settings) {
                Ok(()) => return Ok(()),
                Err(Stop::Back) => {}
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
    }

    fn ask_and_write(mut self, settings: &Settings) -> Asked<()> {
        self.refuse_beside_passphrase()?;
        self.greet();
        if self.keep_what_is_there(settings)? {
            return self.check_alone();
        }
        self.databases()?;
        loop {
            self.bucket()?;
            if self.key(settings)? {
                break;
            }
            self.setup.variables.remove("PGCOFFER_BUCKET");
        }
        self.copies()?;
        self.schedule()?;
        self.notices()?;
        self.try_form()?;
        self.try_it()?;
        self.pin()?;
        self.finish()
    }

    fn greet(&self) {
        let what = match &self.args.heroku {
            Some(app) if self.carries_out() => format!(
                "This sets up encrypted backups in your own S3 bucket, by the Heroku app {app}: nine steps, about ten \
                 minutes.\nOn Heroku nothing is changed before step 9, where each command is shown first."
            ),
            _ => {
                "This sets up encrypted backups of PostgreSQL in your own S3 bucket: nine steps, about five minutes.\n\
                  No file is written before the end."
                    .to_owned()
            }
        };
        self.terminal.say(&format!(
            "{what}\nType back at any question to return to the one before (in a list: Esc). Ctrl-C stops, and nothing is lost."
        ));
        if let Some(heroku) = self.heroku.as_ref().filter(|heroku| !heroku.vars.is_empty()) {
            let set: Vec<&str> = heroku.vars.keys().map(String::as_str).collect();
            let set: Vec<&str> = set.into_iter().filter(|name| name.starts_with("PGCOFFER_")).collect();
            if !set.is_empty() {
                self.terminal.say(&format!(
                    "Set in {} already, and kept: {}.",
                    heroku.name,
                    set.join(", ")
                ));
            }
        }
    }

    /// Whether there is a set-up already that is only to be checked.
    fn keep_what_is_there(&self, settings: &Settings) -> Asked<bool> {
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
        self.setup.labels()
    }

    /// Whether a Heroku app is set up, and not only settings written.
    fn carries_out(&self) -> bool {
        self.heroku.is_some()
    }

    /// Whether no key was set before.
    fn is_new(&self) -> bool {
        self.config.secret.is_none()
    }

    /// Notes an answer as the flag that gives it, for who stops here. Secrets are never noted.
    fn note_answer(&self, flag: &str, value: &str) {
        interrupted::note_answer(&self.written, Flag::new(flag, value));
    }
}

fn usage(why: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage {
        why: why.into(),
        hint: hint.into(),
    }
}
