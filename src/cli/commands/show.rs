//! `show`: one backup with its tables.

use pgcoffer::Result;

use super::{chosen::Chosen, context::Context};
use crate::cli::screen::note;

impl Context<'_> {
    pub(super) async fn show(&self, chosen: &Chosen) -> Result<()> {
        let shown = self.agent.show(chosen.selector(self.agent.config())?).await?;
        if !shown.sees_inside {
            note(
                "what is inside (tables, rows, warnings, the words of an error) is not shown: it stands in the \
                 details, which a catalog key doesn't open",
            );
        }
        let (details, mark) = (shown.details.as_ref(), shown.mark.as_ref());
        let read_back = shown.last_read_back.map(|at| (at, shown.seen));
        let location = self.agent.location()?;
        self.output
            .show(&shown.record, details, (mark, read_back), &shown.drills, location)
    }
}
