//! The command line: from arguments and environment to operations, and from their results to text or JSON.

mod args;
mod commands;
mod completion;
mod examples;
mod global;
mod help;
mod ids;
mod init;
mod list;
mod log;
mod man;
mod misuse;
mod output;
mod parser;
mod report;
mod screen;
mod signals;
mod slips;
mod statements;
mod styled;
mod table;
mod terminal;
mod text;
mod text_audit;
mod text_certificate;
mod text_check;
mod text_contents;
mod text_copy;
mod text_delete;
mod text_diff;
mod text_drill;
mod text_lifecycle;
mod text_preview;
mod text_prune;
mod text_restore;
mod text_schedule;
mod text_status;
mod traces;
mod watch;
mod width;
mod zone;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use rustix::process::{Resource, Rlimit, setrlimit};

use args::{Cli, Command};
use commands::{certificate::CertificateCommand, dashboard::DashboardCommand};
use global::{Global, LogFormat, Place};
use pgcoffer::{
    Error,
    agent::{Agent, Environment, report_bad_settings},
    config::{Config, ConfigFile, Settings, Sources, trimmed},
    exit_status::ExitStatus,
    operation::Interrupt,
    panics::caught_now,
    seal,
};
use signals::Signals;

/// Runs the command and gives its exit status.
pub(super) fn run() -> ExitCode {
    let signals = Signals::listen();
    keep_memory_private();
    log::panics();
    let ran = caught_now(|| match signals {
        Ok(signals) => parse_and_run(&signals),
        Err(error) => Err(error),
    });
    match ran {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => failed(&error, log::format_of(std::env::args_os())),
        // nothing is known any more but what was typed
        Err(panic) => failed(&panic.into(), log::format_of(std::env::args_os())),
    }
}

/// An error of a command that backs nothing up: how that could be done here under another key is beside the point.
fn of_reading(error: Error) -> Error {
    match error {
        Error::Seal {
            object,
            source:
                seal::Error::RepositoryOfOthers {
                    pinned,
                    sealed_for,
                    held,
                    ..
                },
        } => Error::Seal {
            object,
            source: seal::Error::RepositoryOfOthers {
                id: None,
                pinned,
                sealed_for,
                held,
            },
        },
        error => error,
    }
}

fn failed(error: &Error, format: LogFormat) -> ExitCode {
    // `pgcoffer get -o - | head` is no failure, and yet not all was written
    if !matches!(error, Error::OutputClosed) {
        output::error(error, format);
    }
    ExitCode::from(error.exit_status().number())
}

/// Memory holds keys: no core dump of it is written, nor one of pg_dump's, which inherits that, and no other process of
/// the same user may read it.
fn keep_memory_private() {
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // a system that refuses either is one that has none of it
    let _ = setrlimit(Resource::Core, nothing);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

fn parse_and_run(signals: &Signals) -> Result<ExitCode, Error> {
    let cli = match parser::parse() {
        Ok(cli) => cli,
        // help and version are no errors: clap knows where each is printed
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => {
            let status = ExitStatus::Usage.number();
            let words = std::env::args_os()
                .skip(1)
                .map(|word| word.to_string_lossy().into_owned());
            let text = misuse::text(&error, &parser::command(), &words.collect::<Vec<_>>());
            if log::format_of(std::env::args_os()) == LogFormat::Json {
                log::init_json();
                tracing::error!(exit_status = status, "{}", screen::shown(&text));
            } else if text.starts_with("error: ") {
                screen::message(&text);
            } else {
                // the whole help, which is laid out already
                screen::note(&text);
            }
            return Ok(ExitCode::from(status));
        }
    };
    if !cli.command.hears_signals() {
        signals.end_at_once()?;
    }
    terminal::choose_color(cli.global.color);
    let format = log::format(cli.global.log_format);
    let summed_up = cli.command.sums_up() && !cli.global.json;
    let is_log = matches!(cli.command, Command::Serve(_));
    let traces = log::init(&cli.global, format, summed_up, !is_log);
    let backs_up = cli.command.backs_up();
    let outcome = caught_now(|| dispatch(cli, signals)).unwrap_or_else(|panic| Err(panic.into()));
    let outcome = outcome.map_err(|error| if backs_up { error } else { of_reading(error) });
    if let Some(traces) = traces {
        traces.end();
    }
    Ok(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, format),
    })
}

