use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Class, element::escape};
use crate::backup::{Label, Tier};

/// What a rule of ours does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// moves archives to a colder class
    Move {
        /// the class
        class: Class,
        /// at this age
        after_days: u32,
    },
    /// deletes archives or records
    Expire {
        /// at this age
        after_days: u32,
    },
    /// deletes what was deleted already and is kept by the bucket's versioning
    ExpireNoncurrent {
        /// so long after its deletion
        after_days: u32,
    },
    /// aborts uploads that nobody completed
    Abort {
        /// so long after they began
        after_days: u32,
    },
}

/// A rule of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// `pgcoffer-<owner>-<database>-…`, at most 255 characters
    pub id: String,
    /// the database whose objects it is about
    pub database: Label,
    /// the tier, where it is about one
    pub tier: Option<Tier>,
    /// beginning of the keys that it is about; never empty, always ends with `/`
    pub prefix: String,
    /// what it does
    #[serde(flatten)]
    pub action: Action,
    /// how long what it is about is kept, as the schedule says it
    pub kept: Option<String>,
    /// days that are paid for each backup after its deletion; none where that isn't known
    pub early_deletion_days: Option<u32>,
}

/// 8 hex digits that tell the rules of one place and database from those of another in the same bucket: of
/// SHA-256(prefix || "/" || database).
#[must_use]
pub fn owner(location_prefix: &str, database: &Label) -> String {
    let digest = Sha256::digest(format!("{location_prefix}/{database}"));
    data_encoding::HEXLOWER.encode(&digest[..4])
}

/// Whether a rule of this id is ours for one of these databases at this place.
#[must_use]
pub fn is_ours(id: &str, location_prefix: &str, databases: &[Label]) -> bool {
    databases
        .iter()
        .any(|database| id.starts_with(&format!("{}-", stem(location_prefix, database))))
}

/// What the ids of a database's rules begin with.
pub(super) fn stem(location_prefix: &str, database: &Label) -> String {
    format!("pgcoffer-{}-{database}", owner(location_prefix, database))
}

impl Action {
    /// Days until it acts.
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

/// Where a rule bears its prefix. S3 takes one configuration in one of these forms, not in both:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycle.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// inside `Filter`
    Filter,
    /// by itself, as in configurations from before 2016
    Prefix,
}

impl Planned {
    /// The rule as S3 takes it.
    #[must_use]
    pub fn xml(&self, form: Form) -> String {
        let prefix = format!("<Prefix>{}</Prefix>", escape(&self.prefix));
        let about = match form {
            Form::Filter => format!("<Filter>{prefix}</Filter>"),
            Form::Prefix => prefix,
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
