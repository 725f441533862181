//! The service of a place that is not the agent's bucket: its credentials, endpoint and region are settings of the
//! place, and nothing that the SDK finds for the bucket stands in for them.

use aws_config::{Region, SdkConfig};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::{
    Error, Kind,
    endpoint::{Endpoint, REGION_ELSEWHERE},
};
use crate::{plain_http::HttpHosts, redact::SecretText};

/// What a place says of its own service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnService {
    /// How the names of its settings begin, for messages: `PGCOFFER_COPY_OFFSITE`.
    pub settings: String,
    /// Its credentials.
    pub credentials: OwnCredentials,
    /// Its endpoint; none for AWS.
    pub endpoint: Option<String>,
    /// Its region; none for the one that the SDK finds.
    pub region: Option<String>,
}

/// The credentials of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnCredentials {
    /// An access key.
    Key {
        /// Its id.
        id: String,
        /// Its secret.
        secret: SecretText,
        /// The token of temporary credentials.
        token: Option<SecretText>,
    },
    /// A profile of `~/.aws`.
    Profile(String),
    /// Those that the SDK finds for the bucket, as somebody has said.
    OfBucket,
}

/// The type of a configuration that is not there.
#[derive(Debug)]
struct NoServiceConfig;

impl LoadServiceConfig for NoServiceConfig {
    fn load_config(&self, _: ServiceConfigKey<'_>) -> Option<String> {
        None
    }
}

impl OwnService {
    /// The settings for the client: those that the SDK finds, without the bucket's endpoint and with this region.
    pub(super) fn applied(&self, sdk: &SdkConfig, region: Option<&Region>) -> SdkConfig {
        let mut builder = sdk.to_builder();
        builder.set_endpoint_url(None);
        builder.set_service_config(None::<NoServiceConfig>);
        let own = self.region.clone().map(Region::new);
        let elsewhere = self.endpoint.is_some().then(|| Region::from_static(REGION_ELSEWHERE));
        builder.set_region(own.or(elsewhere).or_else(|| region.cloned()));
        builder.build()
    }

    /// The endpoint, if it may be reached.
    ///
    /// # Errors
    /// [`Kind::PlainHttp`] and [`Kind::Configuration`], as of the bucket's own endpoint.
    pub(super) fn endpoint(&self, http_hosts: &HttpHosts) -> Result<Option<Endpoint>, Error> {
        let Some(text) = &self.endpoint else {
            return Ok(None);
        };
        let setting = format!("{}_ENDPOINT_URL", self.settings);
        let doing = || format!("use the endpoint in {setting}");
        if let Err(refused) = http_hosts.check(text) {
            return Err(Error::new(Kind::PlainHttp, doing(), refused.to_string()).with_cure(format!(
                "write https:// in {setting}; where the whole way to that host is your own network, name the host in \
                 PGCOFFER_ALLOW_HTTP"
            )));
        }
        let endpoint = Endpoint::parse(text).map_err(|why| {
            Error::new(Kind::Configuration, doing(), why).with_cure(format!(
                "write it as in https://s3.example.com, in {setting}; AWS itself needs none"
            ))
        });
        endpoint.map(Some)
    }

    /// A hint with the names of this place's settings instead of those of the bucket.
    pub(super) fn named(&self, hint: &str) -> String {
        of_place(hint, &self.settings)
    }

    /// Where its credentials stand, for the hints of errors.
    pub(super) fn source(&self) -> String {
        let settings = &self.settings;
        match &self.credentials {
            OwnCredentials::Key { token: None, .. } => {
                format!("{settings}_ACCESS_KEY_ID and {settings}_SECRET_ACCESS_KEY")
            }
            OwnCredentials::Key { .. } => {
                format!("{settings}_ACCESS_KEY_ID, {settings}_SECRET_ACCESS_KEY and {settings}_SESSION_TOKEN")
            }
            OwnCredentials::Profile(name) => {
                format!("profile {name:?} of ~/.aws, which {settings}_CREDENTIALS names")
            }
            OwnCredentials::OfBucket => {
                format!("the bucket's own credentials, which {settings}_CREDENTIALS=bucket asks for")
            }
        }
    }

