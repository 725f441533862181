//! What can be wrong with the text of a key, and its cure.

use crate::text::counted;

/// What is wrong with the text of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It is empty, or only white space.
    #[error("it is empty")]
    Empty,
    /// Neither `PGCOFFER-KEY-1…`, nor hex, nor base64.
    #[error("it is neither `PGCOFFER-KEY-1…`, nor 64 hex digits, nor the base64 of 32 bytes")]
    Unrecognised,
    /// It looks like words.
    #[error("it looks like a passphrase, and no key has such a form")]
    IsPassphrase,
    /// It looks like the name of a file.
    #[error("it looks like the name of a file, and no key has such a form")]
    IsFileName,
    /// Bech32 must not mix upper and lower case.
    #[error("upper and lower case are mixed")]
    MixedCase,
    /// A character that no key contains.
    #[error("character {position} is not allowed in a key")]
    Character {
        /// The character's position, counted from 1 without surrounding white space.
        position: usize,
    },
    /// The key has too many or too few characters.
    #[error("it has {}, and a key of this kind has {expected}", counted(found, "character"))]
    Length {
        /// The number of characters, without surrounding white space.
        found: usize,
        /// The number of characters of a complete key.
        expected: usize,
    },
    /// The checksum at the end is wrong.
    #[error("its checksum is wrong: {}", mistyped(*position))]
    Checksum {
        /// The only character that may be the mistyped one, counted as in [`KeyFault::Character`], if one alone is.
        position: Option<usize>,
    },
    /// Two neighbours have changed places.
    #[error("its checksum is wrong: characters {position} and {} have changed places", position + 1)]
    Swapped {
        /// The first of them.
        position: usize,
    },
    /// A character that no key contains stands in the place of one that looks alike.
    #[error(
        "character {position} is {typed:?}, which no key contains{}",
        lookalike(*meant, *is_right)
    )]
    Lookalike {
        /// The character's position, counted from 1 without surrounding white space.
        position: usize,
        /// The character that is there.
        typed: char,
        /// The one that looks alike, and that keys contain.
        meant: char,
        /// Whether the key is right with it, and with the like of it in other places.
        is_right: bool,
    },
    /// A whole key, and more behind it.
    #[error("it is a key with {} behind it", counted(count, "more character"))]
    Followed {
        /// How many characters too many.
        count: usize,
    },
    /// Something stands before the key, such as the name of its variable.
    #[error("something stands before the key")]
    Preceded,
    /// The text has two keys, or one twice.
    #[error("it has more than one key in it, or the same one twice")]
    Twice,
    /// Dots in the place of a part.
    #[error("a part of it is left out: dots stand there")]
    Abbreviated,
    /// The id of a key.
    #[error("it has 16 hex digits, as the id of a key has, which opens nothing")]
    IsKeyId,
    /// A catalog key instead of a master key.
    #[error("it is a catalog key, which opens no archive")]
    IsCatalogKey,
    /// A master key instead of a catalog key.
    #[error("it is a master key, which opens everything, and not a catalog key")]
    IsMasterKey,
    /// It is not a catalog key.
    #[error("it does not begin with `PGCOFFER-CATALOG-1`, as every catalog key does")]
    NotCatalogKey,
    /// 32 zero bytes: a placeholder, not a key.
    #[error("all of its bytes are zero, so it is a placeholder and not a key")]
    Zero,
}

fn lookalike(meant: char, is_right: bool) -> String {
    match is_right {
        true => format!("; with {meant:?} there the key is right"),
        false => format!("; {meant:?} looks like it, and with that alone the key is not right"),
    }
}

fn mistyped(position: Option<usize>) -> String {
    match position {
        Some(position) => format!("character {position} was mistyped"),
        None => "more than one character was mistyped".to_owned(),
    }
}

impl KeyFault {
    /// The same, with its positions counted otherwise.
    pub(super) fn at(self, place: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Character { position } => Self::Character {
                position: place(position),
            },
            Self::Lookalike {
                position,
                typed,
                meant,
                is_right,
            } => Self::Lookalike {
                position: place(position),
                typed,
                meant,
                is_right,
            },
            Self::Checksum { position } => Self::Checksum {
                position: position.map(place),
            },
            Self::Swapped { position } => Self::Swapped {
                position: place(position),
            },
            other => other,
        }
    }

    /// One sentence with the cure.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Checksum { position: None }
            | Self::Character { .. }
            | Self::Length { .. }
            | Self::Abbreviated
            | Self::IsKeyId => "copy the key again from where you store it, from its first character to its last",
            Self::Checksum { .. } | Self::Swapped { .. } => {
                "compare that place with the key where you store it; a place is counted with its blanks and hyphens, \
                 from 1"
            }
            Self::Lookalike { .. } => "compare that place with the key where you store it, and correct it",
            Self::MixedCase => "write its letters all in capitals, as it is printed, or all small",
            Self::Followed { .. } | Self::Preceded | Self::Twice => {
                "write the key alone, once: from its first character to its last, without its name, quotes or a comment"
            }
            Self::IsCatalogKey => {
                "set it as PGCOFFER_CATALOG_KEY where backups are monitored and pruned; the master key is on the \
                 recovery sheet"
            }
            Self::IsMasterKey | Self::NotCatalogKey => {
                "`pgcoffer keygen --catalog` prints the catalog key of the configured key"
            }
            Self::IsPassphrase => "set PGCOFFER_PASSPHRASE in its place: a passphrase is no key",
            Self::IsFileName => "set PGCOFFER_KEY_FILE in its place: it names the file that holds the key",
            Self::Empty | Self::Unrecognised | Self::Zero => {
                "copy the key from where you store it, such as the recovery sheet; only a first set-up (`pgcoffer \
                 init`) makes a new one, which opens no backup that there is"
            }
        }
    }
}
