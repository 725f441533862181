//! Details that are lost, damaged, another's or absurd: a backup is none the worse without them, and no command fails
//! or lies for their sake.

use pgcoffer::{
    backup::{Details, Record, TableFingerprint},
    compress::Writer,
    seal::{Content, PayloadCompression, open_bytes},
};

use crate::{
    prune::past::{Past, secret},
    prune::scene::Scene,
    stage::{KEY, Stage, restore_args, wait_until},
    testbed::{Fault, Rule, binary, sealed, sealed_details, sealed_payload},
};

type Harm = fn(&Stage, &str, &[String]);

/// What can become of the newest backup's details. Every key of details there is, the newest last.
const HARMS: [(&str, Harm); 9] = [
    ("deleted", |stage, key, _| {
        assert!(stage.bucket.delete(key));
    }),
    ("a flipped bit", |stage, key, _| {
        let mut bytes = stage.bucket.read(key).unwrap();
        let middle = bytes.len() - 60;
        bytes[middle] ^= 1;
        stage.bucket.write(key, bytes);
    }),
    ("cut short", |stage, key, _| {
        let bytes = stage.bucket.read(key).unwrap();
        stage.bucket.write(key, bytes[..bytes.len() / 2].to_vec());
    }),
    ("nothing", |stage, key, _| stage.bucket.write(key, Vec::new())),
    ("far too long", |stage, key, _| {
        stage.bucket.write(key, vec![7; 3 << 20]);
    }),
    ("another backup's", |stage, key, all| {
        stage.bucket.write(key, stage.bucket.read(&all[0]).unwrap());
    }),
    ("others of the same id and key", |stage, key, _| {
        let mut record = record(stage);
        let other = sealed_details(&mut record, &Details::default(), &secret(KEY));
        stage.bucket.write(key, other);
    }),
    ("in cold storage", |stage, key, _| stage.bucket.cool(key, "GLACIER")),
    ("forbidden", |stage, _, _| {
        let rule = || Rule::on("GetObject").key("/details/").always();
        stage.bucket.inject(rule(), Fault::access_denied());
    }),
];

/// The newest record.
fn record(stage: &Stage) -> Record {
    let mut keys = stage.bucket.keys();
    keys.retain(|key| key.contains("/records/"));
    let object = stage.bucket.read(keys.last().unwrap()).unwrap();
    let (_, json) = open_bytes(&object, &[secret(KEY)]).unwrap();
    Record::from_json(&json).unwrap()
}

#[test]
fn a_backup_without_its_details_is_none_the_worse() {
    for (harm, does) in HARMS {
        let stage = Stage::small();
        stage.back_up();
        stage.back_up();
        let mut keys = stage.bucket.keys();
        keys.retain(|key| key.contains("/details/"));
        does(&stage, keys.last().unwrap(), &keys);

        let target = stage.target();
        for args in [
            &["list"][..],
            &["status"],
            &["show", "latest"],
            &["show", "latest", "--json"],
            &["verify", "latest"],
            &["get", "latest", "-o", "it.dump"],
            &["hold", "latest", "--reason", "a test"],
            &["release", "latest"],
            &["prune"],
            &restore_args(&target),
            &["backup"],
        ] {
            let outcome = stage.run(args.iter().copied());
            assert_eq!(outcome.code(), 0, "{harm}, {args:?}: {}", outcome.text());
            let text = outcome.text();
            for lie in ["damaged", "suspicious", "not good", "do not rely"] {
                assert!(!text.contains(lie), "{harm}, {args:?}: {text}");
            }
            if ["show", "verify", "get", "restore"].contains(&args[0]) {
                assert!(outcome.stderr.contains("what is inside"), "{harm}, {args:?}: {text}");
            }
        }
        let listed = stage.run(["list", "--json"]).success().json();
        let all = listed["backups"].as_array().unwrap();
        assert!(all.iter().all(|one| one["good"] == true), "{harm}: {listed:#}");
    }
}

/// The newest of four daily backups, of which two are kept.
fn four_daily() -> (Scene, Vec<crate::prune::past::Made>) {
    let scene = Scene::new();
    let days = [5, 4, 3, 2];
    let made = days.map(|days| scene.put(Past::good(days * 24 + 1, "2")));
    (scene, made.to_vec())
}