fn dispatch(cli: Cli, signals: &Signals) -> Result<(), Error> {
    match &cli.command {
        Command::Init(args) => return init::run(&cli.global, args, signals),
        Command::Keygen { repository: true, .. } => return commands::new_repository(cli.global.json),
        Command::Keygen {
            passphrase,
            words,
            catalog: false,
            ..
        } => {
            return commands::keygen(*passphrase, *words, cli.global.json);
        }
        Command::Dashboard(DashboardCommand::Password) => return commands::dashboard_password(cli.global.json),
        Command::Dashboard(DashboardCommand::Token(args)) => return commands::dashboard_token(args, cli.global.json),
        Command::Completions { shell } => return completion::print_script(*shell),
        Command::Complete { index, words } => return completion::complete(*index, words),
        Command::Man { command, dir } => return man::run(command, dir.as_deref()),
        Command::Version => return screen::print(concat!("pgcoffer ", env!("CARGO_PKG_VERSION"), "\n")),
        _ => {}
    }
    let settings = settings(&cli.global);
    if let Command::Keygen {
        catalog: true,
        database,
        ..
    } = &cli.command
    {
        let config = Config::read(&settings)?;
        return commands::catalog_key(&config, database.as_deref(), cli.global.json);
    }
    if let Command::Dashboard(DashboardCommand::Open) = &cli.command {
        return commands::dashboard_open(&Config::read(&settings)?, cli.global.json);
    }
    if let Command::Certificate(CertificateCommand::Verify(args)) = &cli.command {
        return commands::verify_certificates(args, &settings, cli.global.json);
    }
    // whatever comes now hears of a signal that has come already, too
    let interrupt = signals.end_by_work();
    say_where_from(&settings);
    let report = |error: &Error| report_settings(&cli, &settings, error, &interrupt);
    let begun = caught_now(|| {
        let environment = Environment {
            is_watched: cli.command.is_watched(),
            ..environment()
        };
        let config = Config::read(&settings)?;
        let config = match cli.command.place_to_read() {
            Some(name) => config.read_from(name)?,
            None => config,
        };
        let agent = Agent::new(config, environment, interrupt.clone());
        Ok((agent, runtime()?))
    });
    let begun = begun.unwrap_or_else(|panic| Err(panic.into()));
    let (mut agent, runtime) = begun.inspect_err(report)?;
    let work = caught_now(|| {
        runtime.block_on(Box::pin(async {
            if cli.command.takes_schedules() {
                agent.adopt_stored_settings().await?;
            }
            commands::run(&cli, &agent).await
        }))
    });
    // a blocking read of a terminal must not keep the process
    runtime.shutdown_background();
    match work {
        Ok(outcome) => outcome,
        // the agent reports what it catches: this was caught by nobody
        Err(panic) => Err(panic.into()).inspect_err(report),
    }
}

/// Reports that settings are wrong, where a scheduled run would otherwise be silent.
fn report_settings(cli: &Cli, settings: &Settings, error: &Error, interrupt: &Interrupt) {
    if !matches!(cli.command, Command::Backup(_) | Command::Tick(_) | Command::Serve(_)) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return;
    };
    let environment = environment();
    let undelivered = runtime.block_on(report_bad_settings(settings, &environment, error, interrupt));
    runtime.shutdown_background();
    output::undelivered(&undelivered, log::format(cli.global.log_format));
}

/// What the process knows of itself.
fn environment() -> Environment {
    Environment {
        host: host(),
        variables: std::env::vars_os().collect(),
        program: program(),
        is_watched: false,
    }
}

/// The running program: on Linux by a path that still leads to it where the file was replaced.
fn program() -> Option<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Some("/proc/self/exe".into()),
        false => std::env::current_exe().ok(),
    }
}

/// The name by which a person finds this machine: the dyno's, the container's, the host's.
fn host() -> String {
    let set = ["DYNO", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    let set = set.filter(|name| !name.is_empty());
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = set.or_else(kernel).unwrap_or_default();
    match name.trim() {
        "" => "an unnamed host".to_owned(),
        name => name.to_owned(),
    }
}

/// Which file of settings counts, and what should be known of it.
fn say_where_from(settings: &Settings) {
    // which is how to say that none is to be read
    if let Some(file) = settings.file().filter(|file| *file != Path::new("/dev/null")) {
        tracing::info!("settings from {}", file.display());
    }
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        // enough for one road of bytes; more threads are more memory and no more speed
        .worker_threads(2)
        .max_blocking_threads(12)
        .enable_all()
        .build()
        .map_err(|source| Error::Io {
            doing: "start".to_owned(),
            source,
        })
}

/// Flags over environment over `pgcoffer.toml`.
fn settings(global: &Global) -> Settings {
    settings_from(&global.place())
}

fn settings_from(place: &Place) -> Settings {
    settings_by(place, std::env::vars_os().collect())
}

/// The same without a `pgcoffer.toml` that nobody has named.
fn settings_named(place: &Place) -> Settings {
    gathered(place, std::env::vars_os().collect(), ConfigFile::None)
}

/// The same with other variables than those of the environment.
fn settings_by(place: &Place, vars: Vec<(OsString, OsString)>) -> Settings {
    gathered(place, vars, ConfigFile::IfThere("pgcoffer.toml".into()))
}

fn gathered(place: &Place, vars: Vec<(OsString, OsString)>, unnamed: ConfigFile) -> Settings {
    let named = |path: PathBuf, by| ConfigFile::Named { path, by };
    let variable = std::env::var_os("PGCOFFER_CONFIG").map(|path| match path.into_string() {
        Ok(text) => trimmed(&text).into(),
        Err(path) => path,
    });
    let variable = variable.filter(|path| !path.is_empty());
    let file = match (&place.config, variable) {
        (Some(path), _) => named(path.clone(), "--config"),
        (None, Some(path)) => named(path.into(), "PGCOFFER_CONFIG"),
        (None, None) => unnamed,
    };
    let bucket = place.bucket.iter().cloned();
    Settings::gather(Sources {
        flags: bucket.map(|bucket| ("--bucket", "PGCOFFER_BUCKET", bucket)).collect(),
        vars,
        file,
    })
}
