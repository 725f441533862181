//! What the environment says of credentials, by the names of its variables: so that a failure names the one that is
//! missing. Their texts are never kept.

use std::ffi::OsString;

use crate::store::s3::proxy::ProxyVariables;

/// Names under which others keep credentials of S3, and the names that count.
const OTHERS: [(&str, &str); 8] = [
    ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ("AWS_KEY_ID", "AWS_ACCESS_KEY_ID"),
    ("AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_SECRET", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_SECRET_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
    ("SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_TOKEN", "AWS_SESSION_TOKEN"),
];

/// Which variables of credentials are set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialVariables {
    /// `AWS_ACCESS_KEY_ID`.
    id: bool,
    /// `AWS_SECRET_ACCESS_KEY`.
    secret: bool,
    /// `AWS_SESSION_TOKEN`.
    token: bool,
    /// The id is one of temporary credentials, by its beginning.
    temporary: bool,
    /// The name in `AWS_PROFILE`, which is no secret.
    profile: Option<String>,
    /// A variable that is set under a name which nothing reads, and the name that was meant.
    misnamed: Option<(String, &'static str)>,
    /// The proxies that requests go through.
    pub(in crate::store::s3) proxies: ProxyVariables,
}

impl CredentialVariables {
    /// Looks at the names of variables, and at no text but that of `AWS_PROFILE` and the beginning of the id.
    #[must_use]
    pub fn of(variables: &[(OsString, OsString)]) -> Self {
        let find = |name: &str| {
            let mut set = variables.iter().filter(|(_, value)| !value.is_empty());
            set.find(|(found, _)| found == name).map(|(_, value)| value)
        };
        let has = |name: &str| find(name).is_some();
        let id = find("AWS_ACCESS_KEY_ID");
        // ids of AWS STS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        let temporary = id.and_then(|id| id.to_str()).is_some_and(|id| id.starts_with("ASIA"));
        let misnamed = || {
            let mut names = variables.iter().filter_map(|(name, _)| name.to_str());
            let lower = names.find_map(|name| {
                let meant = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
                let is_it = |meant: &&str| name != *meant && name.eq_ignore_ascii_case(meant);
                meant.into_iter().find(is_it).map(|meant| (name.to_owned(), meant))
            });
            let mut others = OTHERS.iter().filter(|(name, meant)| has(name) && !has(meant));
            let other = others.next().map(|(name, meant)| ((*name).to_owned(), *meant));
            let with_prefix = variables.iter().filter_map(|(name, _)| name.to_str()).find_map(|name| {
                let meant = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
                let is_it = |meant: &&str| name != *meant && name.ends_with(meant) && !has(meant);
                meant.into_iter().find(is_it).map(|meant| (name.to_owned(), meant))
            });
            lower.or(other).or(with_prefix)
        };
        Self {
            id: id.is_some(),
            secret: has("AWS_SECRET_ACCESS_KEY"),
            token: has("AWS_SESSION_TOKEN"),
            temporary,
            profile: find("AWS_PROFILE").and_then(|name| name.to_str()).map(str::to_owned),
            misnamed: misnamed(),
            proxies: ProxyVariables::of(variables),
        }
    }

    /// That one half is set alone, in the place of what the sources say that were asked for the other.
    pub(in crate::store::s3) fn half(&self) -> Option<&'static str> {
        match (self.id, self.secret) {
            (true, false) => Some("there are no credentials for the bucket, only the id of a key"),
            (false, true) => Some("there are no credentials for the bucket, only the secret of a key"),
            _ => None,
        }
    }

    /// What cures it that no credentials were found; `why` is what the SDK says. None where more can't be told.
    pub(in crate::store::s3) fn cure_of_none(&self, why: &str) -> Option<String> {
        let missing = match (self.id, self.secret) {
            (true, false) => Some(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
            (false, true) => Some(("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
            _ => None,
        };
        let misnamed = self
            .misnamed
            .as_ref()
            .map(|(name, meant)| format!("{name} is set, and is not read: its name is {meant}"));
        if let Some((set, missing)) = missing {
            let also = misnamed.map_or_else(String::new, |misnamed| format!("; {misnamed}"));
            return Some(format!(
                "{set} is set, and {missing} is not: only both together are credentials{also}"
            ));
        }
        if let Some(name) = &self.profile {
            // the SDK's words for a profile that isn't there
            return Some(match why.contains("was not defined") && why.contains(name.as_str()) {
                true => format!(
                    "AWS_PROFILE names {name:?}, and ~/.aws has no such profile: `aws configure list-profiles` shows \
                     which there are; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ),
                false => format!(
                    "AWS_PROFILE names {name:?}, which gives no credentials: write aws_access_key_id and \
                     aws_secret_access_key (or role_arn, or a login by SSO) below it in ~/.aws/credentials, or set \
                     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                ),
            });
        }
        misnamed
    }

    /// What cures it that the service refuses the credentials with this code; none where more can't be told.
    pub(in crate::store::s3) fn cure_of_refusal(&self, why: &str) -> Option<String> {
        let says = |code: &str| why.contains(&format!("({code},"));
        if self.temporary && !self.token {
            return Some(
                "AWS_ACCESS_KEY_ID begins with ASIA: such keys are temporary, and need AWS_SESSION_TOKEN as well"
                    .to_owned(),
            );
        }
        let place = match (self.id, &self.profile) {
            (true, _) => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
            (false, Some(profile)) => format!("profile {profile:?} of ~/.aws"),
            (false, None) => "where the credentials come from (~/.aws, or a role)".to_owned(),
        };
        let text = match () {
            () if says("InvalidAccessKeyId") || says("InvalidClientTokenId") => format!(
                "no key of that id is known there: look at {place}; it may be mistyped, deleted or switched off, or of \
                 another service than answers at the endpoint"
            ),
            () if says("SignatureDoesNotMatch") => format!(
                "the secret is not the one of that key's id: look at {place}; a / or + belongs to it, quotes around it \
                 don't"
            ),
            () if says("ExpiredToken") || says("ExpiredTokenException") || says("TokenRefreshRequired") => format!(
                "these credentials were temporary, and have run out: look at {place}; get new ones (`aws sso login`, \
                 or the key with its AWS_SESSION_TOKEN anew), or use a key that has no end, or a role"
            ),
            () if says("InvalidToken") => format!(
                "the session token is not one of that key: look at {place}; keys that are not temporary have none, so \
                 unset AWS_SESSION_TOKEN with them"
            ),
            () => return None,
        };
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> CredentialVariables {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        CredentialVariables::of(&variables)
    }

    #[test]
    fn the_missing_half_is_named() {
        for (variables, words) in [
            (&[("AWS_ACCESS_KEY_ID", "AKIA")][..], "AWS_SECRET_ACCESS_KEY is not"),
            (&[("AWS_SECRET_ACCESS_KEY", "x")], "AWS_ACCESS_KEY_ID is not"),
            (
                &[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_KEY", "x")],
                "AWS_SECRET_KEY is set, and is not read: its name is AWS_SECRET_ACCESS_KEY",
            ),
            (
                &[("aws_access_key_id", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")],
                "aws_access_key_id is set",
            ),
            (
                &[("BUCKETEER_AWS_ACCESS_KEY_ID", "AKIA")],
                "BUCKETEER_AWS_ACCESS_KEY_ID is set, and is not read",
            ),
        ] {
            let cure = of(variables).cure_of_none("").unwrap_or_default();
            assert!(cure.contains(words), "{cure}");
        }
        assert_eq!(of(&[("HOME", "/root")]).cure_of_none(""), None);
    }

    #[test]
    fn a_profile_is_named() {
        let of = of(&[("AWS_PROFILE", "prod")]);
        let missing = of.cure_of_none("profile `prod` was not defined: could not find source profile prod");
        assert!(missing.is_some_and(|cure| cure.contains("no such profile")));
        let empty = of.cure_of_none("no credentials were found");
        assert!(empty.is_some_and(|cure| cure.contains("gives no credentials")));
    }

    #[test]
    fn a_refusal_is_cured_by_its_code() {
        let whole = of(&[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")]);
        for (code, words) in [
            ("InvalidAccessKeyId", "no key of that id"),
            ("SignatureDoesNotMatch", "the secret is not the one"),
            ("ExpiredToken", "have run out"),
            ("InvalidToken", "unset AWS_SESSION_TOKEN"),
        ] {
            let cure = whole.cure_of_refusal(&format!("words ({code}, status 403)"));
            assert!(cure.is_some_and(|cure| cure.contains(words)), "{code}");
        }
        let half = of(&[("AWS_ACCESS_KEY_ID", "ASIA"), ("AWS_SECRET_ACCESS_KEY", "x")]);
        let cure = half.cure_of_refusal("(InvalidAccessKeyId, status 403)");
        assert!(cure.is_some_and(|cure| cure.contains("AWS_SESSION_TOKEN as well")));
    }
}
