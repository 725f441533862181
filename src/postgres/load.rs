//! Runs `pg_restore` as a child process, which reads an archive from its stdin.
//!
//! A cut archive must never seem to end. On any fault upstream call [`Load::abort`] or [`Load::kill`], which end the
//! processes while their stdin is still open.
//!
//! Clients since 17 write `SET transaction_timeout = 0`, which servers up to 16 refuse, and `--exit-on-error` then ends
//! the restore. For these servers `pg_restore` writes the archive as a script, the line is removed, and `psql` runs the
//! rest. The end of the script is dangerous too: at the end of its input `psql` commits, and the server takes the end
//! of a connection's COPY data as the end of the table. So `psql`'s stdin is closed only after `pg_restore` has
//! succeeded.

mod contents_file;
mod script;

use std::io::{self, BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::process::ChildStdin;
use tokio::time::{sleep, timeout};

use super::child::{Invocation, OWN_END, Running, has_failed};
use super::child_file::ChildFile;
use super::client::PgClient;
use super::error::Error;
use super::failures::StatementFailures;
use super::load_lines::{LoadWatch, VerboseLines};
use super::message_language::MessageLanguage;
use super::settings::SessionSettings;
use super::url::DatabaseUrl;
pub use contents_file::ContentsFile;
use script::Script;

/// The time between two looks at whether a process has failed.
const FAILURE_LOOK: Duration = Duration::from_millis(250);

/// The options of a load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Whether to restore everything or nothing, in one transaction. False by default, as it holds a lock for each
    /// object, and big databases exceed the server's locks.
    pub single_transaction: bool,
    /// Whether to make the restoring role the owner of all objects. True by default, as the original owners seldom
    /// exist in the target.
    pub no_owner: bool,
    /// Whether to leave out GRANTs, as they also name such roles. True by default.
    pub no_acl: bool,
    /// Whether to leave out comments. False by default. Only an extension's owner can set a comment on it.
    pub no_comments: bool,
    /// Whether to put everything into the database's default tablespace. False by default.
    pub no_tablespaces: bool,
    /// Whether to continue after a failed statement. False by default. Can't be combined with a single transaction.
    pub keep_going: bool,
    /// SQL that runs first, in the same transaction and in the archive's encoding. `None` by default.
    pub first: Option<Vec<u8>>,
    /// SQL that runs last, before the end of the single transaction, and in the archive's encoding. `None` by default.
    pub last: Option<Vec<u8>>,
    /// The ids of the entries to restore, in the archive's order. All entries by default.
    pub entries: Option<Vec<i32>>,
    /// The target server's major version.
    pub server_major: u32,
    /// The language of the target server's messages, as in [`DumpOptions`](super::DumpOptions).
    pub message_language: MessageLanguage,
    /// The settings of the session, which override those of role and database, from
    /// [`Session::settings`](super::Session::settings).
    pub settings: SessionSettings,
    /// What is told how far the programs have come. `None` by default. Only for archives in which no name has a line
    /// break, as the programs repeat names in what they say.
    pub watch: Option<LoadWatch>,
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
            last: None,
            entries: None,
            server_major,
            message_language: MessageLanguage::default(),
            settings: SessionSettings::default(),
            watch: None,
        }
    }
}

/// A running restore. Dropping it kills its processes.
#[derive(Debug)]
pub struct Load {
    /// Must be the first field, so that on drop `psql` is killed before its input could end.
    script: Option<Script>,
    restore: Running,
    stdin: Option<ChildStdin>,
    /// Whether `pg_restore` closed its stdin before the archive's end: it has then read the last entry that it
    /// restores, or it has failed.
    has_stopped_reading: bool,
    keeps_going: bool,
    /// The list of entries. `pg_restore` reads it while the archive arrives.
    _list: Option<ChildFile>,
}

