//! Limits of a service's answers, before they are parsed: their length and depth, and that they are complete.
//!
//! The SDK reads an answer of any length into memory. If the tags of a document don't match, its parser takes the rest
//! of the document as read. An entry of a listing would then be missing without an error.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextMut},
    primitives::SdkBody,
};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::Metadata};
use bytes::{Buf as _, Bytes, BytesMut};
use http_body::{Body, Frame};

use crate::{text::Untrusted, xml};

/// The longest answer. A page of a listing has 1,000 keys of at most 1,024 bytes, each of which may be written as six.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// The longest error answer. S3's have some hundred bytes.
const REFUSAL_BYTES_MAX: usize = 1 << 20;

/// The first bytes of gzip, which no XML begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The root element of a listing.
const LISTING: &str = "ListBucketResult";

/// The code of an error that is a page for people, instead of S3's XML.
pub(super) const PAGE: &str = "a page for people";

/// Why an answer can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// It is longer than the limit.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It is a page for people: a login page, a console, the error of a proxy.
    #[error("the answer is a page for people")]
    Page,
    /// A proxy on the way has compressed it.
    #[error("the answer is compressed, which nobody asked for")]
    Compressed,
    /// It is a complete answer to another request.
    #[error("the answer is <{found}>, where <{wanted}> was asked for")]
    Another { found: Untrusted, wanted: &'static str },
    /// It is damaged, incomplete, or nested too deeply.
    #[error("the answer is {0}")]
    Xml(#[from] xml::XmlFault),
}

/// Checks every answer except the bodies of objects, whose readers limit them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds;

impl Intercept for Bounds {
    fn name(&self) -> &'static str {
        "Bounds"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = config.load::<Metadata>().map_or("", Metadata::name);
        let is_object = name == "GetObject";
        let response = context.response_mut();
        let good = response.status().is_success();
        if !(good && is_object) {
            let body = std::mem::replace(response.body_mut(), SdkBody::taken());
            *response.body_mut() = SdkBody::from_body_1_x(Bounded {
                inner: body,
                good,
                root: root_of(name),
                read: BytesMut::new(),
                ended: false,
            });
        }
        Ok(())
    }
}

/// A body that is held back until it is known to be usable.
struct Bounded {
    inner: SdkBody,
    /// Whether the status means success. Otherwise the status is enough, and a body that can't be used is dropped.
    good: bool,
    /// The root element that the SDK expects, and others with the same meaning.
    root: Option<Root>,
    read: BytesMut,
    ended: bool,
}

impl Unusable {
    /// Whether the service has ignored which part of the bucket was requested, and lists the bucket instead.
    pub(super) fn is_ignored(&self) -> bool {
        matches!(self, Self::Another { found, wanted } if found.raw() == LISTING && *wanted != LISTING)
    }
}

impl Bounded {
    /// What is wrong with the bytes that were read; `None` if they are usable.
    fn fault(&self) -> Option<Unusable> {
        if is_page(&self.read) {
            return Some(Unusable::Page);
        }
        if self.read.starts_with(GZIP) {
            return Some(Unusable::Compressed);
        }
        if let Err(fault) = xml::check(&self.read) {
            return Some(fault.into());
        }
        let (found, root) = (root_name(&self.read)?, self.root.filter(|_| self.good)?);
        // an error document can have a status of success
        if found == "Error" || found == root.name || root.is_called(found) {
            return None;
        }
        Some(Unusable::Another {
            found: found.into(),
            wanted: root.name,
        })
    }

