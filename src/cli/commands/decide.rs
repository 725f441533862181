//! `hold`, `release` and `accept`: what people decide about a backup.

use pgcoffer::{Result, operation::MarkChange};

use super::{chosen::Named, context::Context};

/// What is decided.
pub(super) enum Deciding<'a> {
    Hold(&'a str),
    Release,
    Accept,
}

impl Context<'_> {
    pub(super) async fn decide(&self, chosen: &Named, deciding: Deciding<'_>, by: Option<&str>) -> Result<()> {
        let decision = match deciding {
            Deciding::Hold(reason) => MarkChange::Hold(reason.to_owned()),
            Deciding::Release => MarkChange::Release,
            Deciding::Accept => MarkChange::Accept,
        };
        let who = who(by);
        let decided = self
            .agent
            .change_mark(chosen.selector(self.agent.config())?, &decision, &who)
            .await?;
        self.output.decided(&decided, &decision)
    }
}

/// Who decides: the name that was given, else the user. A blank one, as from `--by "$USER"` where that is not set, is
/// none.
pub(super) fn who(by: Option<&str>) -> String {
    let by = by.map(str::trim).filter(|by| !by.is_empty());
    by.map_or_else(current_user, str::to_owned)
}

/// The name of the user, or on a platform without users the name of the process.
fn current_user() -> String {
    let named = ["USER", "LOGNAME", "DYNO", "HOSTNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    named.unwrap_or_else(|| "somebody".to_owned())
}
