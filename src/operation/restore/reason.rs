//! Why something of a backup is not restored.

use std::fmt;

use crate::text::Untrusted;

/// Why an entry is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A platform makes its own in every database.
    Platform(&'static str),
    /// The target has it already.
    Present,
    /// The target has this table already, with rows in it.
    HasRows,
    /// The target has this table already, and it doesn't take these rows.
    TakesNoRows,
    /// The target's schema or table belongs to somebody else.
    OthersPlace,
    /// A comment or a privilege that only the owner of the target's object can give.
    OwnersOnly,
    /// The role has no right to make such a thing.
    NoRight,
    /// The server said so when it was tried, in its words.
    Refused(Untrusted),
    /// The server can't make it, whoever asks, in its words.
    Fails(Untrusted),
    /// The extension can't be made here, in the server's words.
    NoExtension(Untrusted),
    /// The provider of a security label is not loaded.
    NoProvider(Untrusted),
    /// Roles that it names are not there.
    NoRole(Vec<Untrusted>),
    /// It was asked for.
    Asked,
    /// `--only` names other things.
    Unwanted,
    /// Rows that it refers to are not restored.
    NoRowsBehind,
    /// It needs another that is left out, by its place among the entries.
    Needs(usize),
}

/// What a reason means for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Nothing of the user's is missing then, or it was asked for.
    None,
    /// Something is missing in the target that was in the database.
    Loss,
}

impl Reason {
    /// Whether what needs it has to be left out as well: where it stands in the target, or nothing can need it, it has not.
    pub(super) fn spreads(&self) -> bool {
        matches!(
            self,
            Self::Platform(_)
                | Self::OthersPlace
                | Self::NoRight
                | Self::Refused(_)
                | Self::Fails(_)
                | Self::NoExtension(_)
                | Self::Asked
                | Self::Unwanted
                | Self::Needs(_)
        )
    }

    /// What it means by itself; [`Needs`](Self::Needs) means what its root does.
    pub(super) fn weight(&self) -> Weight {
        match self {
            Self::Platform(_) | Self::Present | Self::OwnersOnly | Self::Asked | Self::Unwanted => {
                Weight::None
            }
            _ => Weight::Loss,
        }
    }

    /// In words; `name` tells the name of an entry.
    pub(super) fn describe(&self, name: impl Fn(usize) -> String) -> String {
        match self {
            Self::Needs(root) => format!("it needs {}, which is left out", name(*root)),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform(platform) => write!(f, "{platform} makes its own in every database"),
            Self::Present => f.write_str("the target has it already"),
            Self::HasRows => f.write_str("the target's own table has rows already"),
            Self::TakesNoRows => f.write_str(
                "the target's own table has other columns, a trigger or a foreign key, or the role may not insert into it",
            ),
            Self::OthersPlace => f.write_str("its place in the target belongs to another role"),
            Self::OwnersOnly => f.write_str("only the owner of what it is about can set it"),
            Self::NoRight => f.write_str("the role that restores may not make it"),
            Self::Refused(why) => write!(f, "the role that restores may not make it: {why}"),
            Self::Fails(why) => write!(f, "the target's server refuses to make it: {why}"),
            Self::NoExtension(why) => write!(f, "the target can't make it: {why}"),
            Self::NoProvider(provider) => {
                write!(f, "the target has not loaded the label provider {provider}")
            }
            Self::NoRole(roles) => {
                let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "it names roles that the target lacks: {}",
                    roles.join(", ")
                )
            }
            Self::Asked => f.write_str("left out as asked"),
            Self::Unwanted => f.write_str("it is not among what --only names, and not needed for that"),
            Self::NoRowsBehind => f.write_str("rows that it refers to are not restored"),
            Self::Needs(_) => f.write_str("it needs something that is left out"),
        }
    }
}
