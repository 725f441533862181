//! Which right is missing, on what, for what: by what was being done, and by what the service names itself.

use super::Error;

/// How what was being done begins, and the right that it takes. The first that fits counts.
const RIGHTS: [(&str, &str); 27] = [
    ("list the uploads", "s3:ListBucketMultipartUploads"),
    ("list the parts", "s3:ListMultipartUploadParts"),
    ("list", "s3:ListBucket"),
    ("look into", "s3:ListBucket"),
    ("read the tags", "s3:GetObjectTagging"),
    ("read the lifecycle", "s3:GetLifecycleConfiguration"),
    ("read the versioning", "s3:GetBucketVersioning"),
    ("read the Object Lock", "s3:GetBucketObjectLockConfiguration"),
    ("read the public access", "s3:GetBucketPublicAccessBlock"),
    ("read the default encryption", "s3:GetEncryptionConfiguration"),
    ("read", "s3:GetObject"),
    ("look at the lock", "s3:GetObjectRetention and s3:GetObjectLegalHold"),
    ("look at", "s3:GetObject"),
    ("confirm", "s3:GetObject"),
    ("write the lifecycle", "s3:PutLifecycleConfiguration"),
    ("remove the lifecycle", "s3:PutLifecycleConfiguration"),
    ("write", "s3:PutObject"),
    ("take the name", "s3:PutObject"),
    ("begin", "s3:PutObject"),
    ("upload", "s3:PutObject"),
    ("complete", "s3:PutObject"),
    ("abort", "s3:AbortMultipartUpload"),
    ("delete", "s3:DeleteObject"),
    ("tag", "s3:PutObjectTagging"),
    ("write the tags", "s3:PutObjectTagging"),
    ("ask for the thawing", "s3:RestoreObject"),
    ("set the legal hold", "s3:PutObjectLegalHold"),
];

/// What a refusal names: `… is not authorized to perform: ACTION on resource: "ARN" …`.
struct Named<'a> {
    action: &'a str,
    resource: Option<&'a str>,
}

impl Error {
    /// What cures a denial.
    pub(super) fn hint_of_denial(&self) -> String {
        let named = named(&self.why);
        if let Some(named) = named.as_ref().filter(|named| named.action.starts_with("kms:")) {
            return of_kms(named);
        }
        let by_doing = RIGHTS.iter().find(|(doing, _)| self.doing.starts_with(doing));
        let by_doing = by_doing.map(|(_, right)| *right);
        let right = named.as_ref().map(|named| named.action).or(by_doing);
        let Some(right) = right else {
            return "these credentials lack a right: `pgcoffer check` tries each, and `pgcoffer policy` prints the \
                    policy"
                .to_owned();
        };
        let place = named.as_ref().and_then(|named| named.resource);
        let place = place.map(|resource| format!(" on {resource}"));
        let place = place.or_else(|| self.place(right)).unwrap_or_default();
        let mut hint = match denier(&self.why) {
            Some(denier) => format!(
                "{denier} denies {right}{place}, and no other policy can allow it against that: \
                 change it there"
            ),
            None => format!("allow {right}{place} to these credentials"),
        };
        hint.push_str("; `pgcoffer policy` prints the whole policy, and `pgcoffer check` tries each right");
        hint.push_str(match right {
            "s3:GetObject" => "; where s3:ListBucket is missing, an object that isn't there is denied as well",
            "s3:ListBucket" => "; credentials that may only write are for PGCOFFER_MODE=drop-box",
            "s3:PutObject" => {
                ", s3:PutObjectTagging among them, which the tags of backups need; the bucket's own policy may want \
                 PGCOFFER_SSE or PGCOFFER_ACL besides"
            }
            _ => "",
        });
        hint
    }

    /// On what: the bucket for what concerns it as a whole, else the object.
    fn place(&self, right: &str) -> Option<String> {
        let (_, url) = self.doing.split_once("s3://")?;
        let bucket = url.split('/').next()?;
        let of_bucket = right.starts_with("s3:List") && right != "s3:ListMultipartUploadParts"
            || right.contains("Bucket")
            || right.contains("Configuration");
        Some(match of_bucket {
            true => format!(" on the bucket {bucket} itself"),
            false => format!(" on s3://{url}"),
        })
    }

    /// Whether the key with which the service encrypts can't be used, as S3 words it: `KMS.DisabledException`.
    pub(super) fn hint_of_kms(&self) -> Option<String> {
        if !self.why.contains("(KMS.") && !self.why.contains("(KMSKeyNotFound") {
            return None;
        }
        Some(match () {
            () if self.why.contains("NotFound") => {
                "there is no such KMS key in the bucket's region: correct PGCOFFER_SSE_KMS_KEY_ID (an ARN names its \
                 region), or the bucket's default encryption"
            }
            () if self.why.contains("Disabled") => {
                "the KMS key with which the bucket encrypts is switched off: `aws kms enable-key` switches it on; \
                 without it nothing there can be read, either"
            }
            () => {
                "the KMS key with which the bucket encrypts can't be used: see its state in KMS; a deletion that is \
                 planned can be cancelled there"
            }
        }
        .to_owned())
    }
}

