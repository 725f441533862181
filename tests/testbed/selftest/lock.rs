//! Locks and old versions, in buckets that have them.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, Delete, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, ObjectIdentifier, ObjectLockEnabled, ObjectLockLegalHold,
    ObjectLockLegalHoldStatus as HoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode as RetentionMode,
};

use crate::testbed::{Fault, LifecycleAction, Rule, S3Server};
use crate::{completed, get, once, part, put, refusal};

const DAY: Duration = Duration::from_secs(86_400);
const NOT_LOCKABLE: &str = "InvalidRequest";

fn locked_bucket() -> (S3Server, Client) {
    let server = S3Server::start();
    server.behave(|behaviour| behaviour.object_lock = true);
    let client = once(&server);
    (server, client)
}

fn in_days(server: &S3Server, days: i64) -> DateTime {
    DateTime::from_secs(server.now().as_second() + days * 86_400)
}

async fn put_locked(client: &Client, mode: ObjectLockMode, until: DateTime) -> Result<Option<String>, (u16, String)> {
    let write = client.put_object().bucket("testbed").key("k");
    let write = write.object_lock_mode(mode).object_lock_retain_until_date(until);
    let write = write.body(ByteStream::from_static(b"locked"));
    match write.send().await {
        Ok(output) => Ok(output.version_id),
        error => Err(refusal(error)),
    }
}

async fn hold(client: &Client, status: HoldStatus) -> Result<(), (u16, String)> {
    let hold = ObjectLockLegalHold::builder().status(status).build();
    let request = client.put_object_legal_hold().bucket("testbed").key("k");
    match request.legal_hold(hold).send().await {
        Ok(_) => Ok(()),
        error => Err(refusal(error)),
    }
}

async fn retain(client: &Client, mode: RetentionMode, until: DateTime, bypass: bool) -> Result<(), (u16, String)> {
    let retention = ObjectLockRetention::builder().mode(mode).retain_until_date(until);
    let request = client.put_object_retention().bucket("testbed").key("k");
    let request = request.bypass_governance_retention(bypass);
    match request.retention(retention.build()).send().await {
        Ok(_) => Ok(()),
        error => Err(refusal(error)),
    }
}

async fn remove_version(client: &Client, id: &str, bypass: bool) -> Result<(), (u16, String)> {
    let delete = client.delete_object().bucket("testbed").key("k");
    let delete = delete.version_id(id).bypass_governance_retention(bypass);
    match delete.send().await {
        Ok(_) => Ok(()),
        error => Err(refusal(error)),
    }
}

fn code(status: u16, code: &str) -> Result<(), (u16, String)> {
    Err((status, code.to_owned()))
}

#[tokio::test]
async fn buckets_without_locks_lock_nothing() {
    let server = S3Server::start();
    let client = once(&server);
    let until = in_days(&server, 9);
    let answer = put_locked(&client, ObjectLockMode::Governance, until).await;
    assert_eq!(answer.map(|_| ()), code(400, NOT_LOCKABLE));
    let upload = client.create_multipart_upload().bucket("testbed").key("k");
    let upload = upload.object_lock_legal_hold_status(HoldStatus::On);
    assert_eq!(refusal(upload.send().await).1, NOT_LOCKABLE);
    put(&client, "k", "x").await;
    assert_eq!(hold(&client, HoldStatus::On).await, code(400, NOT_LOCKABLE));
    let status = async || {
        let request = client.get_bucket_versioning().bucket("testbed");
        request.send().await.unwrap().status
    };
    assert_eq!(status().await, None);
    let lock = || client.get_object_lock_configuration().bucket("testbed");
    assert_eq!(
        refusal(lock().send().await),
        (404, "ObjectLockConfigurationNotFoundError".to_owned())
    );
    server.behave(|behaviour| behaviour.object_lock = true);
    assert_eq!(status().await, Some(BucketVersioningStatus::Enabled));
    let lock = lock().send().await.unwrap().object_lock_configuration;
    assert_eq!(lock.unwrap().object_lock_enabled, Some(ObjectLockEnabled::Enabled));
}

