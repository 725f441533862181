use std::fmt;

/// The kinds of events, as settings and records name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A run failed, or something that belongs to one.
    Failure,
    /// A backup that was due has not been made.
    Missed,
    /// There is a good backup again after failed or missed ones.
    Recovery,
    /// A backup looks wrong beside those before it.
    Suspicious,
    /// A good backup was made.
    Success,
    /// How everything stands, once a week.
    Digest,
    /// Somebody tries whether messages arrive.
    Test,
}

/// With what something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A backup, or the run that was to make it.
    Backup,
    /// Old backups that could not be deleted.
    Retention,
    /// What stands in the bucket.
    Bucket,
    /// Backups of another repository.
    Repository,
    /// A drill, or what it has proven.
    Drill,
    /// Copies in other places.
    Copies,
}

impl EventKind {
    /// The kinds that a setting can choose among.
    pub const CHOICES: [Self; 6] = [
        Self::Failure,
        Self::Missed,
        Self::Recovery,
        Self::Suspicious,
        Self::Success,
        Self::Digest,
    ];

    /// Its name in settings and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Missed => "missed",
            Self::Recovery => "recovery",
            Self::Suspicious => "suspicious",
            Self::Success => "success",
            Self::Digest => "digest",
            Self::Test => "test",
        }
    }

    /// The kind of this name, as far as this version knows it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let all = Self::CHOICES.into_iter().chain([Self::Test]);
        all.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What it is about, as in "nobody could be notified of …": `the failure`, `the missed backup`.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Failure => "the failure",
            Self::Missed => "the missed backup",
            Self::Recovery => "the recovery",
            Self::Suspicious => "the suspicious backup",
            Self::Success => "the success",
            Self::Digest => "the weekly digest",
            Self::Test => "the test",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Topic {
    /// Its name in records and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Retention => "retention",
            Self::Bucket => "bucket",
            Self::Repository => "repository",
            Self::Drill => "drill",
            Self::Copies => "copies",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
