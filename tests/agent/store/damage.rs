//! Bits that flip on the way, in requests and answers, in headers, XML and bodies: a command succeeds after another
//! try, or says that something is wrong on the way. It never says so of what is stored, and never that all is well
//! where it isn't.

use std::time::Duration;

use serde_json::Value;

use crate::{
    backup::faults::{SMALL_PARTS, refusal},
    prune::scene::Scene,
    stage::{SMALL, Stage, restore_args},
    testbed::{Agent, Direction, Fault, Outcome, Relay, Rule, Wire},
};

const BOTH: [Direction; 2] = [Direction::Request, Direction::Answer];

fn flips(direction: Direction, every_bytes: u64, most: u64, seed: u64) -> Wire {
    Wire::Flips {
        direction,
        every_bytes,
        most,
        seed,
    }
}

/// An agent that reaches the bucket by this wire.
fn by(agent: Agent, endpoint: &str, wire: Wire) -> (Agent, Relay) {
    let relay = Relay::start(endpoint, wire);
    let agent = agent.env("AWS_ENDPOINT_URL_S3", relay.endpoint());
    (agent.timeout(Duration::from_secs(300)), relay)
}

/// What the command says of the bucket's content, without what differs from run to run.
fn said(outcome: &Outcome) -> Value {
    let mut json = outcome.json();
    for name in ["databases", "finished", "last_read_back"] {
        if let Some(object) = json.as_object_mut() {
            object.remove(name);
        }
    }
    // each `verify` notes when it was
    for backup in json["backups"].as_array_mut().into_iter().flatten() {
        backup.as_object_mut().unwrap().remove("last_read_back");
    }
    json
}

/// Where two documents differ first.
fn difference(one: &Value, other: &Value) -> String {
    if let (Some(one), Some(other)) = (one.as_object(), other.as_object()) {
        let keys = one.keys().chain(other.keys());
        let mut differing = keys.filter(|key| one.get(*key) != other.get(*key));
        let key = differing.next().unwrap();
        let of = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
        return format!("{key}/{}", difference(&of(one), &of(other)));
    }
    if let (Some(one), Some(other)) = (one.as_array(), other.as_array())
        && one.len() == other.len()
    {
        let mut pairs = one.iter().zip(other).filter(|(one, other)| one != other);
        let (one, other) = pairs.next().unwrap();
        return difference(one, other);
    }
    format!("{one:.200} and {other:.200}")
}

/// A failure that is about the way, or a success.
#[track_caller]
fn is_true(outcome: &Outcome, what: &str) -> bool {
    if outcome.code() == 0 {
        return true;
    }
    assert_eq!(outcome.code(), 4, "{what}: {}", outcome.stderr);
    assert!(!outcome.stderr.contains("panicked"), "{what}: {}", outcome.stderr);
    false
}

#[test]
fn what_reads_says_the_same_or_that_the_way_is_bad() {
    let stage = Stage::backed_up(SMALL);
    stage.back_up_with(["--tier", "daily", "--retain", "7d"]);
    let commands = [
        vec!["list", "--json"],
        vec!["show", "latest", "--json"],
        vec!["verify", "--json"],
    ];
    let expected = commands.clone().map(|args| said(&stage.run(args).success()));
    let mut good = 0;
    for seed in 1..=6 {
        for direction in BOTH {
            let every = [300, 1500, 6000][seed as usize % 3];
            let wire = flips(direction, every, 3, seed);
            let (agent, relay) = by(stage.agent(), &stage.bucket.endpoint(), wire);
            for (args, expected) in commands.iter().zip(&expected) {
                let outcome = agent.run(args.clone());
                let what = format!("{args:?}, {wire:?}, {} flipped", relay.flipped());
                if is_true(&outcome, &what) {
                    let said = said(&outcome);
                    assert!(said == *expected, "{what}: {}", difference(&said, expected));
                    good += 1;
                }
            }
        }
    }
    assert!(good >= 30, "{good} of 36 outlived three flipped bits");
}

#[test]
fn a_backup_outlives_flipped_bits_or_is_none() {
    for seed in 1..=4 {
        for direction in BOTH {
            let stage = Stage::small();
            let wire = flips(direction, 2000, 4, seed);
            let (agent, relay) = by(stage.agent(), &stage.bucket.endpoint(), wire);
            let outcome = agent.run(["backup", "--json"]);
            let what = format!("{wire:?}, {} flipped", relay.flipped());
            if is_true(&outcome, &what) {
                stage.run(["verify"]).success();
            } else {
                let records = stage.records();
                let failed = records.iter().all(|one| one["status"] == "failed");
                assert!(failed, "{what}: {}\n{records:#?}", outcome.stderr);
            }
        }
    }
}

#[test]
fn parts_that_come_damaged_are_sent_again() {
    let stage = Stage::bulky();
    let wire = flips(Direction::Request, 2 << 20, 4, 7);
    let (agent, relay) = by(stage.agent(), &stage.bucket.endpoint(), wire);
    agent.run(["backup"].into_iter().chain(SMALL_PARTS)).success();
    assert!(relay.flipped() > 0);
    stage.run(["verify"]).success();
    assert_eq!(stage.keys("/archives/").len(), 1);
}