#[tokio::test]
async fn locks_are_told_and_need_checksums() {
    let (server, client) = locked_bucket();
    let until = in_days(&server, 9);
    let past = in_days(&server, -1);
    let answer = put_locked(&client, ObjectLockMode::Governance, past).await;
    assert_eq!(answer.map(|_| ()), code(400, "InvalidArgument"));
    let plain = client.config().to_builder();
    let plain = plain.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    let plain = Client::from_conf(plain.build());
    let answer = put_locked(&plain, ObjectLockMode::Governance, until).await;
    assert_eq!(answer.map(|_| ()), code(400, "InvalidRequest"));
    put(&plain, "other", "x").await;

    put_locked(&client, ObjectLockMode::Governance, until).await.unwrap();
    let head = client.head_object().bucket("testbed").key("k");
    let head = head.send().await.unwrap();
    assert_eq!(head.object_lock_mode, Some(ObjectLockMode::Governance));
    let told = head.object_lock_retain_until_date.unwrap();
    assert_eq!(told.secs(), until.secs());
    assert_eq!(head.object_lock_legal_hold_status, None);
    let get_hold = || client.get_object_legal_hold().bucket("testbed").key("k");
    assert_eq!(
        refusal(get_hold().send().await),
        (404, "NoSuchObjectLockConfiguration".to_owned())
    );
    hold(&client, HoldStatus::On).await.unwrap();
    let held = get_hold().send().await.unwrap().legal_hold.unwrap();
    assert_eq!(held.status, Some(HoldStatus::On));

    let upload = client.create_multipart_upload().bucket("testbed").key("m");
    let upload = upload.object_lock_legal_hold_status(HoldStatus::On);
    let id = upload.send().await.unwrap().upload_id.unwrap();
    let bare = plain.upload_part().bucket("testbed").key("m");
    let bare = bare.upload_id(&id).part_number(1);
    let bare = bare.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(refusal(bare).1, "InvalidRequest");
    let parts = completed(&[part(&client, "m", &id, 1, vec![1; 9]).await]);
    let complete = client.complete_multipart_upload().bucket("testbed");
    let complete = complete.key("m").upload_id(&id).multipart_upload(parts);
    assert!(complete.send().await.unwrap().version_id.is_some());
    let head = client.head_object().bucket("testbed").key("m");
    let status = head.send().await.unwrap().object_lock_legal_hold_status;
    assert_eq!(status, Some(HoldStatus::On));
}

#[tokio::test]
async fn retentions_only_grow_and_versions_stay_until_they_end() {
    let (server, client) = locked_bucket();
    let (near, far) = (in_days(&server, 9), in_days(&server, 99));
    let version = put_locked(&client, ObjectLockMode::Governance, near).await;
    let version = version.unwrap().unwrap();
    let delete = client.delete_object().bucket("testbed").key("k");
    let hidden = delete.send().await.unwrap();
    assert_eq!(hidden.delete_marker, Some(true));
    assert!(get(&client, "k").await.unwrap_err().contains("NoSuchKey"));
    let old = server.noncurrent();
    assert_eq!((old[0].key.as_str(), &old[0].version_id), ("k", &version));
    let read = client.get_object().bucket("testbed").key("k");
    let read = read.version_id(&version).send().await.unwrap();
    assert_eq!(read.content_length, Some(6));

    let denied = code(403, "AccessDenied");
    assert_eq!(remove_version(&client, &version, false).await, denied);
    let which = ObjectIdentifier::builder().key("k").version_id(&version);
    let delete = Delete::builder().objects(which.build().unwrap());
    let many = client.delete_objects().bucket("testbed");
    let many = many.delete(delete.build().unwrap()).send().await.unwrap();
    assert_eq!(many.errors()[0].code(), Some("AccessDenied"));
    assert_eq!(server.noncurrent().len(), 1);
    remove_version(&client, &version, true).await.unwrap();
    assert_eq!(server.noncurrent(), []);

    put_locked(&client, ObjectLockMode::Governance, near).await.unwrap();
    let (governance, compliance) = (RetentionMode::Governance, RetentionMode::Compliance);
    let sooner = in_days(&server, 5);
    let weaker = retain(&client, governance.clone(), sooner, false).await;
    assert_eq!(weaker, denied);
    retain(&client, governance.clone(), sooner, true).await.unwrap();
    retain(&client, compliance.clone(), far, false).await.unwrap();
    assert_eq!(retain(&client, compliance, near, true).await, denied);
    assert_eq!(retain(&client, governance, far, true).await, denied);
    let told = client.get_object_retention().bucket("testbed").key("k");
    let told = told.send().await.unwrap().retention.unwrap();
    assert_eq!(told.retain_until_date.unwrap().secs(), far.secs());

    put(&client, "k", "newer").await;
    let version = server.noncurrent()[0].version_id.clone();
    assert_eq!(remove_version(&client, &version, true).await, denied);
    server.advance(100 * DAY);
    remove_version(&client, &version, false).await.unwrap();
    assert_eq!(get(&client, "k").await.unwrap(), b"newer");
}

