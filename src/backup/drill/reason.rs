use serde::{Deserialize, Serialize};

/// Why something came back otherwise or could not be compared, without a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingReason {
    /// It is not as it was dumped.
    Changed,
    /// It did not come back.
    Missing,
    /// It is not in the backup.
    Added,
    /// Its restore failed.
    Failed,
    /// An index or a constraint is not valid.
    Invalid,
    /// An extension is missing on the scratch server.
    Extension,
    /// It names a role that the scratch server lacks.
    Role,
    /// The role that restores has no right to create it.
    Rights,
    /// The scratch server can't create it.
    Server,
    /// The provider of a security label is missing.
    LabelProvider,
    /// Its text names an owner that the restored object doesn't have.
    Owner,
    /// Two versions of PostgreSQL may write its definition in two ways.
    Version,
    /// Its definition is longer than what is compared.
    TooLong,
    /// Its columns have another order after a restore.
    ColumnOrder,
    /// A platform makes its own in every database.
    Platform,
    /// Another one, or what a later version found.
    #[default]
    #[serde(other)]
    Other,
}

impl FindingReason {
    /// In words, without a name.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Changed => "not as it was dumped",
            Self::Missing => "did not come back",
            Self::Added => "not in the backup",
            Self::Failed => "its restore failed",
            Self::Invalid => "not valid",
            Self::Extension => "an extension is missing on the scratch server",
            Self::Role => "names a role that the scratch server lacks",
            Self::Rights => "the restoring role has no right to create it",
            Self::Server => "the scratch server can't create it",
            Self::LabelProvider => "the provider of its security label is missing",
            Self::Owner => "names an owner that the restored object does not have",
            Self::Version => "two versions of PostgreSQL may write it in two ways",
            Self::TooLong => "its definition is too long to be compared",
            Self::ColumnOrder => "its columns have another order after a restore",
            Self::Platform => "a platform makes its own in every database",
            Self::Other => "for another reason",
        }
    }
}
