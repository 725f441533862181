//! A bucket and the prefix of all our keys in it.

use std::fmt;

/// The longest prefix in a bucket, in bytes.
const PREFIX_BYTES_MAX: usize = 512;

/// A bucket, and the prefix of all our keys in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketLocation {
    /// The bucket's name.
    pub bucket: String,
    /// Empty, or folders without a slash at the beginning or the end.
    pub prefix: String,
}

impl BucketLocation {
    /// Reads `bucket/prefix`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and what older buckets may have
        let named = (3..=255).contains(&bucket.len())
            && bucket.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !named {
            return Err("the bucket's name has 3 to 255 letters, digits, dots and hyphens");
        }
        let prefix = prefix.trim_matches('/');
        let plain = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-=+@".contains(&b))
        };
        if prefix.len() > PREFIX_BYTES_MAX || !(prefix.is_empty() || prefix.split('/').all(plain)) {
            return Err("the prefix has folders of letters, digits and . _ - = + @, 512 characters in all");
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// The key of something below the prefix.
    #[must_use]
    pub fn key(&self, below: &str) -> String {
        match self.prefix.as_str() {
            "" => below.to_owned(),
            prefix => format!("{prefix}/{below}"),
        }
    }

    /// The object's name in messages: `s3://bucket/key`.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

impl fmt::Display for BucketLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "s3://{}", self.bucket),
            prefix => write!(f, "s3://{}/{prefix}", self.bucket),
        }
    }
}
