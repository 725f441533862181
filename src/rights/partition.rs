//! AWS's partitions: each has its own name in ARNs and its own host names.
//!
//! <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>

/// A partition: its name in ARNs, the beginnings of its regions, the endings of its host names. The first one has all
/// other regions.
const PARTITIONS: [(&str, &[&str], &[&str]); 8] = [
    ("aws", &[], &["amazonaws.com", "api.aws"]),
    (
        "aws-cn",
        &["cn-"],
        &["amazonaws.com.cn", "api.amazonwebservices.com.cn"],
    ),
    ("aws-us-gov", &["us-gov-"], &["amazonaws.com", "api.aws"]),
    ("aws-eusc", &["eusc-"], &["amazonaws.eu", "api.amazonwebservices.eu"]),
    ("aws-iso", &["us-iso-"], &["c2s.ic.gov"]),
    ("aws-iso-b", &["us-isob-"], &["sc2s.sgov.gov"]),
    ("aws-iso-e", &["eu-isoe-"], &["cloud.adc-e.uk"]),
    ("aws-iso-f", &["us-isof-"], &["csp.hci.ic.gov"]),
];

/// The AWS partition of a region.
#[must_use]
pub fn partition(region: Option<&str>) -> &'static str {
    let region = region.unwrap_or_default();
    let has = |begins: &[&str]| begins.iter().any(|begin| region.starts_with(begin));
    let found = PARTITIONS.iter().find(|(_, begins, _)| has(begins));
    found.map_or(PARTITIONS[0].0, |(name, ..)| *name)
}

/// The ending of the host names of a partition's services.
pub(super) fn suffix(partition: &str) -> &'static str {
    let found = PARTITIONS.iter().find(|(name, ..)| *name == partition);
    found.map_or(PARTITIONS[0].2, |(.., suffixes)| *suffixes)[0]
}

/// Whether a host belongs to AWS.
pub(super) fn is_of_aws(host: &str) -> bool {
    let mut suffixes = PARTITIONS.iter().flat_map(|(.., suffixes)| *suffixes);
    suffixes.any(|suffix| {
        let before = host.strip_suffix(suffix);
        before.is_some_and(|before| before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_their_partition_and_its_hosts() {
        for (region, name, end) in [
            ("eu-central-1", "aws", "amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ] {
            assert_eq!(partition(Some(region)), name);
            assert_eq!(suffix(name), end);
        }
        assert_eq!(partition(None), "aws");
        for host in [
            "s3.eusc-de-east-1.amazonaws.eu",
            "s3.cn-north-1.amazonaws.com.cn",
            "s3.us-iso-east-1.c2s.ic.gov",
            "bucket.s3.dualstack.eu-west-1.api.aws",
        ] {
            assert!(is_of_aws(host), "{host}");
        }
        assert!(!is_of_aws("notamazonaws.com") && !is_of_aws("amazonaws.com.evil.example"));
    }
}
