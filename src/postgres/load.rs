//! `pg_restore` as a child process, fed an archive through its stdin.
//!
//! The archive must never seem to end when it was cut: on any fault upstream call [`Load::abort`] (or [`Load::kill`]),
//! which ends the processes while their stdin is still open.
//!
//! Clients from 17 on emit `SET transaction_timeout = 0`, which servers up to 16 refuse, and with `--exit-on-error`
//! that's the end. For these `pg_restore` renders the archive as a script, the line is taken out, and `psql` runs
//! the rest. There the script's end is another false friend: at the end of its input `psql` commits, and the server
//! takes the end of a connection's COPY data for the table's end. So `psql`'s stdin is closed only once
//! `pg_restore` has ended with 0.

use std::io::{self, BufWriter, Write as _};
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};

use tempfile::NamedTempFile;
use tokio::io::AsyncWrite;
use tokio::process::ChildStdin;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::child::{Invocation, OWN_END, Running};
use super::client::Client;
use super::error::{ChildFault, Error};
use super::failures::Failures;
use super::script::{Broken, copy};
use super::settings::Settings;
use super::speech::Speech;
use super::url::DatabaseUrl;
use crate::panics::of_task;

/// How to restore.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// All or nothing. False by default: it holds a lock for each object, which big databases run out of.
    pub single_transaction: bool,
    /// Leave ownership to the role that restores; the roles of the origin are seldom there. True by default.
    pub no_owner: bool,
    /// Leave GRANTs out, as they name such roles too. True by default.
    pub no_acl: bool,
    /// Leave comments out: a comment on an extension can be set by its owner only. False by default.
    pub no_comments: bool,
    /// Put everything into the database's own tablespace. False by default.
    pub no_tablespaces: bool,
    /// Go on after a statement that failed. False by default. Never together with a single transaction.
    pub keep_going: bool,
    /// SQL that runs first, in the same transaction and in the archive's encoding. None by default.
    pub first: Option<Vec<u8>>,
    /// The ids of the entries to restore, in the archive's order; all of them by default.
    pub entries: Option<Vec<i32>>,
    /// The target server's major version.
    pub server_major: u32,
    /// In which language the target server speaks, as in [`DumpOptions`](super::DumpOptions).
    pub speech: Speech,
    /// What is set for it whatever role and database say: [`Session::settings`](super::Session::settings) knows.
    pub settings: Settings,
}

impl LoadOptions {
    /// The defaults for a server of that major version.
    pub fn new(server_major: u32) -> Self {
        Self {
            single_transaction: false,
            no_owner: true,
            no_acl: true,
            no_comments: false,
            no_tablespaces: false,
            keep_going: false,
            first: None,
            entries: None,
            server_major,
            speech: Speech::default(),
            settings: Settings::default(),
        }
    }
}

/// A running restore. Dropping it kills its processes.
#[derive(Debug)]
pub struct Load {
    /// First, so that on drop `psql` is killed before its input could end.
    script: Option<Script>,
    restore: Running,
    stdin: Option<ChildStdin>,
    /// Whether it closed its stdin before the archive's end: it has then read the last entry that it was to restore, or
    /// it has failed.
    has_stopped_reading: bool,
    keeps_going: bool,
    /// The list of entries, which is read while the archive comes.
    _list: Option<NamedTempFile>,
}

/// The second half where the archive goes through a script.
#[derive(Debug)]
struct Script {
    psql: Running,
    /// Gives `psql`'s stdin back, still open.
    filter: JoinHandle<(ChildStdin, Result<(), Broken>)>,
}

/// What a restore that ended well had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadReport {
    /// The lines that it wrote to stderr, up to a number.
    pub warnings: Vec<String>,
    /// What failed, where it was to go on all the same.
    pub failures: Failures,
}

