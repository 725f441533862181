//! Signals, from the first statement of the program on: none that asks to end ends it unheard, and one that comes early
//! is kept until there is something that can be left in order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

use pgcoffer::{Error, exit_status::ExitStatus, operation::Interrupt};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals as Arriving,
};

/// How long arguments and settings may still be read after a signal: a file of settings may be a pipe that says
/// nothing.
const BEGINNING_MAX: Duration = Duration::from_secs(2);

/// How far the program has come: arguments and settings are being read.
const BEGINNING: u8 = 0;
/// It does something that needs no end in order.
const IDLE: u8 = 1;
/// Work is under way that hears of signals itself.
const WORKING: u8 = 2;

/// Whether a question of the work stands: nothing is under way that is given up.
static QUESTION_STANDS: AtomicBool = AtomicBool::new(false);

/// A question that stands until this is dropped.
pub(super) struct Question(());

impl Question {
    pub(super) fn stands() -> Self {
        QUESTION_STANDS.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        QUESTION_STANDS.store(false, Ordering::SeqCst);
    }
}

/// What hears of SIGINT, SIGTERM and SIGHUP, which is a terminal that went away. (SIGPIPE is ignored by Rust's own
/// start: who writes to a reader that is gone gets an error.)
pub(super) struct Signals {
    interrupt: Interrupt,
    stage: Arc<AtomicU8>,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error::Io`] where the system has no thread or descriptor left.
    pub(super) fn listen() -> Result<Self, Error> {
        let no = |source| Error::Io {
            doing: "listen for signals".to_owned(),
            source,
        };
        // a file that may grow no further is an error that is told, not the end of the process
        flag::register(SIGXFSZ, Arc::default()).map_err(no)?;
        let mut arriving = Arriving::new([SIGINT, SIGTERM, SIGHUP]).map_err(no)?;
        let signals = Self {
            interrupt: Interrupt::default(),
            stage: Arc::new(AtomicU8::new(BEGINNING)),
        };
        let (interrupt, stage) = (signals.interrupt.clone(), Arc::clone(&signals.stage));
        let hear = move || {
            for signal in arriving.forever() {
                heard(signal, &interrupt, &stage);
            }
        };
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(hear).map_err(no)?;
        Ok(signals)
    }

    /// From now on nothing is done that needs an end in order: a signal ends the process.
    ///
    /// # Errors
    /// [`Error::Interrupted`] where one has come already.
    pub(super) fn end_at_once(&self) -> Result<(), Error> {
        self.stage.store(IDLE, Ordering::SeqCst);
        self.interrupt.check()
    }

    /// From now on it is the work's own part to end when this is raised, as it may be already.
    pub(super) fn end_by_work(&self) -> Interrupt {
        self.stage.store(WORKING, Ordering::SeqCst);
        self.interrupt.clone()
    }
}

fn heard(signal: i32, interrupt: &Interrupt, stage: &Arc<AtomicU8>) {
    let exit_status = ExitStatus::of_signal(signal).unwrap_or(ExitStatus::Failed);
    let number = exit_status.number().into();
    if interrupt.is_raised() {
        // pressed again: whatever cleaning up still does is not waited for
        if signal == SIGINT {
            std::process::exit(number);
        }
        return;
    }
    // before the question ends by it
    let asks = QUESTION_STANDS.load(Ordering::SeqCst);
    interrupt.raise(exit_status);
    match stage.load(Ordering::SeqCst) {
        IDLE => std::process::exit(number),
        WORKING if asks => {}
        WORKING => tracing::warn!("asked to stop: giving up what is under way"),
        _ => {
            let stage = Arc::clone(stage);
            thread::spawn(move || {
                thread::sleep(BEGINNING_MAX);
                if stage.load(Ordering::SeqCst) == BEGINNING {
                    std::process::exit(number);
                }
            });
        }
    }
}
