use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Pace, Pulse, Seen};
use crate::{
    error::{Error, Result},
    operation::{Clock, Interrupt},
    panics::{caught_as_error, caught_now},
};

/// One round: a look at every database, and what is due.
pub trait Round {
    /// Goes it once.
    ///
    /// # Errors
    /// [`Error::Interrupted`], and what concerns no single database.
    fn go(&mut self) -> impl Future<Output = Result<Vec<Seen>>>;
}

impl<F: AsyncFnMut() -> Result<Vec<Seen>>> Round for F {
    async fn go(&mut self) -> Result<Vec<Seen>> {
        self().await
    }
}

/// Goes one round after the other until `interrupt`, and waits in between for what is due next. No failure of a round
/// ends it, and no bug in it either; `after` is called when one has ended.
pub async fn rounds(
    mut round: impl Round,
    pulse: &Pulse,
    pace: Pace,
    clock: Clock,
    interrupt: &Interrupt,
    mut after: impl FnMut(&Pulse),
) {
    pulse.serving(clock.now());
    loop {
        pulse.round_begins();
        let went = caught_as_error(round.go());
        let seen = match beating(pulse, pace.nap, went).await {
            Ok(seen) => Some(seen),
            Err(Error::Interrupted { .. }) => return,
            Err(error) => {
                let hint = error.hint();
                tracing::error!(hint, "this tick failed as a whole: {error}");
                None
            }
        };
        let wait = pulse.round_ended(seen, clock.now(), &pace);
        // what it writes is not worth a backup
        let _ = caught_now(|| after(pulse));
        let waited = wait_for(wait, pulse, &pace, clock);
        tokio::select! {
            () = waited => {}
            _ = interrupt.raised() => return,
        }
    }
}

/// Carries out `work`, and shows meanwhile that it is waited for.
async fn beating<T>(pulse: &Pulse, nap: Duration, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return result,
            () = tokio::time::sleep(nap) => pulse.beat(),
        }
    }
}

/// Waits so long, in naps: by the wall's clock, which goes on while a machine is suspended, and by the machine's own,
/// which no one can set back.
async fn wait_for(wait: Duration, pulse: &Pulse, pace: &Pace, clock: Clock) {
    let (began, until) = (Instant::now(), clock.now().checked_add(wait));
    let has_come = |until: Timestamp| clock.now() >= until;
    while began.elapsed() < wait && !until.as_ref().is_ok_and(|until| has_come(*until)) {
        pulse.beat();
        let left = wait.saturating_sub(began.elapsed());
        tokio::time::sleep(left.min(pace.nap)).await;
    }
    pulse.beat();
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::{backup::Label, exit_status::ExitStatus, operation::Progress};

    fn quick() -> Pace {
        let millis = Duration::from_millis;
        Pace {
            nap: millis(1),
            longest: millis(20),
            shortest: millis(2),
            longest_pause: millis(4),
        }
    }

    fn pulse(pace: &Pace) -> Pulse {
        let labels = [Label::parse("main").unwrap()];
        Pulse::new(&labels, Progress::default(), pace, Duration::from_secs(3600))
    }

    fn blind() -> Vec<Seen> {
        vec![Seen {
            database: Label::parse("main").unwrap(),
            health: None,
            failed: true,
        }]
    }

    #[tokio::test]
    async fn no_failure_ends_it_and_a_signal_does() {
        let (interrupt, pace) = (Interrupt::default(), quick());
        let (pulse, count) = (pulse(&pace), Cell::new(0_u64));
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
        let after = |_: &Pulse| told.set(told.get() + 1);
        rounds(round, &pulse, pace, Clock::system(), &interrupt, after).await;
        assert_eq!((count.get(), told.get()), (5, 4));
        let rounds = pulse.snapshot().rounds.unwrap();
        assert_eq!((rounds.ended, rounds.failed), (4, 4));
        assert!(rounds.next > rounds.last && rounds.serving_since.is_some());
        assert!(pulse.is_alive());
    }

    #[tokio::test]
    async fn no_panic_ends_it_and_it_counts_as_a_failure() {
        let (interrupt, pace) = (Interrupt::default(), quick());
        let (pulse, count) = (pulse(&pace), Cell::new(0_u64));
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
        let after = |_: &Pulse| panic!("what comes after");
        rounds(round, &pulse, pace, Clock::system(), &interrupt, after).await;
        let rounds = pulse.snapshot().rounds.unwrap();
        assert_eq!((count.get(), rounds.ended, rounds.failed), (3, 2, 2));
        assert!(pulse.is_alive());
    }

    #[tokio::test]
    async fn a_signal_ends_the_wait() {
        let (interrupt, pace) = (Interrupt::default(), Pace::default());
        let pulse = pulse(&pace);
        let round = async || Ok(blind());
        let after = |_: &Pulse| interrupt.raise(ExitStatus::Terminated);
        rounds(round, &pulse, pace, Clock::system(), &interrupt, after).await;
        assert_eq!(pulse.snapshot().rounds.unwrap().ended, 1);
    }

    #[tokio::test]
    async fn what_does_not_beat_is_not_alive() {
        let pace = Pace {
            nap: Duration::from_millis(1),
            ..quick()
        };
        let pulse = pulse(&pace);
        let died = async {
            while pulse.is_alive() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), died).await.unwrap();
        pulse.beat();
        assert!(pulse.is_alive());
    }
}
