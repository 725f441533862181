//! Receiving a request's body: checksums in headers or behind the body, and connections that break on the way.

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use data_encoding::{BASE64, HEXLOWER};
use futures_util::StreamExt as _;
use hyper::HeaderMap;
use hyper::http::Extensions;
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, TrailingHeaders, s3_error};

use super::answer::{AnswerOverride, Replacement, refusal, refusal_saying};
use super::behaviour::Fault;
use super::content::Content;

/// Whether a request brings a checksum of its body, or announces one behind it.
pub(super) fn has_checksum(headers: &HeaderMap) -> bool {
    let mut names = headers.keys().map(hyper::header::HeaderName::as_str);
    headers.contains_key("x-amz-trailer")
        || names
            .any(|name| name == "content-md5" || name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-mode")
}

/// A body that came whole and agreed with its checksums.
pub(super) struct Received {
    pub content: Content,
    pub checksum: Checksum,
    pub crc64: u64,
}

/// What is needed of a request to receive its body, apart from the body.
pub(super) struct Envelope {
    headers: HeaderMap,
    trailers: Option<TrailingHeaders>,
    extensions: Extensions,
}

impl Envelope {
    pub(super) fn open<T>(request: S3Request<T>) -> (T, Self) {
        let S3Request {
            input,
            headers,
            trailing_headers: trailers,
            extensions,
            ..
        } = request;
        (
            input,
            Self {
                headers,
                trailers,
                extensions,
            },
        )
    }

    /// Reads the body, and where `keep` is false only counts it.
    pub(super) async fn receive(&self, body: Option<StreamingBlob>, keep: bool) -> S3Result<Received> {
        let mut body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let mut hasher = self.hasher();
        let mut crc64 = Digest::new(CrcAlgorithm::Crc64Nvme);
        let (mut pieces, mut size_bytes) = (Vec::new(), 0);
        loop {
            self.strike(size_bytes).await?;
            let Some(piece) = body.next().await else {
                break;
            };
            let piece: Bytes = piece.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
            size_bytes += piece.len() as u64;
            hasher.update(&piece);
            crc64.update(&piece);
            if keep {
                pieces.push(piece);
            }
        }
        if let Some(&Fault::Refuse { status, code }) = self.extensions.get::<Fault>() {
            return Err(refusal(status, code));
        }
        if let Some(&Fault::RefuseSaying { status, code, message }) = self.extensions.get::<Fault>() {
            return Err(refusal_saying(status, code, message));
        }
        let content = if keep {
            Content::Kept(pieces)
        } else {
            Content::Discarded { size_bytes }
        };
        let checksum = hasher.finalize();
        self.check(&content, &checksum)?;
        Ok(Received {
            content,
            checksum,
            crc64: crc64.finalize(),
        })
    }

    /// Carries out a fault that waits for so many bytes to have passed.
    async fn strike(&self, passed_bytes: u64) -> S3Result<()> {
        match self.extensions.get::<Fault>() {
            Some(&Fault::Cut { after_bytes }) if passed_bytes >= after_bytes => {
                if let Some(answer_override) = self.extensions.get::<AnswerOverride>() {
                    answer_override.set(Replacement::Nothing);
                }
                Err(s3_error!(InternalError))
            }
            Some(&Fault::Stall { after_bytes }) if passed_bytes >= after_bytes => std::future::pending().await,
            _ => Ok(()),
        }
    }

    /// Checks for whichever algorithms the headers announce, in themselves or behind the body.
    fn hasher(&self) -> ChecksumHasher {
        let announced = |name: &str| {
            let trailer = self.headers.get_all("x-amz-trailer").iter();
            self.headers.contains_key(name) || trailer.into_iter().any(|trailer| trailer.as_bytes() == name.as_bytes())
        };
        ChecksumHasher {
            crc32: announced("x-amz-checksum-crc32").then(Default::default),
            crc32c: announced("x-amz-checksum-crc32c").then(Default::default),
            sha1: announced("x-amz-checksum-sha1").then(Default::default),
            sha256: announced("x-amz-checksum-sha256").then(Default::default),
            crc64nvme: announced("x-amz-checksum-crc64nvme").then(Default::default),
        }
    }

    fn check(&self, content: &Content, computed: &Checksum) -> S3Result<()> {
        let pairs = [
            ("x-amz-checksum-crc32", &computed.checksum_crc32),
            ("x-amz-checksum-crc32c", &computed.checksum_crc32c),
            ("x-amz-checksum-sha1", &computed.checksum_sha1),
            ("x-amz-checksum-sha256", &computed.checksum_sha256),
            ("x-amz-checksum-crc64nvme", &computed.checksum_crc64nvme),
        ];
        for (name, computed) in pairs {
            if computed.is_some() && *computed != self.announced(name) {
                return Err(s3_error!(BadDigest, "{name} does not match the body"));
            }
        }
        // An ETag of what was not kept is no MD5 to compare with.
        let (Some(announced), Content::Kept(_)) = (self.announced("content-md5"), content) else {
            return Ok(());
        };
        let md5 = HEXLOWER.decode(content.etag().as_bytes()).unwrap();
        if BASE64.encode(&md5) == announced {
            Ok(())
        } else {
            Err(s3_error!(BadDigest, "content-md5 does not match"))
        }
    }

    pub(super) fn has_checksum(&self) -> bool {
        has_checksum(&self.headers)
    }

    fn announced(&self, name: &str) -> Option<String> {
        let text = |headers: &HeaderMap| Some(headers.get(name)?.to_str().ok()?.to_owned());
        text(&self.headers).or_else(|| self.trailers.as_ref()?.read(text)?)
    }
}
