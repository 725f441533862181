//! Single objects: put, get, head, copy, delete, and their tags.

use std::io;

use bytes::Bytes;
use futures_util::future::Either;
use futures_util::{StreamExt as _, stream};
use percent_encoding::percent_decode_str;
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::behaviour::{Behaviour, ConditionalWrites, Fault, Tagging as TaggingHabit};
use super::bucket::{Attributes, Content, Object, Objects, Stores};
use super::front::refusal;
use super::receive::Envelope;

pub(super) async fn put_object(
    shared: &Shared,
    request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let (input, envelope) = Envelope::open(request);
    let behaviour = shared.control().behaviour.clone();
    objects(&shared.stores(), &input.bucket)?;
    let tags = written_tags(behaviour.tagging, input.tagging.as_deref())?;
    let received = envelope
        .receive(input.body, keeps(&behaviour, &input.key))
        .await?;
    let attributes = Attributes {
        content_type: input.content_type,
        storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
        metadata: input.metadata,
    };
    let object = Object {
        tags,
        attributes,
        checksum: received.checksum,
        ..Object::new(received.content)
    };
    let output = PutObjectOutput {
        e_tag: Some(ETag::Strong(object.etag.clone())),
        ..Default::default()
    };
    // Looking and writing happen under one lock: of several writers at once, one wins.
    let mut stores = shared.stores();
    let bucket = objects_mut(&mut stores, &input.bucket)?;
    if behaviour.conditional_writes != ConditionalWrites::Nowhere {
        check_conditions(
            bucket.get(&input.key),
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
    }
    let sums = if behaviour.returns_checksums {
        object.checksum.clone()
    } else {
        Checksum::default()
    };
    bucket.insert(input.key, object);
    Ok(PutObjectOutput {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        ..output
    })
}

pub(super) async fn get_object(
    shared: &Shared,
    request: S3Request<GetObjectInput>,
) -> S3Result<GetObjectOutput> {
    let fault = request.extensions.get::<Fault>().cloned();
    let input = request.input;
    let object = find(shared, &input.bucket, &input.key)?;
    if let Some(condition) = &input.if_match {
        check_conditions(Some(&object), Some(condition), None)?;
    }
    let whole = object.content.len();
    let mut range = match &input.range {
        Some(range) => range.check(whole)?,
        None => 0..whole,
    };
    let content_range = input.range.map(|_| {
        format!(
            "bytes {}-{}/{whole}",
            range.start,
            range.end.saturating_sub(1)
        )
    });
    if let Some(Fault::Shorten { to_bytes }) = fault {
        range.end = range.end.min(range.start + to_bytes);
    }
    let full = range == (0..whole)
        && input.checksum_mode.is_some()
        && shared.control().behaviour.returns_checksums;
    let sums = if full {
        object.checksum.clone()
    } else {
        Checksum::default()
    };
    let length = range.end - range.start;
    let pieces = object
        .content
        .range(range.clone())
        .ok_or_else(|| s3_error!(InternalError, "content not kept"))?;
    Ok(GetObjectOutput {
        body: Some(answer_body(pieces, range.start, fault)),
        content_length: Some(length as i64),
        content_range,
        content_type: object.attributes.content_type,
        storage_class: object.attributes.storage_class.map(Into::into),
        metadata: object.attributes.metadata,
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(object.modified.into()),
        tag_count: tag_count(&object.tags),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..Default::default()
    })
}

pub(super) async fn head_object(
    shared: &Shared,
    request: S3Request<HeadObjectInput>,
) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    let object = find(shared, &input.bucket, &input.key)?;
    if let Some(condition) = &input.if_match {
        check_conditions(Some(&object), Some(condition), None)?;
    }
    let full = input.checksum_mode.is_some() && shared.control().behaviour.returns_checksums;
    let sums = if full {
        object.checksum
    } else {
        Checksum::default()
    };
    Ok(HeadObjectOutput {
        content_length: Some(object.content.len() as i64),
        content_type: object.attributes.content_type,
        storage_class: object.attributes.storage_class.map(Into::into),
        metadata: object.attributes.metadata,
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(object.modified.into()),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..Default::default()
    })
}

