//! The place that a command reads from.

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct FromPlace {
    /// Read from this place, whose name is in PGCOFFER_COPY_<NAME>_URL, instead of the bucket
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
}

impl FromPlace {
    pub(in crate::cli) fn name(&self) -> Option<&str> {
        self.from.as_deref()
    }
}
