//! Three years of ticks in two halves, with everything that can happen to a machine, a database and a bucket. After
//! every tick the bucket is compared with the result of the test's own arithmetic.

mod model;
mod plan;
mod weather;
mod world;

use std::{collections::BTreeMap, path::Path};

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::Tier,
    cause::{Bucket, Cause},
    operation::{BackupOutcome, DatabaseTick, PruneOutcome},
};

use crate::{
    testbed::own_process,
    years::model::Model,
    years::plan::Plan,
    years::weather::{Dice, Weather},
    years::world::World,
};

/// Set to `all`, every tick is a real one: some 1,500 in each half, which takes a while.
const TICKS: &str = "PGCOFFER_TEST_YEARS";

const FIVE: [(Tier, &str); 5] = [
    (Tier::Hourly, "24h"),
    (Tier::Daily, "7d"),
    (Tier::Weekly, "5w"),
    (Tier::Monthly, "12mo"),
    (Tier::Yearly, "7y"),
];

/// The length of one half: long enough for backups that are kept for a year to expire.
const HALF: SignedDuration = SignedDuration::from_hours(548 * 24);

#[test]
fn the_first_eighteen_months_keep_every_promise() {
    if let Some(config) = own_process("years::the_first_eighteen_months_keep_every_promise", &[]) {
        live_through(&config, 0);
    }
}

/// Other dates and other dice than the first half, at the same time.
#[test]
fn the_second_eighteen_months_keep_every_promise() {
    if let Some(config) = own_process("years::the_second_eighteen_months_keep_every_promise", &[]) {
        live_through(&config, 1);
    }
}

/// The story, as far as it has come.
struct Story {
    world: World,
    models: [Model; 2],
    dice: Dice,
    /// objects that are nobody's business
    foreign: BTreeMap<String, Vec<u8>>,
    counts: BTreeMap<&'static str, usize>,
    every_tick: bool,
}

fn live_through(config: &Path, half: u8) {
    let mut story = Story::begin(config, half);
    let begin = story.world.now();
    while story.world.now().duration_since(begin) < HALF {
        story.pass_some_days();
    }
    story.pass(30);
    story.tick(&Weather::default());
    story.end(config.parent().unwrap());
    let made: Vec<_> = story
        .models
        .iter()
        .map(|model| (model.label, model.made, model.deleted))
        .collect();
    eprintln!("eighteen months: {:?}, runs made and deleted: {made:?}", story.counts);
}

impl Story {
    fn begin(config: &Path, half: u8) -> Self {
        let [main, shop] = World::secrets();
        let berlin = Plan::new("Europe/Berlin", (2, 30), &FIVE);
        let tokyo = Plan::new("Asia/Tokyo", (12, 0), &[(Tier::Daily, "4"), (Tier::Monthly, "3mo")]);
        let mut story = Self {
            world: World::new(config),
            models: [Model::new("main", main, berlin), Model::new("shop", shop, tokyo)],
            dice: Dice::new(half.into()),
            foreign: BTreeMap::new(),
            counts: BTreeMap::new(),
            every_tick: std::env::var(TICKS).is_ok_and(|value| value == "all"),
        };
        story.settle_foreign();
        let begin = story.world.now() + HALF * i32::from(half);
        story.world.go_to(begin);
        // every tick is in the middle of an hour, so that none falls due while it runs
        story.pass(1);
        story.tick(&Weather::default());
        story
    }

    /// Other people's objects, near ours and with names like ours.
    fn settle_foreign(&mut self) {
        for key in [
            "photos/cat.jpg",
            "backups/main/records/20270101T000000Z-abcdefghij23.pgc",
            "backups/main/archives/daily/20270101T000000Z-abcdefghij23.pgc",
            "backups/main/archives/daily/readme.txt",
            "backups/shop/marks/notes",
            "backups/mainly/records/20270101T000000Z-abcdefghij23.pgc",
        ] {
            self.world.bucket.write(key, key.as_bytes().to_vec());
            self.foreign.insert(key.to_owned(), key.as_bytes().to_vec());
        }
    }

    /// Lets so many hours pass, and comes to some minute that is near no full hour.
    fn pass(&mut self, hours: i64) {
        let hour = self.world.now().as_second() / 3600 + hours;
        let second = hour * 3600 + 300 + self.dice.roll(3000);
        self.world.go_to(Timestamp::from_second(second).unwrap());
    }

    fn pass_some_days(&mut self) {
        match self.dice.roll(100) {
            // nobody calls for days or weeks
            0..4 => {
                let days = 1 + self.dice.roll(30);
                self.pass(24 * days);
            }
            // somebody calls every hour
            4..8 => {
                for _ in 0..6 {
                    self.pass(1);
                    let weather = self.weather();
                    self.tick(&weather);
                }
            }
            _ => self.days_elsewhere(),
        }
        if self.dice.chance(10) {
            self.edit_the_schedule();
        }
        let hours = 8 + self.dice.roll(20);
        self.pass(hours);
        let weather = self.weather();
        self.tick(&weather);
        if weather.is_foul() && self.dice.chance(30) {
            self.pass(25);
            self.tick(&Weather::default());
        }
    }

