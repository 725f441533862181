//! The smallest IAM policy for each mode: exactly the actions that the agent's requests need.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use serde::Serialize;
use serde_json::{Value, json};

use super::{AccessMode, S3Action, Service, partition::suffix};

/// The default for the longest lock in days, if no schedule needs more: a year and a month.
pub const LOCK_DAYS_DEFAULT: u32 = 400;

/// What a policy applies to, and the options that need more rights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyScope {
    /// The service that the policy is for.
    pub service: Service,
    /// The bucket's name.
    pub bucket: String,
    /// The prefix: empty, or folders without a slash at either end.
    pub prefix: String,
    /// The AWS partition: `aws`, `aws-cn`, `aws-eusc` and so on.
    pub partition: String,
    /// The id, ARN or alias of the KMS key with which the service encrypts.
    pub kms_key: Option<String>,
    /// Whether objects are written with a canned ACL.
    pub acl: bool,
    /// The limits of locks, if objects are locked.
    pub lock: Option<LockLimit>,
    /// Whether legal holds can be set and removed, which a user does.
    pub legal_hold: bool,
    /// Whether cold objects can be thawed, which costs money.
    pub thaw: bool,
    /// Whether the bucket's lifecycle rules can be read and written, which a user does.
    pub lifecycle: bool,
    /// Whether the bucket's settings can be read, for `check`.
    pub check: bool,
}

/// The limits of locks on objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockLimit {
    /// Whether in compliance mode, which nobody can end, or in governance mode.
    pub compliance: bool,
    /// The most days.
    pub days: u32,
}

/// An IAM policy document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BucketPolicy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

/// The policy for a mode.
#[must_use]
pub fn policy(mode: AccessMode, place: &PolicyScope) -> BucketPolicy {
    let mut statement = match mode {
        AccessMode::DropBox => drop_box(place),
        AccessMode::Full | AccessMode::Prune | AccessMode::Restore => others(mode, place),
    };
    let writes = matches!(mode, AccessMode::Full | AccessMode::DropBox);
    statement.extend(place.lock.filter(|_| writes).map(|lock| place.locking(lock)));
    if place.acl && writes {
        statement.push(place.on_objects("GiveWhatIsWrittenItsAcl", &[S3Action::PutObjectAcl]));
    }
    if place.legal_hold {
        let actions = [S3Action::PutObjectLegalHold];
        statement.push(place.on_objects("LegalHoldsForAPersonOnly", &actions));
    }
    if place.thaw {
        statement.push(place.on_objects("ThawWhatIsCold", &[S3Action::RestoreObject]));
    }
    if place.lifecycle {
        let actions = [S3Action::GetLifecycleConfiguration, S3Action::PutLifecycleConfiguration];
        statement.push(place.on_bucket("LifecycleRulesForAPersonOnly", &actions));
    }
    if place.check {
        statement.push(place.on_bucket("SettingsForCheck", &S3Action::SETTINGS));
    }
    statement.extend(place.of_kms(mode));
    statement.extend(place.by_tls());
    statement.retain(|statement| !statement.action.is_empty());
    BucketPolicy {
        version: "2012-10-17",
        statement,
    }
}

/// Existing objects can't be overwritten: a thief with these credentials can add objects, and nothing else.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
fn drop_box(place: &PolicyScope) -> Vec<Statement> {
    let give_up = place.on_objects("GiveAnUploadUp", &[S3Action::AbortMultipartUpload]);
    if !place.service.has_conditions_on_writes() {
        return vec![place.on_objects("Write", &[S3Action::PutObject]), give_up];
    }
    let put = |sid, condition| Statement {
        condition: Some(condition),
        ..place.on_objects(sid, &[S3Action::PutObject])
    };
    vec![
        put(
            "WriteWhatIsNotThereYet",
            json!({ "Null": { "s3:if-none-match": "false" } }),
        ),
        put(
            "UploadPartsOfIt",
            json!({ "Bool": { "s3:ObjectCreationOperation": "false" } }),
        ),
        give_up,
    ]
}

