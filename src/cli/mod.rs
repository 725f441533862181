//! The command line: from arguments and environment to operations, and from their results to text or JSON.

mod args;
mod commands;
mod list;
mod log;
mod output;
mod report;
mod text;
mod text_lifecycle;
mod text_prune;
mod watch;

use std::{io::Write as _, process::ExitCode};

use clap::{CommandFactory as _, Parser as _};
use tokio::signal::unix::{SignalKind, signal};

use args::{Cli, Command};
use pgcoffer::{Error, config::Config, operation::Interrupt, store::Location};

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
            let _ = write!(
                std::io::stderr(),
                "{}",
                output::masked(&error.render().to_string())
            );
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    log::init(&cli.global);
    let format = cli.global.log_format;
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error, format);
            ExitCode::from(error.exit_status())
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Error> {
    match &cli.command {
        Command::Keygen { passphrase } => {
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
    let config = config(&cli)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // enough for one road of bytes; more threads are more memory and no more speed
        .worker_threads(2)
        .max_blocking_threads(12)
        .enable_all()
        .build()
        .map_err(|source| Error::Io {
            doing: "start".to_owned(),
            source,
        })?;
    let outcome = runtime.block_on(until_signal(&cli, &config));
    // a blocking read of a terminal must not keep the process
    runtime.shutdown_background();
    outcome
}

fn config(cli: &Cli) -> Result<Config, Error> {
    let vars = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        // a value that isn't UTF-8 becomes one that no setting takes, rather than none
        Some((name, value.to_string_lossy().into_owned()))
    });
    // a flag is over its variable, also over a wrong one
    let flag = cli.global.bucket.as_ref();
    let vars = vars.filter(|(name, _)| flag.is_none() || name != "PGCOFFER_BUCKET");
    let mut config = Config::from_vars(vars)?;
    if let Some(bucket) = flag {
        config.location = Some(Location::parse(bucket)?);
    }
    Ok(config)
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
