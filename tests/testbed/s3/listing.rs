//! Buckets, and the listings of objects, uploads and parts, in pages.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::multipart::under_way;
use super::objects::bucket;

pub(super) async fn create_bucket(
    shared: &Shared,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    if !shared.stores().make_bucket(&request.input.bucket) {
        return Err(s3_error!(BucketAlreadyOwnedByYou));
    }
    Ok(CreateBucketOutput::default())
}

pub(super) async fn head_bucket(
    shared: &Shared,
    request: S3Request<HeadBucketInput>,
) -> S3Result<HeadBucketOutput> {
    bucket(&shared.stores(), &request.input.bucket)?;
    Ok(HeadBucketOutput::default())
}

pub(super) async fn get_bucket_location(
    shared: &Shared,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<GetBucketLocationOutput> {
    bucket(&shared.stores(), &request.input.bucket)?;
    Ok(GetBucketLocationOutput::default())
}

pub(super) async fn list_buckets(
    shared: &Shared,
    _: S3Request<ListBucketsInput>,
) -> S3Result<ListBucketsOutput> {
    let stores = shared.stores();
    let buckets = stores.bucket_names().map(|name| Bucket {
        name: Some(name.clone()),
        ..Default::default()
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        ..Default::default()
    })
}

pub(super) async fn list_objects_v2(
    shared: &Shared,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let page = page_size(shared, input.max_keys);
    let stores = shared.stores();
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input
        .delimiter
        .as_deref()
        .filter(|delimiter| !delimiter.is_empty());
    let (mut contents, mut prefixes, mut last, mut truncated) =
        (Vec::new(), Vec::new(), String::new(), false);
    for (key, object) in bucket(&stores, &input.bucket)?
        .objects
        .range(prefix.to_owned()..)
    {
        let Some(rest) = key.strip_prefix(prefix) else {
            break;
        };
        // Keys that go on behind a delimiter stand in the listing together, as one common prefix.
        let end = delimiter
            .and_then(|delimiter| Some(prefix.len() + rest.find(delimiter)? + delimiter.len()));
        let entry = &key[..end.unwrap_or(key.len())];
        let passed = input
            .continuation_token
            .as_deref()
            .is_some_and(|token| entry <= token);
        if passed
            || entry == last
            || input
                .start_after
                .as_deref()
                .is_some_and(|after| key.as_str() <= after)
        {
            continue;
        }
        if contents.len() + prefixes.len() == page {
            truncated = true;
            break;
        }
        entry.clone_into(&mut last);
        if end.is_some() {
            prefixes.push(CommonPrefix {
                prefix: Some(last.clone()),
            });
        } else {
            contents.push(Object {
                key: Some(last.clone()),
                size: Some(object.content.len() as i64),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                last_modified: Some(object.modified.into()),
                storage_class: Some(
                    object
                        .attributes
                        .storage_class
                        .clone()
                        .unwrap_or("STANDARD".into())
                        .into(),
                ),
                ..Default::default()
            });
        }
    }
    Ok(ListObjectsV2Output {
        key_count: Some((contents.len() + prefixes.len()) as i32),
        max_keys: Some(page as i32),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        is_truncated: Some(truncated),
        next_continuation_token: truncated.then_some(last),
        continuation_token: input.continuation_token,
        delimiter: input.delimiter,
        name: Some(input.bucket),
        prefix: input.prefix,
        start_after: input.start_after,
        ..Default::default()
    })
}

pub(super) async fn list_multipart_uploads(
    shared: &Shared,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    let page = page_size(shared, input.max_uploads);
    let stores = shared.stores();
    bucket(&stores, &input.bucket)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let uploads = stores
        .uploads
        .iter()
        .filter(|(_, upload)| upload.bucket == input.bucket);
    let mut listed: Vec<_> = uploads
        .filter(|(_, upload)| upload.key.starts_with(&prefix))
        .collect();
    listed.sort_by_key(|(id, upload)| (&upload.key, *id));
    if let Some(key) = &input.key_marker {
        // Without an id, the marker stands behind every upload of its key.
        listed.retain(|(id, upload)| match &input.upload_id_marker {
            Some(marker) => (&upload.key, *id) > (key, marker),
            None => upload.key > *key,
        });
    }
    let truncated = listed.len() > page;
    listed.truncate(page);
    let last = listed.last().filter(|_| truncated);
    let next = last.map(|(id, upload)| (upload.key.clone(), (*id).clone()));
    let uploads = listed.into_iter().map(|(id, upload)| MultipartUpload {
        key: Some(upload.key.clone()),
        upload_id: Some(id.clone()),
        initiated: Some(upload.initiated.into()),
        storage_class: upload.attributes.storage_class.clone().map(Into::into),
        ..Default::default()
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        is_truncated: Some(truncated),
        next_key_marker: next.as_ref().map(|(key, _)| key.clone()),
        next_upload_id_marker: next.map(|(_, id)| id),
        max_uploads: Some(page as i32),
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        ..Default::default()
    })
}

pub(super) async fn list_parts(
    shared: &Shared,
    request: S3Request<ListPartsInput>,
) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let page = page_size(shared, input.max_parts);
    let mut stores = shared.stores();
    let upload = under_way(&mut stores, &input.upload_id, &input.key)?;
    let after = input.part_number_marker.unwrap_or(0).saturating_add(1);
    let mut parts: Vec<Part> = upload
        .parts
        .range(after..)
        .take(page + 1)
        .map(describe_part)
        .collect();
    let truncated = parts.len() > page;
    parts.truncate(page);
    let last = parts.last().and_then(|part| part.part_number);
    Ok(ListPartsOutput {
        parts: Some(parts),
        is_truncated: Some(truncated),
        next_part_number_marker: last.filter(|_| truncated),
        max_parts: Some(page as i32),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..Default::default()
    })
}

fn describe_part((number, part): (&i32, &super::bucket::Part)) -> Part {
    Part {
        part_number: Some(*number),
        size: Some(part.content.len() as i64),
        e_tag: Some(ETag::Strong(part.etag.clone())),
        last_modified: Some(part.modified.into()),
        checksum_crc64nvme: part.checksum.checksum_crc64nvme.clone(),
        ..Default::default()
    }
}

/// A client may ask for less than the service gives at most.
fn page_size(shared: &Shared, asked: Option<i32>) -> usize {
    let most = shared.control().behaviour.page_size;
    asked
        .and_then(|asked| usize::try_from(asked).ok())
        .map_or(most, |asked| asked.min(most))
}
