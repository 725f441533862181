//! Bounds on what a service answers, before anything of it is parsed: length, depth, and whether it is whole.
//!
//! The SDK reads an answer into memory however long it is, and its parser takes a document whose tags don't match for what is
//! left of it. An entry of a listing would then be missing without a word.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeDeserializationInterceptorContextMut,
    },
    primitives::SdkBody,
};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::Metadata};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use xmlparser::{ElementEnd, Token, Tokenizer};

/// A page of a listing has 1,000 keys of at most 1,024 bytes, of which each may be written as six.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// S3's refusals have some hundred bytes.
const REFUSAL_BYTES_MAX: usize = 1 << 20;
/// Nothing in S3's language is deeper than seven elements; parsers that call themselves for each overflow their stack.
const DEPTH_MAX: usize = 32;

/// Why an answer can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// It goes on and on.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// Its elements stand in one another without end.
    #[error("the answer's XML is deeper than {DEPTH_MAX} elements")]
    TooDeep,
    /// It is damaged, or was cut off.
    #[error("the answer is no well-formed XML: {0}")]
    Malformed(String),
}

/// Looks at every answer but the bytes of objects, which whoever reads them bounds.
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
        let metadata = config.load::<Metadata>();
        let is_object = metadata.is_some_and(|metadata| metadata.name() == "GetObject");
        let response = context.response_mut();
        let good = response.status().is_success();
        if !(good && is_object) {
            let body = std::mem::replace(response.body_mut(), SdkBody::taken());
            *response.body_mut() = SdkBody::from_body_1_x(Bounded {
                inner: body,
                good,
                read: BytesMut::new(),
                ended: false,
            });
        }
        Ok(())
    }
}

/// A body that is kept back until it is known to be usable.
struct Bounded {
    inner: SdkBody,
    /// The status was a good one. Otherwise the status says enough, and a body that can't be used is left out.
    good: bool,
    read: BytesMut,
    ended: bool,
}

impl Bounded {
    fn end(&mut self, unusable: Option<Unusable>) -> Option<Result<Frame<Bytes>, BoxError>> {
        self.ended = true;
        match unusable {
            Some(unusable) if self.good => Some(Err(unusable.into())),
            Some(_) => None,
            None if self.read.is_empty() => None,
            None => Some(Ok(Frame::data(self.read.split().freeze()))),
        }
    }
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let bytes_max = if self.good {
            ANSWER_BYTES_MAX
        } else {
            REFUSAL_BYTES_MAX
        };
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
                    let unusable = check(&self.read).err();
                    return Poll::Ready(self.end(unusable));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// Checks that an answer is one whole XML document, and no deep one. What isn't XML at all is left to the SDK.
fn check(answer: &[u8]) -> Result<(), Unusable> {
    let malformed = |why: &str| Unusable::Malformed(why.to_owned());
    if answer.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'<') {
        return Ok(());
    }
    let text = std::str::from_utf8(answer).map_err(|e| Unusable::Malformed(e.to_string()))?;
    let (mut open, mut started, mut roots) = (Vec::new(), ("", ""), 0);
    let mut in_tag = false;
    for token in Tokenizer::from(text) {
        let token = token.map_err(|e| Unusable::Malformed(e.to_string()))?;
        match token {
            Token::ElementStart { .. } => in_tag = true,
            Token::ElementEnd { .. } => in_tag = false,
            _ => {}
        }
        match token {
            Token::ElementStart { prefix, local, .. } => {
                started = (prefix.as_str(), local.as_str());
                roots += usize::from(open.is_empty());
            }
            Token::ElementEnd {
                end: ElementEnd::Open,
                ..
            } if open.len() == DEPTH_MAX => return Err(Unusable::TooDeep),
            Token::ElementEnd {
                end: ElementEnd::Open,
                ..
            } => open.push(started),
            Token::ElementEnd {
                end: ElementEnd::Close(prefix, local),
                ..
            } if open.pop() != Some((prefix.as_str(), local.as_str())) => {
                return Err(malformed("an element ends that did not begin"));
            }
            // nothing of S3's has a document type
            Token::DtdStart { .. } | Token::EmptyDtd { .. } => {
                return Err(malformed("it has a document type"));
            }
            _ => {}
        }
    }
    match (open.is_empty() && !in_tag, roots) {
        (true, 1) => Ok(()),
        (false, _) => Err(malformed("it is cut off")),
        (true, _) => Err(malformed("it is not one element")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Name>b</Name><Prefix/><!-- </x> --><Contents><Key>a&amp;b</Key><Size>7</Size></Contents></ListBucketResult>";

    #[test]
    fn a_whole_document_passes_and_none_of_its_beginnings_does() {
        assert_eq!(check(LISTING.as_bytes()), Ok(()));
        assert_eq!(check(b""), Ok(()));
        let start = LISTING.find("<List").unwrap() + 1;
        for cut in start..LISTING.len() {
            assert!(check(&LISTING.as_bytes()[..cut]).is_err(), "{cut}");
        }
    }

    /// A name that changed on one side of an element is found; what stands between tags bears no check.
    #[test]
    fn no_flipped_bit_hides_an_entry() {
        let entries = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.contains("<Contents>") && text.contains("</Contents>")
        };
        for bit in 0..LISTING.len() * 8 {
            let mut bytes = LISTING.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&bytes).is_err() || entries(&bytes), "bit {bit}");
        }
    }

    #[test]
    fn depth_is_bounded_before_any_parser_sees_it() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(check(nested(DEPTH_MAX).as_bytes()), Ok(()));
        assert_eq!(check(nested(DEPTH_MAX + 1).as_bytes()), Err(Unusable::TooDeep));
        assert_eq!(check("<a>".repeat(5_000_000).as_bytes()), Err(Unusable::TooDeep));
        assert!(check(b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").is_err());
        assert!(check(b"<a/><b/>").is_err());
    }
}
