//! Several dumps at once, each into an object of its own, under one budget.

use std::{process::Stdio, time::Duration};

use pgcoffer::{
    archive::Contents,
    pipeline::{ArchiveUpload, Budget, DumpChunks, DumpRead, Progress, SideUploads},
    seal::{Content, PayloadCompression, Sealer, Subject},
    store::{Attributes, PartPlan},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{ChildStdout, Command},
    sync::oneshot,
};

use crate::{
    scene::{Scene, TABLES, secret, staged},
    testbed::{Cluster, repository},
};

const LEVEL: Option<i32> = Some(1);
const TABLE_NAMES: [&str; 3] = ["a_large", "b_small", "d_large"];

#[test]
fn several_dumps_go_into_several_objects_and_none_waits_for_another() {
    staged(
        "several::several_dumps_go_into_several_objects_and_none_waits_for_another",
        several_dumps,
    );
}

async fn several_dumps(scene: Scene) {
    let database = database("several_dumps");
    let budget = Budget::new(LEVEL);
    // one whose second half comes only once the others are complete objects
    let (go_on, waits) = oneshot::channel();
    let mut slow = dump(&database, "a_large");
    let (mut near, far) = tokio::io::duplex(64 << 10);
    let feed = tokio::spawn(async move {
        let mut all = Vec::new();
        slow.read_to_end(&mut all).await.unwrap();
        let (now, later) = all.split_at(all.len() / 2);
        near.write_all(now).await.unwrap();
        waits.await.unwrap();
        near.write_all(later).await.unwrap();
    });
    let first = tokio::spawn(sent(scene.store.clone(), "first".to_owned(), far, budget.clone()));
    let others = TABLE_NAMES[1..].iter().map(|table| {
        let (store, source) = (scene.store.clone(), dump(&database, table));
        tokio::spawn(sent(store, (*table).to_owned(), source, budget.clone()))
    });
    let others: Vec<_> = others.collect();
    for (other, table) in others.into_iter().zip(&TABLE_NAMES[1..]) {
        let contents = other.await.unwrap();
        assert_eq!(contents.tables[0].name.raw(), *table);
    }
    assert_eq!(scene.bucket.uploads_under_way().len(), 1);
    go_on.send(()).unwrap();
    feed.await.unwrap();
    assert_eq!(first.await.unwrap().tables[0].rows, 60_000);
    // each is an archive of its own that opens and holds what was dumped
    for (key, rows) in [("first", 60_000), ("b_small", 100), ("d_large", 40_000)] {
        let archive = scene.open(key).await.unwrap();
        let read = archive.read_into(&mut tokio::io::sink(), &Progress::default()).await;
        assert_eq!(read.unwrap().tables[0].rows, rows);
    }
}

#[test]
fn one_that_is_given_up_leaves_no_object_and_the_others_alone() {
    staged(
        "several::one_that_is_given_up_leaves_no_object_and_the_others_alone",
        one_given_up,
    );
}

async fn one_given_up(scene: Scene) {
    let database = database("one_given_up");
    let budget = Budget::new(LEVEL);
    // it says nothing any more, and nobody waits for it
    let (mut near, far) = tokio::io::duplex(64 << 10);
    let hung = tokio::spawn(sent(scene.store.clone(), "hung".to_owned(), far, budget.clone()));
    near.write_all(b"PGDMP").await.unwrap();
    let other = sent(
        scene.store.clone(),
        "other".to_owned(),
        dump(&database, "d_large"),
        budget,
    );
    assert_eq!(other.await.tables[0].rows, 40_000);
    assert_eq!(scene.bucket.uploads_under_way().len(), 1);
    hung.abort();
    assert!(hung.await.unwrap_err().is_cancelled());
    scene.store.settle().await;
    assert!(scene.bucket.uploads_under_way().is_empty());
    assert_eq!(scene.bucket.keys(), ["other"]);
    // nobody reads from it any more
    assert!(near.write_all(&[0; 128 << 10]).await.is_err());
}

/// Sends one dump into one object, and says what it held.
async fn sent(
    store: pgcoffer::store::Store,
    key: String,
    source: impl AsyncRead + Send + Unpin + 'static,
    budget: Budget,
) -> Contents {
    let repository = repository();
    let subject = Subject {
        repository: &repository,
        backup: "20261120T070000Z-abcdefghijkl",
        content: Content::Archive,
        compression: PayloadCompression::Zstd,
        database: "main",
    };
    let (sealer, header) = Sealer::new(&subject, &[secret()]).unwrap();
    // one part in memory for each of them: beside each other they keep the line busy
    let plan = PartPlan {
        buffers: 1,
        ..PartPlan::of_part_bytes(8 << 20, 10_000)
    };
    let upload = store.begin_upload(&key, plan, &Attributes::default()).await.unwrap();
    let progress = Progress::default();
    let upload = ArchiveUpload::begin(
        sealer,
        &header,
        upload,
        SideUploads::new([], Duration::ZERO),
        &budget,
        &progress,
    );
    let mut upload = upload.await.unwrap();
    let chunks = DumpChunks::read(source, LEVEL, Duration::from_secs(600), &budget, &progress);
    let DumpRead { archive, chunk_lengths } = upload.send(chunks).await.unwrap();
    let contents = archive.finish().unwrap();
    let chunks = contents.length.div_ceil(512 << 10);
    assert_eq!(chunk_lengths.len() as u64, chunks);
    assert!(upload.complete().await.unwrap().0.bytes > 0);
    contents
}

fn database(name: &str) -> String {
    let cluster = Cluster::shared(None);
    let name = format!("{name}_{}", std::process::id());
    cluster.create_database(&name);
    cluster.psql(&name, TABLES);
    name
}

/// A pg_dump of one table's data.
fn dump(database: &str, table: &str) -> ChildStdout {
    let cluster = Cluster::shared(None);
    let mut command = Command::new(cluster.bin().join("pg_dump"));
    command.args(["--format=custom", "--compress=0", "--section=data", "-t", table, "-d"]);
    let mut child = command
        .arg(cluster.url(database))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.take().unwrap()
}