fn others(mode: AccessMode, place: &PolicyScope) -> Vec<Statement> {
    let actions = mode.actions(place.lock.is_some());
    let (on_bucket, on_objects): (Vec<S3Action>, Vec<S3Action>) = actions
        .into_iter()
        .filter(|action| !matches!(action, S3Action::ListBucket | S3Action::PutObjectRetention))
        .partition(|action| action.is_of_bucket());
    let mut statements = vec![place.list()];
    if !on_bucket.is_empty() {
        statements.push(place.on_bucket("LookAtTheBucket", &on_bucket));
    }
    statements.push(place.on_objects("Backups", &on_objects));
    statements
}

impl PolicyScope {
    fn list(&self) -> Statement {
        let below =
            (!self.prefix.is_empty()).then(|| json!({ "StringLike": { "s3:prefix": format!("{}/*", self.prefix) } }));
        Statement {
            condition: below,
            ..self.on_bucket("ListBackups", &[S3Action::ListBucket])
        }
    }

    /// A lock can't be removed, so a thief with these credentials must not be able to lock objects forever.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-retention-limits>
    fn locking(&self, cap: LockLimit) -> Statement {
        let mode = if cap.compliance { "COMPLIANCE" } else { "GOVERNANCE" };
        let condition = self.service.has_conditions_on_locks().then(|| {
            json!({
                "StringEquals": { "s3:object-lock-mode": mode },
                "NumericLessThanEquals": {
                    "s3:object-lock-remaining-retention-days": cap.days.to_string()
                },
            })
        });
        Statement {
            condition,
            ..self.on_objects("LockNoLongerThanTheyAreKept", &[S3Action::PutObjectRetention])
        }
    }

    /// Denies requests without TLS: a listener on the network would see signatures, and could repeat the requests.
    fn by_tls(&self) -> Option<Statement> {
        self.service.tells_tls().then(|| Statement {
            sid: "NothingWithoutTls",
            effect: "Deny",
            action: vec!["s3:*"],
            resource: vec![self.bucket_arn(), self.objects_arn("")],
            condition: Some(json!({ "Bool": { "aws:SecureTransport": "false" } })),
        })
    }

    fn bucket_arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition, self.bucket)
    }

    fn objects_arn(&self, prefix: &str) -> String {
        let folder = if prefix.is_empty() { "" } else { "/" };
        format!("{}{folder}{prefix}/*", self.bucket_arn())
    }

    fn on_bucket(&self, sid: &'static str, actions: &[S3Action]) -> Statement {
        self.allow(sid, actions, self.bucket_arn())
    }

    fn on_objects(&self, sid: &'static str, actions: &[S3Action]) -> Statement {
        self.allow(sid, actions, self.objects_arn(&self.prefix))
    }

    fn allow(&self, sid: &'static str, actions: &[S3Action], resource: String) -> Statement {
        let known = actions.iter();
        Statement {
            sid,
            effect: "Allow",
            action: known.filter_map(|action| self.service.name_of(*action)).collect(),
            resource: vec![resource],
            condition: None,
        }
    }

    /// The KMS statement. A multipart upload is decrypted once when its parts are combined.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
    fn of_kms(&self, mode: AccessMode) -> Option<Statement> {
        let key = self.kms_key.as_deref().filter(|_| self.service.has_kms())?;
        let writes = matches!(mode, AccessMode::Full | AccessMode::DropBox);
        let mut action = vec!["kms:Decrypt"];
        action.extend(writes.then_some("kms:GenerateDataKey"));
        let via = format!("s3.*.{}", suffix(&self.partition));
        let mut condition = json!({ "StringLike": { "kms:ViaService": via } });
        let keys = |name: &str| format!("arn:{}:kms:*:*:key/{name}", self.partition);
        let alias = key.rfind("alias/").map(|at| &key[at..]);
        let resource = match alias {
            Some(alias) => {
                condition["ForAnyValue:StringEquals"] = json!({ "kms:ResourceAliases": alias });
                keys("*")
            }
            None if key.starts_with("arn:") => key.to_owned(),
            None => keys(key),
        };
        Some(Statement {
            sid: "EncryptionByKms",
            effect: "Allow",
            action,
            resource: vec![resource],
            condition: Some(condition),
        })
    }
}

#[cfg(test)]
mod tests {
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
}