#[test]
fn an_archive_that_comes_damaged_is_read_again_by_verify_get_and_restore() {
    let stage = Stage::bulky();
    stage.back_up_with(SMALL_PARTS);
    let target = stage.target();
    let file = stage.file("sealed");
    let sealed = ["get", "latest", "--sealed", "-o", file.to_str().unwrap()];
    for (seed, args) in [
        (1, vec!["verify"]),
        (2, sealed.to_vec()),
        (3, restore_args(&target).to_vec()),
    ] {
        let wire = flips(Direction::Answer, 3 << 20, 4, seed);
        let (agent, relay) = by(stage.agent(), &stage.bucket.endpoint(), wire);
        agent.run(args).success();
        assert!(relay.flipped() > 0);
    }
    let stored = stage.bucket.read(&stage.key("/archives/")).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), stored);
    assert_eq!(stage.content(&target.name), stage.content(&stage.database));
}

/// Another bit each time: nothing can be said of what is stored.
#[test]
fn a_way_that_damages_everything_is_told_as_such() {
    let stage = Stage::bulky();
    stage.back_up_with(SMALL_PARTS);
    let wire = flips(Direction::Answer, 20_000, u64::MAX, 5);
    let (agent, _relay) = by(stage.agent(), &stage.bucket.endpoint(), wire);
    let outcome = agent.run(["verify"]).ended_with(4);
    assert!(
        !outcome.stderr.contains("do not rely on this backup"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn prune_under_flipped_bits_deletes_what_has_run_out_and_nothing_else() {
    for seed in 1..=3 {
        for direction in BOTH {
            let (scene, expired) = Scene::with_one_expired();
            let before: Vec<String> = scene.bucket.keys();
            let wire = flips(direction, 1500, 4, seed);
            let (agent, _relay) = by(scene.agent(), &scene.bucket.endpoint(), wire);
            let outcome = agent.run(["prune"]);
            assert!([0, 4, 5, 8].contains(&outcome.code()), "{}", outcome.stderr);
            let after = scene.bucket.keys();
            let gone: Vec<_> = before.iter().filter(|key| !after.contains(key)).collect();
            assert!(
                gone.iter().all(|key| expired.keys().contains(&key.as_str())),
                "{wire:?}: {gone:?}"
            );
        }
    }
}

#[test]
fn each_damaged_answer_of_an_upload_is_outlived() {
    const CUT: &str = "<?xml version=\"1.0\"?><InitiateMultipartUploadResult><Bucket>testbed</Bucket><UploadId>x";
    const NO_ID: &str = "<InitiateMultipartUploadResult><Bucket>testbed</Bucket></InitiateMultipartUploadResult>";
    const NOWHERE: &str = "<InitiateMultipartUploadResult><UploadId>x</UploadId></InitiateMultipartUploadResult>";
    const HTML: &str = "<html><body>please log in</body></html>";
    let say = |body| Fault::Say { status: 200, body };
    for (operation, fault) in [
        ("CreateMultipartUpload", say(CUT)),
        ("CreateMultipartUpload", say(NO_ID)),
        ("CreateMultipartUpload", say(NOWHERE)),
        ("CreateMultipartUpload", say("")),
        ("CreateMultipartUpload", refusal(403, "SignatureDoesNotMatch")),
        ("UploadPart", refusal(400, "XAmzContentSHA256Mismatch")),
        ("UploadPart", refusal(400, "BadDigest")),
        ("UploadPart", refusal(400, "IncompleteBody")),
        ("UploadPart", refusal(400, "RequestTimeout")),
        ("UploadPart", refusal(403, "SignatureDoesNotMatch")),
        ("CompleteMultipartUpload", say("<CompleteMultipartUploadResult><ETa")),
        ("CompleteMultipartUpload", say(HTML)),
        ("CompleteMultipartUpload", refusal(400, "XAmzContentSHA256Mismatch")),
        ("CompleteMultipartUpload", refusal(403, "SignatureDoesNotMatch")),
        ("PutObject", refusal(400, "XAmzContentSHA256Mismatch")),
    ] {
        let stage = Stage::small();
        stage.bucket.inject(Rule::on(operation), fault.clone());
        let outcome = stage.run(["backup"]);
        assert_eq!(outcome.code(), 0, "{operation}, {fault:?}: {}", outcome.stderr);
        stage.run(["verify"]).success();
        assert_eq!(stage.bucket.uploads_under_way(), [], "{operation}, {fault:?}");
    }
}

#[test]
fn what_stays_damaged_ends_within_a_bounded_number_of_requests() {
    for (operation, fault, at_most) in [
        ("UploadPart", refusal(400, "XAmzContentSHA256Mismatch"), 6),
        ("CompleteMultipartUpload", refusal(400, "InvalidPart"), 6),
        (
            "CreateMultipartUpload",
            Fault::Say {
                status: 200,
                body: "<a>",
            },
            18,
        ),
    ] {
        let stage = Stage::small();
        stage.bucket.inject(Rule::on(operation).always(), fault);
        let outcome = stage.run(["backup"]).ended_with(4);
        let count = stage.bucket.count(operation);
        assert!(count <= at_most, "{operation}: {count} times, {}", outcome.stderr);
        stage.bucket.heal();
        stage.assert_no_backup();
    }
}

#[test]
fn a_slow_uplink_is_waited_for() {
    let stage = Stage::bulky();
    let wire = Wire::SlowUplink {
        bytes_per_second: 2 << 20,
    };
    let (agent, _relay) = by(stage.agent(), &stage.bucket.endpoint(), wire);
    agent.run(["backup"].into_iter().chain(SMALL_PARTS)).success();
    stage.run(["verify"]).success();
    assert_eq!(stage.bucket.count("UploadPart"), 4, "no part was sent twice");
}
