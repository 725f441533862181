//! `serve`: keeps running.

use std::time::Duration;

use pgcoffer::{
    Result,
    agent::Undelivered,
    serve::{Daemon, ServeOptions},
};

use super::Context;
use crate::cli::{args::ServeArgs, log, output};

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
