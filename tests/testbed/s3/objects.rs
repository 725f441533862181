//! Writing single objects, and what other operations share with that.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::answer::with_checksums;
use super::behaviour::{Behaviour, ConditionalWrites};
use super::bucket::{Attributes, Bucket, Object, Stores};
use super::cold::asked_class;
use super::lock::Lock;
use super::receive::Envelope;
use super::tagging::written_tags;

pub(super) async fn put_object(shared: &Shared, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let (input, envelope) = Envelope::open(request);
    let behaviour = shared.control().behaviour.clone();
    bucket(&shared.stores(), &input.bucket)?;
    let tags = written_tags(behaviour.tagging, input.tagging.as_deref())?;
    let lock = Lock::asked(
        shared,
        input.object_lock_mode,
        input.object_lock_retain_until_date,
        input.object_lock_legal_hold_status,
    )?;
    lock.check_checksum(envelope.has_checksum())?;
    let received = envelope.receive(input.body, keeps(&behaviour, &input.key)).await?;
    let attributes = Attributes {
        content_type: input.content_type,
        storage_class: asked_class(input.storage_class)?,
        metadata: input.metadata,
    };
    let object = Object {
        tags,
        attributes,
        checksum: received.checksum,
        lock,
        ..Object::new(received.content, shared.clock.now())
    };
    let output = PutObjectOutput {
        e_tag: Some(ETag::Strong(object.etag.clone())),
        ..Default::default()
    };
    // Looking and writing happen under one lock: of several writers at once, one wins.
    let mut stores = shared.stores();
    let bucket = bucket_mut(&mut stores, &input.bucket)?;
    if behaviour.conditional_writes != ConditionalWrites::Nowhere {
        check_conditions(
            bucket.object(&input.key),
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
    }
    let sums = object.sums(behaviour.returns_checksums);
    bucket.put(input.key.clone(), object, behaviour.has_versions());
    let version_id = bucket.version_id(&input.key);
    let output = PutObjectOutput { version_id, ..output };
    Ok(with_checksums!(output, sums))
}

pub(super) async fn copy_object(shared: &Shared, request: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let input = request.input;
    let behaviour = shared.control().behaviour.clone();
    let CopySource::Bucket { bucket: from, key, .. } = &input.copy_source else {
        return Err(s3_error!(NotImplemented));
    };
    let mut object = Object::clone(&*find(shared, from, key)?);
    check_conditions(Some(&object), input.copy_source_if_match.as_ref(), None)?;
    object.check_readable(shared.clock.now(), &request.extensions)?;
    let replaces = |directive: Option<&str>| directive == Some("REPLACE");
    if replaces(input.tagging_directive.as_ref().map(TaggingDirective::as_str)) {
        object.tags = written_tags(behaviour.tagging, input.tagging.as_deref())?;
    }
    if replaces(input.metadata_directive.as_ref().map(MetadataDirective::as_str)) {
        object.attributes.content_type = input.content_type;
        object.attributes.metadata = input.metadata;
    }
    // A copy that names no class goes to the standard one, whatever the source's was.
    object.attributes.storage_class = asked_class(input.storage_class)?;
    object.restore = None;
    object.lock = Lock::asked(
        shared,
        input.object_lock_mode,
        input.object_lock_retain_until_date,
        input.object_lock_legal_hold_status,
    )?;
    object.modified = shared.clock.now();
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(object.modified.into()),
        ..Default::default()
    };
    let mut stores = shared.stores();
    let bucket = bucket_mut(&mut stores, &input.bucket)?;
    bucket.put(input.key.clone(), object, behaviour.has_versions());
    Ok(CopyObjectOutput {
        version_id: bucket.version_id(&input.key),
        copy_object_result: Some(result),
        ..Default::default()
    })
}

// --- shared with other operations ----------------------------------------------------------------------------------

pub(super) fn bucket<'a>(stores: &'a Stores, name: &str) -> S3Result<&'a Bucket> {
    stores.bucket(name).ok_or_else(|| s3_error!(NoSuchBucket))
}

pub(super) fn bucket_mut<'a>(stores: &'a mut Stores, name: &str) -> S3Result<&'a mut Bucket> {
    stores.bucket_mut(name).ok_or_else(|| s3_error!(NoSuchBucket))
}

pub(super) fn object_mut<'a>(stores: &'a mut Stores, bucket: &str, key: &str) -> S3Result<&'a mut Object> {
    bucket_mut(stores, bucket)?
        .object_mut(key)
        .ok_or_else(|| s3_error!(NoSuchKey))
}

pub(super) fn find(shared: &Shared, name: &str, key: &str) -> S3Result<Arc<Object>> {
    bucket(&shared.stores(), name)?
        .objects
        .get(key)
        .cloned()
        .ok_or_else(|| s3_error!(NoSuchKey))
}

/// The current version, unless another is named.
pub(super) fn find_version(shared: &Shared, name: &str, key: &str, version: Option<&str>) -> S3Result<Arc<Object>> {
    let Some(id) = version else {
        return find(shared, name, key);
    };
    let stores = shared.stores();
    let object = bucket(&stores, name)?.version(key, id);
    object.cloned().ok_or_else(|| s3_error!(NoSuchVersion))
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
        existing.is_some_and(|object| condition.as_etag().is_none_or(|etag| etag.value() == object.etag))
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
