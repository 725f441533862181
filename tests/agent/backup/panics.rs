//! Panics in the midst of a run: the database's record, the other databases and the people who are told go on.

use std::{
    fmt::Write as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use pgcoffer::{
    Error,
    agent::{self, Heartbeats, Notifications},
    backup::{Failure, Origin, Retention, Tier},
    catalog::Catalog,
    config::{Config, Settings, Sources},
    heroku::{ApiKey, Heroku},
    operation::{
        BackupOutcome, BackupRequest, Clock, Interrupt, Occasion, Progress, PruneOutcome, TickDatabase, TickReport,
        TickRequest,
    },
    panics,
    postgres::Clients,
    retention::RetentionPolicy,
    serve::{LaunchEvent, Launcher, Round as _, ScheduledDatabase},
    store::Store,
};
use tokio::runtime::Runtime;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{
    notify::events::Scene,
    serve::heroku_api::{API_KEY, APP, FakeHeroku},
    testbed::{own_process, write_aws_config},
};

/// What the panic says, which nobody may repeat.
const SECRET: &str = "hunter2";

/// Panics when a step of this name begins, once: a bug in our own code, or in any library's.
struct Panicking {
    step: &'static str,
    is_due: AtomicBool,
}

impl Subscriber for Panicking {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        if span.metadata().name() == self.step && self.is_due.swap(false, Ordering::SeqCst) {
            panic!("a value of a row: {SECRET}, in {}", self.step);
        }
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Words(&mut text));
        assert!(!text.contains(SECRET), "{text}");
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Words<'a>(&'a mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{value:?}");
    }
}

#[test]
fn it_is_told_recorded_and_keeps_no_other_database_waiting() {
    let test = "backup::panics::it_is_told_recorded_and_keeps_no_other_database_waiting";
    if let Some(config) = own_process(test, &[]) {
        live_through(&config);
    }
}

/// Two databases, a bucket, and people who are told.
struct World {
    scene: Scene,
    config: Config,
    catalog: Catalog,
    clients: Clients,
    notifications: Notifications,
    runtime: Runtime,
}

impl World {
    fn new(file: &Path) -> Self {
        let scene = Scene::small();
        let (bucket, stage) = (&scene.stage.bucket, &scene.stage);
        write_aws_config(file, bucket);
        let agent = scene.agent().database_url("shop", &stage.cluster.url(&stage.database));
        let sources = Sources {
            vars: agent
                .variables()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            ..Sources::default()
        };
        let config = Config::read(&Settings::gather(sources)).unwrap();
        let runtime = Runtime::new().unwrap();
        let (location, options) = (config.location.clone().unwrap(), config.store.clone());
        let store = runtime.block_on(Store::connect(location, options));
        let path = std::env::vars_os().filter(|(name, _)| name == "PATH");
        let clients = runtime.block_on(Clients::discover(config.pg_bin.as_deref(), path));
        let origin = Origin {
            host: "here".to_owned(),
            ..Origin::default()
        };
        let notifier = config.notices.notifier.clone();
        Self {
            catalog: Catalog::new(store.unwrap(), config.keys(), config.repository),
            clients,
            notifications: Notifications::new(notifier, Heartbeats::default(), None, origin, Clock::system()),
            runtime,
            config,
            scene,
        }
    }

    fn tick(&self, step: &'static str) -> TickReport {
        let databases = self.config.databases.iter().map(|database| TickDatabase {
            label: database.label.clone(),
            url: database.url.clone(),
            secret: self.config.secret.clone().unwrap(),
            schedule: database.schedule.clone().unwrap(),
            drills: None,
        });
        let request = TickRequest {
            databases: databases.collect(),
            parallel: 1,
            prune: true,
            level: Some(1),
            dump_idle_timeout: Duration::from_secs(60),
            beside: Vec::new(),
            policy: RetentionPolicy::default(),
            clock: Clock::system(),
        };
        let (progress, interrupt) = (Progress::default(), Interrupt::default());
        let work = agent::tick(
            &self.catalog,
            &self.clients,
            &request,
            &[],
            &self.notifications,
            &progress,
            &interrupt,
        );
        self.panicking_at(step, work).unwrap()
    }

