//! Why a local server can't be had, and what cures it.

use std::path::PathBuf;

use crate::text::{Untrusted, size};

/// Why a server of the agent's own can't be had on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalServerFault {
    /// No server programs that can take the backup are installed.
    NoPrograms {
        /// The major version that is needed, or a newer one.
        major: u32,
        /// The version and folder of each server that was found, or the folders that were searched.
        found: Vec<String>,
        /// The only folder that is searched, if the settings name one.
        named: Option<PathBuf>,
    },
    /// The disk is too small.
    NoRoom {
        /// The folder for temporary files.
        folder: PathBuf,
        /// The bytes that are needed.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// The path of the socket is longer than the system allows.
    LongPath {
        /// The folder for temporary files.
        folder: PathBuf,
    },
    /// No folder can be made in the one for temporary files.
    NoFolder {
        /// The folder for temporary files.
        folder: PathBuf,
        /// What the system says.
        message: Untrusted,
    },
    /// The user that the server would run as can't enter the folder for temporary files.
    Closed {
        /// The folder that is closed: that for temporary files, or one above it.
        folder: PathBuf,
    },
    /// The user has no name on this machine, as in a container that runs under a number of its own. initdb wants one.
    NoUserName {
        /// The number of the user.
        uid: u32,
    },
    /// The agent runs as root, which PostgreSQL refuses, and there is no other user to run it as.
    NoUser,
    /// initdb failed.
    NotMade {
        /// What it said.
        message: Untrusted,
    },
    /// The server ended, or did not answer.
    NotStarted {
        /// The end of its log.
        message: Untrusted,
    },
}

impl std::fmt::Display for LocalServerFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoPrograms { major, found, .. } => write!(
                f,
                "no programs of a PostgreSQL server {major} or newer are installed (initdb, postgres); found: {}",
                match found.is_empty() {
                    true => "none".to_owned(),
                    false => found.join(", "),
                }
            ),
            Self::NoRoom { folder, needed, free } => write!(
                f,
                "a server of this backup takes about {} in {}, and {} are free",
                size(*needed),
                folder.display(),
                size(*free)
            ),
            Self::LongPath { folder } => write!(
                f,
                "the path of a server's socket in {} would be longer than this system allows",
                folder.display()
            ),
            Self::NoFolder { folder, message } => {
                write!(f, "can't make a folder for a server in {}: {message}", folder.display())
            }
            Self::Closed { folder } => write!(
                f,
                "a PostgreSQL server refuses to run as root, and the user nobody, as which it would run, can't enter {}",
                folder.display()
            ),
            Self::NoUserName { uid } => write!(
                f,
                "the files of a server can't be made: initdb wants the name of the user, and this machine has none for \
                 the number {uid}"
            ),
            Self::NoUser => {
                f.write_str("a PostgreSQL server refuses to run as root, and this machine has no user nobody")
            }
            Self::NotMade { message } => write!(f, "the files of a server can't be made: {message}"),
            Self::NotStarted { message } => write!(f, "the server did not start: {message}"),
        }
    }
}

impl LocalServerFault {
    /// What cures it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPrograms { major, named, .. } => match named {
                None => format!(
                    "install a server (apt-get install postgresql-{major}; none has to run), or set \
                     PGCOFFER_SCRATCH_URL to a server on which databases may be created"
                ),
                Some(folder) => format!(
                    "PGCOFFER_PG_BIN names {}, and no other folder is searched: set it to a folder that has a server \
                     too (apt-get install postgresql-{major} installs one into /usr/lib/postgresql/{major}/bin), or \
                     remove the setting so that it is found",
                    folder.display()
                ),
            },
            Self::NoRoom { .. } => "set TMPDIR to a folder with more room, or PGCOFFER_SCRATCH_URL to a server on \
                                    which databases may be created"
                .to_owned(),
            Self::LongPath { .. } => "set TMPDIR to a folder with a shorter path, such as /tmp".to_owned(),
            Self::NoFolder { .. } => "set TMPDIR to a folder that exists and that this user can write to".to_owned(),
            Self::Closed { .. } => {
                "set TMPDIR to a folder that every user can enter, such as /tmp, or run pgcoffer as a \
                                    user that isn't root"
                    .to_owned()
            }
            Self::NoUserName { .. } => {
                "run the container as a user that its /etc/passwd lists (in pgcoffer's own image \
                                        10001: `docker run --user 10001`, in Kubernetes `runAsUser: 10001`), or set \
                                        PGCOFFER_SCRATCH_URL to a server"
                    .to_owned()
            }
            Self::NoUser => "run pgcoffer as another user, or add a user nobody".to_owned(),
            Self::NotMade { .. } | Self::NotStarted { .. } => return None,
        })
    }
}
