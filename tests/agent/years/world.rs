//! A database server, a bucket and a clock that can be set, for ticks by the library in this process.

use std::{path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{BackupId, Details, Label, Record, Retention, Served},
    catalog::{Catalog, Key, Keys},
    compress::Reader,
    operation::{self, Clock, Interrupt, Progress, PruneRequest, Target, TickDatabase, TickReport, TickRequest},
    postgres::{Clients, DatabaseUrl},
    retention::RetentionPolicy,
    schedule::Schedule,
    seal::{Content, MasterKey, PayloadCompression, Secret, open_bytes},
    store::{Location, Options, Store},
};
use tokio::runtime::Runtime;

use crate::{
    stage::{KEY, OTHER_KEY, unique, wait_until},
    testbed::{Cluster, S3Server, identity, repository, sealed, sealed_details, write_aws_config},
    years::model::Model,
    years::weather::Weather,
};

pub(crate) struct World {
    pub(crate) cluster: &'static Cluster,
    pub(crate) bucket: S3Server,
    databases: [String; 2],
    /// how far the time told here is ahead of the machine's
    ahead: SignedDuration,
    runtime: Runtime,
    catalog: Catalog,
    clients: Clients,
    /// of each database: what it holds now
    pub(crate) content: i64,
}

impl World {
    /// The AWS SDK reads `config`, since this process's environment names it.
    pub(crate) fn new(config: &Path) -> Self {
        let (cluster, bucket) = (Cluster::shared(None), S3Server::start());
        write_aws_config(config, &bucket);
        let databases = ["main", "shop"].map(|name| {
            let name = unique(name);
            cluster.create_database(&name);
            cluster.psql(&name, "create table content (n int); insert into content values (0)");
            name
        });
        let runtime = Runtime::new().unwrap();
        let catalog = runtime.block_on(connect(&bucket));
        let path = std::env::vars_os().filter(|(name, _)| name == "PATH");
        let clients = runtime.block_on(Clients::discover(Some(cluster.bin()), path));
        Self {
            cluster,
            bucket,
            databases,
            ahead: SignedDuration::ZERO,
            runtime,
            catalog,
            clients,
            content: 0,
        }
    }

