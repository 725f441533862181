//! The command line: from arguments and environment to operations, and from their results to text or JSON.

mod args;
mod commands;
mod log;
mod output;
mod text;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use tokio_util::sync::CancellationToken;

use args::{Cli, Command};
use pgcoffer::{Error, config::Config};

/// Runs the command and gives its exit status.
pub(super) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version are no errors: clap knows where each is printed
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    log::init(&cli.global);
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop { error, status }) => {
            output::error(&error);
            ExitCode::from(status)
        }
    }
}

/// Why a command ended, and the exit status for it.
struct Stop {
    error: Error,
    status: u8,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let status = error.exit_status();
        Self { error, status }
    }
}

fn dispatch(cli: Cli) -> Result<(), Stop> {
    match &cli.command {
        Command::Keygen { passphrase } => {
            return Ok(commands::keygen(*passphrase, cli.global.json)?);
        }
        Command::Completions { shell } => {
            clap_complete::generate(
                *shell,
                &mut Cli::command(),
                "pgcoffer",
                &mut std::io::stdout(),
            );
            return Ok(());
        }
        Command::Man => {
            let page = clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout());
            return Ok(page.map_err(|source| Error::Io {
                doing: "print the manual".to_owned(),
                source,
            })?);
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
    let bucket = cli
        .global
        .bucket
        .iter()
        .map(|bucket| ("PGCOFFER_BUCKET".to_owned(), bucket.clone()));
    Config::from_vars(vars.chain(bucket))
}

/// Runs the command; a signal asks it to stop and gives it time to clean up.
async fn until_signal(cli: &Cli, config: &Config) -> Result<(), Stop> {
    let interrupt = CancellationToken::new();
    let status = signals(interrupt.clone())?;
    match commands::run(cli, config, &interrupt).await {
        Err(Error::Interrupted) => Err(Stop {
            error: Error::Interrupted,
            status: status.load(std::sync::atomic::Ordering::Relaxed),
        }),
        result => Ok(result?),
    }
}

/// Cancels `interrupt` at the first SIGINT or SIGTERM; the exit status to end with stands in what is returned.
fn signals(
    interrupt: CancellationToken,
) -> Result<std::sync::Arc<std::sync::atomic::AtomicU8>, Error> {
    use std::sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    };
    use tokio::signal::unix::{SignalKind, signal};

    let listen = |kind| {
        signal(kind).map_err(|source| Error::Io {
            doing: "listen for signals".to_owned(),
            source,
        })
    };
    let (mut int, mut term) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    let status = Arc::new(AtomicU8::new(130));
    let shared = Arc::clone(&status);
    tokio::spawn(async move {
        let code = tokio::select! { _ = int.recv() => 130, _ = term.recv() => 143 };
        shared.store(code, Ordering::Relaxed);
        tracing::warn!("asked to stop: giving up what is under way");
        interrupt.cancel();
        // asked again: whatever cleaning up still does is not waited for
        tokio::select! { _ = int.recv() => {}, () = std::future::pending() => {} }
        std::process::exit(code.into());
    });
    Ok(status)
}
