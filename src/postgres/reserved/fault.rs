//! Why a database can't be used for drills, and what cures it.

use crate::text::Untrusted;

/// Why the database that `PGCOFFER_SCRATCH_URL` names, on a server where none can be created, is not used. It has not
/// been changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReservedFault {
    /// It is a database that is backed up.
    IsSource {
        /// Its label.
        label: String,
    },
    /// It is the database that the backup was made of.
    IsOriginal,
    /// The backup was made of a database that is reserved for drills.
    OfReserved,
    /// It isn't empty, and no drill has reserved it.
    NotReserved {
        /// Some of the objects in it.
        objects: Vec<Untrusted>,
    },
    /// It is reserved for the drills of another repository.
    OtherRepository {
        /// The id of that repository.
        repository: Untrusted,
    },
    /// Its mark was made in another database, and it isn't empty.
    Copied {
        /// Some of the objects in it.
        objects: Vec<Untrusted>,
    },
    /// Somebody has used it since the last drill has emptied it.
    Used {
        /// Some of the objects in it.
        objects: Vec<Untrusted>,
    },
    /// What an earlier drill has left can't be removed.
    NotEmptied {
        /// Some of the objects that are left.
        objects: Vec<Untrusted>,
    },
    /// Objects of other roles would be dropped along with what a drill has restored.
    DependedOn {
        /// Some of these objects, or parts of objects.
        objects: Vec<Untrusted>,
    },
    /// A drill was killed in it, and it can't be proven that this is the same database: the server was started since
    /// then, which a copy of its files is too, or it doesn't tell which one it is.
    Unproven {
        /// Some of the objects in it.
        objects: Vec<Untrusted>,
    },
    /// The role may do more than restore into the database of a drill.
    Rights {
        /// What it may, as clauses.
        rights: Vec<Untrusted>,
    },
    /// It can't hold texts of the backup's encoding.
    Encoding {
        /// The encoding of the backup.
        backup: Untrusted,
        /// Its own.
        own: Untrusted,
    },
}

/// A reserved database that is not used, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableReserved {
    /// The database as user@host:port/name.
    pub(super) target: String,
    /// Why it is not used.
    pub(super) fault: ReservedFault,
}

impl std::fmt::Display for UnusableReserved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not used for a drill, and was not changed: ", self.target)?;
        match &self.fault {
            ReservedFault::IsSource { label } => write!(f, "it is the database {label}, which is backed up"),
            ReservedFault::IsOriginal => f.write_str("it is the database that this backup was made of"),
            ReservedFault::OfReserved => f.write_str(
                "this backup was made of a database that is reserved for drills, as its schema \
                             pgcoffer_drill says",
            ),
            ReservedFault::NotReserved { objects } => write!(
                f,
                "this role may not create databases, and this one isn't empty: it has {}",
                list(objects)
            ),
            ReservedFault::OtherRepository { repository } => {
                write!(f, "it is reserved for drills of another repository, {repository}")
            }
            ReservedFault::Copied { objects } => write!(
                f,
                "its mark was made in another database, so it is a copy of one; it has {}",
                list(objects)
            ),
            ReservedFault::Used { objects } => write!(
                f,
                "the last drill has left it empty, and since then others have put into it: {}",
                list(objects)
            ),
            ReservedFault::NotEmptied { objects } => write!(
                f,
                "an earlier drill has left in it what its role can't remove: {}",
                list(objects)
            ),
            ReservedFault::DependedOn { objects } => write!(
                f,
                "emptying it would drop what belongs to other roles: {}",
                list(objects)
            ),
            ReservedFault::Unproven { objects } => write!(
                f,
                "a drill was killed in it or in the database that it is a copy of, and its server can't prove which; it \
                 has {}",
                list(objects)
            ),
            ReservedFault::Rights { rights } => write!(
                f,
                "what is restored runs code of the backup's owner, and the role may do more than that needs: {}",
                list(rights)
            ),
            ReservedFault::Encoding { backup, own } => write!(
                f,
                "its encoding is {own}, which can't hold every text of a backup in {backup}"
            ),
        }
    }
}

impl UnusableReserved {
    /// What cures it. Nothing that it says can lose data.
    pub fn hint(&self) -> String {
        match &self.fault {
            ReservedFault::IsSource { .. } | ReservedFault::IsOriginal => {
                "set PGCOFFER_SCRATCH_URL to another database, which holds nothing and is used for nothing else (on \
                 Heroku: `heroku addons:create heroku-postgresql:essential-0 --as PGCOFFER_SCRATCH`)"
            }
            ReservedFault::OfReserved => {
                "drill a backup of another database; PGCOFFER_DB_…_URL should name a database that people use"
            }
            ReservedFault::NotReserved { .. } => {
                "set PGCOFFER_SCRATCH_URL to a database that is empty, or to a role that may create databases; a drill \
                 empties none that has no mark of an earlier drill"
            }
            ReservedFault::OtherRepository { .. } => {
                "set PGCOFFER_SCRATCH_URL to an empty database of its own: each repository needs one"
            }
            ReservedFault::DependedOn { .. } => {
                "have the owners of these objects drop them, or make them independent of the drill's; or set \
                 PGCOFFER_SCRATCH_URL to an empty database that is used for nothing else"
            }
            ReservedFault::Rights { .. } => {
                "make a role for drills alone: `CREATE ROLE pgcoffer_drills LOGIN CREATEDB PASSWORD '…'`, or without \
                 CREATEDB as the owner of an empty database of its own; and name that in PGCOFFER_SCRATCH_URL, or set \
                 it to local"
            }
            ReservedFault::Copied { .. } | ReservedFault::Unproven { .. } | ReservedFault::Used { .. } => {
                "if nobody needs what is in it, drop that and run the drill again; otherwise set PGCOFFER_SCRATCH_URL to \
                 an empty database that is used for nothing else"
            }
            ReservedFault::NotEmptied { .. } => {
                "have the owner of these objects drop them, or set PGCOFFER_SCRATCH_URL to another empty database"
            }
            ReservedFault::Encoding { .. } => {
                "set PGCOFFER_SCRATCH_URL to an empty database of the backup's encoding, or to local"
            }
        }
        .to_owned()
    }
}

fn list(objects: &[Untrusted]) -> String {
    let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
    objects.join(", ")
}
