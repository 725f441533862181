//! The service's endpoint, from the SDK's settings.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use reqwest::Url;

use super::{BucketLocation, Error, Kind};
use crate::{plain_http::HttpHosts, rights::Service};

/// The ids of the services that are sent credentials of the SDK's chain. S3 gets requests that are signed with them.
const SERVICES: [&str; 4] = ["S3", "STS", "SSO", "SSO OIDC"];

/// The region for services other than AWS: signatures need one, and they accept this one.
pub(super) const REGION_ELSEWHERE: &str = "us-east-1";

/// The endpoint that is configured for S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint(Url);

/// A setting of a service, searched as the SDK does: the service's own before the general one, the environment before
/// profiles.
pub(super) fn setting(sdk: &SdkConfig, service: &str, variable: &str, in_profile: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env(variable)
        .profile(in_profile)
        .build()
        .ok()?;
    sdk.service_config()?.load_config(key)
}

/// The endpoint of S3, if one is configured. Checks the other services' endpoints as well, since each is sent a secret.
pub(super) fn checked(sdk: &SdkConfig, http_hosts: &HttpHosts) -> Result<Option<Endpoint>, Error> {
    let mut of_s3 = None;
    for service in SERVICES {
        let own = setting(sdk, service, "AWS_ENDPOINT_URL", "endpoint_url");
        let Some(text) = own.or_else(|| sdk.endpoint_url().map(str::to_owned)) else {
            continue;
        };
        let doing = || format!("use the endpoint that is configured for {service}");
        if let Err(refused) = http_hosts.check(&text) {
            return Err(Error::new(Kind::PlainHttp, doing(), refused.to_string()));
        }
        let endpoint = Endpoint::parse(&text).map_err(|why| {
            let cure = match service {
                "S3" => {
                    "write it as in https://s3.example.com, in AWS_ENDPOINT_URL_S3 (or AWS_ENDPOINT_URL, or \
                 endpoint_url in ~/.aws/config); AWS itself needs none"
                }
                _ => {
                    "write it as in https://sts.example.com, or unset it for AWS's own: it stands in a variable that \
                    begins with AWS_ENDPOINT_URL, or in ~/.aws/config"
                }
            };
            Error::new(Kind::Configuration, doing(), why).with_cure(cure)
        })?;
        if service == "S3" {
            of_s3 = Some(endpoint);
        }
    }
    Ok(of_s3)
}

impl Endpoint {
    /// Parses a URL that the SDK can use as well. The error doesn't repeat the text, which may contain a secret.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|e| format!("it is no URL: {e}"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err("it is no URL that begins with https://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user name stands in it, which S3 has not".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a question mark or a # in it".to_owned());
        }
        // the SDK's parser is stricter, and would fail at every request
        let uri = text.parse::<hyper::Uri>().map_err(|e| e.to_string())?;
        let host = uri.host().filter(|host| !host.is_empty());
        match (uri.scheme_str(), host) {
            (Some(_), Some(_)) => Ok(Self(url)),
            _ => Err("it has no host".to_owned()),
        }
    }

    /// The URL for the SDK, which appends the bucket's name to it.
    pub(super) fn url(&self) -> String {
        let text = self.0.as_str();
        match text.ends_with('/') {
            true => text.to_owned(),
            false => format!("{text}/"),
        }
    }

    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        let port = self.0.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.host())
    }

    pub(super) fn is_over_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(super) fn is_aws(&self) -> bool {
        Service::at(Some(self.0.as_str())) == Service::Aws
    }

    pub(super) fn has_path(&self) -> bool {
        !self.0.path().trim_matches('/').is_empty()
    }

    /// The most parts of an upload, if this service is known to accept fewer.
    pub(super) fn parts_max(&self) -> Option<u32> {
        // https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads/
        self.host().ends_with(".scw.cloud").then_some(1000)
    }

    /// Whether it contains the bucket already, which the SDK would then add again.
    pub(super) fn holds(&self, location: &BucketLocation) -> bool {
        let bucket = location.bucket.as_str();
        let in_host = self.host().strip_prefix(&bucket.to_ascii_lowercase());
        let mut folders = self.0.path().split('/');
        in_host.is_some_and(|rest| rest.starts_with('.')) || folders.any(|one| one == bucket)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap()
    }

    #[test]
    fn a_path_ends_with_a_slash_for_the_bucket_to_follow() {
        for (text, url, has_path) in [
            (
                "https://x.supabase.co/storage/v1/s3",
                "https://x.supabase.co/storage/v1/s3/",
                true,
            ),
            ("http://127.0.0.1:1/a/", "http://127.0.0.1:1/a/", true),
            ("https://s3.example.com", "https://s3.example.com/", false),
            ("https://s3.example.com:9000/", "https://s3.example.com:9000/", false),
        ] {
            assert_eq!(endpoint(text).url(), url);
            assert_eq!(endpoint(text).has_path(), has_path, "{text}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_told_before_anything_is_sent() {
        for bad in [
            "s3.example.com",
            "s3.example.com:9000",
            "https//s3.example.com",
            "https://",
            "https:///path",
            "ftp://s3.example.com",
            "https://s3 example.com",
            "https://user:s3cret@s3.example.com",
            "https://s3.example.com/?x=s3cret",
            "h\tttps://s3.example.com",
        ] {
            let why = Endpoint::parse(bad).unwrap_err();
            assert!(!why.contains("s3cret"), "{why}");
        }
    }

    #[test]
    fn aws_is_told_from_others_by_its_host_and_tls_by_the_scheme() {
        assert!(endpoint("https://s3.eu-central-1.amazonaws.com").is_aws());
        assert!(endpoint("https://b.vpce-1.s3.eu-west-1.vpce.amazonaws.com:443/x").is_aws());
        assert!(!endpoint("http://127.0.0.1:9000").is_aws());
        assert!(!endpoint("https://evil.example/.amazonaws.com").is_aws());
        assert!(endpoint("HTTPS://s3.example").is_over_tls());
        assert!(!endpoint("http://s3.example").is_over_tls());
    }

    #[test]
    fn the_name_of_the_bucket_is_seen_in_an_endpoint() {
        let location = BucketLocation {
            bucket: "Shop-1".to_owned(),
            prefix: "backups".to_owned(),
        };
        let holds = |text| endpoint(text).holds(&location);
        assert!(holds("https://shop-1.s3.example.com") && holds("https://h/Shop-1"));
        assert!(!holds("https://s3.example.com/backups") && !holds("https://shop-11.example.com"));
    }
}
