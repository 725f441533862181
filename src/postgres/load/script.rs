//! An archive that is restored as a script: `psql` runs what `pg_restore` writes.

use std::io;
use std::process::Stdio;

use tokio::process::{ChildStdin, ChildStdout};
use tokio::task::JoinHandle;

use super::super::child::{Invocation, Running};
use super::super::client::{NamedFolder, PgClient};
use super::super::error::{ChildFault, Error};
use super::super::script::{CopyError, OwnStatements, copy};
use super::super::url::DatabaseUrl;
use super::LoadOptions;
use crate::panics::of_task;

/// The second process, if the archive is restored as a script.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) psql: Running,
    /// Returns `psql`'s stdin, still open.
    filter: JoinHandle<(ChildStdin, Result<(), CopyError>)>,
}

impl Script {
    /// Starts `psql` of the same installation, as only that knows the `\restrict` which its `pg_restore` writes.
    pub(super) fn start_psql(client: &PgClient, url: &DatabaseUrl, options: &LoadOptions) -> Result<Running, Error> {
        let path = client.psql.as_ref().ok_or_else(|| Error::NoClient {
            program: "psql",
            need: format!("{}, from the same package as pg_restore", client.version),
            found: Vec::new(),
            major: Some(client.major),
            named: client.named.clone().map(|folder| NamedFolder {
                folder,
                elsewhere: Vec::new(),
            }),
        })?;
        let mut args: Vec<String> = [
            "--no-psqlrc",
            "--quiet",
            "--no-password",
            "--set=ON_ERROR_STOP=1",
            // with the SQLSTATE, which shows the cause in every language
            "--set=VERBOSITY=verbose",
            "--file=-",
        ]
        .map(String::from)
        .into();
        args.push(format!("--dbname={}", url.child_conninfo()));
        let stdout = match &options.watch {
            // each statement before it is sent, which no version buffers
            Some(_) => {
                args.push("--echo-queries".to_owned());
                Stdio::piped()
            }
            None => Stdio::null(),
        };
        Running::start(Invocation {
            program: "psql",
            path,
            args,
            client,
            url: Some(url),
            message_language: options.message_language,
            settings: &options.settings,
            encoding: None,
            stdin: Stdio::piped(),
            stdout,
            progress: None,
        })
    }

    /// Has `psql` run what is read from `pg_restore`, between the statements that come first and last.
    pub(super) fn run(mut psql: Running, from: ChildStdout, options: &LoadOptions) -> Self {
        let own = OwnStatements {
            first: options.first.clone().unwrap_or_default(),
            last: options.last.clone().unwrap_or_default(),
        };
        let mut to = psql.take_stdin().expect("stdin was just asked to be a pipe");
        if let (Some(watch), Some(statements)) = (&options.watch, psql.take_stdout()) {
            tokio::spawn(watch.clone().read_statements(statements));
        }
        let filter = tokio::spawn(async move {
            let result = copy(from, &mut to, &own).await;
            (to, result)
        });
        Self { psql, filter }
    }

    /// Ends `psql`'s input if `pg_restore` succeeded and the whole script was passed on; kills `psql` otherwise. If
    /// both failed, the one that failed first has the cause.
    pub(super) async fn complete(mut self, rendered: Result<Vec<String>, ChildFault>) -> Result<Vec<String>, Error> {
        let (stdin, copied) = (&mut self.filter)
            .await
            .map_err(|error| Error::io("filter the script", io::Error::other(of_task(&error))))?;
        match (rendered, copied) {
            (_, Err(CopyError::Unrestricted)) => {
                self.psql.kill().await;
                Err(Error::Unrestricted)
            }
            (Ok(mut warnings), Ok(())) => {
                drop(stdin);
                warnings.extend(self.psql.finish().await.map_err(of_psql)?);
                Ok(warnings)
            }
            // psql stopped reading: its message is the cause, and pg_restore's broken pipe the consequence
            (_, Err(CopyError::Write(error))) => {
                let ended = self.psql.finish().await;
                drop(stdin);
                Err(ended.map_or_else(of_psql, |_| Error::io("write to psql", error)))
            }
            (Err(fault), _) => {
                self.psql.kill().await;
                Err(Error::LoadFailed(fault))
            }
            (Ok(_), Err(CopyError::NoEnd)) => {
                self.psql.kill().await;
                let fault = io::Error::other("pg_restore wrote no COMMIT at the end of its transaction");
                Err(Error::io("run what pg_restore writes", fault))
            }
            (Ok(_), Err(CopyError::Read(error))) => {
                self.psql.kill().await;
                Err(Error::io("read from pg_restore", error))
            }
        }
    }
}

/// What `psql` says in full, without the place in the server's own source.
fn of_psql(fault: ChildFault) -> Error {
    let stderr = without_location(&fault.stderr);
    Error::LoadFailed(ChildFault { stderr, ..fault })
}

fn without_location(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("LOCATION:  "));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::without_location;

    #[test]
    fn the_place_in_the_servers_source_is_left_out() {
        let said = "psql:<stdin>:33: ERROR:  42601: syntax error at or near \")\"\nLINE 5: );\nLOCATION:  scanner_yyerror, scan.l:1188";
        assert!(without_location(said).ends_with("LINE 5: );"));
    }
}
