//! What the sheet says beside the settings: versions of servers, the account. Found by this program with the settings as
//! its environment, as the trial is; what can't be found is left out.

use std::{collections::BTreeMap, process::Stdio};

use serde::{Deserialize, Serialize};

use super::Draft;

/// What was found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::cli) struct SheetFacts {
    /// The id of the AWS account that the credentials are of.
    pub(in crate::cli) account: Option<String>,
    /// The version of each database's server, by label.
    pub(in crate::cli) versions: BTreeMap<String, String>,
}

impl Draft {
    pub(super) fn facts(&self) -> SheetFacts {
        if self.args.no_check {
            return SheetFacts::default();
        }
        let output = self
            .command("sheet-facts", &self.setup)
            .and_then(|mut command| command.stderr(Stdio::null()).output());
        output
            .ok()
            .and_then(|output| serde_json::from_slice(&output.stdout).ok())
            .unwrap_or_default()
    }
}