impl Load {
    /// Starts restoring into the database of the URL.
    pub fn start(client: &Client, url: &DatabaseUrl, options: &LoadOptions) -> Result<Self, Error> {
        let mut args = restore_args(options);
        let list = options.entries.as_deref().map(list_of_entries).transpose()?;
        if let Some(list) = &list {
            args.push(format!("--use-list={}", list.path().display()));
        }
        // where it goes on after what fails, it goes on after that setting as well
        let is_setting_unknown = client.emits_transaction_timeout_into(options.server_major);
        if options.first.is_some() || (is_setting_unknown && !options.keep_going) {
            return Self::start_script(client, url, args, options, list);
        }
        let connected = [args, vec![format!("--dbname={}", url.child_conninfo())]].concat();
        let mut restore = start_restore(client, url, connected, Stdio::null(), options)?;
        let stdin = restore.take_stdin();
        Ok(Self {
            script: None,
            restore,
            stdin,
            has_stopped_reading: false,
            keeps_going: options.keep_going,
            _list: list,
        })
    }

    fn start_script(
        client: &Client,
        url: &DatabaseUrl,
        args: Vec<String>,
        options: &LoadOptions,
        list: Option<NamedTempFile>,
    ) -> Result<Self, Error> {
        let first = options.first.clone().unwrap_or_default();
        let mut psql = start_psql(client, url, options)?;
        let rendering = [args, vec!["--file=-".into()]].concat();
        let mut restore = start_restore(client, url, rendering, Stdio::piped(), options)?;
        let from = restore.take_stdout().expect("stdout was just asked to be a pipe");
        let mut to = psql.take_stdin().expect("stdin was just asked to be a pipe");
        let filter = tokio::spawn(async move {
            let result = copy(from, &mut to, &first).await;
            (to, result)
        });
        let stdin = restore.take_stdin();
        Ok(Self {
            script: Some(Script { psql, filter }),
            restore,
            stdin,
            has_stopped_reading: false,
            keeps_going: options.keep_going,
            _list: list,
        })
    }

    /// Ends the archive and waits for the restore to end. An error unless all its processes ended with 0.
    pub async fn finish(&mut self) -> Result<LoadReport, Error> {
        drop(self.stdin.take());
        let Some(script) = self.script.take() else {
            let ended = self.restore.finish_with_failures().await;
            let (warnings, failures) = ended.map_err(Error::LoadFailed)?;
            return Ok(LoadReport { warnings, failures });
        };
        let rendered = self.restore.finish().await;
        Ok(LoadReport {
            warnings: script.complete(rendered).await?,
            failures: Failures::default(),
        })
    }

    /// Whether `pg_restore` closed its stdin before the archive's end. It may then have committed already.
    pub fn has_stopped_reading(&self) -> bool {
        self.has_stopped_reading
    }

    /// What a write gives once nobody reads. `pg_restore` reads to the end of the last entry that it is to restore and
    /// no further, so the rest of the archive is taken and dropped: it is still read to be checked. A write fails only
    /// where `pg_restore` has failed, since reading on would then only put its error off.
    fn write_unread(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.has_stopped_reading = true;
        self.stdin = None;
        match !self.keeps_going && self.restore.has_failed() {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(bytes.len()),
        }
    }

    /// Ends the restore after a fault elsewhere, and gives its own error if it had failed by itself before: then that's
    /// the cause, and the broken pipe seen here the consequence. Its input never seems to end.
    pub async fn abort(mut self) -> Option<Error> {
        let Ok(rendered) = timeout(OWN_END, self.restore.finish()).await else {
            self.kill().await;
            return None;
        };
        match (self.script.take(), rendered) {
            (None, rendered) => rendered.err().map(Error::LoadFailed),
            (Some(script), Err(fault)) => script.complete(Err(fault)).await.err(),
            (Some(mut script), Ok(_)) => {
                script.psql.kill().await;
                None
            }
        }
    }

    /// Ends the restore, whatever it has done by then. Its processes are asked to, upon which they cancel what the
    /// server is doing for them, and killed after 5 s; they never see their input end.
    pub async fn kill(mut self) {
        if let Some(script) = &mut self.script {
            script.psql.kill().await;
        }
        self.restore.kill().await;
    }
}