pub(super) async fn copy_object(
    shared: &Shared,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let input = request.input;
    let behaviour = shared.control().behaviour.clone();
    let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
        return Err(s3_error!(NotImplemented));
    };
    let mut object = find(shared, bucket, key)?;
    check_conditions(Some(&object), input.copy_source_if_match.as_ref(), None)?;
    let replaces = |directive: Option<&str>| directive == Some("REPLACE");
    if replaces(
        input
            .tagging_directive
            .as_ref()
            .map(TaggingDirective::as_str),
    ) {
        object.tags = written_tags(behaviour.tagging, input.tagging.as_deref())?;
    }
    if replaces(
        input
            .metadata_directive
            .as_ref()
            .map(MetadataDirective::as_str),
    ) {
        object.attributes.content_type = input.content_type;
        object.attributes.metadata = input.metadata;
    }
    // A copy that names no class goes to the standard one, whatever the source's was.
    object.attributes.storage_class = input.storage_class.map(|class| class.as_str().to_owned());
    object.modified = std::time::SystemTime::now();
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(object.modified.into()),
        ..Default::default()
    };
    objects_mut(&mut shared.stores(), &input.bucket)?.insert(input.key, object);
    Ok(CopyObjectOutput {
        copy_object_result: Some(result),
        ..Default::default()
    })
}

pub(super) async fn delete_object(
    shared: &Shared,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let behaviour = shared.control().behaviour.clone();
    let mut stores = shared.stores();
    let bucket = objects_mut(&mut stores, &input.bucket)?;
    if let Some(condition) = &input.if_match {
        if !behaviour.conditional_deletes {
            return Err(refusal(501, "NotImplemented"));
        }
        check_conditions(bucket.get(&input.key), Some(condition), None)?;
    }
    if behaviour.deletes {
        bucket.remove(&input.key);
    }
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_objects(
    shared: &Shared,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let input = request.input;
    let deletes = shared.control().behaviour.deletes;
    let mut stores = shared.stores();
    let bucket = objects_mut(&mut stores, &input.bucket)?;
    let mut deleted = Vec::new();
    for object in input.delete.objects {
        if deletes {
            bucket.remove(&object.key);
        }
        deleted.push(DeletedObject {
            key: Some(object.key),
            ..Default::default()
        });
    }
    let deleted = (input.delete.quiet != Some(true)).then_some(deleted);
    Ok(DeleteObjectsOutput {
        deleted,
        ..Default::default()
    })
}

pub(super) async fn get_object_tagging(
    shared: &Shared,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<GetObjectTaggingOutput> {
    tagging_refused(shared.control().behaviour.tagging)?;
    let tags = find(shared, &request.input.bucket, &request.input.key)?
        .tags
        .into_iter();
    let tag_set = tags
        .map(|(key, value)| Tag {
            key: Some(key),
            value: Some(value),
        })
        .collect();
    Ok(GetObjectTaggingOutput {
        tag_set,
        ..Default::default()
    })
}

pub(super) async fn put_object_tagging(
    shared: &Shared,
    request: S3Request<PutObjectTaggingInput>,
) -> S3Result<PutObjectTaggingOutput> {
    let input = request.input;
    let tags = input.tagging.tag_set.into_iter();
    let tags = tags
        .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
        .collect();
    replace_tags(shared, &input.bucket, &input.key, tags)?;
    Ok(PutObjectTaggingOutput::default())
}

pub(super) async fn delete_object_tagging(
    shared: &Shared,
    request: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<DeleteObjectTaggingOutput> {
    replace_tags(
        shared,
        &request.input.bucket,
        &request.input.key,
        Vec::new(),
    )?;
    Ok(DeleteObjectTaggingOutput::default())
}

fn replace_tags(
    shared: &Shared,
    bucket: &str,
    key: &str,
    tags: Vec<(String, String)>,
) -> S3Result<()> {
    let habit = shared.control().behaviour.tagging;
    tagging_refused(habit)?;
    check_tags(&tags)?;
    let mut stores = shared.stores();
    let object = objects_mut(&mut stores, bucket)?
        .get_mut(key)
        .ok_or_else(|| s3_error!(NoSuchKey))?;
    if habit != TaggingHabit::Dropped {
        object.tags = tags;
    }
    Ok(())
}

// --- shared with uploads in parts -----------------------------------------------------------------------------------

pub(super) fn objects<'a>(stores: &'a Stores, bucket: &str) -> S3Result<&'a Objects> {
    stores.bucket(bucket).ok_or_else(|| s3_error!(NoSuchBucket))
}

pub(super) fn objects_mut<'a>(stores: &'a mut Stores, bucket: &str) -> S3Result<&'a mut Objects> {
    stores
        .bucket_mut(bucket)
        .ok_or_else(|| s3_error!(NoSuchBucket))
}