fn of_kms(named: &Named<'_>) -> String {
    let action = named.action;
    let key = named.resource.unwrap_or("the bucket's KMS key");
    let option = named.resource.unwrap_or("KEY");
    let also = match action {
        "kms:GenerateDataKey" => "and kms:Decrypt as well, which uploads in parts need, ",
        _ => "",
    };
    format!(
        "allow {action} on {key} to these credentials, {also}in the key's own policy where it is another account's; \
         `pgcoffer policy --kms-key {option}` prints the policy with it"
    )
}

/// What the service names in its refusal, where it is written as an action and an ARN are.
fn named(why: &str) -> Option<Named<'_>> {
    let (_, rest) = why.split_once("not authorized to perform: ")?;
    let action = rest.split([' ', ',']).next()?;
    let is_action = |text: &str| {
        let (service, name) = text.split_once(':').unwrap_or_default();
        (2..=64).contains(&service.len())
            && !name.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':')
    };
    if !is_action(action) {
        return None;
    }
    let resource = rest.split_once(" on resource: ").and_then(|(_, behind)| {
        let text = behind.trim_start_matches('"').split(['"', ' ']).next()?;
        let is_sound = |b: u8| b.is_ascii_alphanumeric() || b":/._-*=+@".contains(&b);
        (text.starts_with("arn:") && text.bytes().all(is_sound)).then_some(text)
    });
    Some(Named { action, resource })
}

/// Which policy denies it whatever others allow, as AWS words it.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn denier(why: &str) -> Option<&'static str> {
    let explicit = why.contains("explicit deny");
    let kinds = [
        ("resource-based policy", "the bucket's own policy", true),
        (
            "service control policy",
            "a service control policy of the organization",
            false,
        ),
        (
            "resource control policy",
            "a resource control policy of the organization",
            false,
        ),
        (
            "permissions boundary",
            "the permissions boundary of the user or role",
            false,
        ),
        ("VPC endpoint policy", "the policy of the VPC endpoint", false),
        ("session policy", "the policy of the session", false),
        ("identity-based policy", "a policy of the user or role", true),
    ];
    let found = kinds
        .into_iter()
        .find(|(words, _, only_explicit)| why.contains(words) && (explicit || !only_explicit));
    found.map(|(_, name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    fn hint(doing: &str, why: &str) -> String {
        Error::new(Kind::Denied, doing, why).hint().unwrap_or_default()
    }

    #[test]
    fn the_right_and_the_place_are_named() {
        for (doing, words) in [
            (
                "list s3://acme/pg/main/records/",
                "allow s3:ListBucket on the bucket acme itself",
            ),
            (
                "read s3://acme/pg/main/records/x.pgc",
                "allow s3:GetObject on s3://acme/pg/main/records/x.pgc",
            ),
            ("write s3://acme/pg/x.pgc", "allow s3:PutObject on s3://acme/pg/x.pgc"),
            ("delete s3://acme/pg/x.pgc", "allow s3:DeleteObject"),
            ("begin the upload of s3://acme/x", "allow s3:PutObject"),
            (
                "read the tags of s3://acme/x",
                "allow s3:GetObjectTagging on s3://acme/x",
            ),
        ] {
            let hint = hint(doing, "Access Denied (AccessDenied, status 403)");
            assert!(hint.contains(words), "{doing}: {hint}");
            assert!(hint.contains("pgcoffer policy"), "{hint}");
        }
    }

    #[test]
    fn what_the_service_names_counts_more() {
        let why = "User: arn:aws:iam::1:user/x is not authorized to perform: kms:GenerateDataKey on resource: \
            arn:aws:kms:eu-west-1:1:key/12 because no identity-based policy allows the kms:GenerateDataKey action \
            (AccessDenied, status 403)";
        let hint_of_kms = hint("write s3://acme/x", why);
        for words in [
            "allow kms:GenerateDataKey on arn:aws:kms:eu-west-1:1:key/12",
            "kms:Decrypt",
            "--kms-key arn:aws:kms:eu-west-1:1:key/12",
        ] {
            assert!(hint_of_kms.contains(words), "{hint_of_kms}");
        }
        let why = "User: x is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::acme/x\" with an \
            explicit deny in a resource-based policy (AccessDenied, status 403)";
        let denied = hint("write s3://acme/x", why);
        assert!(
            denied.contains("the bucket's own policy denies s3:PutObject on arn:aws:s3:::acme/x"),
            "{denied}"
        );
        let hostile = "not authorized to perform: rm -rf / on resource: $(x) (AccessDenied, status 403)";
        assert!(hint("read s3://acme/x", hostile).contains("allow s3:GetObject on s3://acme/x"));
    }

    #[test]
    fn a_kms_key_that_can_not_be_used_is_told() {
        for (code, words) in [
            ("KMS.DisabledException", "switched off"),
            ("KMS.NotFoundException", "no such KMS key"),
            ("KMS.KMSInvalidStateException", "its state in KMS"),
        ] {
            let why = format!("x ({code}, status 400)");
            let error = Error::new(Kind::Other, "write s3://acme/x", why);
            assert!(error.hint().is_some_and(|hint| hint.contains(words)), "{code}");
        }
    }
}
