//! What a sealed object is: its kind, its compression, and the backup and the repository that it belongs to.

use super::RepositoryId;

/// The kind of an object, so that one kind can't be passed off as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A database's archive.
    Archive,
    /// The entry of a run.
    Record,
    /// The details of a backup.
    Details,
    /// A mark: what users decided about a backup later.
    Mark,
    /// The report of a drill.
    Drill,
    /// What a drill found, with the names of tables.
    Findings,
    /// The repository object.
    Repository,
    /// Settings that are stored in the bucket.
    Settings,
    /// An entry of the audit trail.
    Audit,
}

impl Content {
    /// All kinds.
    pub(super) const ALL: [Self; 9] = [
        Self::Archive,
        Self::Record,
        Self::Details,
        Self::Mark,
        Self::Drill,
        Self::Findings,
        Self::Repository,
        Self::Settings,
        Self::Audit,
    ];

    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Record => "record",
            Self::Details => "details",
            Self::Mark => "mark",
            Self::Drill => "drill",
            Self::Findings => "findings",
            Self::Repository => "repository",
            Self::Settings => "settings",
            Self::Audit => "audit",
        }
    }

    /// Whether a catalog key opens and seals it. It doesn't for what is inside a backup.
    #[must_use]
    pub fn is_of_catalog(self) -> bool {
        matches!(
            self,
            Self::Record | Self::Mark | Self::Drill | Self::Repository | Self::Audit
        )
    }
}

/// How the payload was compressed before sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadCompression {
    /// Not compressed.
    None,
    /// A run of independent zstd frames.
    Zstd,
}

impl PayloadCompression {
    /// All kinds of compression.
    pub(super) const ALL: [Self; 2] = [Self::None, Self::Zstd];

    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        }
    }
}

/// The identity of an object: all values of its header except slots and frame size.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The repository that it is sealed for.
    pub repository: &'a RepositoryId,
    /// The backup's id.
    pub backup: &'a str,
    /// The kind of the object.
    pub content: Content,
    /// How the payload was compressed.
    pub compression: PayloadCompression,
    /// The database's label, which salts a passphrase. It is not in the header.
    pub database: &'a str,
}