    fn end(&mut self, unusable: Option<Unusable>) -> Option<Result<Frame<Bytes>, BoxError>> {
        self.ended = true;
        match unusable {
            Some(unusable) if self.good => Some(Err(unusable.into())),
            Some(_) if is_page(&self.read) => {
                let told = format!("<Error><Code>{PAGE}</Code></Error>");
                Some(Ok(Frame::data(told.into())))
            }
            Some(_) => None,
            None if self.read.is_empty() => None,
            None => {
                let answer = self.read.split().freeze();
                let answer = match self.good {
                    true => xml::plain(&answer).map_or(answer, Bytes::from),
                    false => answer,
                };
                let answer = match self.root.filter(|_| self.good) {
                    Some(root) => root.renamed(answer),
                    None => answer,
                };
                Some(Ok(Frame::data(answer)))
            }
        }
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let bytes_max = if self.good { ANSWER_BYTES_MAX } else { REFUSAL_BYTES_MAX };
        while !self.ended {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if self.read.len() + data.len() > bytes_max {
                        return Poll::Ready(self.end(Some(Unusable::TooLong(bytes_max))));
                    }
                    self.read.extend_from_slice(&data);
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    // some services send spaces while they work, and the document after them
                    let blanks = self.read.len() - self.read.trim_ascii_start().len();
                    self.read.advance(blanks);
                    let unusable = self.fault();
                    return Poll::Ready(self.end(unusable));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// Whether this is HTML.
fn is_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let begins = |with: &str| {
        start
            .get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    begins("<!doctype html") || begins("<html")
}

/// The root element of an answer. Some services name it after the SDK's own types or after an older library, and the
/// SDK then finds nothing in the answer: `rclone serve s3` and others that use gofakes3 write
/// `InitiateMultipartUpload`. <https://github.com/localstack/localstack/issues/8030>
#[derive(Debug, Clone, Copy)]
struct Root {
    operation: &'static str,
    name: &'static str,
}

fn root_of(operation: &str) -> Option<Root> {
    const ROOTS: [(&str, &str); 12] = [
        ("CreateMultipartUpload", "InitiateMultipartUploadResult"),
        ("CompleteMultipartUpload", "CompleteMultipartUploadResult"),
        ("ListObjectsV2", LISTING),
        ("ListMultipartUploads", "ListMultipartUploadsResult"),
        ("ListParts", "ListPartsResult"),
        ("GetObjectTagging", "Tagging"),
        ("GetBucketVersioning", "VersioningConfiguration"),
        ("GetBucketLifecycleConfiguration", "LifecycleConfiguration"),
        ("GetObjectLockConfiguration", "ObjectLockConfiguration"),
        ("GetPublicAccessBlock", "PublicAccessBlockConfiguration"),
        ("GetBucketPolicyStatus", "PolicyStatus"),
        ("GetBucketEncryption", "ServerSideEncryptionConfiguration"),
    ];
    let found = ROOTS.iter().find(|(name, _)| *name == operation);
    found.map(|&(operation, name)| Root { operation, name })
}

fn root_element(text: &str) -> Option<xmlparser::StrSpan<'_>> {
    let mut tokens = xmlparser::Tokenizer::from(text).filter_map(Result::ok);
    tokens.find_map(|token| match token {
        xmlparser::Token::ElementStart { local, .. } => Some(local),
        _ => None,
    })
}

fn root_name(answer: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(answer).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_xml = text.trim_start().starts_with('<');
    is_xml.then(|| root_element(text)).flatten().map(|name| name.as_str())
}

impl Root {
    /// Whether a name means this root: with or without `Result` at its end, or made of the operation's name.
    fn is_called(self, name: &str) -> bool {
        let bare = |name: &str| {
            let ends = ["Result", "Output", "Response"];
            let cut = ends.iter().find_map(|end| name.strip_suffix(end));
            cut.unwrap_or(name).to_owned()
        };
        [self.name, self.operation].iter().any(|own| bare(own) == bare(name))
    }

    /// The answer with its root renamed to the one that the SDK expects. Unchanged if it has that name already, or
    /// means something else.
    fn renamed(self, answer: Bytes) -> Bytes {
        let renamed = || {
            let text = std::str::from_utf8(&answer).ok()?;
            let name = root_element(text)?;
            if name.as_str() == self.name || !self.is_called(name.as_str()) {
                return None;
            }
            let (before, behind) = (&text[..name.start()], &text[name.end()..]);
            let ends = format!("{}>", name.as_str());
            let Some(close) = text.trim_end().strip_suffix(&ends).map(str::len) else {
                // an empty element without an end tag
                return Some(format!("{before}{}{behind}", self.name));
            };
            let between = &text[name.end()..close];
            Some(format!("{before}{0}{between}{0}>", self.name))
        };
        renamed().map_or(answer.clone(), Bytes::from)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_is_called_otherwise_is_taken_for_what_it_says() {
        let renamed = |operation: &str, answer: &str| {
            let root = root_of(operation).unwrap();
            let answer = root.renamed(Bytes::from(answer.to_owned()));
            String::from_utf8(answer.to_vec()).unwrap()
        };
        for name in [
            "InitiateMultipartUpload",
            "CreateMultipartUploadOutput",
            "CreateMultipartUploadResult",
            "InitiateMultipartUploadResult",
        ] {
            let answer = format!(
                "<?xml version=\"1.0\"?>\n<{name} xmlns=\"x\"><UploadId>InitiateMultipartUpload</UploadId></{name}>"
            );
            let wanted = "<?xml version=\"1.0\"?>\n<InitiateMultipartUploadResult \
                xmlns=\"x\"><UploadId>InitiateMultipartUpload</UploadId></InitiateMultipartUploadResult>";
            assert_eq!(renamed("CreateMultipartUpload", &answer), wanted);
        }
        assert_eq!(
            renamed("GetBucketVersioning", "<GetBucketVersioningResponse xmlns=\"x\"/>\n"),
            "<VersioningConfiguration xmlns=\"x\"/>\n"
        );
        for other in ["<Error><Code>x</Code></Error>", "<ListBucketResult/>", "x"] {
            assert_eq!(renamed("CreateMultipartUpload", other), other);
        }
        assert!(root_of("PutObject").is_none());
    }

    #[test]
    fn what_is_no_answer_is_told_as_what_it_is() {
        let fault = |operation: &str, read: &[u8]| {
            let bounded = Bounded {
                inner: SdkBody::empty(),
                good: true,
                root: root_of(operation),
                read: BytesMut::from(read),
                ended: false,
            };
            bounded.fault()
        };
        assert_eq!(fault("ListObjectsV2", b"\x1f\x8b\x08"), Some(Unusable::Compressed));
        assert_eq!(fault("ListObjectsV2", b"<html><br></html>"), Some(Unusable::Page));
        let listing = b"<ListBucketResult/>";
        assert_eq!(fault("ListObjectsV2", listing), None);
        assert!(fault("GetBucketVersioning", listing).unwrap().is_ignored());
        assert!(!fault("ListObjectsV2", b"<Listing/>").unwrap().is_ignored());
        for fine in [
            &b"<Error><Code>x</Code></Error>"[..],
            b"",
            b"<s:ListBucketResult xmlns:s='x'/>",
        ] {
            assert_eq!(fault("ListObjectsV2", fine), None);
        }
    }

    #[test]
    fn pages_are_told_from_answers() {
        assert!(is_page(b"\n<!DOCTYPE html><p>") && is_page(b"<HTML>"));
        assert!(!is_page(b"<?xml version=\"1.0\"?><Error/>") && !is_page(b""));
    }
}
