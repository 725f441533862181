//! What the recovery sheet says beside the settings.

use std::{collections::BTreeMap, time::Duration};

use super::Agent;
use crate::postgres::Session;

/// How long one server may take: the sheet does without.
const WITHIN: Duration = Duration::from_secs(10);

impl Agent {
    /// The id of the AWS account that the bucket's credentials are of; none where it is not AWS, or can't be told.
    pub async fn account(&self) -> Option<String> {
        let store = self.store(self.config.store.clone()).await.ok()?;
        store.s3()?.account().await
    }

    /// The version of each database's server, such as `16.4`, by label; without those that can't be reached.
    pub async fn server_versions(&self) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::new();
        for database in &self.config.databases {
            let ask = async {
                let mut session = Session::connect(&database.url).await.ok()?;
                let inspection = session.inspect().await.ok();
                session.close().await;
                let words = inspection?.server_version.to_string();
                words.split_whitespace().next().map(str::to_owned)
            };
            if let Ok(Some(version)) = tokio::time::timeout(WITHIN, ask).await {
                versions.insert(database.label.to_string(), version);
            }
        }
        versions
    }
}