#[test]
fn a_backup_whose_tables_nobody_can_see_pushes_nothing_out() {
    let deletions = |scene: &Scene| {
        let plan = scene.plan();
        let lines = plan["backups"].as_array().unwrap().clone();
        let deleted = lines.iter().filter(|line| line["verdict"] == "delete");
        deleted.count()
    };
    let (scene, made) = four_daily();
    assert_eq!(deletions(&scene), 2);
    // it stays itself, and so do the two before it
    scene.bucket.delete(&made[3].details);
    assert_eq!(deletions(&scene), 1);
    for one in &made {
        scene.bucket.delete(&one.details);
    }
    assert_eq!(deletions(&scene), 0);
}

#[test]
fn expired_backups_without_details_are_kept_as_those_with_them() {
    let scene = Scene::new();
    let made = [400, 300, 200, 100, 90, 80].map(|hours| scene.put(Past::good(hours, "1h")));
    let agent = scene.agent().env("PGCOFFER_KEEP_LAST", "3");
    let kept = || {
        let plan = agent.run(["prune", "--dry-run", "--json"]).success().json();
        let lines = plan["databases"][0]["backups"].as_array().unwrap().clone();
        let kept = lines.iter().filter(|line| line["verdict"] == "keep");
        kept.count()
    };
    let before = kept();
    assert!(before >= 3);
    for one in &made {
        scene.bucket.delete(&one.details);
    }
    assert_eq!(kept(), before);
}

/// A good backup of some hours ago, whose record and details somebody with the key has changed.
fn forged(scene: &Scene, hours: i64, change: impl FnOnce(&mut Record, &mut Details)) {
    let past = Past::good(hours, "7d").bytes();
    let (_, json) = open_bytes(&past.record, &[secret(KEY)]).unwrap();
    let mut record = Record::from_json(&json).unwrap();
    let mut details = Details::default();
    change(&mut record, &mut details);
    let bytes = sealed_details(&mut record, &details, &secret(KEY));
    put(scene, &past, &record, &bytes);
}

fn put(scene: &Scene, past: &crate::prune::past::Bytes, record: &Record, details: &[u8]) {
    let id = record.id.as_str();
    let record = record.to_json();
    let record = sealed(
        id,
        Content::Record,
        PayloadCompression::None,
        "main",
        &secret(KEY),
        &record,
    );
    scene.write(&past.made.archive, &past.archive, &past.tags, 30);
    scene.write(&past.made.details, details, &past.tags, 30);
    scene.write(&past.made.record, &record, &past.tags, 30);
}

#[test]
fn absurd_numbers_are_no_panic() {
    let scene = Scene::new();
    scene.put(Past::good(200, "1h"));
    scene.put(Past::good(100, "1h"));
    for hours in [4, 3, 2, 1] {
        forged(&scene, hours, |record, details| {
            let table = |name: &str| TableFingerprint {
                schema: "public".into(),
                name: name.into(),
                rows: u64::MAX,
                bytes: u64::MAX,
                fingerprint: "f".repeat(32).parse().unwrap(),
                span: (u64::MAX, 0),
            };
            // twice the same, and two of a family
            details.tables = ["t", "t", "p_1", "p_2"].map(table).to_vec();
            record.counts.tables = u64::MAX - u64::try_from(hours).unwrap();
            record.counts.rows = u64::MAX;
            record.counts.definitions = u64::MAX;
            record.counts.large_objects = u64::MAX;
            record.counts.warnings = u64::MAX;
            record.compared = u32::from(hours > 2);
            let sealed = record.sealed.as_mut().unwrap();
            sealed.dump_bytes = u64::MAX;
            sealed.part_bytes = u64::MAX;
            if hours == 1 {
                // so few that its details are read
                record.counts.tables = 4;
                let more = sealed.objects[0].clone();
                sealed.objects.push(more);
                sealed.objects[1].bytes = u64::MAX;
            }
        });
    }
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["status"],
        &["show", "latest"],
        &["verify", "latest"],
        &["prune", "--dry-run"],
    ] {
        let outcome = scene.run(args.iter().copied());
        assert_ne!(outcome.code(), 70, "{args:?}: {}", outcome.text());
        assert!(!outcome.text().contains("panicked"), "{}", outcome.text());
    }
}

/// Bytes of its own that a command may take here: 120 MiB.
const DATA_MAX: u64 = 120 << 20;

