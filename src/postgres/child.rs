//! A child process: starts it with only the environment that it needs, reads its output, waits for it, or ends it.

mod cause;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::PgClient;
use super::error::{ChildFault, Error, FailureCause};
use super::failures::StatementFailures;
use super::load_lines::VerboseLines;
use super::message_language::{MessageLanguage, without_names};
use super::settings::SessionSettings;
use super::transcript::{GAP, Transcript, last_lines, warnings};
use super::url::{DatabaseUrl, ServiceFile};
use crate::redact::SecretText;

/// How long a child has to cancel its work on the server and to end, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait for a child that may have failed by itself, before a fault elsewhere counts as the cause.
pub(super) const OWN_END: Duration = Duration::from_secs(1);

/// How long to wait for the rest of stderr after the child has ended. Another process may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running child. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Running {
    program: &'static str,
    child: Child,
    stderr: JoinHandle<Transcript>,
    secret: Option<SecretText>,
    message_language: MessageLanguage,
    /// What the child reads its login from.
    _file: Option<ServiceFile>,
}

/// The program to start and its options.
pub(super) struct Invocation<'a> {
    pub(super) program: &'static str,
    pub(super) path: &'a Path,
    pub(super) args: Vec<String>,
    /// The installation that the program belongs to.
    pub(super) client: &'a PgClient,
    /// The database that the program connects to; `None` if to none.
    pub(super) url: Option<&'a DatabaseUrl>,
    /// The language of the server's messages to the program.
    pub(super) message_language: MessageLanguage,
    /// The settings of the program's session.
    pub(super) settings: &'a SessionSettings,
    /// The client encoding of the session, which overrides that of the role and the database.
    pub(super) encoding: Option<&'a str>,
    pub(super) stdin: Stdio,
    pub(super) stdout: Stdio,
    /// Who is told what it says about its progress.
    pub(super) progress: Option<VerboseLines>,
}

/// Gives a program the login of a database, in its environment and in a file.
fn give_login(command: &mut Command, client: &PgClient, url: &DatabaseUrl) -> Result<Option<ServiceFile>, Error> {
    for (name, value) in url.child_env() {
        command.env(name, value.reveal());
    }
    let file = url
        .service_file()
        .map_err(|source| Error::io("write a file for a client program", source))?;
    command.envs(file.iter().flat_map(ServiceFile::env));
    let auth = url.auth_env(|| client.knows_require_auth());
    if let Some((name, value)) = auth.map_err(Error::UnsupportedByClient)? {
        command.env(name, value);
    }
    Ok(file)
}

