//! The command line: from arguments and environment to operations, and from their results to text or JSON.

mod args;
mod commands;
mod init;
mod list;
mod log;
mod output;
mod report;
mod text;
mod text_check;
mod text_lifecycle;
mod text_prune;
mod traces;
mod watch;
mod width;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};
use tokio::signal::unix::{SignalKind, signal};

use args::{Cli, Command, Global, LogFormat};
use pgcoffer::{
    Error,
    config::{Config, ConfigFile, Settings, Sources},
    operation::Interrupt,
};

/// Runs the command and gives its exit status.
pub(super) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // help and version are no errors: clap knows where each is printed
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let status = u8::try_from(error.exit_code()).unwrap_or(2);
            let text = output::masked(&error.render().to_string());
            if log::format_of(std::env::args_os()) == LogFormat::Json {
                log::init_json();
                tracing::error!(exit_status = status, "{}", text.trim_end());
            } else {
                let _ = write!(std::io::stderr(), "{text}");
            }
            return ExitCode::from(status);
        }
    };
    let format = log::format(cli.global.log_format);
    let traces = log::init(
        &cli.global,
        format,
        cli.command.sums_up() && !cli.global.json,
    );
    let outcome = dispatch(cli);
    if let Some(traces) = traces {
        traces.end();
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error, format);
            ExitCode::from(error.exit_status())
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Error> {
    match &cli.command {
        Command::Init(args) => return init::run(&cli, args),
        Command::Keygen {
            repository: true, ..
        } => return commands::new_repository(cli.global.json),
        Command::Keygen { passphrase, .. } => {
            return commands::keygen(*passphrase, cli.global.json);
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "pgcoffer", &mut script);
            return output::print(&script);
        }
        Command::Man => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.map_err(|source| Error::Io {
                doing: "render the manual".to_owned(),
                source,
            })?;
            return output::print(&page);
        }
        _ => {}
    }
    let settings = settings(&cli.global);
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    let config = Config::read(&settings)
        .inspect_err(|error| commands::tell_of_settings(&cli, &settings, error))?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(until_signal(&cli, &config));
    // a blocking read of a terminal must not keep the process
    runtime.shutdown_background();
    outcome
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
    let named = |path: PathBuf, by| ConfigFile::Named { path, by };
    let variable = std::env::var_os("PGCOFFER_CONFIG").filter(|path| !path.is_empty());
    let file = match (&global.config, variable) {
        (Some(path), _) => named(path.clone(), "--config"),
        (None, Some(path)) => named(path.into(), "PGCOFFER_CONFIG"),
        (None, None) => ConfigFile::IfThere("pgcoffer.toml".into()),
    };
    let bucket = global.bucket.iter().cloned();
    Settings::gather(Sources {
        flags: bucket
            .map(|bucket| ("--bucket", "PGCOFFER_BUCKET", bucket))
            .collect(),
        vars: std::env::vars_os().collect(),
        file,
    })
}

/// Runs the command; a signal asks it to stop and gives it time to clean up.
async fn until_signal(cli: &Cli, config: &Config) -> Result<(), Error> {
    let interrupt = Interrupt::default();
    listen(interrupt.clone())?;
    commands::run(cli, config, &interrupt).await
}

/// Raises `interrupt` at the first SIGINT, SIGTERM or SIGHUP.
fn listen(interrupt: Interrupt) -> Result<(), Error> {
    let to = |kind| {
        signal(kind).map_err(|source| Error::Io {
            doing: "listen for signals".to_owned(),
            source,
        })
    };
    let (mut int, mut term) = (to(SignalKind::interrupt())?, to(SignalKind::terminate())?);
    // a terminal that went away
    let mut hangup = to(SignalKind::hangup())?;
    tokio::spawn(async move {
        let exit_status = tokio::select! {
            _ = int.recv() => 130,
            _ = term.recv() => 143,
            _ = hangup.recv() => 129,
        };
        tracing::warn!("asked to stop: giving up what is under way");
        interrupt.raise(exit_status);
        // pressed again: whatever cleaning up still does is not waited for
        int.recv().await;
        std::process::exit(exit_status.into());
    });
    Ok(())
}