/// The result of a restore that reached its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// The lines that it wrote to stderr, up to a limit.
    pub warnings: Vec<String>,
    /// The statements that failed, if the restore continued after failures.
    pub failures: StatementFailures,
}

impl Load {
    /// Starts a restore into the URL's database.
    pub fn start(client: &PgClient, url: &DatabaseUrl, options: &LoadOptions) -> Result<Self, Error> {
        let mut args = restore_args(options);
        let list = options.entries.as_deref().map(list_of_entries).transpose()?;
        if let Some(list) = &list {
            args.push(format!("--use-list={}", list.path().display()));
        }
        // a restore that continues after failures also continues after that setting
        let is_setting_unknown = client.emits_transaction_timeout_into(options.server_major);
        if options.first.is_some() || options.last.is_some() || (is_setting_unknown && !options.keep_going) {
            return Self::start_script(client, url, args, options, list);
        }
        let mut connected = [args, vec![format!("--dbname={}", url.child_conninfo())]].concat();
        let mut progress = None;
        if let Some(watch) = &options.watch {
            // a restore that continues is verbose anyway, and its reader of failures needs all of that
            connected.extend((!options.keep_going).then(|| "--verbose".to_owned()));
            progress = Some(VerboseLines::new(watch.clone(), options.keep_going));
        }
        let ends = (Stdio::piped(), Stdio::null());
        let mut restore = start_restore(client, url, connected, ends, options, progress)?;
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

    /// Starts a `pg_restore` that reads the whole archive and writes it as a script that nobody keeps. It connects to
    /// nothing. It shows that PostgreSQL's own program can read the archive.
    pub fn rehearse(client: &PgClient) -> Result<Self, Error> {
        let mut restore = Running::start(Invocation {
            program: "pg_restore",
            path: &client.pg_restore,
            args: vec!["--exit-on-error".to_owned(), "--file=/dev/null".to_owned()],
            client,
            url: None,
            message_language: MessageLanguage::default(),
            settings: &SessionSettings::default(),
            encoding: None,
            stdin: Stdio::piped(),
            stdout: Stdio::null(),
            progress: None,
        })?;
        let stdin = restore.take_stdin();
        Ok(Self {
            script: None,
            restore,
            stdin,
            has_stopped_reading: false,
            keeps_going: false,
            _list: None,
        })
    }

    fn start_script(
        client: &PgClient,
        url: &DatabaseUrl,
        args: Vec<String>,
        options: &LoadOptions,
        list: Option<ChildFile>,
    ) -> Result<Self, Error> {
        let psql = Script::start_psql(client, url, options)?;
        let rendering = [args, vec!["--file=-".into()]].concat();
        let ends = (Stdio::piped(), Stdio::piped());
        let mut restore = start_restore(client, url, rendering, ends, options, None)?;
        let from = restore.take_stdout().expect("stdout was just asked to be a pipe");
        let script = Script::run(psql, from, options);
        let stdin = restore.take_stdin();
        Ok(Self {
            script: Some(script),
            restore,
            stdin,
            has_stopped_reading: false,
            keeps_going: options.keep_going,
            _list: list,
        })
    }

    /// Starts a restore of what needs no rows, by so many connections at once: of a file that holds header and table of
    /// contents. It says nothing of its progress, as the lines of several processes could not be told apart.
    ///
    /// # Errors
    /// [`Error::Io`] where the program can't be started.
    pub fn start_without_rows(
        client: &PgClient,
        url: &DatabaseUrl,
        options: &LoadOptions,
        file: &ContentsFile,
        jobs: NonZeroUsize,
    ) -> Result<Self, Error> {
        let list = options.entries.as_deref().map(list_of_entries).transpose()?;
        let mut args = restore_args(options);
        args.extend(list.iter().map(|list| format!("--use-list={}", list.path().display())));
        args.push(format!("--jobs={jobs}"));
        args.push(format!("--dbname={}", url.child_conninfo()));
        args.push(file.path().display().to_string());
        let ends = (Stdio::null(), Stdio::null());
        let restore = start_restore(client, url, args, ends, options, None)?;
        Ok(Self {
            script: None,
            restore,
            stdin: None,
            has_stopped_reading: true,
            keeps_going: options.keep_going,
            _list: list,
        })
    }

    /// Ends the archive, and waits for the restore to end. Not bounded in time.
    ///
    /// # Errors
    /// [`Error::LoadFailed`] unless all processes ended with status 0.
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
            failures: StatementFailures::default(),
        })
    }

    /// Whether all of its processes have ended by now.
    pub fn has_ended(&mut self) -> bool {
        let psql_ended = self.script.as_mut().is_none_or(|script| script.psql.has_ended());
        psql_ended && self.restore.has_ended()
    }

    /// Waits until one of its processes has failed; otherwise it never ends, nor for a restore that continues after failures.
    /// It tells of a failure also while nothing is written. Safe to cancel.
    pub fn failure(&self) -> impl Future<Output = ()> + use<> {
        let psql = self.script.as_ref().and_then(|script| script.psql.pid());
        let processes = [self.restore.pid(), psql];
        let continues = self.keeps_going;
        async move {
            while continues || !processes.iter().flatten().any(|process| has_failed(*process)) {
                sleep(FAILURE_LOOK).await;
            }
        }
    }

    /// Whether `pg_restore` closed its stdin before the archive's end. It may then have committed already.
    pub fn has_stopped_reading(&self) -> bool {
        self.has_stopped_reading
    }

    /// The result of a write after `pg_restore` has closed its stdin. `pg_restore` reads no further than the end of the
    /// last entry that it restores. The rest of the archive is dropped here, as it is still read to be checked. The
    /// write fails only if `pg_restore` has failed, since reading on would then only delay its error.
    fn write_unread(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.has_stopped_reading = true;
        self.stdin = None;
        match !self.keeps_going && self.restore.has_failed() {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(bytes.len()),
        }
    }

    /// Ends the restore after a fault elsewhere. Returns its own error if it had failed by itself before: then that is
    /// the cause, and the broken pipe is its consequence. The restore's input never seems to end.
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

    /// Ends the restore, whatever it has done. Its processes get a signal, on which they cancel their work on the
    /// server, and are killed after 5 s. Their input never seems to end.
    pub async fn kill(mut self) {
        if let Some(script) = &mut self.script {
            script.psql.kill().await;
        }
        self.restore.kill().await;
    }
}