impl Running {
    /// Starts the program with the login in its environment. Of the agent's own environment it gets only what it needs
    /// to run: no `PG*` variable that would change where it connects, and no secret of the agent. Its messages are in
    /// English, as causes are found by them.
    pub(super) fn start(invocation: Invocation<'_>) -> Result<Self, Error> {
        let Invocation {
            program,
            path,
            args,
            client,
            url,
            message_language,
            settings,
            encoding,
            stdin,
            stdout,
            progress,
        } = invocation;
        let mut command = Command::new(path);
        command
            .args(args)
            .env_clear()
            .envs(client.surroundings().iter().map(|(name, value)| (name, value)));
        let file = match url {
            Some(url) => give_login(&mut command, client, url)?,
            None => None,
        };
        if let Some(encoding) = encoding {
            command.env("PGCLIENTENCODING", encoding);
        }
        let mut options = settings.options();
        if message_language == MessageLanguage::Switchable {
            options.push_str(" -c lc_messages=C");
        }
        if !options.is_empty() {
            let given = url.and_then(|url| url.parameter("options")).unwrap_or_default();
            command.env("PGOPTIONS", format!("{given}{options}"));
        }
        if program == "pg_dump" {
            // moments with a time zone are written alike on every server, so that rows can be compared
            command.env("PGTZ", "UTC");
        }
        command
            .env("LC_ALL", "C")
            .env("LC_MESSAGES", "C")
            .env("PG_COLOR", "never");
        command
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|source| Error::io(format!("start {}", path.display()), source))?;
        let stderr = child.stderr.take().expect("stderr was just asked to be a pipe");
        Ok(Self {
            program,
            child,
            stderr: tokio::spawn(Transcript::read(stderr, progress)),
            secret: url.and_then(DatabaseUrl::password).cloned(),
            message_language,
            _file: file,
        })
    }

    pub(super) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    pub(super) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Whether the child has ended by now.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Whether the child has ended by now, with another status than 0.
    pub(super) fn has_failed(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(status)) if !status.success())
    }

    /// The child's process id; `None` once it was waited for.
    pub(super) fn pid(&self) -> Option<Pid> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw)
    }

    /// Waits for the child to end. Returns what it wrote to stderr: as warnings if it succeeded, or in the error. Not
    /// bounded in time.
    pub(super) async fn finish(&mut self) -> Result<Vec<String>, ChildFault> {
        self.wait(|_| true).await.0
    }

    /// Like [`finish`](Self::finish), for a `pg_restore` that continues after failures. If it reached its end, it
    /// succeeded except for these.
    pub(super) async fn finish_with_failures(&mut self) -> Result<(Vec<String>, StatementFailures), ChildFault> {
        // it runs with --verbose, so most of its lines are not warnings
        let is_warning = |line: &str| {
            let is_own = line.starts_with("pg_restore: ") || line.starts_with(GAP);
            !is_own || line.starts_with("pg_restore: warning: ")
        };
        match self.wait(is_warning).await {
            (Ok(said), _) => Ok((said, StatementFailures::default())),
            (Err(_), Some(failures)) => Ok((Vec::new(), failures)),
            (Err(fault), None) => Err(fault),
        }
    }

    /// `is_warning` tells the lines of a child that succeeded which are warnings.
    async fn wait(
        &mut self,
        is_warning: impl Fn(&str) -> bool,
    ) -> (Result<Vec<String>, ChildFault>, Option<StatementFailures>) {
        let ended = self.child.wait().await;
        let mut transcript = match timeout(LAST_WORDS, &mut self.stderr).await {
            Ok(Ok(transcript)) => transcript,
            _ => Transcript::default(),
        };
        let is_own_end = ended.as_ref().is_ok_and(|status| status.code() == Some(1));
        let failures = transcript.take_failures(self.secret.as_ref()).filter(|_| is_own_end);
        let text = transcript.text(self.secret.as_ref());
        (self.ending(ended, &text, is_warning), failures)
    }

    fn ending(
        &self,
        ended: std::io::Result<std::process::ExitStatus>,
        text: &str,
        is_warning: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, ChildFault> {
        match ended {
            Ok(status) if status.success() => Ok(warnings(text, is_warning)),
            Ok(status) => {
                let cause = match FailureCause::of(text, status.signal(), self.message_language) {
                    FailureCause::Unknown if self.misses_what_it_saw(text) => FailureCause::DefinitionsChanged,
                    cause => cause,
                };
                Err(self.fault(status.to_string(), cause, text))
            }
            Err(error) => Err(self.fault(format!("no exit status: {error}"), FailureCause::Unknown, text)),
        }
    }

    /// Whether a dump failed on an object that was in the catalogs when it began.
    fn misses_what_it_saw(&self, text: &str) -> bool {
        let words = without_names(text);
        let gone = ["relation  does not exist", "schema  does not exist"];
        self.program == "pg_dump"
            && self.message_language != MessageLanguage::Unknown
            && gone.iter().any(|one| words.contains(one))
    }

    fn fault(&self, ending: String, cause: FailureCause, text: &str) -> ChildFault {
        ChildFault {
            program: self.program,
            ending,
            stderr: last_lines(text),
            cause,
        }
    }

    /// Ends the child. First a signal, on which PostgreSQL's clients cancel their work on the server (`psql` on SIGINT,
    /// the others on SIGTERM); SIGKILL after 5 s.
    pub(super) async fn kill(&mut self) {
        if let Some(pid) = self.pid() {
            // The pid is still the child's: only `wait` frees it. If the signal fails, the kill below ends the child.
            let signal = if self.program == "psql" {
                Signal::INT
            } else {
                Signal::TERM
            };
            let _ = kill_process(pid, signal);
            let _ = timeout(GRACE, self.child.wait()).await;
        }
        // An error here means that the child has already ended.
        let _ = self.child.kill().await;
    }
}

/// Whether a child has ended with another status than 0, and was not waited for yet. It can be waited for afterwards.
pub(super) fn has_failed(child: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(child), options) {
        Ok(Some(status)) => status.exit_status() != Some(0),
        Ok(None) | Err(_) => false,
    }
}
