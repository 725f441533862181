use super::*;
use crate::rights::partition;

fn place() -> PolicyScope {
    PolicyScope {
        bucket: "acme".to_owned(),
        prefix: "backups/db".to_owned(),
        partition: partition(None).to_owned(),
        ..PolicyScope::default()
    }
}

fn cap(compliance: bool, days: u32) -> LockLimit {
    LockLimit { compliance, days }
}

fn written(mode: AccessMode, place: &PolicyScope) -> Value {
    serde_json::to_value(policy(mode, place)).unwrap()
}

#[test]
fn a_drop_box_can_add_and_give_up_and_nothing_else() {
    let statements = written(AccessMode::DropBox, &place());
    let actions: Vec<&Value> = statements["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| &statement["Action"])
        .collect();
    assert_eq!(
        actions,
        [
            &json!(["s3:PutObject"]),
            &json!(["s3:PutObject"]),
            &json!(["s3:AbortMultipartUpload"]),
            &json!(["s3:*"]),
        ]
    );
    let below = json!(["arn:aws:s3:::acme/backups/db/*"]);
    let all = statements["Statement"].as_array().unwrap();
    let mut allowed = all.iter().filter(|one| one["Effect"] == "Allow");
    assert!(allowed.all(|one| one["Resource"] == below));
}

#[test]
fn without_a_prefix_the_bucket_is_ours() {
    let whole = PolicyScope {
        prefix: String::new(),
        ..place()
    };
    let written = written(AccessMode::Restore, &whole);
    assert_eq!(written["Statement"][0].get("Condition"), None);
    let objects = &written["Statement"][1]["Resource"];
    assert_eq!(*objects, json!(["arn:aws:s3:::acme/*"]));
}

#[test]
fn who_only_reads_gets_no_action_that_writes() {
    for mode in [AccessMode::Restore, AccessMode::Prune] {
        let text = written(mode, &place()).to_string();
        assert!(!text.contains("s3:Put"), "{text}");
        assert_eq!(text.contains("s3:Delete"), mode == AccessMode::Prune);
    }
}

#[test]
fn who_gives_an_acl_may_and_nobody_else() {
    let with_acl = PolicyScope { acl: true, ..place() };
    let has = |mode, place: &PolicyScope| {
        serde_json::to_string(&policy(mode, place))
            .unwrap()
            .contains("s3:PutObjectAcl")
    };
    assert!(has(AccessMode::Full, &with_acl) && has(AccessMode::DropBox, &with_acl));
    assert!(!has(AccessMode::Restore, &with_acl) && !has(AccessMode::Full, &place()));
    let european = PolicyScope {
        partition: "aws-eusc".to_owned(),
        kms_key: Some("k".to_owned()),
        ..place()
    };
    let text = serde_json::to_string(&policy(AccessMode::Full, &european)).unwrap();
    assert!(text.contains("arn:aws-eusc:s3:::") && text.contains("s3.*.amazonaws.eu"));
}

#[test]
fn a_kms_key_is_named_by_whatever_is_known_of_it() {
    let of = |key: &str| {
        let place = PolicyScope {
            kms_key: Some(key.to_owned()),
            ..place()
        };
        let written = written(AccessMode::DropBox, &place);
        let all = written["Statement"].as_array().unwrap();
        let mut of_kms = all.iter().filter(|one| one["Sid"] == "EncryptionByKms");
        of_kms.next().cloned().unwrap()
    };
    let id = of("1234abcd-12ab-34cd-56ef-1234567890ab");
    assert_eq!(
        id["Resource"][0],
        "arn:aws:kms:*:*:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    );
    assert_eq!(id["Action"], json!(["kms:Decrypt", "kms:GenerateDataKey"]));
    let alias = of("arn:aws:kms:eu-west-1:111122223333:alias/backups");
    assert_eq!(
        alias["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"],
        "alias/backups"
    );
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234";
    assert_eq!(of(arn)["Resource"][0], arn);
}

#[test]
fn what_a_person_does_once_is_apart() {
    let agent = PolicyScope {
        lock: Some(cap(false, 30)),
        ..place()
    };
    let text = written(AccessMode::Full, &agent).to_string();
    for of_persons in ["LegalHold\"", "RestoreObject", "LifecycleConfiguration"] {
        assert!(!text.contains(&format!("s3:Put{of_persons}")), "{text}");
    }
    assert!(!text.contains("s3:RestoreObject"));
    let person = PolicyScope {
        lifecycle: true,
        legal_hold: true,
        thaw: true,
        ..agent
    };
    let text = written(AccessMode::Full, &person).to_string();
    for action in ["PutLifecycleConfiguration", "PutObjectLegalHold", "RestoreObject"] {
        assert!(text.contains(&format!("s3:{action}")), "{text}");
    }
    assert_eq!(partition(Some("cn-north-1")), "aws-cn");
    assert_eq!(partition(Some("us-gov-west-1")), "aws-us-gov");
}

#[test]
fn locks_have_a_mode_and_an_end() {
    let place = PolicyScope {
        lock: Some(cap(true, 31)),
        ..place()
    };
    for mode in [AccessMode::Full, AccessMode::DropBox] {
        let written = written(mode, &place);
        let all = written["Statement"].as_array().unwrap();
        let locking: Vec<_> = all
            .iter()
            .filter(|one| one["Action"].to_string().contains("s3:PutObjectRetention"))
            .collect();
        assert_eq!(locking.len(), 1);
        let condition = &locking[0]["Condition"];
        assert_eq!(condition["StringEquals"]["s3:object-lock-mode"], "COMPLIANCE");
        let days = &condition["NumericLessThanEquals"];
        assert_eq!(days["s3:object-lock-remaining-retention-days"], "31");
    }
}

#[test]
fn services_get_what_they_know() {
    let of = |service| PolicyScope {
        service,
        check: true,
        kms_key: Some("k".to_owned()),
        lock: Some(cap(false, 7)),
        ..place()
    };
    for service in [Service::Ceph, Service::Minio, Service::Other] {
        for mode in AccessMode::ALL {
            let text = written(mode, &of(service)).to_string();
            for unknown in [
                "if-none-match",
                "ObjectCreationOperation",
                "kms:",
                "SecureTransport",
                "object-lock-",
            ] {
                assert!(!text.contains(unknown), "{service} {mode}: {text}");
            }
            assert!(!text.contains("\"Action\":[]"), "{text}");
        }
    }
    let ceph = written(AccessMode::Full, &of(Service::Ceph)).to_string();
    assert!(ceph.contains("s3:GetBucketEncryption") && !ceph.contains("GetEncryptionConf"));
    let minio = written(AccessMode::Full, &of(Service::Minio)).to_string();
    assert!(!minio.contains("PublicAccessBlock"));
}