    /// What cures it that there are no credentials.
    pub(super) fn cure_of_none(&self) -> String {
        let source = self.source();
        match &self.credentials {
            OwnCredentials::Profile(_) => {
                format!("nothing was found in {source}: `aws configure list-profiles` shows which there are")
            }
            _ => format!("nothing was found in {source}"),
        }
    }

    /// What cures it that the service refuses the credentials with this code; none where more can't be told.
    pub(super) fn cure_of_refusal(&self, why: &str) -> Option<String> {
        let says = |code: &str| why.contains(&format!("({code},"));
        let source = self.source();
        let text = if says("InvalidAccessKeyId") || says("InvalidClientTokenId") {
            format!(
                "no key of that id is known at this place: look at {source}; the keys of the bucket are of no use \
                 here unless both are of the same account"
            )
        } else if says("SignatureDoesNotMatch") {
            format!("the secret is not the one of that key's id: look at {source}")
        } else if says("ExpiredToken") || says("InvalidToken") {
            format!(
                "these credentials were temporary and have run out, or their token is of another key: look at {source}"
            )
        } else {
            return None;
        };
        Some(text)
    }
}

/// Settings of the bucket, and how the names of those of a place end that mean the same there. A name that another one
/// begins with comes behind it.
const SAME_SETTINGS: [(&str, &str); 11] = [
    ("AWS_SECRET_ACCESS_KEY", "_SECRET_ACCESS_KEY"),
    ("AWS_ACCESS_KEY_ID", "_ACCESS_KEY_ID"),
    ("AWS_SESSION_TOKEN", "_SESSION_TOKEN"),
    ("AWS_ENDPOINT_URL_S3", "_ENDPOINT_URL"),
    ("AWS_PROFILE", "_CREDENTIALS"),
    ("AWS_REGION", "_REGION"),
    ("PGCOFFER_BUCKET", "_URL"),
    ("PGCOFFER_S3_PATH_STYLE", "_PATH_STYLE"),
    ("PGCOFFER_STORAGE_CLASS", "_STORAGE_CLASS"),
    ("PGCOFFER_LOCK", "_LOCK"),
    ("PGCOFFER_MODE=drop-box", "_URL"),
];

/// What was written of the bucket, with the names of the settings of a place, which begin with `settings`.
pub(in crate::store) fn of_place(text: &str, settings: &str) -> String {
    let mut text = text.to_owned();
    for (of_bucket, end) in SAME_SETTINGS {
        text = text.replace(of_bucket, &format!("{settings}{end}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(credentials: OwnCredentials) -> OwnService {
        OwnService {
            settings: "PGCOFFER_COPY_OFFSITE".to_owned(),
            credentials,
            endpoint: None,
            region: None,
        }
    }

    #[test]
    fn a_hint_names_the_settings_of_the_place() {
        let own = own(OwnCredentials::OfBucket);
        assert_eq!(
            own.named("check AWS_ENDPOINT_URL_S3 and AWS_REGION, and PGCOFFER_S3_PATH_STYLE=true"),
            "check PGCOFFER_COPY_OFFSITE_ENDPOINT_URL and PGCOFFER_COPY_OFFSITE_REGION, and \
             PGCOFFER_COPY_OFFSITE_PATH_STYLE=true"
        );
        assert!(
            !own.named("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
                .contains("AWS_")
        );
    }

    #[test]
    fn a_refusal_says_which_setting_is_meant() {
        let key = OwnCredentials::Key {
            id: "AKIA".to_owned(),
            secret: SecretText::new("s3cret".to_owned()),
            token: None,
        };
        let own = own(key);
        for code in ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"] {
            let cure = own
                .cure_of_refusal(&format!("words ({code}, status 403)"))
                .unwrap_or_default();
            assert!(cure.contains("PGCOFFER_COPY_OFFSITE_ACCESS_KEY_ID"), "{cure}");
        }
        assert_eq!(own.cure_of_refusal("words (AccessDenied, status 403)"), None);
        assert!(!format!("{own:?}").contains("s3cret"));
    }
}
