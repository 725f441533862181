use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Class, element::escape};
use crate::backup::{Label, Tier};

/// What a planned rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum RuleAction {
    /// Moves archives to a colder class.
    Move {
        /// The class.
        class: Class,
        /// The age in days.
        after_days: u32,
    },
    /// Deletes archives, records or details.
    Expire {
        /// The age in days.
        after_days: u32,
    },
    /// Deletes noncurrent versions that a versioned bucket keeps.
    ExpireNoncurrent {
        /// The days since the version became noncurrent.
        after_days: u32,
    },
    /// Aborts incomplete multipart uploads.
    Abort {
        /// The days since the upload began.
        after_days: u32,
    },
}

/// A rule that pgcoffer wants in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedRule {
    /// The id: `pgcoffer-<owner>-<database>-…`, at most 255 characters.
    pub id: String,
    /// The label of the database whose objects the rule selects.
    pub database: Label,
    /// The tier, if the rule is for one tier.
    pub tier: Option<Tier>,
    /// The prefix of the keys that the rule selects; never empty, always ends with `/`.
    pub prefix: String,
    /// What the rule does.
    #[serde(flatten)]
    pub action: RuleAction,
    /// The retention of the selected objects, as the schedule words it.
    pub kept: Option<String>,
    /// The days that are billed for each backup after its deletion; `None` if unknown.
    pub early_deletion_days: Option<u32>,
}

/// 8 hex digits that identify the rules of one prefix and database in a bucket: the first 4 bytes of SHA-256(prefix ||
/// "/" || database).
#[must_use]
pub fn owner(location_prefix: &str, database: &Label) -> String {
    let digest = Sha256::digest(format!("{location_prefix}/{database}"));
    data_encoding::HEXLOWER.encode(&digest[..4])
}

/// Whether the id is that of a rule of ours, for one of these databases and this prefix.
#[must_use]
pub fn is_ours(id: &str, location_prefix: &str, databases: &[Label]) -> bool {
    databases
        .iter()
        .any(|database| id.starts_with(&format!("{}-", stem(location_prefix, database))))
}

/// The beginning of the ids of a database's rules.
pub(super) fn stem(location_prefix: &str, database: &Label) -> String {
    format!("pgcoffer-{}-{database}", owner(location_prefix, database))
}

impl RuleAction {
    /// The days after which the rule acts.
    #[must_use]
    pub fn after_days(self) -> u32 {
        match self {
            Self::Move { after_days, .. }
            | Self::Expire { after_days }
            | Self::ExpireNoncurrent { after_days }
            | Self::Abort { after_days } => after_days,
        }
    }

    fn xml(self) -> String {
        match self {
            Self::Move { class, after_days } => {
                format!("<Transition><Days>{after_days}</Days><StorageClass>{class}</StorageClass></Transition>")
            }
            Self::Expire { after_days } => {
                format!("<Expiration><Days>{after_days}</Days></Expiration>")
            }
            Self::ExpireNoncurrent { after_days } => format!(
                "<NoncurrentVersionExpiration><NoncurrentDays>{after_days}</NoncurrentDays></NoncurrentVersionExpiration>"
            ),
            Self::Abort { after_days } => format!(
                "<AbortIncompleteMultipartUpload><DaysAfterInitiation>{after_days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
            ),
        }
    }
}

/// Where a rule has its prefix. S3 accepts a configuration in one of these forms, and refuses a mixture.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycle.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleForm {
    /// Inside `Filter`.
    Filter,
    /// Directly in the rule, as in configurations from before 2016.
    Prefix,
}

impl PlannedRule {
    /// The rule as XML.
    #[must_use]
    pub fn xml(&self, form: RuleForm) -> String {
        let prefix = format!("<Prefix>{}</Prefix>", escape(&self.prefix));
        let about = match form {
            RuleForm::Filter => format!("<Filter>{prefix}</Filter>"),
            RuleForm::Prefix => prefix,
        };
        format!(
            "<Rule><ID>{}</ID>{about}<Status>Enabled</Status>{}</Rule>",
            escape(&self.id),
            self.action.xml()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_other_places_and_databases_are_not_ours() {
        let label = |text| Label::parse(text).unwrap();
        let all = [label("main"), label("main_2")];
        let id = format!("{}-monthly-cold", stem("backups", &all[0]));
        // sha256("backups/main") begins so
        assert_eq!(id, "pgcoffer-e09b9d2a-main-monthly-cold");
        assert!(is_ours(&id, "backups", &all));
        assert!(!is_ours(&id, "backups", &all[1..]));
        assert!(!is_ours(&id, "other", &all));
        assert!(!is_ours("expire everything", "backups", &all));
        let longest = stem("p", &label(&"x".repeat(63)));
        assert!(longest.len() + "-monthly-cold".len() <= 255);
    }
}
