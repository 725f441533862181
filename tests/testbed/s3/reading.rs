//! Reading objects: get and head, and answers that go wrong on the way.

use std::io;

use bytes::Bytes;
use futures_util::future::Either;
use futures_util::{StreamExt as _, stream};
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::answer::with_checksums;
use super::behaviour::Fault;
use super::content::Content;
use super::lifecycle::expiration;
use super::objects::{bucket, check_conditions, find_version};
use super::tagging::tag_count;

/// An answer that tells of an object what both get and head tell.
macro_rules! described {
    ($answer:expr, $object:expr, $expiration:expr, $now:expr, $sums:expr) => {{
        let (mut answer, object, now, sums) = ($answer, &*$object, $now, $sums);
        answer.expiration = $expiration;
        answer.content_type = object.attributes.content_type.clone();
        answer.storage_class = object.told_class();
        answer.restore = object.told_restore(now);
        answer.version_id = object.version_id.clone();
        answer.object_lock_mode = object.lock.mode().map(Into::into);
        answer.object_lock_retain_until_date = object.lock.until();
        answer.object_lock_legal_hold_status = object.lock.hold_status();
        answer.metadata = object.attributes.metadata.clone();
        answer.e_tag = Some(ETag::Strong(object.etag.clone()));
        answer.last_modified = Some(object.modified.into());
        answer.checksum_type = sums.checksum_type.clone();
        with_checksums!(answer, sums)
    }};
}

pub(super) async fn get_object(shared: &Shared, request: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
    let now = shared.clock.now();
    let fault = request.extensions.get::<Fault>().cloned();
    let input = request.input;
    let version = input.version_id.as_deref();
    let object = find_version(shared, &input.bucket, &input.key, version)?;
    let expiration = expiration(bucket(&shared.stores(), &input.bucket)?, &input.key, &object);
    if let Some(condition) = &input.if_match {
        check_conditions(Some(&object), Some(condition), None)?;
    }
    if !shared.control().behaviour.cold_is_a_name {
        object.check_readable(now, &request.extensions)?;
    }
    let whole = object.content.len();
    let mut range = match &input.range {
        Some(range) => range.check(whole)?,
        None => 0..whole,
    };
    let content_range = input
        .range
        .map(|_| format!("bytes {}-{}/{whole}", range.start, range.end.saturating_sub(1)));
    if let Some(Fault::Shorten { to_bytes }) = fault {
        range.end = range.end.min(range.start + to_bytes);
    }
    let full = range == (0..whole) && input.checksum_mode.is_some() && shared.control().behaviour.returns_checksums;
    let length = range.end - range.start;
    let pieces = object
        .content
        .range(range.clone())
        .ok_or_else(|| s3_error!(InternalError, "content not kept"))?;
    let answer = GetObjectOutput {
        body: Some(answer_body(pieces, range.start, fault)),
        content_length: Some(length as i64),
        content_range,
        tag_count: tag_count(&object.tags),
        ..Default::default()
    };
    Ok(described!(answer, object, expiration, now, object.sums(full)))
}

pub(super) async fn head_object(shared: &Shared, request: S3Request<HeadObjectInput>) -> S3Result<HeadObjectOutput> {
    let now = shared.clock.now();
    let input = request.input;
    let version = input.version_id.as_deref();
    let object = find_version(shared, &input.bucket, &input.key, version)?;
    let expiration = expiration(bucket(&shared.stores(), &input.bucket)?, &input.key, &object);
    if let Some(condition) = &input.if_match {
        check_conditions(Some(&object), Some(condition), None)?;
    }
    let full = input.checksum_mode.is_some() && shared.control().behaviour.returns_checksums;
    let answer = HeadObjectOutput {
        content_length: shared
            .control()
            .behaviour
            .head_lengths
            .then(|| object.content.len() as i64),
        ..Default::default()
    };
    Ok(described!(answer, object, expiration, now, object.sums(full)))
}

/// The pieces of an answer that begins at this byte of its object, with what the fault does to them.
fn answer_body(pieces: Vec<Bytes>, begins_at: u64, fault: Option<Fault>) -> StreamingBlob {
    let first = |pieces, bytes| Content::kept(pieces).range(0..bytes).unwrap_or_default();
    let cut = || io::Error::new(io::ErrorKind::ConnectionReset, "cut by the test");
    let (pieces, end, stalls) = match fault {
        Some(Fault::Cut { after_bytes }) => (first(pieces, after_bytes), Some(Err(cut())), false),
        Some(Fault::Stall { after_bytes }) => (first(pieces, after_bytes), None, true),
        Some(Fault::FlipBit { at_byte }) => (flip(pieces, at_byte.checked_sub(begins_at)), None, false),
        _ => (pieces, None, false),
    };
    let silence = if stalls {
        Either::Left(stream::pending())
    } else {
        Either::Right(stream::empty())
    };
    let items: Vec<Result<Bytes, io::Error>> = pieces.into_iter().map(Ok).chain(end).collect();
    StreamingBlob::wrap(stream::iter(items).chain(silence))
}

/// A byte outside the answer is left to another answer.
fn flip(pieces: Vec<Bytes>, at: Option<u64>) -> Vec<Bytes> {
    let mut bytes = pieces.concat();
    if let Some(byte) = at.and_then(|at| bytes.get_mut(usize::try_from(at).ok()?)) {
        *byte ^= 1;
    }
    vec![bytes.into()]
}