    /// For some days the backups are made elsewhere, and ticks here have little to do but to prune.
    fn days_elsewhere(&mut self) {
        for _ in 0..14 + self.dice.roll(18) {
            let hours = 10 + self.dice.roll(16);
            self.pass(hours);
            if !self.every_tick {
                self.back_up_elsewhere();
            }
            if self.every_tick || self.dice.chance(10) {
                let foul = self.dice.chance(30);
                let weather = if foul { self.weather() } else { Weather::default() };
                self.tick(&weather);
            }
        }
    }

    fn back_up_elsewhere(&mut self) {
        for model in &mut self.models {
            let now = self.world.now();
            let due = model.due(now);
            if due.is_empty() || model.may_pause(now) {
                continue;
            }
            let content = self.world.back_up_elsewhere(model, due);
            let times = (now, self.world.now());
            model.look(&self.world.bucket, times, true, content);
            *self.counts.entry("backups elsewhere").or_default() += 1;
        }
    }

    fn edit_the_schedule(&mut self) {
        let hour = i8::try_from(self.dice.roll(24)).unwrap();
        let mut keep = FIVE.to_vec();
        match self.dice.roll(3) {
            0 => keep.truncate(3),
            1 => keep[1].1 = "2d",
            _ => keep[0].1 = "12",
        }
        self.models[0].plan = Plan::new("Europe/Berlin", (hour, 30), &keep);
        if self.dice.chance(50) {
            self.models[0].plan = Plan::new("Europe/Berlin", (2, 30), &FIVE);
        }
        *self.counts.entry("edits").or_default() += 1;
    }

    fn weather(&mut self) -> Weather {
        let (weather, kind) = Weather::roll(&mut self.dice, &self.world.bucket);
        *self.counts.entry(kind).or_default() += 1;
        weather
    }

    /// One tick, and everything that must hold after it.
    fn tick(&mut self, weather: &Weather) {
        *self.counts.entry("ticks").or_default() += 1;
        if self.dice.chance(20) {
            self.world.work();
        }
        let now = self.world.now() + weather.ahead;
        let due: Vec<Vec<Tier>> = self.models.iter().map(|model| tiers(model, now)).collect();
        let may_pause: Vec<bool> = self.models.iter().map(|model| model.may_pause(now)).collect();
        let (report, times) = self.world.tick(&self.models, weather);
        self.world.bucket.heal();
        let honest = weather.ahead.abs() <= SignedDuration::from_mins(10);
        for model in &mut self.models {
            model.look(&self.world.bucket, times, honest, self.world.content);
        }
        for (key, bytes) in &self.foreign {
            assert_eq!(self.world.bucket.read(key).as_ref(), Some(bytes), "{key}");
        }
        let Some(report) = report else { return };
        for (n, one) in report.databases.iter().enumerate() {
            if !honest {
                let refused = matches!(&one.prune, PruneOutcome::Failed(failure) if failure.error.raw().contains("by \
                    this clock"));
                assert!(refused, "a wrong clock pruned: {one:#?}");
            }
            if !weather.down[n] && !weather.bucket {
                assert_served(one, &due[n], may_pause[n]);
            }
            if !weather.is_foul() {
                match &one.prune {
                    // after weeks without a prune, a person looks and confirms how many may go
                    PruneOutcome::Failed(failure)
                        if matches!(failure.cause, Cause::Bucket(Bucket::BucketUnexplained)) =>
                    {
                        let time = self.world.prune_confirmed(self.models[n].label, &failure.error);
                        let model = &mut self.models[n];
                        model.look(&self.world.bucket, (times.0, time), true, self.world.content);
                        *self.counts.entry("prunes confirmed").or_default() += 1;
                    }
                    PruneOutcome::Done(report) if report.troubles().count() == 0 => {}
                    _ => panic!("{one:#?}"),
                }
                self.models[n].assert_tidy(times.0);
            }
        }
    }

    /// Survivors of every age are whole, and hold what the database held on their day.
    fn end(&self, folder: &Path) {
        for model in &self.models {
            let good: Vec<_> = model.standing.values().filter(|known| known.record.is_good()).collect();
            assert!(good.len() >= 5, "{}: {} are left", model.label, good.len());
            for known in good.iter().step_by(good.len() / 5) {
                self.world.verify(&known.record);
            }
            for known in [good[0], good[good.len() - 1]] {
                assert_eq!(
                    self.world.restored(&known.record, folder),
                    known.content,
                    "{}",
                    known.record.id
                );
            }
        }
    }
}

/// In calm weather what is due is served at once and by one backup, and nothing else is done.
#[track_caller]
fn assert_served(one: &DatabaseTick, due: &[Tier], may_pause: bool) {
    match &one.backup {
        BackupOutcome::Done { backup, .. } => assert_eq!(backup.tiers, due, "{one:#?}"),
        BackupOutcome::NotDue => assert_eq!(due, [], "{one:#?}"),
        BackupOutcome::Paused { .. } => assert!(may_pause && !due.is_empty(), "{one:#?}"),
        BackupOutcome::Busy { .. } | BackupOutcome::Failed(_) | BackupOutcome::NeedsMasterKey { .. } => {
            panic!("{one:#?}")
        }
    }
}

fn tiers(model: &Model, now: Timestamp) -> Vec<Tier> {
    model.due(now).iter().map(|served| served.tier).collect()
}
