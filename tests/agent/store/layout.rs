//! What stands in the bucket: under which keys and tags, sealed for whom, and several databases side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    stage::{KEY, OTHER_KEY, SMALL, Stage, restore_args},
    testbed::{Agent, ConditionalWrites},
};

#[test]
fn a_key_may_be_written_in_three_ways() {
    let stage = Stage::small();
    let bytes = data_encoding::HEXLOWER.decode(KEY.as_bytes()).unwrap();
    let bech32 = pgcoffer::seal::MasterKey::parse(KEY).unwrap().encode().to_string();
    let base64 = data_encoding::BASE64.encode(&bytes);
    stage.agent().key(&bech32).run(["backup"]).success();
    for key in [KEY, &bech32, &bech32.to_lowercase(), &base64] {
        stage.agent().key(key).run(["verify"]).success();
    }
}

#[test]
fn keygen_makes_a_key_that_works_and_is_never_the_same() {
    let keygen = || Agent::new().run(["keygen"]).success().text().trim_end().to_owned();
    let (one, other) = (keygen(), keygen());
    assert_ne!(one, other);
    let stage = Stage::small();
    stage.agent().key(&one).run(["backup"]).success();
    stage.agent().key(&one).run(["verify"]).success();
    stage.agent().key(&other).run(["verify"]).ended_with(5);
}

#[test]
fn a_passphrase_will_do_instead_of_a_key() {
    let stage = Stage::small();
    let agent = stage.agent().without("PGCOFFER_KEY");
    let right = agent.clone().env(
        "PGCOFFER_PASSPHRASE",
        "unwound-cosigner-plank-dizzy-refurbish-atop-halogen",
    );
    right.run(["backup"]).success();
    right.run(["verify"]).success();
    let target = stage.target();
    right.run(restore_args(&target)).success();
    assert_eq!(stage.content(&target.name), stage.content(&stage.database));
    let wrong = agent.env(
        "PGCOFFER_PASSPHRASE",
        "cosigner-unwound-plank-dizzy-refurbish-atop-halogen",
    );
    wrong.run(["verify"]).ended_with(5);
}

/// An agent with a second database, `shop`, on the same server.
fn with_two_databases(stage: &Stage) -> (Agent, Stage) {
    let other = Stage::of("create table only_here (id int); insert into only_here values (1), (2);");
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_SHOP_URL", other.cluster.url(&other.database));
    (agent, other)
}

#[test]
fn two_databases_share_a_bucket() {
    let stage = Stage::small();
    let (agent, _other) = with_two_databases(&stage);
    agent.run(["backup"]).ended_with(2);
    agent.run(["backup", "main"]).success();
    let shop = agent.run(["backup", "--database", "shop", "--json"]).success().json();
    assert_eq!(shop["tables"][0]["name"], "only_here");
    agent.run(["verify"]).ended_with(2);
    for name in ["main", "shop"] {
        agent.run(["verify", "latest", "--database", name]).success();
        let listed = agent.run(["list", "--json", "--database", name]).success().json();
        assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
        assert_eq!(listed["backups"][0]["database"], name);
    }
}

#[test]
fn each_database_may_have_a_key_of_its_own() {
    let stage = Stage::small();
    let (agent, _other) = with_two_databases(&stage);
    let agent = agent.env("PGCOFFER_DB_SHOP_KEY", OTHER_KEY);
    agent.run(["backup", "main"]).success();
    agent.run(["backup", "shop"]).success();
    stage.run(["verify", "latest", "--database", "main"]).success();
    stage.run(["verify", "latest", "--database", "shop"]).ended_with(5);
    agent.run(["verify", "latest", "--database", "shop"]).success();
}

#[test]
fn earlier_keys_are_read_and_not_sealed_with() {
    let stage = Stage::backed_up(SMALL);
    let renewed = stage
        .agent()
        .key(OTHER_KEY)
        .env("PGCOFFER_OLD_KEYS", format!("{KEY}@2099-01-01"));
    renewed.run(["verify"]).success();
    let new = renewed.run(["backup", "--json"]).success().json();
    let id = new["id"].as_str().unwrap();
    stage.run(["verify", id]).ended_with(5);
    stage.agent().key(OTHER_KEY).run(["verify", id]).success();
}

