//! The `pgcoffer` binary: environment, signals, output and exit status live here and in `cli`, nowhere else.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
