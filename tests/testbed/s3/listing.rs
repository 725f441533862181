//! Buckets, and the listings of objects, uploads and parts, in pages.

use std::ops::Bound;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::behaviour::Listing;
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

pub(super) async fn head_bucket(shared: &Shared, request: S3Request<HeadBucketInput>) -> S3Result<HeadBucketOutput> {
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

pub(super) async fn list_buckets(shared: &Shared, _: S3Request<ListBucketsInput>) -> S3Result<ListBucketsOutput> {
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
    let mut input = request.input;
    let habit = shared.control().behaviour.listing;
    if habit == Listing::WithoutPrefix {
        input.prefix = None;
    }
    if habit == Listing::WithoutDelimiter {
        input.delimiter = None;
    }
    let page = page_size(shared, input.max_keys);
    let now = shared.clock.now();
    let attributes = input.optional_object_attributes.as_deref();
    let restores = attributes.is_some_and(|names| {
        names
            .iter()
            .any(|name| name.as_str() == OptionalObjectAttributes::RESTORE_STATUS)
    });
    let stores = shared.stores();
    let objects = &bucket(&stores, &input.bucket)?.objects;
    let grouping = Grouping {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().unwrap_or_default(),
    };
    let mut from = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => grouping.behind(token),
        (None, Some(after)) if after.as_str() >= grouping.prefix => Bound::Excluded(after.clone()),
        _ => Bound::Included(grouping.prefix.to_owned()),
    };
    let (mut contents, mut prefixes, mut last) = (Vec::new(), Vec::new(), None);
    let truncated = loop {
        let range = (from.as_ref().map(String::as_str), Bound::Unbounded);
        let next = objects.range::<str, _>(range).next();
        let Some((key, object)) = next.filter(|(key, _)| key.starts_with(grouping.prefix)) else {
            break false;
        };
        if contents.len() + prefixes.len() == page {
            break true;
        }
        let entry = if let Some(group) = grouping.group(key) {
            prefixes.push(CommonPrefix {
                prefix: Some(group.to_owned()),
            });
            group
        } else {
            let listed = describe_object(key, object);
            contents.push(Object {
                restore_status: object.listed_restore(now).filter(|_| restores),
                ..listed
            });
            key
        };
        from = grouping.behind(entry);
        last = Some(entry.to_owned());
    };
    let listed = ListObjectsV2Output {
        key_count: Some((contents.len() + prefixes.len()) as i32),
        max_keys: Some(page as i32),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        is_truncated: Some(truncated),
        next_continuation_token: last.filter(|_| truncated),
        continuation_token: input.continuation_token,
        delimiter: input.delimiter,
        name: Some(input.bucket),
        prefix: input.prefix,
        start_after: input.start_after,
        ..Default::default()
    };
    let asked = input.encoding_type.as_ref().map(EncodingType::as_str) == Some(EncodingType::URL);
    let mut listed = habit.applied_to(listed);
    if habit == Listing::Wordless {
        return Ok(listed);
    }
    if asked && habit != Listing::Unencoded {
        listed.encoding_type = input.encoding_type;
        for object in listed.contents.iter_mut().flatten() {
            object.key = object.key.take().map(|key| as_in_a_url(&key));
        }
        for prefix in listed.common_prefixes.iter_mut().flatten() {
            prefix.prefix = prefix.prefix.take().map(|key| as_in_a_url(&key));
        }
    }
    Ok(listed)
}

/// As S3 writes keys where it is asked to: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
fn as_in_a_url(key: &str) -> String {
    let encoded = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
    encoded.to_string().replace("%20", "+")
}

