//! `sheet-facts`: what the recovery sheet says beside the settings, for `init`.

use pgcoffer::Result;

use super::context::Context;
use crate::cli::{init::facts::SheetFacts, screen};

impl Context<'_> {
    pub(super) async fn sheet_facts(&self) -> Result<()> {
        let facts = SheetFacts {
            account: self.agent.account().await,
            versions: self.agent.server_versions().await,
        };
        screen::print_json(&serde_json::json!(facts))
    }
}
