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

use crate::xml;

/// A page of a listing has 1,000 keys of at most 1,024 bytes, of which each may be written as six.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// S3's refusals have some hundred bytes.
const REFUSAL_BYTES_MAX: usize = 1 << 20;

/// Why an answer can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// It goes on and on.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It is damaged, was cut off, or is too deep.
    #[error("the answer is {0}")]
    Xml(#[from] xml::Fault),
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
                    let unusable = xml::check(&self.read).err().map(Unusable::Xml);
                    return Poll::Ready(self.end(unusable));
                }
            }
        }
        Poll::Ready(None)
    }
}
