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
        AccessMode::Drill => drill(place),
        AccessMode::Full | AccessMode::Prune | AccessMode::Restore => others(mode, place),
    };
    let writes = matches!(mode, AccessMode::Full | AccessMode::DropBox);
    statement.extend(place.lock.filter(|_| writes).map(|lock| place.locking(lock)));
    if place.acl && (writes || mode == AccessMode::Drill) {
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

/// Reads backups, and adds what drills have shown of them, and to the audit trail who had them made. It overwrites and
/// deletes nothing, and adds nothing elsewhere: what a thief with these credentials writes there is no backup.
fn drill(place: &PolicyScope) -> Vec<Statement> {
    let condition = json!({ "Null": { "s3:if-none-match": "false" } });
    let reports = Statement {
        resource: ["*/drills", "audit-trail"]
            .map(|folder| place.objects_arn(&format!("{}{folder}", place.below())))
            .to_vec(),
        condition: place.service.has_conditions_on_writes().then_some(condition),
        ..place.on_objects("WriteReportsOfDrills", &[S3Action::PutObject])
    };
    vec![
        place.list(),
        place.on_objects("ReadBackups", &[S3Action::GetObject]),
        reports,
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

    /// What stands before a name below the prefix.
    fn below(&self) -> String {
        match self.prefix.is_empty() {
            true => String::new(),
            false => format!("{}/", self.prefix),
        }
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
        let writes = matches!(mode, AccessMode::Full | AccessMode::DropBox | AccessMode::Drill);
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
mod tests;