#[tokio::test]
async fn what_expires_stays_as_a_version_and_old_versions_go_by_rule() {
    let (server, client) = locked_bucket();
    for body in ["1", "2", "3"] {
        put(&client, "k", body).await;
    }
    let noncurrent = NoncurrentVersionExpiration::builder()
        .noncurrent_days(2)
        .newer_noncurrent_versions(1);
    let rule = LifecycleRule::builder()
        .id("r")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("k").build())
        .expiration(LifecycleExpiration::builder().days(1).build())
        .noncurrent_version_expiration(noncurrent.build());
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap());
    let request = client.put_bucket_lifecycle_configuration();
    let request = request.bucket("testbed");
    let request = request.lifecycle_configuration(rules.build().unwrap());
    request.send().await.unwrap();
    server.advance(2 * DAY);
    let done = server.carry_out_lifecycle();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].action, LifecycleAction::Expired);
    let versions = || -> Vec<String> {
        let old = server.noncurrent().into_iter();
        old.map(|old| old.version_id).collect()
    };
    let old = versions();
    assert_eq!((server.keys().len(), old.len()), (0, 3));
    server.advance(5 * DAY);
    let done = server.carry_out_lifecycle();
    let removed = |id: &String| LifecycleAction::VersionRemoved { version_id: id.clone() };
    let actions: Vec<_> = done.into_iter().map(|deed| deed.action).collect();
    assert_eq!(actions, [removed(&old[1]), removed(&old[0])]);
    assert_eq!(versions(), [old[2].clone()]);
}

#[tokio::test]
async fn faults_strike_the_calls_about_locks() {
    let (server, client) = locked_bucket();
    put(&client, "k", "x").await;
    server.inject(Rule::on("PutObjectLegalHold"), Fault::access_denied());
    assert_eq!(hold(&client, HoldStatus::On).await, code(403, "AccessDenied"));
    let lost = Fault::LoseAnswer { status: None };
    server.inject(Rule::on("PutObjectLegalHold"), lost.clone());
    let on = ObjectLockLegalHold::builder().status(HoldStatus::On).build();
    let request = client.put_object_legal_hold().bucket("testbed").key("k");
    let error = request.legal_hold(on).send().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)));
    let told = client.get_object_legal_hold().bucket("testbed").key("k");
    let told = told.send().await.unwrap().legal_hold.unwrap();
    assert_eq!(told.status, Some(HoldStatus::On));
    server.inject(Rule::on("DeleteObject").key("k"), lost);
    let delete = client.delete_object().bucket("testbed").key("k");
    assert!(matches!(delete.send().await.unwrap_err(), SdkError::DispatchFailure(_)));
    assert_eq!((server.keys().len(), server.noncurrent().len()), (0, 1));
}
