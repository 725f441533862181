use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Pace;
use crate::{
    error::{Error, Result},
    metrics::{Monitor, Observation},
    operation::{Clock, Interrupt},
    panics::{caught_as_error, caught_now},
};

/// One round: surveys every database, and does what is due.
pub trait Round {
    /// Does one round.
    ///
    /// # Errors
    /// [`Error::Interrupted`], or an error that doesn't concern a single database.
    fn run(&mut self) -> impl Future<Output = Result<Vec<Observation>>>;
}

impl<F: AsyncFnMut() -> Result<Vec<Observation>>> Round for F {
    async fn run(&mut self) -> Result<Vec<Observation>> {
        self().await
    }
}

/// Does one round after another until `interrupt` is raised, and waits in between until something is due. A round that
/// fails or panics doesn't end the loop. `after` is called when a round has ended.
pub async fn rounds(
    mut round: impl Round,
    monitor: &Monitor,
    pace: Pace,
    clock: Clock,
    interrupt: &Interrupt,
    mut after: impl FnMut(&Monitor),
) {
    monitor.serving(clock.now());
    loop {
        monitor.round_begins();
        let running = caught_as_error(round.run());
        let seen = match with_heartbeats(monitor, pace.poll_interval, running).await {
            Ok(seen) => Some(seen),
            Err(Error::Interrupted { .. }) => return,
            Err(error) => {
                let hint = error.hint();
                tracing::error!(hint, "this tick failed as a whole: {error}");
                None
            }
        };
        let now = clock.now();
        let wait = monitor.round_ended(seen, now, pace.longest, |health, unseen_rounds| {
            pace.wait(health, unseen_rounds, now)
        });
        // a bug in writing metrics must not stop backups
        let _ = caught_now(|| after(monitor));
        let waited = wait_for(wait, monitor, &pace, clock);
        tokio::select! {
            () = waited => {}
            _ = interrupt.raised() => return,
        }
    }
}

/// Does `work`, and shows heartbeats meanwhile.
async fn with_heartbeats<T>(monitor: &Monitor, every: Duration, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return result,
            () = tokio::time::sleep(every) => monitor.heartbeat(),
        }
    }
}

/// Waits so long, or until somebody wants a round, in short steps, by two clocks: the wall clock, which goes on while a
/// machine is suspended, and the monotonic clock, which can't be set back.
async fn wait_for(wait: Duration, monitor: &Monitor, pace: &Pace, clock: Clock) {
    let (began, until) = (Instant::now(), clock.now().checked_add(wait));
    let has_come = |until: Timestamp| clock.now() >= until;
    while began.elapsed() < wait && !until.as_ref().is_ok_and(|until| has_come(*until)) {
        monitor.heartbeat();
        let left = wait.saturating_sub(began.elapsed());
        tokio::select! {
            () = tokio::time::sleep(left.min(pace.poll_interval)) => {}
            () = monitor.round_wanted() => break,
        }
    }
    monitor.heartbeat();
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::{backup::Label, exit_status::ExitStatus, operation::Progress};

    fn quick() -> Pace {
        let millis = Duration::from_millis;
        Pace {
            poll_interval: millis(1),
            longest: millis(20),
            shortest: millis(2),
            longest_pause: millis(4),
        }
    }

    fn monitor(pace: &Pace) -> Monitor {
        let labels = [Label::parse("main").unwrap()];
        Monitor::new(
            &labels,
            Progress::default(),
            pace.poll_interval,
            Duration::from_secs(3600),
        )
    }

    fn blind() -> Vec<Observation> {
        vec![Observation {
            database: Label::parse("main").unwrap(),
            health: None,
            failed: true,
        }]
    }

    #[tokio::test]
    async fn no_failure_ends_it_and_a_signal_does() {
        let (interrupt, pace) = (Interrupt::default(), quick());
        let (monitor, count) = (monitor(&pace), Cell::new(0_u64));
        let round = async || {
            count.set(count.get() + 1);
            match count.get() {
                1 => Err(Error::Internal("no".to_owned())),
                5 => {
                    interrupt.raise(ExitStatus::Terminated);
                    Err(interrupt.raised().await)
                }
                _ => Ok(blind()),
            }
        };
        let told = Cell::new(0);
        let after = |_: &Monitor| told.set(told.get() + 1);
        rounds(round, &monitor, pace, Clock::system(), &interrupt, after).await;
        assert_eq!((count.get(), told.get()), (5, 4));
        let rounds = monitor.snapshot().rounds.unwrap();
        assert_eq!((rounds.ended, rounds.failed), (4, 4));
        assert!(rounds.next > rounds.last && rounds.serving_since.is_some());
        assert!(monitor.is_alive());
    }

    #[tokio::test]
    async fn no_panic_ends_it_and_it_counts_as_a_failure() {
        let (interrupt, pace) = (Interrupt::default(), quick());
        let (monitor, count) = (monitor(&pace), Cell::new(0_u64));
        let round = async || {
            count.set(count.get() + 1);
            match count.get() {
                1 => panic!("a round"),
                3 => {
                    interrupt.raise(ExitStatus::Terminated);
                    Err(interrupt.raised().await)
                }
                _ => Ok(blind()),
            }
        };
        let after = |_: &Monitor| panic!("what comes after");
        rounds(round, &monitor, pace, Clock::system(), &interrupt, after).await;
        let rounds = monitor.snapshot().rounds.unwrap();
        assert_eq!((count.get(), rounds.ended, rounds.failed), (3, 2, 2));
        assert!(monitor.is_alive());
    }

    #[tokio::test]
    async fn a_signal_ends_the_wait() {
        let (interrupt, pace) = (Interrupt::default(), Pace::default());
        let monitor = monitor(&pace);
        let round = async || Ok(blind());
        let after = |_: &Monitor| interrupt.raise(ExitStatus::Terminated);
        rounds(round, &monitor, pace, Clock::system(), &interrupt, after).await;
        assert_eq!(monitor.snapshot().rounds.unwrap().ended, 1);
    }

    #[tokio::test]
    async fn a_round_that_somebody_wants_comes_at_once() {
        let (interrupt, pace) = (Interrupt::default(), Pace::default());
        let (monitor, count) = (monitor(&pace), Cell::new(0_u64));
        let round = async || {
            count.set(count.get() + 1);
            // one that was wanted while a round goes on comes as well
            monitor.want_round();
            Ok(blind())
        };
        let after = |_: &Monitor| {
            if count.get() == 3 {
                interrupt.raise(ExitStatus::Terminated);
            }
        };
        rounds(round, &monitor, pace, Clock::system(), &interrupt, after).await;
        assert!(count.get() >= 3, "{}", count.get());
    }

    #[tokio::test]
    async fn what_shows_no_heartbeat_is_not_alive() {
        let pace = Pace {
            poll_interval: Duration::from_millis(1),
            ..quick()
        };
        let monitor = monitor(&pace);
        let died = async {
            while monitor.is_alive() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), died).await.unwrap();
        monitor.heartbeat();
        assert!(monitor.is_alive());
    }
}
