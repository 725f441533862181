//! `open`: opens a sealed archive that was downloaded already.

use std::path::{Path, PathBuf};

use pgcoffer::{
    Result,
    operation::{Progress, file_instead_of_sealed},
};

use super::context::Context;

impl Context<'_> {
    pub(super) async fn open(&self, file: &Path, into: Option<PathBuf>) -> Result<()> {
        if let Some(error) = file_instead_of_sealed(file) {
            return Err(error);
        }
        self.agent.check_key_for(file)?;
        let target = self.target(into.unwrap_or_else(|| file.with_extension("dump")))?;
        let progress = Progress::default();
        let work = self.agent.open(file, &target, &progress);
        let fetched = self.watched("open", &progress, work).await?;
        self.output.fetched(&fetched)
    }
}
