//! Credentials with an IAM policy of their own: what it doesn't allow is refused.
//!
//! Which actions a request needs, and which condition keys it brings, is read from the service authorization reference
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>) and from "required
//! permissions for API operations"
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>). Where these leave
//! something open the stricter reading is taken.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::behaviour::Call;
use super::{BUCKET, S3Server, Shared};

/// Credentials and what they may do.
#[derive(Debug, Default)]
pub(super) struct Callers {
    /// by access key: the secret key and the policy
    known: BTreeMap<String, (String, Policy)>,
    /// what was asked for and refused
    pub refused: Vec<Needed>,
    /// what was asked for and allowed, by whoever has a policy
    pub allowed: Vec<Needed>,
}

/// One action on one resource that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// the request
    pub operation: String,
    /// such as `s3:PutObject`
    pub action: &'static str,
    /// the ARN
    pub resource: String,
    /// condition keys and their values; a key that isn't there is "null" to a policy
    pub context: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone)]
struct Policy(Vec<Value>);

impl Callers {
    pub(super) fn secret(&self, access_key: &str) -> Option<String> {
        self.known.get(access_key).map(|(secret, _)| secret.clone())
    }
}

impl S3Server {
    /// New credentials that may do what this policy document says, and nothing else: access key and secret key.
    pub fn credentials_with(&self, policy: &Value) -> (String, String) {
        let mut callers = self.shared.callers();
        let number = callers.known.len() + 1;
        let pair = (format!("AKIAPOLICY{number:010}"), format!("secret+of/{number}"));
        let statements = policy["Statement"].as_array().expect("a policy has statements");
        let policy = Policy(statements.clone());
        callers.known.insert(pair.0.clone(), (pair.1.clone(), policy));
        pair
    }

    /// What was refused to credentials with a policy so far.
    pub fn refused(&self) -> Vec<Needed> {
        self.shared.callers().refused.clone()
    }

    /// What was allowed to credentials with a policy so far.
    pub fn allowed(&self) -> Vec<Needed> {
        self.shared.callers().allowed.clone()
    }
}

impl Shared {
    /// Whether who calls may do so; the first thing that he may not where he doesn't.
    pub(super) fn check_policy(&self, access_key: &str, call: &Call) -> Result<(), Needed> {
        let exists = self
            .stores()
            .bucket(&call.bucket)
            .is_some_and(|bucket| bucket.objects.contains_key(&call.key));
        let mut callers = self.callers();
        let Some((_, policy)) = callers.known.get(access_key) else {
            return Ok(());
        };
        let policy = policy.clone();
        let now = super::clock::timestamp(self.clock.now());
        for mut needed in needed(call, exists) {
            needed.context.extend(lock_context(call, needed.action, now));
            if !policy.allows(&needed) {
                callers.refused.push(needed.clone());
                return Err(needed);
            }
            callers.allowed.push(needed);
        }
        // without these rights S3 leaves the lock's headers out of its answer
        for action in ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] {
            let shown = of(call, action);
            if call.operation == "HeadObject" && exists && policy.allows(&shown) {
                callers.allowed.push(shown);
            }
        }
        Ok(())
    }
}

/// What a request needs.
fn needed(call: &Call, exists: bool) -> Vec<Needed> {
    let mut needed: Vec<_> = actions(call).into_iter().map(|action| of(call, action)).collect();
    // Who may not list is not told whether there is an object. S3 asks for the right to list the bucket, and a
    // condition on the prefix of a listing is not met by a request that is none.
    let reads = matches!(call.operation.as_str(), "GetObject" | "HeadObject");
    if reads && !exists {
        let mut list = of(call, "s3:ListBucket");
        list.resource = arn(&call.bucket, "");
        needed.push(list);
    }
    needed
}

fn actions(call: &Call) -> Vec<&'static str> {
    let has = |name: &str| call.header(name).is_some();
    let mut actions = vec![match call.operation.as_str() {
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "s3:PutObject",
        "GetObject" | "HeadObject" => "s3:GetObject",
        "DeleteObject" => "s3:DeleteObject",
        "ListObjectsV2" | "HeadBucket" => "s3:ListBucket",
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads",
        "ListParts" => "s3:ListMultipartUploadParts",
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        "GetObjectTagging" => "s3:GetObjectTagging",
        "PutObjectTagging" => "s3:PutObjectTagging",
        "PutObjectLegalHold" => "s3:PutObjectLegalHold",
        "RestoreObject" => "s3:RestoreObject",
        "GetBucketVersioning" => "s3:GetBucketVersioning",
        "GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "s3:PutLifecycleConfiguration",
        "GetObjectLockConfiguration" => "s3:GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
        "GetBucketPolicyStatus" => "s3:GetBucketPolicyStatus",
        "GetBucketEncryption" => "s3:GetEncryptionConfiguration",
        other => panic!("nobody has said which right {other} needs"),
    }];
    let creates = matches!(call.operation.as_str(), "PutObject" | "CreateMultipartUpload");
    if creates && has("x-amz-tagging") {
        actions.push("s3:PutObjectTagging");
    }
    if creates && has("x-amz-object-lock-mode") {
        actions.push("s3:PutObjectRetention");
    }
    // A condition on an entity tag tells something of the object.
    let writes = matches!(call.operation.as_str(), "PutObject" | "DeleteObject");
    if writes && has("if-match") {
        actions.push("s3:GetObject");
    }
    actions
}

