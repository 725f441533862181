//! The reasons why entries of a backup are not restored.

use std::fmt;

use crate::{backup::FindingReason, postgres::MissingExtension, text::Untrusted};

/// Why an entry is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SkipReason {
    /// A platform creates its own in every database.
    Platform(&'static str),
    /// The target already has it.
    Present,
    /// The target already has this table, with rows in it.
    HasRows,
    /// The target already has it, and the role has no right to replace it.
    NotReplaceable,
    /// The target already has this table, and it can't take these rows.
    TakesNoRows(RowRefusal),
    /// The target's schema or table belongs to another role.
    OwnedByOther,
    /// A comment or a privilege that only the owner of the target's object can set.
    OwnerOnly,
    /// The role has no right to create an object of this kind.
    NoPrivilege,
    /// Only the owner of this table of the target could restore it, and the role isn't the owner.
    NotOwner(String),
    /// The role has no right to create foreign keys to this table of the target.
    NoReference(String),
    /// The server refused it for a missing right when it was tried; holds the server's message.
    Refused(Untrusted),
    /// The server can't create it for any role; holds the server's message.
    Fails(Untrusted),
    /// The extension can't be created in the target.
    NoExtension(MissingExtension),
    /// The provider of a security label is not loaded.
    NoProvider(Untrusted),
    /// It names roles that don't exist in the target.
    NoRole(Vec<Untrusted>),
    /// The user asked to leave it out.
    Excluded,
    /// `--only` names other objects.
    NotSelected,
    /// Rows that it refers to are not restored.
    NoReferencedRows,
    /// It needs another entry that is left out. Holds the position of that entry.
    Needs(usize),
}

/// Why a table of the target can't take the backup's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowRefusal {
    /// The role has no right to insert, or to set the sequence.
    NoInsert,
    /// Nobody can tell whether it has rows.
    Unseen,
    /// The table has other columns.
    OtherColumns,
    /// Triggers of the table could change the rows.
    Triggers,
    /// The rows that these refer to come later in the archive, and one transaction reads the archive only once.
    Order,
    /// Tables refer to each other in a circle.
    Circle,
    /// The rows that these refer to come later in the archive, and the rows that those refer to again, and so on.
    Passes,
    /// No extension of the target has such a table.
    NoTable,
}

impl fmt::Display for RowRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInsert => "the restoring role has no right to write into the target's own",
            Self::Unseen => {
                "it can't be seen whether the target's own has rows: the restoring role may not read it, or it is locked, or \
                 it takes longer than 20 seconds"
            }
            Self::OtherColumns => "the target's own table has other columns",
            Self::Triggers => "the target's own table has triggers on INSERT, which could change the rows",
            Self::Order => {
                "a foreign key of the target's own table needs rows that come later in the backup, so one transaction \
                 can't restore them"
            }
            Self::Circle => {
                "foreign keys of the target's own tables refer to each other in a circle, so no order of rows \
                 satisfies them"
            }
            Self::Passes => {
                "foreign keys of the target's own tables need the rows in about the opposite order of the backup's, which \
                 would have to be read too many times"
            }
            Self::NoTable => "no extension in the target has such a table",
        })
    }
}

/// What a reason means for the completeness of the restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Impact {
    /// No data of the user is missing, or the user asked for it.
    None,
    /// Something that was in the database is missing in the target.
    Loss,
}

impl SkipReason {
    /// Whether entries that need it are left out as well. They aren't if the target has it, or if nothing can need it.
    pub(super) fn propagates(&self) -> bool {
        matches!(
            self,
            Self::Platform(_)
                | Self::OwnedByOther
                | Self::NoPrivilege
                | Self::NotOwner(_)
                | Self::Refused(_)
                | Self::Fails(_)
                | Self::NoExtension(_)
                | Self::Excluded
                | Self::NotSelected
                | Self::Needs(_)
        )
    }

    /// The impact of the reason by itself. [`Needs`](Self::Needs) has the impact of its root cause.
    pub(super) fn impact(&self) -> Impact {
        match self {
            Self::Platform(_)
            | Self::Present
            | Self::NotReplaceable
            | Self::OwnerOnly
            | Self::Excluded
            | Self::NotSelected => Impact::None,
            _ => Impact::Loss,
        }
    }

    /// The reason without a name. [`Needs`](Self::Needs) has that of its root cause.
    pub(super) fn without_names(&self) -> FindingReason {
        match self {
            Self::Platform(_) | Self::Present => FindingReason::Platform,
            Self::NoExtension(_) => FindingReason::Extension,
            Self::NoRole(_) => FindingReason::Role,
            Self::NoProvider(_) => FindingReason::LabelProvider,
            Self::Fails(_) => FindingReason::Server,
            Self::NotReplaceable
            | Self::OwnedByOther
            | Self::OwnerOnly
            | Self::NoPrivilege
            | Self::NotOwner(_)
            | Self::NoReference(_)
            | Self::Refused(_) => FindingReason::Rights,
            Self::HasRows
            | Self::TakesNoRows(_)
            | Self::Excluded
            | Self::NotSelected
            | Self::NoReferencedRows
            | Self::Needs(_) => FindingReason::Other,
        }
    }

    /// The reason in words. `name` returns the label of the entry at a position.
    pub(super) fn describe(&self, name: impl Fn(usize) -> String) -> String {
        match self {
            Self::Needs(root) => format!("it needs {}, which is left out", name(*root)),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform(platform) => write!(f, "{platform} creates its own in every database"),
            Self::Present => f.write_str("the target already has it"),
            Self::HasRows => f.write_str("the target's own already has rows"),
            Self::NotReplaceable => {
                f.write_str("the target already has it, and the restoring role has no right to replace it")
            }
            Self::TakesNoRows(refusal) => refusal.fmt(f),
            Self::OwnedByOther => f.write_str("its schema or table in the target belongs to another role"),
            Self::OwnerOnly => f.write_str("only the owner of the object can set it"),
            Self::NoPrivilege => f.write_str("the restoring role has no right to create it"),
            Self::NotOwner(table) => {
                write!(
                    f,
                    "only the owner of {table}, which the target already has, can create it"
                )
            }
            Self::NoReference(table) => {
                write!(
                    f,
                    "the restoring role has no right to create foreign keys to {table}, which the target already has \
                     (GRANT REFERENCES)"
                )
            }
            Self::Refused(why) => write!(f, "the restoring role has no right to create it: {why}"),
            Self::Fails(why) => write!(f, "the target's server refuses to create it: {why}"),
            Self::NoExtension(missing) => write!(f, "the target can't create it: {}", missing.why),
            Self::NoProvider(provider) => {
                write!(f, "the target has not loaded the label provider {provider}")
            }
            Self::NoRole(roles) => {
                let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
                write!(f, "it names roles that the target lacks: {}", roles.join(", "))
            }
            Self::Excluded => f.write_str("left out as asked"),
            Self::NotSelected => f.write_str("it was not asked for, and nothing that was asked for needs it"),
            Self::NoReferencedRows => f.write_str("rows that it refers to are not restored"),
            Self::Needs(_) => f.write_str("it needs something that is left out"),
        }
    }
}
