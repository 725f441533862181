//! The folder that the settings name, and why it has no clients that can be used.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::program::{is_executable, is_wrapper, read_version};

/// The programs that a dump and a restore need.
const PROGRAMS: [&str; 2] = ["pg_dump", "pg_restore"];

/// How many folders a hint names.
const FOLDERS_SHOWN: usize = 3;

/// How long a program may take to say what it is, once it has failed to.
const SAID_WITHIN: Duration = Duration::from_secs(2);

/// The only folder that is searched, since the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFolder {
    /// The folder.
    pub folder: PathBuf,
    /// The others that have the programs.
    pub elsewhere: Vec<PathBuf>,
}

/// What is wrong with the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderFault {
    /// There is nothing of that name.
    Missing,
    /// It is a file.
    File,
    /// It can't be looked into.
    Closed(String),
    /// None of the programs is in it, or in a folder below it.
    Empty,
    /// One of the programs is there, and not the other.
    Lacks {
        /// The folder that has the one.
        folder: PathBuf,
        /// The program that is not there.
        program: &'static str,
    },
    /// A program that may not be run.
    NotExecutable(PathBuf),
    /// Debian's wrapper, which chooses a version by itself.
    Wrapper(PathBuf),
    /// A program that doesn't tell its version: it is another one, or lacks its libraries.
    Mute {
        /// The program.
        program: PathBuf,
        /// What it said, or why it could not be started.
        why: String,
    },
}

impl FolderFault {
    /// Looks why nothing was found in `folder` and in those below it, `searched`.
    pub(super) async fn find(folder: &Path, searched: &[PathBuf]) -> Self {
        match std::fs::metadata(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::Missing,
            Err(error) => return Self::Closed(error.to_string()),
            Ok(found) if !found.is_dir() => return Self::File,
            Ok(_) => {}
        }
        if let Err(error) = std::fs::read_dir(folder) {
            return Self::Closed(error.to_string());
        }
        let has = |folder: &Path, program: &str| folder.join(program).is_file();
        let with_one = searched
            .iter()
            .find(|folder| PROGRAMS.iter().any(|program| has(folder, program)));
        let Some(with_one) = with_one else {
            return Self::Empty;
        };
        if let Some(program) = PROGRAMS.iter().find(|program| !has(with_one, program)) {
            return Self::Lacks {
                folder: with_one.clone(),
                program,
            };
        }
        let programs = PROGRAMS.map(|program| with_one.join(program));
        for program in &programs {
            if !is_executable(program) {
                return Self::NotExecutable(program.clone());
            }
            if is_wrapper(program) {
                return Self::Wrapper(program.clone());
            }
        }
        let [program, _] = programs;
        let why = said(&program).await;
        Self::Mute { program, why }
    }

    /// What cures it.
    pub(in crate::postgres) fn hint(&self, folder: &Path, elsewhere: &[PathBuf]) -> String {
        // without the setting nothing would be found either, where there is nothing
        let or_unset = match elsewhere {
            [] => "or install the client programs (apt-get install postgresql-client) and unset PGCOFFER_PG_BIN",
            _ => "or unset PGCOFFER_PG_BIN, so that PATH and the usual folders are searched",
        };
        let found: Vec<String> = elsewhere
            .iter()
            .take(FOLDERS_SHOWN)
            .map(|folder| folder.display().to_string())
            .collect();
        let found = found.join(" or ");
        match self {
            Self::Missing if folder.starts_with("~") || folder.to_string_lossy().starts_with('$') => {
                format!("write the whole path: nothing is filled in here; {or_unset}")
            }
            Self::Missing | Self::Empty | Self::Wrapper(_) if !found.is_empty() => {
                format!("set it to {found}, {or_unset}")
            }
            Self::Missing | Self::Empty => {
                format!("set it to the folder that has pg_dump and pg_restore, {or_unset}")
            }
            Self::File => match folder.parent().filter(|_| is_program(folder)) {
                Some(parent) => format!(
                    "name the folder that it stands in: PGCOFFER_PG_BIN={}",
                    parent.display()
                ),
                None => format!("name a folder, {or_unset}"),
            },
            Self::Closed(_) => {
                format!("let the user that runs pgcoffer look into it (chmod a+rx, and its parents), {or_unset}")
            }
            Self::Lacks { .. } => format!(
                "install the whole package of client programs (postgresql-client; libpq with Homebrew), name a folder \
                 that has both, {or_unset}"
            ),
            Self::NotExecutable(program) => format!("chmod a+x {}, {or_unset}", program.display()),
            Self::Wrapper(_) => format!(
                "name the folder of one version, such as /usr/lib/postgresql/18/bin (`pg_lsclusters` and `ls \
                 /usr/lib/postgresql` show them), {or_unset}"
            ),
            Self::Mute { .. } => {
                format!("see whether that program runs here (another machine's, or without its libraries), {or_unset}")
            }
        }
    }
}