    fn backup(&self, step: &'static str) -> Result<(), Error> {
        let database = &self.config.databases[0];
        let request = BackupRequest {
            database: database.label.clone(),
            url: database.url.clone(),
            secret: self.config.secret.clone().unwrap(),
            occasion: Occasion::Asked(Tier::Manual, Retention::Forever),
            at_most_every: None,
            level: Some(1),
            part_bytes: None,
            dump_idle_timeout: Duration::from_secs(60),
            beside: Vec::new(),
            clock: Clock::system(),
        };
        let (progress, interrupt) = (Progress::default(), Interrupt::default());
        let work = agent::backup(
            &self.catalog,
            &self.clients,
            &request,
            false,
            &self.notifications,
            &progress,
            &interrupt,
        );
        self.panicking_at(step, work).map(drop)
    }

    fn panicking_at<T>(&self, step: &'static str, work: impl Future<Output = T>) -> T {
        let subscriber = Panicking {
            step,
            is_due: true.into(),
        };
        tracing::subscriber::with_default(subscriber, || self.runtime.block_on(work))
    }

    /// What the webhook heard since this was asked last: kind and database.
    fn heard(&self) -> Vec<(String, String)> {
        let heard = self.scene.webhook.take();
        let heard = heard.iter().map(|one| {
            let event = one.json();
            assert!(!event.to_string().contains(SECRET), "{event}");
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            (text(&event["type"]), text(&event["data"]["database"]))
        });
        heard.collect()
    }
}

#[track_caller]
fn assert_is_a_bug(failure: &Failure) {
    assert_eq!(failure.exit_status, 70);
    let wanted = "this is a bug in pgcoffer: it panicked at tests/agent/backup/panics.rs:";
    assert!(failure.error.raw().starts_with(wanted), "{failure:?}");
    assert!(!failure.error.raw().contains(SECRET), "{failure:?}");
}

fn live_through(config: &Path) {
    std::panic::set_hook(Box::new(|info| {
        let place = panics::note(info);
        // what it says is for the test alone
        eprintln!("{place}: {}", info.payload_as_str().unwrap_or_default());
    }));
    // in the midst of a run
    for step in ["prepare", "dump", "upload", "commit"] {
        let world = World::new(config);
        let report = world.tick(step);
        let [main, shop] = &report.databases[..] else {
            panic!("{report:?}");
        };
        let BackupOutcome::Failed(failure) = &main.backup else {
            panic!("{step}: {main:?}");
        };
        assert_is_a_bug(failure);
        assert!(matches!(main.prune, PruneOutcome::Done(_)), "{step}: {main:?}");
        let last = main.health.as_ref().unwrap().last_failure.as_ref();
        assert_is_a_bug(&last.unwrap().failure);
        assert!(matches!(shop.backup, BackupOutcome::Done { .. }), "{shop:?}");
        let told = ("backup.failed".to_owned(), "main".to_owned());
        assert_eq!(world.heard(), [told], "{step}");
        assert_eq!(world.scene.stage.bucket.uploads_under_way(), []);
    }
    // before there is a run that could be recorded
    let world = World::new(config);
    let error = world.backup("backup").unwrap_err();
    assert_is_a_bug(&Failure::from(&error));
    assert_eq!(world.heard().len(), 1);
    world.backup("nowhere").unwrap();
    launcher_goes_on(&world);
}

/// A clock that starts dynos has a bug at one database: the others have their turn, and that one has its own in the
/// next round.
fn launcher_goes_on(world: &World) {
    let api = FakeHeroku::start();
    let url = api.url().parse().unwrap();
    let heroku = Heroku::new(&url, APP, ApiKey::parse(API_KEY).unwrap()).unwrap();
    let databases = world.config.databases.iter().map(|database| ScheduledDatabase {
        label: database.label.clone(),
        schedule: database.schedule.clone().unwrap(),
    });
    let (interrupt, mut is_due) = (Interrupt::default(), true);
    let on_event = async |event: &LaunchEvent| match event {
        LaunchEvent::Seen(label) if label.as_str() == "main" && std::mem::take(&mut is_due) => {
            panic!("a value of a row: {SECRET}");
        }
        _ => {}
    };
    let time_to_live = Duration::from_secs(3600);
    let mut launcher = Launcher::new(
        (&heroku, &world.catalog),
        databases.collect(),
        (None, time_to_live),
        &interrupt,
        on_event,
    );
    let error = world.runtime.block_on(launcher.run()).unwrap_err();
    assert_is_a_bug(&Failure::from(&error));
    let seen = world.runtime.block_on(launcher.run()).unwrap();
    let seen: Vec<_> = seen.iter().map(|one| one.database.as_str()).collect();
    assert_eq!(seen, ["main", "shop"], "a bug has lost a database");
}
