//! How services differ in policies: which actions and conditions each supports. With an unsupported one, a service
//! refuses the whole policy, or its condition is never true.

use std::{fmt, str::FromStr};

use super::{AccessMode, S3Action, partition::is_of_aws};
use crate::plain_http::host_of;

/// The service that a policy is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3.
    #[default]
    Aws,
    /// Wasabi, which has its own IAM with the same rules.
    Wasabi,
    /// Ceph's RGW: Hetzner, OVH, DigitalOcean and many others.
    Ceph,
    /// MinIO.
    Minio,
    /// Cloudflare R2, which has tokens and no policies.
    R2,
    /// Backblaze B2, which has keys with capabilities and no policies.
    B2,
    /// Any other service: only what all services support.
    Other,
}

impl Service {
    /// All services.
    pub const ALL: [Self; 7] = [
        Self::Aws,
        Self::Wasabi,
        Self::Ceph,
        Self::Minio,
        Self::R2,
        Self::B2,
        Self::Other,
    ];

    /// The service's name in options.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Wasabi => "wasabi",
            Self::Ceph => "ceph",
            Self::Minio => "minio",
            Self::R2 => "r2",
            Self::B2 => "b2",
            Self::Other => "other",
        }
    }

    /// The service behind an endpoint; `None` means AWS.
    #[must_use]
    pub fn at(endpoint: Option<&str>) -> Self {
        let Some(endpoint) = endpoint.map(str::trim).filter(|text| !text.is_empty()) else {
            return Self::Aws;
        };
        let host = host_of(endpoint).or_else(|| host_of(&format!("https://{endpoint}")));
        let Some(host) = host else {
            return Self::Other;
        };
        if is_of_aws(&host) {
            return Self::Aws;
        }
        let hosts: [(&str, Self); 5] = [
            (".wasabisys.com", Self::Wasabi),
            (".r2.cloudflarestorage.com", Self::R2),
            (".backblazeb2.com", Self::B2),
            (".your-objectstorage.com", Self::Ceph),
            (".digitaloceanspaces.com", Self::Ceph),
        ];
        let found = hosts.iter().find(|(end, _)| host.ends_with(end));
        found.map_or(Self::Other, |(_, service)| *service)
    }

    /// The action's name in this service's policies; `None` if the service doesn't support it.
    #[must_use]
    pub fn name_of(self, action: S3Action) -> Option<&'static str> {
        use S3Action as A;
        let known = match self {
            Self::Aws | Self::Wasabi => true,
            // src/rgw/rgw_iam_policy.cc of Ceph uses the name of the request
            Self::Ceph if action == A::GetEncryptionConfiguration => {
                return Some("s3:GetBucketEncryption");
            }
            Self::Ceph => true,
            // https://github.com/minio/pkg/blob/main/policy/action.go
            Self::Minio => !matches!(action, A::GetBucketPublicAccessBlock | A::PutObjectAcl),
            Self::R2 | Self::B2 => false,
            Self::Other => !matches!(
                action,
                A::GetEncryptionConfiguration
                    | A::PutObjectAcl
                    | A::GetBucketPublicAccessBlock
                    | A::GetBucketPolicyStatus
                    | A::GetBucketObjectLockConfiguration
            ),
        };
        known.then_some(action.as_str())
    }

    /// Whether it supports conditions on `If-None-Match` and on the kind of write. Other services refuse them, or the
    /// condition is never true, which would forbid all writing.
    pub(super) fn has_conditions_on_writes(self) -> bool {
        self == Self::Aws
    }

    /// Whether it supports conditions on the end and the mode of a lock.
    pub(super) fn has_conditions_on_locks(self) -> bool {
        self == Self::Aws
    }

    /// Whether it supports the condition on TLS. Other services see plain HTTP from their own proxy.
    pub(super) fn tells_tls(self) -> bool {
        matches!(self, Self::Aws | Self::Wasabi)
    }

    /// Whether its policies can name KMS keys.
    pub(super) fn has_kms(self) -> bool {
        self == Self::Aws
    }

    /// What to create instead of a policy, if the service has none.
    #[must_use]
    pub fn instead_of_policies(self, mode: AccessMode) -> Option<&'static str> {
        match (self, mode) {
            (Self::R2, AccessMode::Restore) => {
                Some("create an API token with \"Object Read only\" for only this bucket (R2, Manage API tokens)")
            }
            (Self::R2, AccessMode::DropBox) => Some(
                "R2 has no token that can only write: use mode full, with \"Object Read & Write\" for only this bucket \
                 and a bucket lock rule",
            ),
            (Self::R2, _) => {
                Some("create an API token with \"Object Read & Write\" for only this bucket (R2, Manage API tokens)")
            }
            (Self::B2, AccessMode::Restore) => Some(
                "create an application key for this bucket and the prefix with the capabilities listBuckets, \
                 listFiles, readFiles",
            ),
            (Self::B2, AccessMode::DropBox) => {
                Some("create an application key for this bucket and the prefix with only the capability writeFiles")
            }
            (Self::B2, AccessMode::Prune) => Some(
                "create an application key for this bucket and the prefix with the capabilities listBuckets, \
                 listFiles, readFiles, deleteFiles",
            ),
            (Self::B2, AccessMode::Full) => Some(
                "create an application key for this bucket and the prefix with the capabilities listBuckets, \
                 listFiles, readFiles, writeFiles, deleteFiles",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|service| service.as_str() == text.to_ascii_lowercase())
            .ok_or_else(|| {
                format!(
                    "{text:?} is not a service: services are aws, wasabi, ceph, minio, r2, b2 and \
                                    other"
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_its_host() {
        for (endpoint, service) in [
            (None, Service::Aws),
            (Some(""), Service::Aws),
            (Some("https://s3.eu-central-1.amazonaws.com"), Service::Aws),
            (Some("https://s3.EU-central-1.wasabisys.com:443/"), Service::Wasabi),
            (Some("https://1234.r2.cloudflarestorage.com"), Service::R2),
            (Some("s3.us-west-004.backblazeb2.com"), Service::B2),
            (Some("https://s3.eusc-de-east-1.amazonaws.eu"), Service::Aws),
            (Some("s3.us-west-004.backblazeb2.com:443"), Service::B2),
            (Some("http://127.0.0.1:9000"), Service::Other),
            (Some("https://evil.example/.amazonaws.com"), Service::Other),
        ] {
            assert_eq!(Service::at(endpoint), service, "{endpoint:?}");
        }
    }

    #[test]
    fn what_other_services_get_is_what_all_know() {
        for mode in AccessMode::ALL {
            for action in mode.actions(true).into_iter().chain(S3Action::SETTINGS) {
                if Service::Other.name_of(action).is_some() {
                    for service in [Service::Aws, Service::Wasabi, Service::Ceph, Service::Minio] {
                        assert_eq!(service.name_of(action), Some(action.as_str()));
                    }
                }
            }
        }
    }
}
