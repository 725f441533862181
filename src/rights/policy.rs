//! The smallest IAM policy of each mode: exactly the actions that the code's requests need, and nothing that it can do without.
//!
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>

use serde::Serialize;
use serde_json::{Value, json};

use super::{Action, Mode};

/// What a policy is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// the bucket's name
    pub bucket: String,
    /// empty, or folders without a slash at either end
    pub prefix: String,
    /// `aws`, `aws-cn` or `aws-us-gov`
    pub partition: String,
    /// id, ARN or alias of the KMS key that the service encrypts with
    pub kms_key: Option<String>,
    /// objects are locked
    pub lock: bool,
    /// the bucket's lifecycle rules are read and written: a person's business
    pub lifecycle: bool,
    /// the bucket's settings are read, so that `check` can judge them
    pub check: bool,
}

/// An IAM policy document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

/// The partition of AWS that a region belongs to.
#[must_use]
pub fn partition(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The policy of a mode.
#[must_use]
pub fn policy(mode: Mode, place: &Place) -> Policy {
    let mut statement = match mode {
        Mode::DropBox => drop_box(place),
        Mode::Full | Mode::Prune | Mode::Restore => others(mode, place),
    };
    if place.lifecycle {
        let actions = [
            Action::GetLifecycleConfiguration,
            Action::PutLifecycleConfiguration,
        ];
        statement.push(place.on_bucket("LifecycleRulesForAPersonOnly", &actions));
    }
    if place.check {
        statement.push(place.on_bucket("SettingsForCheck", &Action::SETTINGS));
    }
    statement.extend(place.of_kms(mode));
    Policy {
        version: "2012-10-17",
        statement,
    }
}

/// Nothing that exists can be overwritten: whoever steals these credentials can add objects, and do no more.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
fn drop_box(place: &Place) -> Vec<Statement> {
    let put = |sid, condition| Statement {
        condition: Some(condition),
        ..place.on_objects(sid, &[Action::PutObject])
    };
    let mut rest = vec![Action::AbortMultipartUpload];
    rest.extend(place.lock.then_some(Action::PutObjectRetention));
    vec![
        put(
            "WriteWhatIsNotThereYet",
            json!({ "Null": { "s3:if-none-match": "false" } }),
        ),
        put(
            "UploadPartsOfIt",
            json!({ "Bool": { "s3:ObjectCreationOperation": "false" } }),
        ),
        place.on_objects("GiveAnUploadUp", &rest),
    ]
}

fn others(mode: Mode, place: &Place) -> Vec<Statement> {
    let actions = mode.actions(place.lock);
    let (on_bucket, on_objects): (Vec<Action>, Vec<Action>) = actions
        .into_iter()
        .filter(|action| *action != Action::ListBucket)
        .partition(|action| action.is_of_bucket());
    let mut statements = vec![place.list()];
    if !on_bucket.is_empty() {
        statements.push(place.on_bucket("LookAtTheBucket", &on_bucket));
    }
    statements.push(place.on_objects("Backups", &on_objects));
    statements
}

impl Place {
    fn list(&self) -> Statement {
        let below = (!self.prefix.is_empty())
            .then(|| json!({ "StringLike": { "s3:prefix": format!("{}/*", self.prefix) } }));
        Statement {
            condition: below,
            ..self.on_bucket("ListBackups", &[Action::ListBucket])
        }
    }

    fn on_bucket(&self, sid: &'static str, actions: &[Action]) -> Statement {
        let resource = format!("arn:{}:s3:::{}", self.partition, self.bucket);
        allow(sid, actions, resource)
    }

    fn on_objects(&self, sid: &'static str, actions: &[Action]) -> Statement {
        let folder = if self.prefix.is_empty() { "" } else { "/" };
        let resource = format!(
            "arn:{}:s3:::{}{folder}{}/*",
            self.partition, self.bucket, self.prefix
        );
        allow(sid, actions, resource)
    }

    /// An upload in parts is decrypted once to be put together.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
    fn of_kms(&self, mode: Mode) -> Option<Statement> {
        let key = self.kms_key.as_deref()?;
        let writes = matches!(mode, Mode::Full | Mode::DropBox);
        let mut action = vec!["kms:Decrypt"];
        action.extend(writes.then_some("kms:GenerateDataKey"));
        let mut condition = json!({ "StringLike": { "kms:ViaService": "s3.*.amazonaws.com*" } });
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
            resource,
            condition: Some(condition),
        })
    }
}

fn allow(sid: &'static str, actions: &[Action], resource: String) -> Statement {
    Statement {
        sid,
        effect: "Allow",
        action: actions.iter().map(|action| action.as_str()).collect(),
        resource,
        condition: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            bucket: "acme".to_owned(),
            prefix: "backups/db".to_owned(),
            partition: partition(None).to_owned(),
            ..Place::default()
        }
    }

    fn written(mode: Mode, place: &Place) -> Value {
        serde_json::to_value(policy(mode, place)).unwrap()
    }

    #[test]
    fn a_drop_box_can_add_and_give_up_and_nothing_else() {
        let statements = written(Mode::DropBox, &place());
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
                &json!(["s3:AbortMultipartUpload"])
            ]
        );
        assert!(
            statements["Statement"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one["Resource"] == "arn:aws:s3:::acme/backups/db/*")
        );
    }

    #[test]
    fn without_a_prefix_the_bucket_is_ours() {
        let whole = Place {
            prefix: String::new(),
            ..place()
        };
        let written = written(Mode::Restore, &whole);
        assert_eq!(written["Statement"][0].get("Condition"), None);
        assert_eq!(written["Statement"][1]["Resource"], "arn:aws:s3:::acme/*");
    }

    #[test]
    fn who_only_reads_gets_no_action_that_writes() {
        for mode in [Mode::Restore, Mode::Prune] {
            let text = written(mode, &place()).to_string();
            assert!(!text.contains("s3:Put"), "{text}");
            assert_eq!(text.contains("s3:Delete"), mode == Mode::Prune);
        }
    }

    #[test]
    fn a_kms_key_is_named_by_whatever_is_known_of_it() {
        let of = |key: &str| {
            let place = Place {
                kms_key: Some(key.to_owned()),
                ..place()
            };
            let written = written(Mode::DropBox, &place);
            written["Statement"]
                .as_array()
                .unwrap()
                .last()
                .cloned()
                .unwrap()
        };
        let id = of("1234abcd-12ab-34cd-56ef-1234567890ab");
        assert_eq!(
            id["Resource"],
            "arn:aws:kms:*:*:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        );
        assert_eq!(id["Action"], json!(["kms:Decrypt", "kms:GenerateDataKey"]));
        let alias = of("arn:aws:kms:eu-west-1:111122223333:alias/backups");
        assert_eq!(
            alias["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"],
            "alias/backups"
        );
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234";
        assert_eq!(of(arn)["Resource"], arn);
    }

    #[test]
    fn what_a_person_does_once_is_apart() {
        let place = Place {
            lifecycle: true,
            lock: true,
            ..place()
        };
        let written = written(Mode::Full, &place);
        let statements = written["Statement"].as_array().unwrap();
        assert_eq!(
            statements.last().unwrap()["Sid"],
            "LifecycleRulesForAPersonOnly"
        );
        assert!(written.to_string().contains("s3:PutObjectLegalHold"));
        assert_eq!(partition(Some("cn-north-1")), "aws-cn");
        assert_eq!(partition(Some("us-gov-west-1")), "aws-us-gov");
    }
}