fn is_program(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name == "psql" || PROGRAMS.contains(&name))
}

/// What a program says in the place of its version.
async fn said(program: &Path) -> String {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    match timeout(SAID_WITHIN, command.output()).await {
        Err(_) => "it took too long".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(output)) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            match (
                read_version(&text, "pg_dump"),
                text.lines().chain(errors.lines()).next(),
            ) {
                (Some(_), _) => "it took too long".to_owned(),
                (None, Some(line)) => format!("it says {:?}", line.chars().take(200).collect::<String>()),
                (None, None) => format!("it says nothing ({})", output.status),
            }
        }
    }
}

impl fmt::Display for FolderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such folder"),
            Self::File => f.write_str("that is a file, and no folder"),
            Self::Closed(why) => write!(f, "it can't be looked into ({why})"),
            Self::Empty => f.write_str("neither pg_dump nor pg_restore is in it"),
            Self::Lacks { folder, program } => write!(f, "{} has no {program}", folder.display()),
            Self::NotExecutable(program) => write!(f, "{} is not executable", program.display()),
            Self::Wrapper(program) => {
                write!(
                    f,
                    "{} is Debian's wrapper, and not the program itself",
                    program.display()
                )
            }
            Self::Mute { program, why } => {
                write!(f, "{} does not tell its version: {why}", program.display())
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
    };

    use super::*;
    use crate::postgres::{Clients, Error};

    fn program(folder: &Path, name: &str, text: &str, mode: u32) {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), Permissions::from_mode(mode)).unwrap();
    }

    async fn fault(folder: &Path) -> (FolderFault, String, String) {
        let clients = Clients::discover(Some(folder), []).await;
        let error = clients.for_dump(15).unwrap_err();
        let (text, hint) = (error.to_string(), error.hint().unwrap());
        match error {
            Error::ClientFolder { fault, .. } => (fault, text, hint),
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn each_fault_of_the_folder_is_told() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let missing = root.join("none");
        let (found, text, hint) = fault(&missing).await;
        assert_eq!(found, FolderFault::Missing);
        assert!(text.contains("PGCOFFER_PG_BIN") && text.contains("none"), "{text}");
        assert!(hint.starts_with("set it to"), "{hint}");
        let hint = FolderFault::Missing.hint(&missing, &[]);
        assert!(hint.contains("install the client programs"), "{hint}");
        let (one, other) = (
            PathBuf::from("/usr/lib/postgresql/18/bin"),
            PathBuf::from("/opt/15/bin"),
        );
        for fault in [FolderFault::Missing, FolderFault::Wrapper(missing.clone())] {
            let hint = fault.hint(&missing, &[one.clone(), other.clone()]);
            assert!(
                hint.starts_with("set it to /usr/lib/postgresql/18/bin or /opt/15/bin, or unset"),
                "{hint}"
            );
        }
        assert_eq!(fault(root).await.0, FolderFault::Empty);
        let (found, _, hint) = fault(Path::new("~/bin")).await;
        assert_eq!(found, FolderFault::Missing);
        assert!(hint.contains("whole path"), "{hint}");

        program(root, "pg_dump", "#!/bin/sh\necho pg_dump '(PostgreSQL)' 15.1\n", 0o755);
        let (found, text, _) = fault(root).await;
        assert!(
            matches!(
                found,
                FolderFault::Lacks {
                    program: "pg_restore",
                    ..
                }
            ),
            "{text}"
        );
        let (found, _, hint) = fault(&root.join("pg_dump")).await;
        assert_eq!(found, FolderFault::File);
        let line = format!("PGCOFFER_PG_BIN={}", root.display());
        assert!(hint.contains(&line), "{hint}");

        program(root, "pg_restore", "", 0o644);
        let (found, text, hint) = fault(root).await;
        assert!(matches!(found, FolderFault::NotExecutable(_)), "{text}");
        assert!(hint.contains("chmod a+x"), "{hint}");

        program(root, "pg_restore", "#!/bin/sh\n", 0o755);
        program(root, "pg_dump", "#!/bin/sh\necho mysqldump 8\n", 0o755);
        let (found, text, _) = fault(root).await;
        assert!(matches!(found, FolderFault::Mute { .. }), "{text}");
        assert!(text.contains("mysqldump 8"), "{text}");
        program(root, "pg_dump", "#!/usr/bin/perl -w\n", 0o755);
        let (found, text, _) = fault(root).await;
        assert!(matches!(found, FolderFault::Wrapper(_)), "{text}");
    }
}
