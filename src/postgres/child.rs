//! One child process: started with nothing but what it needs, heard out, waited for, or ended.

mod cause;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::client::Client;
use super::error::{Cause, ChildFault, Error};
use super::failures::Failures;
use super::settings::Settings;
use super::speech::{Speech, without_names};
use super::transcript::{Transcript, last_lines, warnings};
use super::url::{ChildFile, DatabaseUrl};
use crate::redact::SecretText;

/// Time for a child to cancel what it runs on the server and end, before it's killed.
const GRACE: Duration = Duration::from_secs(5);

/// Time for a child that has failed by itself to be seen as ended, before a fault elsewhere is taken for the cause.
pub(super) const OWN_END: Duration = Duration::from_secs(1);

/// Time for the last of stderr to arrive once the child has ended; something else may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running child. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Running {
    program: &'static str,
    child: Child,
    stderr: JoinHandle<Transcript>,
    secret: Option<SecretText>,
    speech: Speech,
    /// There until the child has ended.
    _file: Option<ChildFile>,
}

/// What to start, and how.
pub(super) struct Invocation<'a> {
    pub(super) program: &'static str,
    pub(super) path: &'a Path,
    pub(super) args: Vec<String>,
    /// The installation that the program belongs to.
    pub(super) client: &'a Client,
    pub(super) url: &'a DatabaseUrl,
    /// In which language the server speaks to it.
    pub(super) speech: Speech,
    /// What it sets for its session.
    pub(super) settings: &'a Settings,
    /// The encoding to speak with the server in, whatever is set for role or database.
    pub(super) encoding: Option<&'a str>,
    pub(super) stdin: Stdio,
    pub(super) stdout: Stdio,
}

impl Running {
    /// Starts it with the login in its environment. Nothing of our own environment comes along but the
    /// surroundings: no `PG*` variable that would change where it connects, and none of our other secrets. Messages
    /// are in English, as they are searched for causes.
    pub(super) fn start(invocation: Invocation<'_>) -> Result<Self, Error> {
        let Invocation {
            program,
            path,
            args,
            client,
            url,
            speech,
            settings,
            encoding,
            stdin,
            stdout,
        } = invocation;
        let mut command = Command::new(path);
        command
            .args(args)
            .env_clear()
            .envs(client.surroundings().iter().map(|(name, value)| (name, value)));
        for (name, value) in url.child_env() {
            command.env(name, value.reveal());
        }
        let file = url
            .child_file()
            .map_err(|source| Error::io("write a file for a client program", source))?;
        command.envs(file.iter().flat_map(ChildFile::env));
        if let Some((name, value)) = url.login_env(|| client.knows_require_auth()).map_err(Error::Unheld)? {
            command.env(name, value);
        }
        if let Some(encoding) = encoding {
            command.env("PGCLIENTENCODING", encoding);
        }
        let mut options = settings.options();
        if speech == Speech::CanBeEnglish {
            options.push_str(" -c lc_messages=C");
        }
        if !options.is_empty() {
            let given = url.parameter("options").unwrap_or_default();
            command.env("PGOPTIONS", format!("{given}{options}"));
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
            stderr: tokio::spawn(Transcript::read(stderr)),
            secret: url.password().cloned(),
            speech,
            _file: file,
        })
    }

    pub(super) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    pub(super) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Whether it has ended by now, and not with 0.
    pub(super) fn has_failed(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(status)) if !status.success())
    }

    /// Waits for its end. What it wrote to stderr is its warnings if it ended well, else the error.
    pub(super) async fn finish(&mut self) -> Result<Vec<String>, ChildFault> {
        self.wait().await.0
    }

    /// The same of a `pg_restore` that goes on after failures: one that reached its end has ended well but for these.
    pub(super) async fn finish_with_failures(&mut self) -> Result<(Vec<String>, Failures), ChildFault> {
        // of one that tells of everything that it does
        let is_warning = |line: &String| !line.starts_with("pg_restore: ") || line.starts_with("pg_restore: warning: ");
        match self.wait().await {
            (Ok(mut said), _) => {
                said.retain(is_warning);
                Ok((said, Failures::default()))
            }
            (Err(_), Some(failures)) => Ok((Vec::new(), failures)),
            (Err(fault), None) => Err(fault),
        }
    }

    async fn wait(&mut self) -> (Result<Vec<String>, ChildFault>, Option<Failures>) {
        let ended = self.child.wait().await;
        let mut transcript = match timeout(LAST_WORDS, &mut self.stderr).await {
            Ok(Ok(transcript)) => transcript,
            _ => Transcript::default(),
        };
        let is_own_end = ended.as_ref().is_ok_and(|status| status.code() == Some(1));
        let failures = transcript.take_failures(self.secret.as_ref()).filter(|_| is_own_end);
        let text = transcript.text(self.secret.as_ref());
        (self.ending(ended, &text), failures)
    }

    fn ending(&self, ended: std::io::Result<std::process::ExitStatus>, text: &str) -> Result<Vec<String>, ChildFault> {
        match ended {
            Ok(status) if status.success() => Ok(warnings(text)),
            Ok(status) => {
                let cause = match Cause::of(text, status.signal(), self.speech) {
                    Cause::Unknown if self.misses_what_it_saw(text) => Cause::DefinitionsChanged,
                    cause => cause,
                };
                Err(self.fault(status.to_string(), cause, text))
            }
            Err(error) => Err(self.fault(format!("no exit status: {error}"), Cause::Unknown, text)),
        }
    }

    /// Whether a dump misses something that was in the catalogs when it began.
    fn misses_what_it_saw(&self, text: &str) -> bool {
        let words = without_names(text);
        let gone = ["relation  does not exist", "schema  does not exist"];
        self.program == "pg_dump" && self.speech != Speech::Foreign && gone.iter().any(|one| words.contains(one))
    }

    fn fault(&self, ending: String, cause: Cause, text: &str) -> ChildFault {
        ChildFault {
            program: self.program,
            ending,
            stderr: last_lines(text),
            cause,
        }
    }

    /// Ends it: asks first, as PostgreSQL's clients then cancel what the server is doing for them (`psql` on
    /// SIGINT, the others on SIGTERM), and kills soon after.
    pub(super) async fn kill(&mut self) {
        if let Some(pid) = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
        {
            // The pid is still the child's: only `wait` gives it back. Should the signal fail, the kill below is
            // left.
            let signal = if self.program == "psql" {
                Signal::INT
            } else {
                Signal::TERM
            };
            let _ = kill_process(pid, signal);
            let _ = timeout(GRACE, self.child.wait()).await;
        }
        // An error here means that it has ended already.
        let _ = self.child.kill().await;
    }
}