#[test]
fn backups_of_one_second_are_several() {
    let stage = Stage::of("select 1");
    let mut ids: Vec<_> = (0..6)
        .map(|_| stage.back_up()["id"].as_str().unwrap().to_owned())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert_eq!(stage.keys("/archives/").len(), 6);
    assert!(ids.is_sorted());
}

#[test]
fn tier_and_retention_are_in_key_record_and_tags() {
    let stage = Stage::small();
    let record = stage.back_up_with(["--tier", "daily", "--retain", "7d"]);
    let id = record["id"].as_str().unwrap();
    assert_eq!(stage.key("/archives/"), format!("backups/main/archives/daily/{id}.pgc"));
    let tags: BTreeMap<_, _> = stage
        .bucket
        .tags(&stage.key("/archives/"))
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(tags["pgcoffer:tier"], "daily");
    assert_eq!(tags["pgcoffer:retain"], "7d");
    assert_eq!(tags["pgcoffer:database"], "main");
    assert_eq!(tags["pgcoffer:expires"], record["expires"].as_str().unwrap());
    assert_eq!(tags["pgcoffer:owner"].len(), 16);
    assert_eq!(tags.len(), 5);
    stage.run(["verify", "latest:daily"]).success();
    stage.run(["verify", "latest:weekly"]).ended_with(7);
}

#[test]
fn nothing_readable_stands_in_the_bucket() {
    let stage =
        Stage::of("create table t (x text); insert into t select 'PLAINTEXT-MARKER' from generate_series(1, 1000);");
    stage.back_up_with(["--compression", "none"]);
    for key in stage.bucket.keys() {
        let bytes = stage.bucket.read(&key).unwrap();
        for marker in ["PLAINTEXT-MARKER", "PGDMP", "\"tables\"", &stage.database] {
            assert!(
                memchr::memmem::find(&bytes, marker.as_bytes()).is_none(),
                "{marker} is in {key}"
            );
        }
    }
}

#[test]
fn a_prefix_may_be_missing_or_deep() {
    for place in ["s3://testbed", "s3://testbed/a/b/c-d_e"] {
        let stage = Stage::small();
        let agent = stage.agent().without("PGCOFFER_BUCKET");
        agent.run(["backup", "--bucket", place]).success();
        agent.run(["verify", "--bucket", place]).success();
        let listed = agent.run(["list", "--json", "--bucket", place]).success().json();
        assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
        assert_eq!(listed["location"], place);
    }
}

#[test]
fn a_second_run_overwrites_nothing_where_conditions_are_ignored() {
    let stage = Stage::of("create table t (id int)");
    stage
        .bucket
        .behave(|behaviour| behaviour.conditional_writes = ConditionalWrites::Nowhere);
    let mut good = BTreeSet::new();
    for _ in 0..5 {
        let id = stage.back_up()["id"].as_str().unwrap().to_owned();
        assert!(good.insert(id), "an id was given twice");
    }
    for id in &good {
        stage.run(["verify", id]).success();
    }
}

#[test]
fn storage_class_and_kms_key_go_along() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_STORAGE_CLASS", "standard_ia")
        .env("PGCOFFER_SSE_KMS_KEY_ID", "key-1");
    agent.run(["backup"]).success();
    let class = |part: &str| {
        stage
            .bucket
            .objects()
            .into_iter()
            .find(|object| object.key.contains(part))
            .unwrap()
            .storage_class
    };
    assert_eq!(class("/archives/").as_deref(), Some("STANDARD_IA"));
    assert_eq!(class("/records/"), None, "records stay where they can be read at once");
    for operation in ["CreateMultipartUpload", "PutObject"] {
        let call = stage
            .bucket
            .calls()
            .into_iter()
            .find(|call| call.operation == operation)
            .unwrap();
        assert_eq!(
            call.header("x-amz-server-side-encryption"),
            Some("aws:kms"),
            "{operation}"
        );
        assert_eq!(
            call.header("x-amz-server-side-encryption-aws-kms-key-id"),
            Some("key-1"),
            "{operation}"
        );
    }
    stage.run(["verify"]).success();
}

#[test]
fn a_bucket_given_by_flag_goes_before_the_one_that_is_set() {
    let stage = Stage::small();
    stage.run(["backup", "--bucket", "s3://testbed/elsewhere"]).success();
    assert_eq!(stage.keys("backups/").len(), 0);
    assert_eq!(stage.keys("elsewhere/main/").len(), 3);
}
