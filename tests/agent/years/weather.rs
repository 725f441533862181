//! What befalls a tick: dice, and the weather that they make.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::testbed::{Fault, Rule, S3Server};

/// Numbers that look random, by SplitMix64.
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of one half. Both halves follow from the one seed that is printed.
    pub(crate) fn new(half: u64) -> Self {
        let given = std::env::var("PGCOFFER_TEST_SEED").unwrap_or_default();
        let seed = match given.as_str() {
            "" => 20_261_120,
            "random" => Timestamp::now().as_second().unsigned_abs(),
            given => given.parse().expect("PGCOFFER_TEST_SEED is a number, or random"),
        };
        eprintln!("PGCOFFER_TEST_SEED={seed}");
        Self(seed.wrapping_add(half))
    }

    /// From 0 up to below `below`.
    pub(crate) fn roll(&mut self, below: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        i64::try_from((z >> 16) % below.unsigned_abs()).unwrap()
    }

    pub(crate) fn chance(&mut self, percent: i64) -> bool {
        self.roll(100) < percent
    }
}

/// What befalls one tick.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// the databases of these places in the list do not answer
    pub(crate) down: [bool; 2],
    /// how far the agent's clock is ahead of the time
    pub(crate) ahead: SignedDuration,
    /// after so long its process is gone
    pub(crate) killed_after: Option<Duration>,
    /// something of the bucket fails
    pub(crate) bucket: bool,
}

impl Weather {
    /// Whether anything is in the tick's way.
    pub(crate) fn is_foul(&self) -> bool {
        let off = self.ahead.abs() > SignedDuration::from_mins(10);
        off || self.bucket || self.killed_after.is_some() || self.down != [false; 2]
    }

    /// What befalls the next tick, and its name; the bucket is told its part.
    pub(crate) fn roll(dice: &mut Dice, bucket: &S3Server) -> (Self, &'static str) {
        let mut weather = Self::default();
        let roll = dice.roll(100);
        let millis = |millis: i64| Duration::from_millis(millis.unsigned_abs());
        let kind = match roll {
            0..8 => {
                weather.down = [dice.chance(70), dice.chance(50)];
                "down"
            }
            8..14 => {
                weather.ahead = SignedDuration::from_mins(20 + dice.roll(60 * 24 * 9));
                "ahead"
            }
            14..20 => {
                weather.ahead = -SignedDuration::from_mins(20 + dice.roll(60 * 24 * 9));
                "behind"
            }
            20..34 => {
                weather.killed_after = Some(millis(dice.roll(350)));
                "killed"
            }
            34..38 => {
                weather.ahead = SignedDuration::from_mins(dice.roll(20) - 10);
                "a little off"
            }
            38..50 => {
                weather.bucket = true;
                bad_bucket(dice, bucket)
            }
            _ => "calm",
        };
        (weather, kind)
    }
}

/// Something of the bucket fails for the length of a tick.
fn bad_bucket(dice: &mut Dice, bucket: &S3Server) -> &'static str {
    let nth = usize::try_from(1 + dice.roll(8)).unwrap();
    let (rule, fault, kind) = match dice.roll(7) {
        0 => (
            Rule::on("DeleteObject").always(),
            Fault::access_denied(),
            "deletes denied",
        ),
        1 => (
            Rule::on("DeleteObject").nth(nth).always(),
            Fault::access_denied(),
            "some deletes denied",
        ),
        2 => (
            Rule::on("*").nth(nth * 3).always(),
            Fault::access_denied(),
            "all denied",
        ),
        3 => (Rule::on("*").nth(nth * 5), Fault::slow_down(), "slow down"),
        4 => (
            Rule::on("CompleteMultipartUpload"),
            Fault::LoseAnswer { status: None },
            "completion unheard",
        ),
        5 => (
            Rule::on("PutObject"),
            Fault::LoseAnswer { status: None },
            "commit unheard",
        ),
        _ => (
            Rule::on("DeleteObject").nth(nth),
            Fault::LoseAnswer { status: None },
            "delete unheard",
        ),
    };
    bucket.inject(rule, fault);
    kind
}