/// Whether the bytes of an object with this key are to be kept.
pub(super) fn keeps(behaviour: &Behaviour, key: &str) -> bool {
    behaviour
        .discard_keys_with
        .as_ref()
        .is_none_or(|part| !key.contains(part))
}

pub(super) fn check_conditions(
    existing: Option<&Object>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let meets = |condition: &ETagCondition| {
        existing.is_some_and(|object| {
            condition
                .as_etag()
                .is_none_or(|etag| etag.value() == object.etag)
        })
    };
    if if_match.is_some() && existing.is_none() {
        return Err(s3_error!(NoSuchKey));
    }
    if if_match.is_some_and(|condition| !meets(condition)) || if_none_match.is_some_and(meets) {
        return Err(s3_error!(
            PreconditionFailed,
            "at least one of the preconditions did not hold"
        ));
    }
    Ok(())
}

/// What becomes of tags that come with an object, as `a=1&b=2`.
pub(super) fn written_tags(
    habit: TaggingHabit,
    header: Option<&str>,
) -> S3Result<Vec<(String, String)>> {
    let Some(header) = header else {
        return Ok(Vec::new());
    };
    tagging_refused(habit)?;
    if matches!(habit, TaggingHabit::LostOnWrite | TaggingHabit::Dropped) {
        return Ok(Vec::new());
    }
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = header
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let tags: Vec<_> = pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    check_tags(&tags)?;
    Ok(tags)
}

fn tagging_refused(habit: TaggingHabit) -> S3Result<()> {
    match habit {
        TaggingHabit::Full | TaggingHabit::LostOnWrite | TaggingHabit::Dropped => Ok(()),
        TaggingHabit::NotImplemented => Err(refusal(501, "NotImplemented")),
        TaggingHabit::InvalidArgument => Err(refusal(400, "InvalidArgument")),
        TaggingHabit::Denied => Err(refusal(403, "AccessDenied")),
    }
}

/// S3's own limits: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>.
fn check_tags(tags: &[(String, String)]) -> S3Result<()> {
    let allowed = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c))
    };
    let valid = |(name, value): &(String, String)| {
        (1..=128).contains(&name.chars().count())
            && value.chars().count() <= 256
            && allowed(name)
            && allowed(value)
    };
    let names: std::collections::BTreeSet<_> = tags.iter().map(|(name, _)| name).collect();
    if tags.len() > 10 || names.len() < tags.len() || !tags.iter().all(valid) {
        return Err(s3_error!(InvalidTag, "{tags:?} breaks a rule for tags"));
    }
    Ok(())
}

fn find(shared: &Shared, bucket: &str, key: &str) -> S3Result<Object> {
    objects(&shared.stores(), bucket)?
        .get(key)
        .cloned()
        .ok_or_else(|| s3_error!(NoSuchKey))
}

fn tag_count(tags: &[(String, String)]) -> Option<i32> {
    (!tags.is_empty()).then_some(tags.len() as i32)
}

/// The pieces of an answer that begins at this byte of its object, with what the fault does to them.
fn answer_body(pieces: Vec<Bytes>, begins_at: u64, fault: Option<Fault>) -> StreamingBlob {
    let first = |pieces, bytes| Content::kept(pieces).range(0..bytes).unwrap_or_default();
    let cut = || io::Error::new(io::ErrorKind::ConnectionReset, "cut by the test");
    let (pieces, end, stalls) = match fault {
        Some(Fault::Cut { after_bytes }) => (first(pieces, after_bytes), Some(Err(cut())), false),
        Some(Fault::Stall { after_bytes }) => (first(pieces, after_bytes), None, true),
        Some(Fault::FlipBit { at_byte }) => {
            (flip(pieces, at_byte.checked_sub(begins_at)), None, false)
        }
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
