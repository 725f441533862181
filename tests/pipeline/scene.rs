//! What the tests share: a real backup in a real bucket, and its archive as the library opens it.

use std::{future::Future, io::Read as _, path::Path};

use pgcoffer::{
    backup::TableFingerprint,
    compress,
    pipeline::{ObjectSource, SealedArchive},
    seal::{MasterKey, Secret, open_bytes},
    store::{Location, Options, Store},
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::testbed::{Agent, Cluster, S3Server, own_process, write_aws_config};

pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Tables of which two have many frames, in the order of their names.
pub(crate) const TABLES: &str =
    "create table a_large as select n, sha512(n::text::bytea) as hash, repeat('x', n % 99) as note
        from generate_series(1, 60000) n;
    create table b_small as select n from generate_series(1, 100) n;
    create table c_empty (id int);
    create table d_large as select n, sha512((-n)::text::bytea) as hash from generate_series(1, 40000) n;
    create index on a_large (n); comment on table d_large is 'the last one';";

/// A bucket, and a client of it.
pub(crate) struct Scene {
    pub(crate) bucket: S3Server,
    pub(crate) store: Store,
}

/// A backup that the program took.
pub(crate) struct Taken {
    pub(crate) key: String,
    pub(crate) sha256: String,
    pub(crate) tables: Vec<TableFingerprint>,
    /// The index of chunks in its details.
    pub(crate) chunk_lengths: Vec<u64>,
    pub(crate) chunk_bytes: u64,
    /// What pg_dump wrote.
    pub(crate) dump: Vec<u8>,
}

/// Runs a test in its own process. `name`: that of the test, with its module.
pub(crate) fn staged<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Scene) -> F) {
    if let Some(config) = own_process(name, &[]) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async { test(Scene::new(&config).await).await });
    }
}

impl Scene {
    async fn new(config: &Path) -> Self {
        let bucket = S3Server::start();
        write_aws_config(config, &bucket);
        let store = place(&bucket, bucket.prefix()).await;
        Self { bucket, store }
    }

    /// Takes a backup of these tables with the program itself, and gets what it holds.
    pub(crate) fn take(&self, name: &str) -> Taken {
        let cluster = Cluster::shared(None);
        let name = format!("{name}_{}", std::process::id());
        cluster.create_database(&name);
        cluster.psql(&name, TABLES);
        let agent = Agent::new().s3(&self.bucket).database(cluster, &name).key(KEY);
        let taken = agent.run(["--json", "backup"]).success().json();
        let id = taken["id"].as_str().unwrap();
        let dump = agent.run(["get", id, "--output", "-"]).success().stdout;
        let object = &taken["sealed"]["objects"][0];
        let details = self.details(id);
        let lengths = details["chunks"][0].as_array().unwrap().iter();
        Taken {
            key: format!("{}/{}", self.bucket.prefix(), object["key"].as_str().unwrap()),
            sha256: object["sha256"].as_str().unwrap().to_owned(),
            tables: serde_json::from_value(details["tables"].clone()).unwrap(),
            chunk_lengths: lengths.map(|length| length.as_u64().unwrap()).collect(),
            chunk_bytes: taken["sealed"]["compression"]["chunk_bytes"].as_u64().unwrap(),
            dump,
        }
    }

    fn details(&self, id: &str) -> Value {
        let key = format!("{}/main/details/{id}.pgc", self.bucket.prefix());
        let sealed = self.bucket.read(&key).unwrap();
        let (_, payload) = open_bytes(&sealed, &[secret()]).unwrap();
        let mut json = Vec::new();
        compress::Reader::new(&payload, u64::MAX)
            .read_to_end(&mut json)
            .unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    /// Opens the archive at this key.
    pub(crate) async fn open(&self, key: &str) -> pgcoffer::Result<SealedArchive> {
        let object = self.store.head(key).await.unwrap().unwrap();
        SealedArchive::open(ObjectSource::stored(&self.store, object), &[secret()], None).await
    }
}

impl Taken {
    pub(crate) fn table(&self, name: &str) -> &TableFingerprint {
        self.tables.iter().find(|table| table.name.raw() == name).unwrap()
    }
}

/// Another place in the same service.
pub(crate) async fn place(bucket: &S3Server, prefix: &str) -> Store {
    let location = Location::parse(&format!("s3://{}/{prefix}", bucket.bucket())).unwrap();
    let options = Options {
        path_style: true,
        ..Options::default()
    };
    Store::connect(location, options).await.unwrap()
}

pub(crate) fn secret() -> Secret {
    Secret::Key(MasterKey::parse(KEY).unwrap())
}
