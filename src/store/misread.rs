//! What people write in the place of `s3://bucket/prefix`, and what they should write: an address of the bucket, of the
//! console, an ARN, a path, another tool's spelling. Pure: it looks at nothing but the text, and repeats nothing of it
//! but names of buckets, prefixes, hosts and regions, since the rest may be a signature.

use super::{bucket_location::BucketLocation, sftp_location::SftpLocation};
use crate::{redact::holds_key, text::shell_word};

/// Why a text is no place, and what to write instead.
pub(super) struct Misread {
    pub(super) why: &'static str,
    pub(super) cure: String,
}

impl Misread {
    fn new(why: &'static str, cure: impl Into<String>) -> Self {
        Self { why, cure: cure.into() }
    }
}

const FORM: &str = "write s3://bucket/prefix, or a folder as file:///path/to/folder";

/// Reads a text that is neither `s3://…` nor `file://…`.
pub(super) fn misread(text: &str) -> Misread {
    let lower = text.to_ascii_lowercase();
    if holds_key(text) {
        return Misread::new("it looks like a key, and no bucket has such a name", FORM);
    }
    if lower.starts_with("arn:") {
        return arn(text);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => address(rest, scheme),
            "s3" => Misread::new("its scheme is in upper case", format!("write s3://{rest}")),
            "file" => Misread::new("its scheme is in upper case", format!("write file://{rest}")),
            "s3a" | "s3n" => Misread::new("that is how Hadoop writes it", format!("write {}", place(rest, ""))),
            "scp" | "ssh" | "sftp" => Misread::new(
                "a folder on a server is written with sftp://",
                "write sftp://user@host/path/to/folder",
            ),
            scheme => other_scheme(scheme, rest),
        };
    }
    for start in ["s3:", "s3/", "s3//"] {
        if lower.starts_with(start) {
            let rest = text[start.len()..].trim_start_matches([':', '/', ' ']);
            return Misread::new(
                "two slashes belong behind s3:, with nothing between",
                format!("write {}", place(rest, "")),
            );
        }
    }
    if lower.starts_with("file:") || text.starts_with('/') {
        let path = text
            .trim_start_matches(|c: char| c.is_ascii_alphabetic())
            .trim_start_matches([':', '/']);
        let cure = format!("write a folder as file:///{path}, with three slashes");
        return Misread::new("a folder is written with file:// and its whole path", cure);
    }
    if text.starts_with('~') || text.starts_with('.') || text.starts_with('$') {
        let cure = "write the whole path, as in file:///home/me/backups: nothing is filled in here";
        return Misread::new("a folder is written with file:// and its whole path", cure);
    }
    if is_host_of_aws(text.split('/').next().unwrap_or_default()) {
        return address(text, "https");
    }
    match is_bucket_of_aws(text.split('/').next().unwrap_or_default()) && BucketLocation::parse(text).is_ok() {
        true => Misread::new("the scheme is missing", format!("write s3://{text}")),
        false => match of_scp(text) {
            Some(written) => Misread::new(
                "a folder on a server is written with sftp://",
                format!("write {written}"),
            ),
            None => Misread::new("it should look like s3://bucket/prefix or file:///path/to/folder", FORM),
        },
    }
}

/// `user@host:path`, as scp and rsync write a folder on a server, in the form of an address.
fn of_scp(text: &str) -> Option<String> {
    let (server, path) = text.split_once(':')?;
    let path = match path.strip_prefix('/') {
        Some(path) => path.to_owned(),
        // where a login starts
        None => format!("~/{}", path.trim_start_matches("~/")),
    };
    // behind a colon in its user could stand a password, which is not repeated
    SftpLocation::parse(&format!("{server}/{path}"))
        .ok()
        .map(|server| server.to_string())
}

