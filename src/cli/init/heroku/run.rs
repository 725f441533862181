//! Runs a command of the Heroku CLI, or git: what it says is shown as it comes, and its end is kept.

use std::{
    io::{BufRead as _, BufReader, Read},
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};

use pgcoffer::{Error, Result, exit_status::ExitStatus, text::os_words};
use rustix::process::Signal;

use crate::cli::{init::interrupted::Written, screen::note};

/// The most lines that are kept of what a command says.
const LINES_MAX: usize = 200;
/// The longest line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// How a command ended.
pub(super) struct Ended {
    /// Whether it succeeded.
    pub(super) good: bool,
    /// The exit status; none: it could not be run, or was killed.
    pub(super) code: Option<i32>,
    /// Standard output, where it was asked for.
    pub(super) output: String,
    /// The last lines of what it said.
    pub(super) said: Vec<String>,
}

/// What becomes of standard output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// It is shown.
    Shown,
    /// It is given back, and not shown.
    Kept,
    /// Nobody sees it: it may hold a secret.
    Dropped,
}

/// Runs a command. It has no standard input, so that it can't stop to ask.
///
/// # Errors
/// [`Error::Interrupted`] where the user has asked to stop.
pub(super) fn run(mut command: Command, output: Output, written: &Mutex<Written>) -> Result<Ended> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command.stdout(match output {
        Output::Dropped => Stdio::null(),
        Output::Shown | Output::Kept => Stdio::piped(),
    });
    let spawned = {
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.stopped {
            return Err(Error::Interrupted {
                exit_status: ExitStatus::Interrupted,
            });
        }
        let spawned = command.spawn();
        written.child = spawned.as_ref().ok().and_then(|child| {
            let pid = i32::try_from(child.id()).ok();
            pid.and_then(rustix::process::Pid::from_raw)
        });
        spawned
    };
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            return Ok(Ended {
                good: false,
                code: None,
                output: String::new(),
                said: vec![format!("{}: {}", command.get_program().display(), os_words(&error))],
            });
        }
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let show = output != Output::Dropped;
    let (kept, mut said) = thread::scope(|scope| {
        let out = scope.spawn(move || match out {
            Some(out) => read(out, output == Output::Shown, output == Output::Kept),
            None => Vec::new(),
        });
        let said = err.map(|err| read(err, show, false)).unwrap_or_default();
        (out.join().unwrap_or_default(), said)
    });
    let status = child.wait();
    written.lock().unwrap_or_else(PoisonError::into_inner).child = None;
    let status = status.map_err(|source| Error::Io {
        doing: "wait for the Heroku CLI".to_owned(),
        source,
    })?;
    // Ctrl-C reaches the whole group of processes, and the child may end first
    if status.signal() == Some(Signal::INT.as_raw()) {
        return Err(Error::Interrupted {
            exit_status: ExitStatus::Interrupted,
        });
    }
    let text = match output {
        Output::Kept => kept.concat(),
        Output::Shown | Output::Dropped => {
            said.splice(0..0, kept);
            String::new()
        }
    };
    Ok(Ended {
        good: status.success(),
        code: status.code(),
        output: text,
        said,
    })
}

/// The lines of a stream, shown as they come; all of them where they are kept, else the last ones.
fn read(stream: impl Read, show: bool, keep_all: bool) -> Vec<String> {
    let (mut reader, mut lines) = (BufReader::new(stream), Vec::new());
    loop {
        let mut bytes = Vec::new();
        match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes) {
            Ok(1..) => {}
            _ => return lines,
        }
        let line = String::from_utf8_lossy(&bytes).into_owned();
        if show {
            note(&format!("      {}", line.trim_end()));
        }
        lines.push(line);
        if !keep_all && lines.len() > LINES_MAX {
            lines.remove(0);
        }
    }
}
