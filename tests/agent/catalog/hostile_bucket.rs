//! A bucket that somebody else writes to: what was moved, swapped, cut or changed is never taken for a backup.

use std::time::{Duration, Instant};

use pgcoffer::{
    operation::{self, Progress, Target},
    seal::{MasterKey, Secret},
};
use serde_json::Value;

use crate::stage::{KEY, OTHER_KEY, SMALL, Stage, next_second};

/// Two good backups: their ids, the older first.
fn two_backups() -> (Stage, [String; 2]) {
    let stage = Stage::small();
    let ids = [(); 2].map(|()| {
        let id = stage.back_up()["id"].as_str().unwrap().to_owned();
        next_second();
        id
    });
    (stage, ids)
}

fn swap(stage: &Stage, one: &str, other: &str) {
    let (first, second) = (stage.bucket.read(one).unwrap(), stage.bucket.read(other).unwrap());
    stage.bucket.write(one, second);
    stage.bucket.write(other, first);
}

/// What `list` says: how many records it reads, and what it can't read. It is an error only where it can read none.
#[track_caller]
fn listed(stage: &Stage) -> (usize, Vec<Value>) {
    let outcome = stage.run(["list", "--json"]);
    let listed = outcome.json();
    let of = |what: &str| listed[what].as_array().unwrap().clone();
    let (readable, unreadable) = (of("backups").len(), of("unreadable"));
    outcome.ended_with(if readable == 0 && !unreadable.is_empty() { 5 } else { 0 });
    (readable, unreadable)
}

#[test]
fn swapped_records_are_told() {
    let (stage, ids) = two_backups();
    let records = stage.keys("/records/");
    swap(&stage, &records[0], &records[1]);
    let (readable, unreadable) = listed(&stage);
    assert_eq!((readable, unreadable.len()), (0, 2));
    for id in &ids {
        let outcome = stage.run(["verify", id]).ended_with(5);
        assert!(outcome.stderr.contains("not what its name says"), "{}", outcome.stderr);
        let target = stage.target();
        let args = ["restore", id, "--to", &target.url, "--confirm", &target.name];
        stage.run(args).ended_with(5);
    }
}

#[test]
fn swapped_archives_are_told() {
    let (stage, ids) = two_backups();
    let archives = stage.keys("/archives/");
    swap(&stage, &archives[0], &archives[1]);
    for id in &ids {
        stage.run(["verify", id]).ended_with(5);
        stage.run(["get", id]).ended_with(5);
        let target = stage.target();
        stage
            .run(["restore", id, "--to", &target.url, "--confirm", &target.name])
            .ended_with(5);
        assert_eq!(
            stage
                .cluster
                .psql(&target.name, "select count(*) from pg_class where relname = 'people'"),
            "0"
        );
    }
}

#[test]
fn an_archive_is_no_record_and_a_record_no_archive() {
    let stage = Stage::backed_up(SMALL);
    swap(&stage, &stage.key("/records/"), &stage.key("/archives/"));
    let (readable, unreadable) = listed(&stage);
    assert_eq!((readable, unreadable.len()), (0, 1));
    stage.run(["verify"]).ended_with(5);
    let file = stage.file("record.pgc");
    std::fs::write(&file, stage.bucket.read(&stage.key("/archives/")).unwrap()).unwrap();
    stage.run(["open", file.to_str().unwrap()]).ended_with(5);
}

#[test]
fn an_old_record_under_a_new_id_is_told() {
    let stage = Stage::backed_up(SMALL);
    let record = stage.bucket.read(&stage.key("/records/")).unwrap();
    stage
        .bucket
        .write("backups/main/records/20991231T235959Z-abcdefghij23.pgc", record);
    let (readable, unreadable) = listed(&stage);
    // nobody without the key can make a name of ours: it is counted, and no more
    assert_eq!((readable, unreadable.len()), (1, 0));
    let listed = stage.run(["list"]).success();
    assert!(listed.stderr.contains("1 record "), "{}", listed.stderr);
    stage.run(["verify", "20991231"]).ended_with(5);
    stage.run(["verify", "latest"]).success();
}

#[test]
fn a_record_in_another_databases_folder_is_told() {
    let stage = Stage::backed_up(SMALL);
    let key = stage.key("/records/");
    stage
        .bucket
        .write(&key.replace("/main/", "/other/"), stage.bucket.read(&key).unwrap());
    let (readable, unreadable) = listed(&stage);
    assert_eq!((readable, unreadable.len()), (1, 0));
    stage.run(["verify", "latest", "--database", "other"]).ended_with(5);
}

#[test]
fn a_record_of_another_key_stops_nothing() {
    let (stage, ids) = two_backups();
    stage.agent().key(OTHER_KEY).run(["backup"]).success();
    let (readable, unreadable) = listed(&stage);
    assert_eq!((readable, unreadable.len()), (2, 0));
    let outcome = stage.run(["list"]).success();
    assert!(
        outcome.stderr.contains("warning: ") && outcome.text().contains(&ids[1]),
        "{}",
        outcome.stderr
    );
    stage.run(["show", &ids[1]]).success();
}