/// Reads what stands behind `s3://` where that is a place's address, and not a bucket's name.
pub(super) fn misread_bucket(rest: &str) -> Option<Misread> {
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if rest.to_ascii_lowercase().starts_with("arn:") {
        return Some(arn(rest));
    }
    if is_host_of_aws(host) {
        return Some(address(rest, "https"));
    }
    if let Some((before, behind)) = rest.split_once(char::is_whitespace) {
        return Some(match behind.trim_start().starts_with('#') {
            true => Misread::new(
                "a blank stands in it, and behind that what looks like a comment, which is a part of the value here",
                format!("write {} alone", place(before, "")),
            ),
            false => Misread::new(
                "a blank stands in it",
                "write s3://bucket/prefix without one: neither buckets nor prefixes have blanks here",
            ),
        });
    }
    if host.is_empty() && rest.starts_with('/') {
        return Some(Misread::new(
            "three slashes stand behind s3:",
            format!("write {}", place(rest, "")),
        ));
    }
    if rest.split_once("//").is_some_and(|(before, _)| before.ends_with(':')) {
        let cure = "write the bucket's name behind s3://, and the address of the service in AWS_ENDPOINT_URL_S3";
        return Some(Misread::new("an address stands in it", cure));
    }
    if rest.contains('?') {
        let cure = "write s3://bucket/prefix alone: region and address stand in AWS_REGION and AWS_ENDPOINT_URL_S3";
        return Some(Misread::new("a question mark stands in it", cure));
    }
    if rest.contains('*') {
        return Some(Misread::new(
            "a * stands in it",
            "write the prefix itself: everything below it is meant",
        ));
    }
    if host.contains('@') {
        let cure = "write s3://bucket/prefix, and credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Some(Misread::new("credentials stand in it", cure));
    }
    if let Some((name, port)) = host.split_once(':') {
        let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let cure = match is_port {
            true => format!("write the address {name}:{port} in AWS_ENDPOINT_URL_S3, and s3://bucket/prefix here"),
            false => "write s3://bucket/prefix: a slash stands between them".to_owned(),
        };
        return Some(Misread::new("a colon stands in the bucket's name", cure));
    }
    if rest.contains(['<', '>', '{', '}', '$', '%']) {
        let cure = "put the bucket's own name in the place of what stands for it";
        return Some(Misread::new("a placeholder stands in it", cure));
    }
    None
}

/// `arn:aws:s3:::bucket/prefix`, and those of access points.
fn arn(text: &str) -> Misread {
    let mut parts = text.splitn(6, ':').skip(1);
    let (_, service) = (parts.next(), parts.next().unwrap_or_default());
    let (region, _, resource) = (
        parts.next().unwrap_or_default(),
        parts.next(),
        parts.next().unwrap_or_default(),
    );
    if service != "s3" || resource.is_empty() {
        return Misread::new("it is the ARN of something else than a bucket", FORM);
    }
    if resource.starts_with("accesspoint") {
        let cure = "write the access point's alias, which ends with -s3alias, as a bucket's name: s3://ALIAS/prefix \
            (`aws s3control get-access-point` shows it)";
        return Misread::new("it is the ARN of an access point", cure);
    }
    let resource = resource.trim_end_matches('*').trim_end_matches('/');
    Misread::new("it is an ARN", format!("write {}", place(resource, region)))
}

/// An address behind `https://`: of a bucket, of the console, or of another service.
fn address(rest: &str, scheme: &str) -> Misread {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.split('#').next().unwrap_or_default();
    let (host, path) = path.split_once('/').unwrap_or((path, ""));
    let host = host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let bare = host.split(':').next().unwrap_or_default();
    if bare.ends_with("console.aws.amazon.com") {
        return console(bare, path, query);
    }
    if is_host_of_aws(bare) {
        return of_aws(bare, path);
    }
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    let endpoint = format!("{}://{host}", scheme.to_ascii_lowercase());
    // services that put the bucket's name before their own
    let known = [
        ".digitaloceanspaces.com",
        ".backblazeb2.com",
        ".wasabisys.com",
        ".scw.cloud",
        ".your-objectstorage.com",
        ".linodeobjects.com",
        ".cloud.ovh.net",
        ".storage.dev",
        ".tigris.dev",
        ".idrivee2.com",
    ];
    let of_known = known.iter().any(|end| bare.ends_with(end));
    let labels = bare.split('.').count();
    let usual = if bare.ends_with(".digitaloceanspaces.com") {
        3
    } else {
        4
    };
    let name = host.split_once('.').filter(|_| of_known && labels > usual);
    let (endpoint, target) = match name {
        Some((bucket, service)) => {
            let endpoint = format!("{}://{service}", scheme.to_ascii_lowercase());
            (endpoint, place(&format!("{bucket}/{path}"), ""))
        }
        None if bucket.is_empty() => (endpoint, "s3://bucket/prefix".to_owned()),
        None => (endpoint, place(&format!("{bucket}/{prefix}"), "")),
    };
    Misread::new(
        "it is an address",
        format!("write {target} here, and AWS_ENDPOINT_URL_S3={}", shell_word(&endpoint)),
    )
}