impl Listing {
    fn applied_to(self, mut page: ListObjectsV2Output) -> ListObjectsV2Output {
        let cut_off = |page: &mut ListObjectsV2Output, token: Option<String>| {
            page.is_truncated = Some(true);
            page.next_continuation_token = token;
        };
        let token_before = page.continuation_token.clone().unwrap_or_default();
        match self {
            Self::Plain | Self::Unencoded | Self::WithoutPrefix | Self::WithoutDelimiter => {}
            Self::WithoutFolders => page.common_prefixes = None,
            Self::Wordless => page = ListObjectsV2Output::default(),
            Self::OfOtherFolder => {
                (page.contents, page.common_prefixes) = (None, None);
                page.prefix = Some("elsewhere/".to_owned());
            }
            Self::Twice => {
                let contents = page.contents.take().unwrap_or_default();
                let twice = contents.into_iter().flat_map(|object| [object.clone(), object]);
                page.contents = Some(twice.collect());
            }
            Self::TwiceOtherwise => {
                let before = |object: &Object| Object {
                    size: Some(7),
                    e_tag: Some(ETag::Strong("00000000000000000000000000000000".to_owned())),
                    ..object.clone()
                };
                let contents = page.contents.take().unwrap_or_default();
                let twice = contents
                    .into_iter()
                    .flat_map(|object| [object.clone(), before(&object)]);
                page.contents = Some(twice.collect());
            }
            Self::SameToken => cut_off(&mut page, Some("same".to_owned())),
            Self::EmptyToken => cut_off(&mut page, Some(String::new())),
            Self::NoToken => cut_off(&mut page, None),
            Self::Endless => {
                (page.contents, page.common_prefixes) = (None, None);
                cut_off(&mut page, Some(format!("{token_before}x")));
            }
            Self::Repeating => cut_off(&mut page, Some(format!("{token_before}\u{1}"))),
            Self::WithoutSizes => {
                for object in page.contents.iter_mut().flatten() {
                    object.size = None;
                }
            }
        }
        page
    }
}

/// What a listing puts together: keys that go on behind a delimiter stand in it as one common prefix.
struct Grouping<'a> {
    prefix: &'a str,
    /// Empty where nothing is put together.
    delimiter: &'a str,
}

impl Grouping<'_> {
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(self.prefix).filter(|_| !self.delimiter.is_empty())?;
        let end = self.prefix.len() + rest.find(self.delimiter)? + self.delimiter.len();
        Some(&key[..end])
    }

    /// Where the listing goes on behind an entry. All keys of a group are passed over without a look at them.
    fn behind(&self, entry: &str) -> Bound<String> {
        if self.group(entry).is_none() {
            return Bound::Excluded(entry.to_owned());
        }
        let mut text = entry.to_owned();
        while let Some(last) = text.pop() {
            let mut higher = u32::from(last) + 1..=u32::from(char::MAX);
            if let Some(next) = higher.find_map(char::from_u32) {
                text.push(next);
                return Bound::Included(text);
            }
        }
        // Nothing is behind a group of the last character alone; and nothing sorts behind this, since keys are shorter.
        Bound::Excluded(char::MAX.to_string().repeat(1024))
    }
}

fn describe_object(key: &str, object: &super::bucket::Object) -> Object {
    Object {
        key: Some(key.to_owned()),
        size: Some(object.content.len() as i64),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(object.modified.into()),
        storage_class: Some(object.class().to_owned().into()),
        ..Default::default()
    }
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
    let mut listed: Vec<_> = uploads.filter(|(_, upload)| upload.key.starts_with(&prefix)).collect();
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
    let asked = input.encoding_type.as_ref().map(EncodingType::as_str) == Some(EncodingType::URL);
    let shown = |key: &str| match asked {
        true => as_in_a_url(key),
        false => key.to_owned(),
    };
    let uploads = listed.into_iter().map(|(id, upload)| MultipartUpload {
        key: Some(shown(&upload.key)),
        upload_id: Some(id.clone()),
        initiated: Some(upload.initiated.into()),
        storage_class: upload.attributes.storage_class.clone().map(Into::into),
        ..Default::default()
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        is_truncated: Some(truncated),
        next_key_marker: next.as_ref().map(|(key, _)| shown(key)),
        next_upload_id_marker: next.map(|(_, id)| id),
        max_uploads: Some(page as i32),
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        encoding_type: input.encoding_type,
        ..Default::default()
    })
}

pub(super) async fn list_parts(shared: &Shared, request: S3Request<ListPartsInput>) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let page = page_size(shared, input.max_parts);
    let mut stores = shared.stores();
    let upload = under_way(&mut stores, &input.upload_id, &input.key)?;
    let after = input.part_number_marker.unwrap_or(0).saturating_add(1);
    let mut parts: Vec<Part> = upload.parts.range(after..).take(page + 1).map(describe_part).collect();
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
