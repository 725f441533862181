//! `show`: one backup with its tables, or the roles and settings that its database needs.

use clap::Args;
use pgcoffer::{Error, Result};

use super::{chosen::Chosen, context::Context};
use crate::cli::screen::message;

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    #[command(flatten)]
    pub(in crate::cli) chosen: Chosen,
    /// Print roles, memberships and settings as SQL instead: what a server needs beside the database. Without passwords
    #[arg(long)]
    globals: bool,
}

impl Context<'_> {
    pub(super) async fn show(&self, args: &ShowArgs) -> Result<()> {
        let shown = self.agent.show(args.chosen.selector(self.agent.config())?).await?;
        if !shown.sees_inside {
            message(
                "what is inside (tables, rows, warnings, the words of an error) is not shown: it stands in the \
                 details, which a catalog key doesn't open",
            );
        }
        if args.globals {
            let globals = shown.details.as_ref().and_then(|details| details.globals.as_deref());
            let globals = globals.ok_or_else(|| Error::Usage {
                why: format!("{} has no roles and settings that can be shown", shown.record.id),
                hint: "they are in the details of a backup, if its server has shown them to the role that backed up; \
                       a key is needed to read them"
                    .to_owned(),
            })?;
            return self.output.globals(&shown.record, globals);
        }
        self.output.show(&shown, self.agent.location()?)
    }
}