fn of(call: &Call, action: &'static str) -> Needed {
    let mut context = BTreeMap::new();
    // this server speaks plain HTTP and stands for one that speaks TLS
    context.insert("aws:SecureTransport", "true".to_owned());
    if call.operation.starts_with("ListObjects") {
        context.extend(call.prefix.clone().map(|prefix| ("s3:prefix", prefix)));
    }
    if action == "s3:PutObject" {
        let creates = matches!(call.operation.as_str(), "PutObject" | "CompleteMultipartUpload");
        context.insert("s3:ObjectCreationOperation", creates.to_string());
        let condition = call.header("if-none-match");
        context.extend(condition.map(|value| ("s3:if-none-match", value.to_owned())));
    }
    Needed {
        operation: call.operation.clone(),
        action,
        resource: arn(&call.bucket, &call.key),
        context,
    }
}

/// What a lock that a request brings says of itself.
fn lock_context(call: &Call, action: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let mode = call.header("x-amz-object-lock-mode");
    let until = call.header("x-amz-object-lock-retain-until-date");
    let (Some(mode), Some(until), "s3:PutObjectRetention") = (mode, until, action) else {
        return Vec::new();
    };
    let until: Timestamp = until.parse().unwrap();
    let seconds = until.duration_since(now).as_secs();
    let days = (seconds + 86_399).div_euclid(86_400);
    vec![
        ("s3:object-lock-mode", mode.to_owned()),
        ("s3:object-lock-remaining-retention-days", days.to_string()),
    ]
}

fn arn(bucket: &str, key: &str) -> String {
    match key {
        "" => format!("arn:aws:s3:::{bucket}"),
        key => format!("arn:aws:s3:::{bucket}/{key}"),
    }
}

impl Policy {
    /// Allowed is what some statement allows and none denies.
    fn allows(&self, needed: &Needed) -> bool {
        let effects = || {
            let matching = self.0.iter().filter(|one| is_about(one, needed));
            matching.map(|one| one["Effect"].as_str().unwrap())
        };
        effects().any(|effect| effect == "Allow") && effects().all(|effect| effect != "Deny")
    }
}

fn is_about(statement: &Value, needed: &Needed) -> bool {
    let any = |name: &str, text: &str| texts(&statement[name]).any(|one| fits(one, text));
    any("Action", needed.action)
        && any("Resource", &needed.resource)
        && conditions_hold(&statement["Condition"], needed)
}

fn conditions_hold(conditions: &Value, needed: &Needed) -> bool {
    let Some(conditions) = conditions.as_object() else {
        return true;
    };
    conditions.iter().all(|(operator, keys)| {
        let mut keys = keys.as_object().unwrap().iter();
        keys.all(|(key, wanted)| {
            let found = needed.context.get(key.as_str());
            match operator.as_str() {
                "StringLike" => found.is_some_and(|found| texts(wanted).any(|one| fits(one, found))),
                "StringEquals" => found.is_some_and(|found| texts(wanted).any(|one| one == found)),
                "NumericLessThanEquals" => found.is_some_and(|found| {
                    let number = |text: &str| text.parse::<f64>().unwrap();
                    texts(wanted).any(|one| number(found) <= number(one))
                }),
                "Bool" => found.is_some_and(|found| texts(wanted).any(|one| one == found)),
                "Null" => texts(wanted).any(|one| (one == "true") == found.is_none()),
                other => panic!("this server doesn't know the condition {other}"),
            }
        })
    })
}

/// One text, or a list of them.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map(Vec::as_slice);
    let list = list.unwrap_or_else(|| std::slice::from_ref(value));
    list.iter().filter_map(Value::as_str)
}

/// `*` stands for any text, `?` for any one character.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_at_checked(1) {
        None => text.is_empty(),
        Some(("*", rest)) => (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..])),
        Some((first, rest)) => text
            .split_at_checked(1)
            .is_some_and(|(one, others)| (first == "?" || first == one) && fits(rest, others)),
    }
}

#[test]
fn policies_are_read_as_written() {
    let server = S3Server::start();
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::testbed/a/*" },
        { "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::testbed",
          "Condition": { "StringLike": { "s3:prefix": ["a/*"] } } },
        { "Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::testbed/a/secret*" },
    ]});
    let (access_key, _) = server.credentials_with(&policy);
    let call = |operation: &str, key: &str, prefix: Option<&str>| Call {
        operation: operation.to_owned(),
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        prefix: prefix.map(str::to_owned),
        query: String::new(),
        headers: BTreeMap::new(),
    };
    let may = |call: Call| server.shared.check_policy(&access_key, &call).is_ok();
    assert!(may(call("GetObjectTagging", "a/b", None)));
    assert!(!may(call("GetObjectTagging", "b", None)));
    assert!(!may(call("GetObjectTagging", "a/secret/1", None)));
    assert!(!may(call("DeleteObject", "a/b", None)));
    assert!(may(call("ListObjectsV2", "", Some("a/b/"))));
    assert!(!may(call("ListObjectsV2", "", Some("b/"))));
    assert!(!may(call("ListObjectsV2", "", None)));
    // there is no such object, and a condition on listing is no right to be told so
    assert!(!may(call("HeadObject", "a/b", None)));
    assert!(
        server
            .shared
            .check_policy("AKIATESTBED000000000", &call("DeleteObject", "x", None))
            .is_ok()
    );
}