#[test]
fn garbage_as_a_record_stops_nothing() {
    let stage = Stage::backed_up(SMALL);
    let good = stage.bucket.read(&stage.key("/records/")).unwrap();
    let garbage: [&[u8]; 5] = [b"", b"\n", &[0; 5000], &good[..good.len() - 1], &good[..60]];
    for (n, bytes) in garbage.iter().enumerate() {
        stage.bucket.write(
            &format!("backups/main/records/20200101T00000{n}Z-abcdefghij23.pgc"),
            bytes.to_vec(),
        );
    }
    let (readable, unreadable) = listed(&stage);
    assert_eq!((readable, unreadable.len()), (1, 0));
    stage.run(["verify"]).success();
    stage.back_up();
    // under a name of ours it stops nothing either
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    for bytes in garbage {
        let key = format!("backups/main/records/{id}.pgc");
        stage.bucket.write(&key, bytes.to_vec());
        let (readable, unreadable) = listed(&stage);
        assert_eq!((readable, unreadable.len()), (1, 1));
        stage.run(["verify"]).success();
    }
}

#[test]
fn a_missing_archive_is_told() {
    let stage = Stage::backed_up(SMALL);
    assert!(stage.bucket.delete(&stage.key("/archives/")));
    for command in [&["verify"][..], &["get", "latest"]] {
        let outcome = stage.run(command.iter().copied());
        assert!(
            [4, 5].contains(&outcome.code()) && outcome.stderr.contains("gone"),
            "{} {}",
            outcome.code(),
            outcome.stderr
        );
    }
}

#[test]
fn thousands_of_foreign_objects_are_left_alone_and_no_hindrance() {
    let stage = Stage::backed_up(SMALL);
    for n in 0..2000 {
        for folder in [
            "",
            "backups/",
            "backups/main/",
            "backups/main/records/",
            "backups/holiday photos/",
        ] {
            stage.bucket.write(&format!("{folder}foreign-{n}.pgc"), "foreign");
        }
    }
    let began = Instant::now();
    assert_eq!(listed(&stage), (1, Vec::new()));
    stage.back_up();
    stage.run(["verify"]).success();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(
        stage
            .bucket
            .objects()
            .iter()
            .filter(|object| object.key.contains("foreign-"))
            .count(),
        10_000
    );
}

/// A sealed archive, and how to try a changed copy of it with the library's `open`.
struct Bench {
    stage: Stage,
    sealed: Vec<u8>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn of(stage: Stage) -> Self {
        let sealed = stage.bucket.read(&stage.key("/archives/")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self { stage, sealed, runtime }
    }

    /// The exit status that opening these bytes would end with.
    fn open(&self, bytes: &[u8]) -> u8 {
        let (file, into) = (self.stage.file("tried.pgc"), self.stage.file("tried.dump"));
        std::fs::write(&file, bytes).unwrap();
        let secrets = [Secret::Key(MasterKey::parse(KEY).unwrap())];
        let target = Target::File(into.clone());
        let progress = Progress::default();
        let result = self
            .runtime
            .block_on(operation::open(&file, &secrets, &target, &progress));
        if result.is_err() {
            assert!(!into.exists(), "a file was left");
        } else {
            std::fs::remove_file(into).unwrap();
        }
        result.map_or_else(|error| error.exit_status().number(), |_| 0)
    }
}

#[test]
fn every_byte_of_a_small_archive_matters() {
    let bench = Bench::of(Stage::backed_up(
        "create table t (x text); insert into t values ('one'), ('two');",
    ));
    assert_eq!(bench.open(&bench.sealed), 0);
    for at in 0..bench.sealed.len() {
        let mut bytes = bench.sealed.clone();
        bytes[at] ^= 1 << (at % 8);
        assert_eq!(bench.open(&bytes), 5, "byte {at} of {}", bytes.len());
    }
}

#[test]
fn bytes_all_over_a_larger_archive_matter() {
    let stage = Stage::of("create table t as select repeat(md5(n::text), 10) as x from generate_series(1, 2000) n");
    stage.back_up_with(["--compression", "none"]);
    let bench = Bench::of(stage);
    assert!(bench.sealed.len() > 2 * pgcoffer::seal::FRAME_SIZE);
    for at in (0..bench.sealed.len()).step_by(3989) {
        let mut bytes = bench.sealed.clone();
        bytes[at] ^= 0x80;
        assert_eq!(bench.open(&bytes), 5, "byte {at} of {}", bytes.len());
    }
}

#[test]
fn any_length_but_the_whole_is_told() {
    let stage = Stage::of("create table t as select repeat(md5(n::text), 10) as x from generate_series(1, 2000) n");
    stage.back_up_with(["--compression", "none"]);
    let bench = Bench::of(stage);
    let whole = bench.sealed.len();
    for length in (0..whole).step_by(14_983).chain((whole - 70..whole).step_by(3)) {
        assert_eq!(bench.open(&bench.sealed[..length]), 5, "{length} of {whole}");
    }
    for more in [1, 64, pgcoffer::seal::FRAME_SIZE] {
        let mut bytes = bench.sealed.clone();
        bytes.resize(whole + more, 0);
        assert_eq!(bench.open(&bytes), 5, "{more} more than {whole}");
    }
}

#[test]
fn a_changed_archive_in_the_bucket_is_told_whatever_its_length() {
    let stage = Stage::backed_up(SMALL);
    let key = stage.key("/archives/");
    let good = stage.bucket.read(&key).unwrap();
    for bytes in [
        &good[..good.len() - 1],
        &[&good[..], b"x"].concat(),
        b"",
        &vec![0; good.len()],
    ] {
        stage.bucket.write(&key, bytes.to_vec());
        stage.run(["verify"]).ended_with(5);
    }
}