/// The archive goes in here. Shutting it down only flushes: what comes from above may have been cut, and only
/// [`Load::finish`] may make it look whole.
impl AsyncWrite for Load {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(stdin) = &mut self.stdin else {
            return Poll::Ready(self.write_unread(bytes));
        };
        match ready!(Pin::new(stdin).poll_write(cx, bytes)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Poll::Ready(self.write_unread(bytes)),
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Script {
    /// Lets `psql` see the end of its input if `pg_restore` ended well and all of the script has passed, and kills
    /// it if not. Where both failed, the one that failed first has the cause.
    async fn complete(mut self, rendered: Result<Vec<String>, ChildFault>) -> Result<Vec<String>, Error> {
        let (stdin, copied) = (&mut self.filter)
            .await
            .map_err(|error| Error::io("filter the script", io::Error::other(of_task(&error))))?;
        match (rendered, copied) {
            (_, Err(Broken::Unrestricted)) => {
                self.psql.kill().await;
                Err(Error::Unrestricted)
            }
            (Ok(mut warnings), Ok(())) => {
                drop(stdin);
                warnings.extend(self.psql.finish().await.map_err(Error::LoadFailed)?);
                Ok(warnings)
            }
            // psql stopped reading: what it said is the cause, and pg_restore's broken pipe the consequence.
            (_, Err(Broken::Write(error))) => {
                let ended = self.psql.finish().await;
                drop(stdin);
                Err(ended.map_or_else(Error::LoadFailed, |_| Error::io("write to psql", error)))
            }
            (Err(fault), _) => {
                self.psql.kill().await;
                Err(Error::LoadFailed(fault))
            }
            (Ok(_), Err(Broken::Read(error))) => {
                self.psql.kill().await;
                Err(Error::io("read from pg_restore", error))
            }
        }
    }
}

/// `--exit-on-error` would be ignored when rendering a script, where `psql` sees to it. `--single-transaction` then
/// puts BEGIN and COMMIT into the script: should all of us die at once, `psql` finds no COMMIT at the end of its
/// input.
fn restore_args(options: &LoadOptions) -> Vec<String> {
    let chosen = [
        (!options.keep_going, "--exit-on-error"),
        // it then says which entry failed
        (options.keep_going, "--verbose"),
        (true, "--no-password"),
        (options.single_transaction, "--single-transaction"),
        (options.no_owner, "--no-owner"),
        (options.no_acl, "--no-acl"),
        (options.no_comments, "--no-comments"),
        (options.no_tablespaces, "--no-tablespaces"),
    ];
    chosen
        .iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, arg)| (*arg).to_owned())
        .collect()
}

/// A file for `--use-list`, that only we may read: the ids alone, since any name would be text from outside.
fn list_of_entries(ids: &[i32]) -> Result<NamedTempFile, Error> {
    let write = || {
        let mut file = NamedTempFile::with_prefix("pgcoffer-restore-")?;
        let mut writer = BufWriter::new(&mut file);
        for id in ids {
            writeln!(writer, "{id};")?;
        }
        writer.flush()?;
        drop(writer);
        Ok(file)
    };
    write().map_err(|error| Error::io("write the list of what is restored", error))
}

fn start_restore(
    client: &Client,
    url: &DatabaseUrl,
    args: Vec<String>,
    stdout: Stdio,
    options: &LoadOptions,
) -> Result<Running, Error> {
    Running::start(Invocation {
        program: "pg_restore",
        path: &client.pg_restore,
        args,
        client,
        url,
        speech: options.speech,
        settings: &options.settings,
        encoding: None,
        stdin: Stdio::piped(),
        stdout,
    })
}

/// `psql` of the same installation, as only it knows the `\restrict` that its `pg_restore` writes.
fn start_psql(client: &Client, url: &DatabaseUrl, options: &LoadOptions) -> Result<Running, Error> {
    let path = client.psql.as_ref().ok_or_else(|| Error::NoClient {
        program: "psql",
        need: format!("{}, of the same package as pg_restore", client.version),
        found: Vec::new(),
        major: Some(client.major),
        named: client.named.clone(),
    })?;
    let mut args: Vec<String> = [
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        // with the SQLSTATE, by which a cause is known in every language
        "--set=VERBOSITY=verbose",
        "--file=-",
    ]
    .map(String::from)
    .into();
    args.push(format!("--dbname={}", url.child_conninfo()));
    Running::start(Invocation {
        program: "psql",
        path,
        args,
        client,
        url,
        speech: options.speech,
        settings: &options.settings,
        encoding: None,
        stdin: Stdio::piped(),
        stdout: Stdio::null(),
    })
}
