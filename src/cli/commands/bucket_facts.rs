//! `bucket-facts`: what stands in the bucket, for `init`.

use pgcoffer::Result;

use super::context::Context;
use crate::cli::screen;

impl Context<'_> {
    pub(super) async fn bucket_facts(&self) -> Result<()> {
        screen::print_json(&serde_json::json!(self.agent.bucket_facts().await?))
    }
}
