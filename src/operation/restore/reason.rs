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
    /// The target has it already, and the role has no right to make it anew.
    Kept,
    /// The target has this table already, and it doesn't take these rows.
    TakesNoRows(Refusal),
    /// The target's schema or table belongs to somebody else.
    OthersPlace,
    /// A comment or a privilege that only the owner of the target's object can give.
    OwnersOnly,
    /// The role has no right to make such a thing.
    NoRight,
    /// It takes the owner of a table that the target has, which the role is not.
    NotOwner(String),
    /// The role may make no foreign keys to a table that the target has.
    NoReference(String),
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

/// Why a table of the target's own takes no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The role may not insert, or not set the sequence.
    NoInsert,
    /// It has other columns.
    OtherColumns,
    /// Triggers of its own may change the rows.
    Triggers,
    /// What they refer to comes later in the archive, which is read once where all is one transaction.
    Order,
    /// Tables refer to each other in a circle.
    Circle,
    /// The extension there has no such table.
    NoTable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInsert => "the role that restores may not write into the target's own",
            Self::OtherColumns => "the target's own table has other columns",
            Self::Triggers => "the target's own table has triggers, which could change the rows",
            Self::Order => {
                "a foreign key of the target's own table wants rows first that come later in the backup, which one \
                 transaction can't wait for"
            }
            Self::Circle => {
                "foreign keys of the target's own tables refer to each other in a circle, so that no order of rows \
                 satisfies them"
            }
            Self::NoTable => "no extension makes such a table there",
        })
    }
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
    /// Whether what needs it has to be left out as well: where it stands in the target, or nothing can need it, it has
    /// not.
    pub(super) fn spreads(&self) -> bool {
        matches!(
            self,
            Self::Platform(_)
                | Self::OthersPlace
                | Self::NoRight
                | Self::NotOwner(_)
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
            Self::Platform(_) | Self::Present | Self::Kept | Self::OwnersOnly | Self::Asked | Self::Unwanted => {
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
            Self::HasRows => f.write_str("the target's own has rows already"),
            Self::Kept => f.write_str("the target has it already, and the role that restores may not make it anew"),
            Self::TakesNoRows(refusal) => refusal.fmt(f),
            Self::OthersPlace => f.write_str("its place in the target belongs to another role"),
            Self::OwnersOnly => f.write_str("only the owner of what it is about can set it"),
            Self::NoRight => f.write_str("the role that restores may not make it"),
            Self::NotOwner(table) => {
                write!(
                    f,
                    "it takes the owner of {table}, which the target has and the role that restores doesn't own"
                )
            }
            Self::NoReference(table) => {
                write!(
                    f,
                    "the role that restores may make no foreign key to {table}, which the target has (GRANT REFERENCES)"
                )
            }
            Self::Refused(why) => write!(f, "the role that restores may not make it: {why}"),
            Self::Fails(why) => write!(f, "the target's server refuses to make it: {why}"),
            Self::NoExtension(why) => write!(f, "the target can't make it: {why}"),
            Self::NoProvider(provider) => {
                write!(f, "the target has not loaded the label provider {provider}")
            }
            Self::NoRole(roles) => {
                let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
                write!(f, "it names roles that the target lacks: {}", roles.join(", "))
            }
            Self::Asked => f.write_str("left out as asked"),
            Self::Unwanted => f.write_str("it is not among what --only names, and not needed for that"),
            Self::NoRowsBehind => f.write_str("rows that it refers to are not restored"),
            Self::Needs(_) => f.write_str("it needs something that is left out"),
        }
    }
}
