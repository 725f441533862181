//! The errors of sealing and opening.

use super::{
    Content, FRAME_SIZE_MAX, FRAME_SIZE_MIN, KeyFault, RepositoryId,
    secret_name::{A_CATALOG_KEY, A_PASSPHRASE},
};

/// Why something could not be sealed or opened. No variant carries a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes do not begin like a sealed object.
    #[error("not a sealed object: it does not begin with `pgcoffer/1`")]
    NotSealed,
    /// The first line has a version that this program does not know.
    #[error("sealed in format {version}, and this program reads format 1")]
    NewerVersion {
        /// The version in the first line.
        version: u32,
    },
    /// The header violates the grammar.
    #[error("malformed header, line {line}: {what}")]
    HeaderMalformed {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The object ends before its header does.
    #[error("cut short inside its header")]
    HeaderCutShort,
    /// The header's MAC is wrong, or a slot that names a configured key does not open under it.
    #[error("header changed: it differs from the header that was sealed")]
    HeaderChanged,
    /// A passphrase slot asks for more memory or time than the limit.
    #[error("header asks for more than the limit for passphrases: {what}")]
    AboveCeiling {
        /// Which parameter is above its limit.
        what: &'static str,
    },
    /// No configured secret opens any slot.
    #[error("{}", wrong("", sealed_for, held))]
    WrongKey {
        /// What the object was sealed for, one item for each slot, for example `key 0123456789abcdef`.
        sealed_for: Vec<String>,
        /// The secrets that were tried.
        held: Vec<String>,
    },
    /// Only catalog keys are configured, for an object that no catalog key opens or seals.
    #[error("a catalog key opens and seals only entries and marks, and this is {}", named(*content))]
    BeyondCatalogKey {
        /// The content of the object.
        content: Content,
    },
    /// The repository object is sealed for other keys.
    #[error("{}", wrong("this place is ", sealed_for, held))]
    RepositoryOfOthers {
        /// The repository in its header, which is not authenticated.
        id: Option<RepositoryId>,
        /// Whether a setting pins the repository.
        pinned: bool,
        /// What it was sealed for.
        sealed_for: Vec<String>,
        /// The secrets that were tried.
        held: Vec<String>,
    },
    /// The object opens, but is not the one that its name says.
    #[error(
        "not what its name says: it contains the {} of backup {found_backup}",
        found_content.as_str()
    )]
    Misplaced {
        /// The backup that the header names.
        found_backup: String,
        /// The content that the header names.
        found_content: Content,
    },
    /// The object was sealed for another repository.
    #[error("sealed for repository {found}, and this is repository {here}")]
    OtherRepository {
        /// The repository that the header names.
        found: RepositoryId,
        /// The repository here.
        here: RepositoryId,
    },
    /// A frame's MAC is wrong.
    #[error("frame {frame} changed{}", or_cut_short(*at_end))]
    FrameChanged {
        /// The frame, counted from 0.
        frame: u64,
        /// Whether it is the last frame of the data, so that it may also have been cut.
        at_end: bool,
    },
    /// The last frame is missing.
    #[error("cut short {}", place(*after))]
    CutShort {
        /// The last whole frame of the data, counted from 0; `None` if there is none.
        after: Option<u64>,
    },
    /// There is data after the frame that is marked as the last.
    #[error("bytes after the last frame, which is frame {frame}")]
    TrailingBytes {
        /// The frame marked as the last, counted from 0.
        frame: u64,
    },
    /// A backup id that a header can't contain.
    #[error("not a valid backup id: it must have 1 to 128 letters, digits, `.`, `_` and `-`")]
    BackupId,
    /// A frame size that the format does not allow.
    #[error("frame size {bytes} is not a multiple of 16 from {FRAME_SIZE_MIN} to {FRAME_SIZE_MAX}")]
    FrameSize {
        /// The given size in bytes.
        bytes: usize,
    },
    /// A new passphrase that is too easy to guess.
    #[error("passphrase too easy to guess: {advice}")]
    WeakPassphrase {
        /// Why, in one line.
        advice: String,
    },
    /// A key that can't be parsed.
    #[error("not a usable key: {0}")]
    Key(KeyFault),
    /// Argon2id could not allocate its memory.
    #[error("out of memory: stretching the passphrase needs {kib} KiB")]
    OutOfMemory {
        /// The memory in KiB.
        kib: u32,
    },
    /// The operating system's random source failed.
    #[error("the operating system's random source failed: {0}")]
    Random(getrandom::Error),
}