/// `https://s3.console.aws.amazon.com/s3/buckets/NAME?region=R&prefix=P`.
fn console(host: &str, path: &str, query: &str) -> Misread {
    let mut steps = path.trim_matches('/').split('/');
    let is_bucket = steps.next() == Some("s3") && matches!(steps.next(), Some("buckets" | "object"));
    let field = |name: &str| {
        let mut fields = query.split('&').filter_map(|pair| pair.split_once('='));
        fields.find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    let in_host = host
        .split('.')
        .next()
        .filter(|label| label.contains('-'))
        .unwrap_or_default();
    let region = field("region").unwrap_or(in_host);
    let prefix = percent_encoding::percent_decode_str(field("prefix").unwrap_or_default()).decode_utf8_lossy();
    match steps.next().filter(|_| is_bucket) {
        Some(bucket) => Misread::new(
            "it is the address of a page of AWS's console",
            format!("write {}", place(&format!("{bucket}/{prefix}"), region)),
        ),
        None => Misread::new("it is the address of a page of AWS's console", FORM),
    }
}

/// Whether AWS would make a bucket of that name today. A word that is none may be a secret, and is not repeated.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket_of_aws(name: &str) -> bool {
    let is_end = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| is_end(&b) || b == b'-' || b == b'.')
        && [name.as_bytes().first(), name.as_bytes().last()]
            .into_iter()
            .flatten()
            .all(is_end)
}

/// Whether a host is one at which AWS answers for S3.
fn is_host_of_aws(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let of_aws = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"];
    of_aws.iter().any(|end| host.ends_with(end)) && host.split('.').any(|label| label.starts_with("s3"))
}

/// `bucket.s3.eu-central-1.amazonaws.com/prefix`, `s3.eu-central-1.amazonaws.com/bucket/prefix`, and older ones.
fn of_aws(host: &str, path: &str) -> Misread {
    let labels: Vec<&str> = host.split('.').collect();
    let at = labels
        .iter()
        .rposition(|label| label.starts_with("s3"))
        .unwrap_or_default();
    let region = match labels[at].strip_prefix("s3-") {
        Some(region) if region.contains('-') && !region.starts_with("website") => region,
        _ => {
            let behind = labels.get(at + 1).copied().unwrap_or_default();
            if behind == "dualstack" {
                labels.get(at + 2).copied().unwrap_or_default()
            } else {
                behind
            }
        }
    };
    let region = if region.contains('-') { region } else { "" };
    let bucket = labels[..at].join(".");
    let place = match bucket.as_str() {
        "" => place(path, region),
        bucket => place(&format!("{bucket}/{path}"), region),
    };
    Misread::new("it is an address of AWS, which needs none", format!("write {place}"))
}

fn other_scheme(scheme: &str, rest: &str) -> Misread {
    let service = match scheme {
        "gs" | "gcs" => Some("https://storage.googleapis.com"),
        "r2" => Some("https://ACCOUNT.r2.cloudflarestorage.com"),
        "b2" => Some("https://s3.REGION.backblazeb2.com"),
        "spaces" => Some("https://REGION.digitaloceanspaces.com"),
        "minio" => Some("https://HOST:9000"),
        _ => None,
    };
    match service {
        Some(address) => Misread::new(
            "buckets of every service are reached as S3's",
            format!(
                "write {} with AWS_ENDPOINT_URL_S3={address} and keys for S3's interface there",
                place(rest, "")
            ),
        ),
        None if scheme.starts_with("postgres") => Misread::new(
            "it is the URL of a database",
            "that stands in PGCOFFER_DB_MAIN_URL, and the bucket here: s3://bucket/prefix",
        ),
        None => Misread::new("its scheme is neither s3 nor file", FORM),
    }
}

/// The bucket and the prefix in a text, as they should be written, with the region where it is known.
fn place(text: &str, region: &str) -> String {
    let text = text.trim_matches('/');
    let written = match BucketLocation::parse(text) {
        Ok(location) => location.to_string(),
        Err(_) => "s3://bucket/prefix".to_owned(),
    };
    let is_region = region.len() > 4 && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match is_region {
        true => format!("{written}, with AWS_REGION={region}"),
        false => written,
    }
}

#[cfg(test)]
mod tests;