/// Twenty-four megabytes of JSON in a few kilobytes, some hundred where they are taken apart: whatever a list in
/// details holds, no command takes memory for it.
#[test]
fn details_that_grow_are_given_up() {
    let list = |one: &str, count: usize| format!("[{}{one}]", format!("{one},").repeat(count));
    for (field, one) in [
        ("warnings", "\"\""),
        ("extensions", "[\"\",\"\"]"),
        (
            "definitions",
            r#"{"kind":"","count":0,"fingerprint":"00000000000000000000000000000000"}"#,
        ),
        ("chunks", "[]"),
        (
            "tables",
            r#"{"schema":"","name":"","rows":0,"bytes":0,"fingerprint":"00000000000000000000000000000000","span":[0,0]}"#,
        ),
        ("of_a_later_version", "[0]"),
    ] {
        let past = Past::good(2, "7d").bytes();
        let (_, json) = open_bytes(&past.record, &[secret(KEY)]).unwrap();
        let mut record = Record::from_json(&json).unwrap();
        record.counts.warnings = 5;
        // so many may have as much JSON; there are four times as many in it
        record.counts.tables = 50_000;
        record.compared = 0;
        let (id, repository) = (&record.id, &record.repository);
        let mut text = format!(
            "{{\"version\":1,\"repository\":\"{repository}\",\"id\":\"{id}\",\"database\":\"main\",\"{field}\":"
        );
        text.push_str(&list(one, (24 << 20) / (one.len() + 1)));
        text.push('}');
        let mut payload = Writer::new(3);
        std::io::Write::write_all(&mut payload, text.as_bytes()).unwrap();
        drop(text);
        let bytes = sealed_payload(&mut record, &payload.finish().unwrap(), &secret(KEY));

        let scene = Scene::new();
        scene.put(Past::good(30, "7d"));
        put(&scene, &past, &record, &bytes);
        // as much as a command takes that reads nothing large
        let commands = [["show", "latest"], ["list", "-q"]];
        // both read details by the same code
        let tried = if field == "tables" { 2 } else { 1 };
        for args in commands.into_iter().take(tried) {
            let (limit, binary) = (format!("--data={DATA_MAX}"), binary());
            let limited = [&limit, "--", binary.to_str().unwrap()];
            let limited = limited.into_iter().chain(args);
            let output = scene.agent().command("prlimit", limited).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{field}, {args:?}: {said}");
        }
    }
}

#[test]
fn a_run_that_cannot_write_its_details_fails_and_says_so() {
    for code in ["AccessDenied", "QuotaExceeded"] {
        let stage = Stage::small();
        let rule = Rule::on("PutObject").key("/details/").always();
        let refused = Fault::Refuse { status: 403, code };
        stage.bucket.inject(rule, refused);
        let outcome = stage.run(["backup"]).ended_with(4);
        assert!(outcome.stderr.contains("/details/"), "{}", outcome.text());
        stage.bucket.heal();
        // its entry stands without them, and nothing complains of that
        let failure = stage.failure();
        assert_eq!(failure["details_bytes"], 0, "{failure:#}");
        for args in [&["list"][..], &["show", failure["id"].as_str().unwrap()]] {
            let outcome = stage.run(args.iter().copied()).success();
            assert!(!outcome.stderr.contains("what is inside"), "{}", outcome.text());
        }
        stage.back_up();
    }
}

#[test]
fn what_a_killed_run_of_the_same_second_left_gives_way() {
    let stage = Stage::small();
    let slow = Fault::Delay { millis: 3_000 };
    stage.bucket.inject(Rule::on("CompleteMultipartUpload"), slow);
    let running = stage.agent().spawn(["backup", "--json"]);
    let mut key = String::new();
    wait_until("its upload is under way", || {
        let uploads = stage.bucket.uploads_under_way();
        key = uploads.first().map_or_else(String::new, |one| one.key.clone());
        !key.is_empty()
    });
    let details = key.replace("/archives/manual/", "/details/");
    stage.bucket.write(&details, b"details of another run".to_vec());
    let record = running.wait().success().json();
    let shown = stage.run(["show", "latest", "--json"]).success().json();
    assert_eq!(shown["tables"], record["tables"]);
    stage.run(["verify", "latest"]).success();
}

#[test]
fn a_newest_record_that_is_none_does_not_keep_the_others_from_coming_back() {
    let stage = Stage::small();
    let good = stage.back_up();
    stage.back_up();
    let mut keys = stage.bucket.keys();
    keys.retain(|key| key.contains("/records/"));
    stage.bucket.write(keys.last().unwrap(), vec![7; 200 << 10]);
    let outcome = stage.run(["verify", "latest", "--json"]).success();
    assert_eq!(outcome.json()["id"], good["id"]);
}