impl Error {
    /// One sentence with the cure, if there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::RepositoryOfOthers {
                id,
                pinned,
                sealed_for,
                held,
            } => {
                const OWN: &str = "; if this machine should back up here under its own key, ";
                let of_catalog = held.iter().all(|name| name.starts_with(A_CATALOG_KEY));
                let other = match pinned {
                    // a catalog key makes no backups
                    _ if of_catalog => None,
                    true => Some(format!("{OWN}nothing is wrong")),
                    false => id.map(|id| format!("{OWN}set PGCOFFER_REPOSITORY={id}")),
                };
                return Some(cure(sealed_for, held) + &other.unwrap_or_default());
            }
            Self::WrongKey { sealed_for, held } => return Some(cure(sealed_for, held)),
            Self::BeyondCatalogKey { .. } => {
                "do this where the master key is set as PGCOFFER_KEY; the recovery sheet has it"
            }
            Self::NewerVersion { .. } => "update pgcoffer to read this object",
            Self::NotSealed => "check that this is the .pgc file itself, whole and from its first byte",
            Self::HeaderCutShort | Self::CutShort { .. } => {
                "fetch the object again; if it is cut in the bucket too, use another backup"
            }
            Self::HeaderMalformed { .. }
            | Self::HeaderChanged
            | Self::FrameChanged { .. }
            | Self::TrailingBytes { .. } => "fetch the object again; if it fails again, use another backup",
            Self::AboveCeiling { .. } => "this header was not written by pgcoffer, so do not trust the object",
            Self::Misplaced { .. } => "the object was moved or renamed, so search for the original",
            Self::OtherRepository { .. } => {
                "if PGCOFFER_REPOSITORY is set, compare it with the recovery sheet, letter by letter; if it is right, the \
                 object was copied from another place: look for the backup there, or, if that whole place was copied \
                 here, set PGCOFFER_REPOSITORY to the id that its objects name"
            }
            Self::WeakPassphrase { .. } => {
                "`pgcoffer keygen --words` generates one of random words; a key from `pgcoffer keygen` is better"
            }
            Self::Key(fault) => fault.hint(),
            Self::OutOfMemory { .. } => "give the process more memory, or use a key instead of a passphrase",
            Self::Random(_) => "check that the container or sandbox allows the getrandom system call",
            Self::BackupId | Self::FrameSize { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

// Written by hand, because `#[from]` would also make the fault a source, which the message already contains.
impl From<KeyFault> for Error {
    fn from(fault: KeyFault) -> Self {
        Self::Key(fault)
    }
}

impl From<getrandom::Error> for Error {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

fn or_cut_short(at_end: bool) -> &'static str {
    if at_end {
        ", or the object was cut inside it"
    } else {
        ""
    }
}

fn place(after: Option<u64>) -> String {
    after.map_or_else(|| "before frame 0".to_owned(), |frame| format!("after frame {frame}"))
}

/// The message if no secret opens an object: what it is sealed for, and what was tried. Passphrases have no ids to
/// compare.
fn wrong(what: &str, sealed_for: &[String], held: &[String]) -> String {
    let is_passphrase = |name: &String| name == A_PASSPHRASE;
    let another = held.iter().any(is_passphrase);
    let all = another && !sealed_for.is_empty() && sealed_for.iter().all(is_passphrase);
    let sealed_for: Vec<String> = sealed_for
        .iter()
        .map(|name| match another && is_passphrase(name) {
            true => "another passphrase".to_owned(),
            false => name.clone(),
        })
        .collect();
    format!(
        "wrong {}: {what}sealed for {}, tried: {}",
        if all { "passphrase" } else { "key" },
        list(&sealed_for),
        list(held)
    )
}

fn named(content: Content) -> &'static str {
    match content {
        Content::Archive => "an archive",
        Content::Record => "a record",
        Content::Details => "the details of a backup",
        Content::Mark => "a mark",
        Content::Drill => "the report of a drill",
        Content::Findings => "the findings of a drill",
        Content::Repository => "a repository",
        Content::Settings => "settings",
        Content::Audit => "an entry of the audit trail",
    }
}

fn cure(sealed_for: &[String], held: &[String]) -> String {
    let is_catalog_key = |name: &String| name.starts_with(A_CATALOG_KEY);
    if !held.is_empty() && held.iter().all(is_catalog_key) {
        return of_catalog_key(sealed_for.iter().any(is_catalog_key)).to_owned();
    }
    const SAME: &str = "set PGCOFFER_PASSPHRASE to exactly that passphrase: capitals and spaces count";
    const KEY: &str = "set that key as PGCOFFER_KEY, for one database as PGCOFFER_DB_<NAME>_KEY, or with the day \
        it was replaced in PGCOFFER_OLD_KEYS (KEY@2026-11-01)";
    let is_passphrase = |name: &String| name == A_PASSPHRASE;
    let passphrase = match held.iter().any(is_passphrase) {
        true => SAME.to_owned(),
        false => "set PGCOFFER_PASSPHRASE to that passphrase, instead of PGCOFFER_KEY".to_owned(),
    };
    let key = match held.iter().any(is_passphrase) {
        true => {
            "set that key as PGCOFFER_KEY, instead of PGCOFFER_PASSPHRASE, or beside it with the day it was \
             replaced in PGCOFFER_OLD_KEYS (KEY@2026-11-01)"
        }
        false => KEY,
    };
    let needs_passphrase = sealed_for.iter().any(is_passphrase);
    let needs_key = sealed_for
        .iter()
        .any(|name| name.starts_with("key ") || is_catalog_key(name));
    match (needs_key, needs_passphrase) {
        (false, true) => passphrase,
        (true, true) => format!("{key}; or {passphrase}"),
        _ => key.to_owned(),
    }
}

/// The cure if only catalog keys are configured.
fn of_catalog_key(wanted: bool) -> &'static str {
    match wanted {
        true => {
            "set that catalog key as PGCOFFER_CATALOG_KEY, for one database as PGCOFFER_DB_<NAME>_CATALOG_KEY, \
             or with the day it was replaced in PGCOFFER_OLD_KEYS (KEY@2026-11-01); `pgcoffer keygen --catalog` prints \
             it where its key is set"
        }
        false => {
            "no catalog key opens it: set its master key as PGCOFFER_KEY, or its passphrase as PGCOFFER_PASSPHRASE, in \
             the place of PGCOFFER_CATALOG_KEY"
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(" and ")
    }
}