    pub(crate) fn secrets() -> [Secret; 2] {
        [KEY, OTHER_KEY].map(|key| Secret::Key(MasterKey::parse(key).unwrap()))
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// Lets time pass until `time`, for the bucket as well.
    pub(crate) fn go_to(&mut self, time: Timestamp) {
        self.ahead = time.duration_since(Timestamp::now());
        self.bucket.set_clock(self.ahead);
    }

    /// Changes what the databases hold.
    pub(crate) fn work(&mut self) {
        self.content += 1;
        for database in &self.databases {
            let sql = format!("update content set n = {}", self.content);
            self.cluster.psql(database, &sql);
        }
    }

    /// A tick for the databases of these models; none where it was killed. And by its own clock when it began and
    /// ended.
    pub(crate) fn tick(&self, models: &[Model], weather: &Weather) -> (Option<TickReport>, (Timestamp, Timestamp)) {
        let clock = Clock {
            ahead: self.ahead + weather.ahead,
        };
        let request = self.request(models, weather, clock);
        let began = clock.now();
        let report = match weather.killed_after {
            None => Some(self.runtime.block_on(tick(&self.catalog, &self.clients, &request))),
            Some(after) => self.tick_killed(&request, after),
        };
        (report, (began, clock.now()))
    }

    /// Lets go as many good backups as a refused prune said that it would.
    pub(crate) fn prune_confirmed(&self, label: &str, refusal: &impl ToString) -> Timestamp {
        let said = refusal.to_string();
        let (_, count) = said.split_once("is deleted: ").expect(&said);
        let count = count.split(' ').next().unwrap().parse().unwrap();
        let request = PruneRequest {
            policy: RetentionPolicy::default(),
            dry_run: false,
            clock: Clock { ahead: self.ahead },
            confirmed: Some(count),
        };
        let label = Label::parse(label).unwrap();
        let interrupt = Interrupt::default();
        let pruned = operation::prune(&self.catalog, &label, &request, &interrupt);
        let report = self.runtime.block_on(pruned).unwrap();
        assert_eq!(report.troubles().count(), 0, "{report:#?}");
        self.now()
    }

    /// A tick whose process ends at this moment: nothing of it goes on, nothing is cleaned up.
    fn tick_killed(&self, request: &TickRequest, after: Duration) -> Option<TickReport> {
        let process = Runtime::new().unwrap();
        let report = process.block_on(async {
            let catalog = connect(&self.bucket).await;
            tokio::time::timeout(after, tick(&catalog, &self.clients, request))
                .await
                .ok()
        });
        process.shutdown_background();
        wait_until("the server sees that it is gone", || {
            let sessions = "select count(*) from pg_stat_activity where datname in";
            let [main, shop] = &self.databases;
            self.cluster
                .psql("postgres", &format!("{sessions} ('{main}', '{shop}')"))
                == "0"
        });
        report
    }

    fn request(&self, models: &[Model], weather: &Weather, clock: Clock) -> TickRequest {
        let database = |(n, model): (usize, &Model)| {
            let up = self.cluster.url(&self.databases[n]);
            let url = if weather.down[n] {
                "postgres://nobody@127.0.0.1:1/none"
            } else {
                &up
            };
            TickDatabase {
                label: Label::parse(model.label).unwrap(),
                url: DatabaseUrl::parse(url).unwrap(),
                secret: model.secret.clone(),
                schedule: Schedule::parse(&model.plan.text(), &model.plan.zone).unwrap(),
                drills: None,
            }
        };
        TickRequest {
            prune: true,
            databases: models.iter().enumerate().map(database).collect(),
            parallel: 2,
            level: Some(1),
            dump_idle_timeout: Duration::from_secs(60),
            beside: Vec::new(),
            policy: RetentionPolicy::default(),
            clock,
        }
    }

    /// A backup that another machine took at this moment, made from the last one that is known: the same dump, sealed
    /// anew, with a record that says what is due then.
    pub(crate) fn back_up_elsewhere(&self, model: &Model, due: Vec<Served>) -> i64 {
        let known = model.standing.values().rev();
        let last = known.into_iter().find(|known| known.record.is_good()).unwrap();
        let mut record = self.record(model, &last.record, due);
        let details = self.details(model, &last.record);
        let details = sealed_details(&mut record, &details, &model.secret);
        let (label, id) = (model.label, record.id.as_str());
        let old = self.bucket.read(&self.key(&last.record.object().unwrap().key)).unwrap();
        let (_, payload) = open_bytes(&old, std::slice::from_ref(&model.secret)).unwrap();
        let seal = |content, compression, plain: &[u8]| sealed(id, content, compression, label, &model.secret, plain);
        let archive = seal(Content::Archive, PayloadCompression::Zstd, &payload);
        let of_archive = record.object().unwrap();
        assert_eq!(archive.len() as u64, of_archive.bytes);
        let tags = tags(&record, &model.secret);
        let tags: Vec<(&str, &str)> = tags.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let json = seal(Content::Record, PayloadCompression::None, &record.to_json());
        let key = |what: &str, id: &str| self.key(&format!("{label}/{what}/{id}.pgc"));
        for (key, bytes) in [
            (self.key(&of_archive.key), archive),
            (key("details", id), details),
            (key("records", id), json),
        ] {
            self.bucket.write(&key, bytes);
            self.bucket.set_tags(&key, &tags);
        }
        last.content
    }

    fn details(&self, model: &Model, record: &Record) -> Details {
        let key = self.key(&format!("{}/details/{}.pgc", model.label, record.id));
        let sealed = self.bucket.read(&key).unwrap();
        let (_, json) = open_bytes(&sealed, std::slice::from_ref(&model.secret)).unwrap();
        Details::read(|| Reader::new(&json, 1 << 20), record).unwrap()
    }

    fn key(&self, below: &str) -> String {
        format!("{}/{below}", self.bucket.prefix())
    }

    fn record(&self, model: &Model, last: &Record, due: Vec<Served>) -> Record {
        let (started, label) = (self.now(), Label::parse(model.label).unwrap());
        let id = BackupId::new(&identity(&model.secret, model.label), &label, started);
        let mut record = last.clone();
        record.tier = due.iter().map(|served| served.tier).max().unwrap();
        record.retention = Retention::longest(due.iter().map(|served| served.retention), started).unwrap();
        record.expires = record.retention.expires(started);
        (record.started, record.finished, record.serves) = (started, started + SignedDuration::from_secs(3), due);
        if let Some(sealed) = &mut record.sealed {
            let object = &mut sealed.objects[0];
            object.key = Catalog::archive_path(&label, record.tier, &id);
            object.etag = None;
        }
        record.id = id;
        record
    }

    /// Reads a backup back and checks every byte of it.
    pub(crate) fn verify(&self, record: &Record) {
        let progress = Progress::default();
        let verified = self
            .runtime
            .block_on(operation::verify(&self.catalog, record, None, &progress));
        assert_eq!(verified.unwrap().tables, 1);
    }

    /// Restores a backup with pg_restore, and tells what the database held.
    pub(crate) fn restored(&self, record: &Record, folder: &Path) -> i64 {
        let file = folder.join(format!("{}.dump", record.id));
        let (target, progress) = (Target::File(file.clone()), Progress::default());
        let got = operation::get(&self.catalog, record, &target, false, &progress);
        self.runtime.block_on(got).unwrap();
        let name = unique("restored");
        let url = self.cluster.create_database(&name);
        let mut load = self.cluster.client("pg_restore");
        assert!(load.arg("-d").arg(url).arg(&file).status().unwrap().success());
        self.cluster.psql(&name, "select n from content").parse().unwrap()
    }
}

async fn connect(bucket: &S3Server) -> Catalog {
    let location = Location::parse(&format!("s3://{}/{}", bucket.bucket(), bucket.prefix())).unwrap();
    let options = Options {
        path_style: true,
        ..Options::default()
    };
    Catalog::new(
        Store::connect(location, options).await.unwrap(),
        Keys {
            common: World::secrets().map(Key::current).to_vec(),
            ..Keys::default()
        },
        Some(repository()),
    )
}

async fn tick(catalog: &Catalog, clients: &Clients, request: &TickRequest) -> TickReport {
    let (progress, interrupt) = (Progress::default(), Interrupt::default());
    operation::tick(catalog, clients, request, &|_| {}, &progress, &interrupt)
        .await
        .unwrap()
}

fn tags(record: &Record, secret: &Secret) -> Vec<(&'static str, String)> {
    let owner = identity(secret, record.database.as_str()).owner();
    let mut tags = vec![
        ("pgcoffer:owner", owner),
        ("pgcoffer:database", record.database.to_string()),
        ("pgcoffer:tier", record.tier.to_string()),
        ("pgcoffer:retain", record.retention.to_string()),
    ];
    tags.extend(record.expires.map(|time| ("pgcoffer:expires", time.to_string())));
    tags
}