/// The archive is written here. Shutdown only flushes: the data may have been cut, and only [`Load::finish`] may end it
/// cleanly.
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

/// The arguments of `pg_restore`. It ignores `--exit-on-error` when it writes a script; there `psql` stops at errors.
/// `--single-transaction` then writes BEGIN and COMMIT into the script: if all processes die at once, `psql` finds no
/// COMMIT at the end of its input.
fn restore_args(options: &LoadOptions) -> Vec<String> {
    let chosen = [
        (!options.keep_going, "--exit-on-error"),
        // its output then names the entry that failed
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

/// Writes a file for `--use-list`. It contains only ids, since names are text from outside.
fn list_of_entries(ids: &[i32]) -> Result<ChildFile, Error> {
    let write = || {
        let file = ChildFile::new()?;
        let mut writer = BufWriter::new(file.file());
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
    client: &PgClient,
    url: &DatabaseUrl,
    args: Vec<String>,
    (stdin, stdout): (Stdio, Stdio),
    options: &LoadOptions,
    progress: Option<VerboseLines>,
) -> Result<Running, Error> {
    Running::start(Invocation {
        program: "pg_restore",
        path: &client.pg_restore,
        args,
        client,
        url: Some(url),
        message_language: options.message_language,
        settings: &options.settings,
        encoding: None,
        stdin,
        stdout,
        progress,
    })
}
