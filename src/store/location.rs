//! Where the backups are stored: the value of `PGCOFFER_BUCKET`.

use std::{fmt, path::PathBuf};

use super::{
    Error, Kind,
    bucket_location::BucketLocation,
    misread::{Misread, misread, misread_bucket},
    sftp_location::SftpLocation,
};

/// The longest path of a folder, in bytes. With the longest key below it, it stays within the limit of system calls.
const FOLDER_BYTES_MAX: usize = 2048;

/// A place for backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `s3://bucket/prefix`.
    Bucket(BucketLocation),
    /// `file:///path/to/folder`: an absolute path without `.`, `..` and a slash at its end.
    Folder(PathBuf),
    /// `sftp://user@host:port/path`: a folder on a server.
    Server(SftpLocation),
}

impl Location {
    /// Parses `s3://bucket/prefix`, `file:///path/to/folder` or `sftp://user@host:port/path`. Accesses nothing.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if the text is none of these.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fault = |doing: String, why: &str| Error::new(Kind::Configuration, doing, why);
        let meant = |misread: Misread| fault("use that as a bucket".to_owned(), misread.why).with_cure(misread.cure);
        match text.split_once("://") {
            Some(("s3", rest)) => match misread_bucket(rest) {
                Some(misread) => Err(meant(misread)),
                None => BucketLocation::parse(rest).map(Self::Bucket).map_err(|why| {
                    fault(format!("use {text:?} as a bucket"), why).with_cure("write s3://bucket/prefix")
                }),
            },
            Some(("file", path)) => folder(path).map(Self::Folder).map_err(|why| {
                fault(format!("use {text:?} as a folder"), why).with_cure("write file:///path/to/folder")
            }),
            // the text isn't repeated, as a password may stand in it
            Some(("sftp", rest)) => SftpLocation::parse(rest).map(Self::Server).map_err(|why| {
                fault("use that as a folder on a server".to_owned(), why).with_cure("write sftp://user@host:port/path")
            }),
            _ => Err(meant(misread(text))),
        }
    }

    /// The key of something below the prefix.
    #[must_use]
    pub fn key(&self, below: &str) -> String {
        match self {
            Self::Bucket(bucket) => bucket.key(below),
            Self::Folder(_) | Self::Server(_) => below.to_owned(),
        }
    }

    /// The folders of the prefix, or of the path.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        let path = match self {
            Self::Bucket(bucket) => bucket.prefix.clone(),
            Self::Folder(path) => path.display().to_string(),
            Self::Server(server) => server.path.clone(),
        };
        let steps = path.split('/').filter(|step| !step.is_empty());
        steps.map(str::to_owned).collect()
    }

    /// The place in the same bucket, on the same file system or on the same server, with these folders.
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub fn at(&self, steps: &[String]) -> Result<Self, Error> {
        let path = steps.join("/");
        match self {
            Self::Bucket(bucket) if path.is_empty() => Self::parse(&format!("s3://{}", bucket.bucket)),
            Self::Bucket(bucket) => Self::parse(&format!("s3://{}/{path}", bucket.bucket)),
            Self::Folder(_) => Self::parse(&format!("file:///{path}")),
            Self::Server(server) => server.at(&path).map(Self::Server).map_err(|why| {
                Error::new(
                    Kind::Configuration,
                    format!("use {path:?} as a folder on a server"),
                    why,
                )
            }),
        }
    }

    /// The object's name in messages: `s3://bucket/key`, `file:///path/key`, `sftp://user@host/path/key`.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        match self {
            Self::Bucket(bucket) => bucket.url(key),
            Self::Folder(path) => format!("file://{}/{key}", path.display()),
            Self::Server(server) => server.url(key),
        }
    }

    /// The bucket; `None` if it is a folder, here or on a server.
    #[must_use]
    pub fn bucket(&self) -> Option<&BucketLocation> {
        match self {
            Self::Bucket(bucket) => Some(bucket),
            Self::Folder(_) | Self::Server(_) => None,
        }
    }
}

/// Parses the path after `file://`. Nothing is percent-decoded.
fn folder(path: &str) -> Result<PathBuf, &'static str> {
    if !path.starts_with('/') {
        return Err("it should have three slashes and a whole path: file:///path/to/folder");
    }
    let path = path.trim_end_matches('/');
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    if steps.is_empty() {
        return Err("it should name a folder, and not all of the file system");
    }
    if steps.iter().any(|step| ["", ".", ".."].contains(step)) {
        return Err("the path should be written out: without //, . and ..");
    }
    if path.chars().any(char::is_control) || path.len() > FOLDER_BYTES_MAX {
        return Err("the path should have no control characters, and 2048 bytes at the most");
    }
    if is_encoded(path) {
        return Err("the path should be written as it is, without percent signs in the place of other characters");
    }
    Ok(PathBuf::from(path))
}

/// Whether a path contains `%20` or the like. Then it is ambiguous: the folder may have that name, or a name with a
/// space.
fn is_encoded(path: &str) -> bool {
    let bytes = path.as_bytes().windows(3);
    bytes
        .into_iter()
        .any(|three| three[0] == b'%' && three[1..].iter().all(u8::is_ascii_hexdigit))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket(bucket) => bucket.fmt(f),
            Self::Folder(path) => write!(f, "file://{}", path.display()),
            Self::Server(server) => server.fmt(f),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_read_with_its_prefix() {
        let parse = |text: &str| Location::parse(text).unwrap().bucket().unwrap().clone();
        let parts = |text: &str| (parse(text).bucket, parse(text).prefix);
        assert_eq!(parts("s3://b-1.x"), ("b-1.x".into(), String::new()));
        assert_eq!(parts("s3://bucket/a/b/"), ("bucket".into(), "a/b".into()));
        for bad in [
            "bucket",
            "s3:/bucket",
            "s3://",
            "s3://a b/c",
            "s3://bucket/a//b",
            "s3://bucket/../x",
            "s3://bucket/ä",
        ] {
            assert_eq!(Location::parse(bad).unwrap_err().kind, Kind::Configuration, "{bad}");
        }
        assert_eq!(Location::parse("s3://bucket/p").unwrap().key("x/y"), "p/x/y");
        assert_eq!(Location::parse("s3://bucket").unwrap().key("x/y"), "x/y");
    }

    #[test]
    fn a_folder_is_a_whole_path_taken_as_it_is() {
        for (text, path) in [
            ("file:///mnt/nas/backups", "/mnt/nas/backups"),
            ("file:///mnt/nas/", "/mnt/nas"),
            ("file:///mnt/my nas/100% ä#?", "/mnt/my nas/100% ä#?"),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(location, Location::Folder(path.into()));
            assert_eq!(location.to_string(), format!("file://{path}"));
            assert_eq!(location.key("main/x"), "main/x");
            assert_eq!(location.url("main/x"), format!("file://{path}/main/x"));
        }
        for bad in [
            "/mnt/nas",
            "file:/mnt/nas",
            "file://mnt/nas",
            "file://localhost/mnt",
            "file:///",
            "file:///mnt//nas",
            "file:///mnt/../nas",
            "file:///mnt/./nas",
            "file:///mnt/my%20nas",
            "file:///mnt/a\nb",
        ] {
            assert_eq!(Location::parse(bad).unwrap_err().kind, Kind::Configuration, "{bad}");
        }
    }
}
