//! Uploads in parts: begin, part, complete, abort.

use std::collections::BTreeMap;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::answer::{AnswerOverride, Replacement, with_checksums};
use super::behaviour::{Behaviour, ConditionalWrites};
use super::bucket::{Attributes, Object, Part as StoredPart, Stores, Upload};
use super::cold::asked_class;
use super::content::Content;
use super::lock::Lock;
use super::objects::{bucket, bucket_mut, check_conditions, keeps};
use super::receive::Envelope;
use super::tagging::written_tags;

pub(super) async fn create_multipart_upload(
    shared: &Shared,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let (input, extensions) = (request.input, request.extensions);
    let habit = shared.control().behaviour.tagging;
    let root = shared.control().behaviour.upload_root;
    let mut stores = shared.stores();
    bucket(&stores, &input.bucket)?;
    let lock = Lock::asked(
        shared,
        input.object_lock_mode,
        input.object_lock_retain_until_date,
        input.object_lock_legal_hold_status,
    )?;
    let algorithm = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let upload = Upload {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        tags: written_tags(habit, input.tagging.as_deref())?,
        attributes: Attributes {
            content_type: input.content_type,
            storage_class: asked_class(input.storage_class)?,
            metadata: input.metadata,
        },
        other_checksum: algorithm.is_some_and(|name| name != ChecksumAlgorithm::CRC64NVME),
        lock,
        parts: BTreeMap::new(),
        initiated: shared.clock.now(),
    };
    let upload_id = stores.begin(upload);
    if let (Some(root), Some(answer_override)) = (root, extensions.get::<AnswerOverride>()) {
        let body = format!("<{root}><UploadId>{upload_id}</UploadId></{root}>");
        answer_override.set(Replacement::said(200, &body));
    }
    Ok(CreateMultipartUploadOutput {
        upload_id: Some(upload_id),
        bucket: Some(input.bucket),
        key: Some(input.key),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..Default::default()
    })
}

pub(super) async fn upload_part(shared: &Shared, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let (input, envelope) = Envelope::open(request);
    let behaviour = shared.control().behaviour.clone();
    if !(1..=behaviour.max_parts).contains(&input.part_number) {
        return Err(s3_error!(
            InvalidArgument,
            "part numbers go from 1 to {}",
            behaviour.max_parts
        ));
    }
    under_way(&mut shared.stores(), &input.upload_id, &input.key)?
        .lock
        .check_checksum(envelope.has_checksum())?;
    let received = envelope.receive(input.body, keeps(&behaviour, &input.key)).await?;
    let part = StoredPart {
        etag: received.content.etag(),
        content: received.content,
        crc64: received.crc64,
        checksum: received.checksum,
        modified: shared.clock.now(),
    };
    let sums = if behaviour.returns_checksums {
        part.checksum.clone()
    } else {
        Checksum::default()
    };
    let output = UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        ..Default::default()
    };
    // The upload may have been aborted while the part came in.
    under_way(&mut shared.stores(), &input.upload_id, &input.key)?
        .parts
        .insert(input.part_number, part);
    Ok(with_checksums!(output, sums))
}

pub(super) async fn complete_multipart_upload(
    shared: &Shared,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = request.input;
    let behaviour = shared.control().behaviour.clone();
    let mut stores = shared.stores();
    let upload = under_way(&mut stores, &input.upload_id, &input.key)?;
    let named = input
        .multipart_upload
        .and_then(|upload| upload.parts)
        .unwrap_or_default();
    let parts = choose_parts(upload, &named)?;
    check_sizes(&behaviour, &parts)?;
    let object = Object::from_parts(upload, &parts, shared.clock.now());
    if input
        .mpu_object_size
        .is_some_and(|size| size as u64 != object.content.len())
    {
        return Err(s3_error!(InvalidRequest, "the object's size is not the one announced"));
    }
    if input.checksum_crc64nvme.is_some() && input.checksum_crc64nvme != object.checksum.checksum_crc64nvme {
        return Err(s3_error!(BadDigest, "the object's checksum is not the one announced"));
    }
    let bucket = bucket_mut(&mut stores, &input.bucket)?;
    if behaviour.conditional_writes == ConditionalWrites::Everywhere {
        check_conditions(
            bucket.object(&input.key),
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
    }
    let sums = object.sums(behaviour.returns_checksums);
    let has_versions = behaviour.has_versions();
    let output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        checksum_crc64nvme: behaviour.false_checksum.or(sums.checksum_crc64nvme),
        checksum_type: sums.checksum_type,
        bucket: Some(input.bucket),
        key: Some(input.key.clone()),
        ..Default::default()
    };
    bucket.put(input.key.clone(), object, has_versions);
    let version_id = bucket.version_id(&input.key);
    stores.uploads.remove(&input.upload_id);
    Ok(CompleteMultipartUploadOutput { version_id, ..output })
}

pub(super) async fn abort_multipart_upload(
    shared: &Shared,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let mut stores = shared.stores();
    under_way(&mut stores, &request.input.upload_id, &request.input.key)?;
    stores.uploads.remove(&request.input.upload_id);
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) fn under_way<'a>(stores: &'a mut Stores, id: &str, key: &str) -> S3Result<&'a mut Upload> {
    let upload = stores.uploads.get_mut(id).filter(|upload| upload.key == key);
    upload.ok_or_else(|| s3_error!(NoSuchUpload))
}

/// The parts that a client named, which must rise in number and be the ones that came.
fn choose_parts<'a>(upload: &'a Upload, named: &[CompletedPart]) -> S3Result<Vec<&'a StoredPart>> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "an upload needs a part"));
    }
    let numbers: Vec<i32> = named.iter().map(|part| part.part_number.unwrap_or_default()).collect();
    if !numbers.is_sorted_by(|a, b| a < b) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let choose = |(named, number): (&CompletedPart, &i32)| {
        let part = upload
            .parts
            .get(number)
            .ok_or_else(|| s3_error!(InvalidPart, "part {number} never came"))?;
        let same_etag = named.e_tag.as_ref().is_some_and(|etag| etag.value() == part.etag);
        let crc = &part.checksum.checksum_crc64nvme;
        if !same_etag || named.checksum_crc64nvme.is_some() && named.checksum_crc64nvme != *crc {
            return Err(s3_error!(InvalidPart, "part {number} is another one"));
        }
        Ok(part)
    };
    named.iter().zip(&numbers).map(choose).collect()
}

fn check_sizes(behaviour: &Behaviour, parts: &[&StoredPart]) -> S3Result<()> {
    let Some((last, others)) = parts.split_last() else {
        return Ok(());
    };
    let size = |part: &StoredPart| Content::len(&part.content);
    if others.iter().any(|part| size(part) < behaviour.min_part_bytes) {
        return Err(s3_error!(EntityTooSmall));
    }
    let Some(first) = others.first() else {
        return Ok(());
    };
    let equal = others.iter().all(|part| size(part) == size(first)) && size(last) <= size(first);
    if behaviour.equal_parts_only && !equal {
        return Err(s3_error!(InvalidPart, "all parts but the last must have the same size"));
    }
    Ok(())
}
