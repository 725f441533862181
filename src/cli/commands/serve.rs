//! `serve`: keeps running.

use std::time::Duration;

use clap::Args;
use pgcoffer::{
    Result,
    agent::Undelivered,
    serve::{Daemon, ServeOptions},
};

use super::context::Context;
use crate::cli::{log, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    /// Where to answer (default: 127.0.0.1:9187; where the platform sets PORT: that port, on all addresses)
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// How many databases at once; each takes the memory of a backup
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Leave pruning to somebody else: for credentials that may not delete
    #[arg(long)]
    no_prune: bool,
    /// The shortest time between two ticks, in seconds: for trying things out
    #[arg(long, value_name = "SECONDS", default_value_t = 60, hide = true, value_parser = clap::value_parser!(u16).range(1..=1800))]
    shortest_wait: u16,
}

impl Context<'_> {
    /// Runs until a signal comes, which is a good end: exit status 0.
    pub(super) async fn serve(&self, args: &ServeArgs) -> Result<()> {
        let format = log::format(self.global.log_format);
        let daemon = Daemon {
            agent: self.agent,
            options: ServeOptions {
                listen: args.listen.clone(),
                parallel: args.parallel,
                prune: !args.no_prune,
                shortest_wait: Duration::from_secs(args.shortest_wait.into()),
            },
            on_undelivered: |undelivered: &[Undelivered]| output::undelivered(undelivered, format),
        };
        let served = daemon.run().await;
        self.say_undelivered();
        served?;
        tracing::info!("stopped");
        Ok(())
    }
}
