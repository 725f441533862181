//! The tags of objects.

use percent_encoding::percent_decode_str;
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::answer::refusal;
use super::behaviour::Tagging as TaggingHabit;
use super::objects::{find, object_mut};

pub(super) async fn get_object_tagging(
    shared: &Shared,
    request: S3Request<GetObjectTaggingInput>,
) -> S3Result<GetObjectTaggingOutput> {
    tagging_refused(shared.control().behaviour.tagging)?;
    let tags = find(shared, &request.input.bucket, &request.input.key)?.tags.clone();
    let tag_set = tags
        .into_iter()
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
    replace_tags(shared, &request.input.bucket, &request.input.key, Vec::new())?;
    Ok(DeleteObjectTaggingOutput::default())
}

fn replace_tags(shared: &Shared, bucket: &str, key: &str, tags: Vec<(String, String)>) -> S3Result<()> {
    let habit = shared.control().behaviour.tagging;
    tagging_refused(habit)?;
    check_tags(&tags)?;
    let mut stores = shared.stores();
    let object = object_mut(&mut stores, bucket, key)?;
    if habit != TaggingHabit::Dropped {
        object.tags = tags;
    }
    Ok(())
}

/// What becomes of tags that come with an object, as `a=1&b=2`.
pub(super) fn written_tags(habit: TaggingHabit, header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    let Some(header) = header else {
        return Ok(Vec::new());
    };
    if matches!(
        habit,
        TaggingHabit::LostOnWrite | TaggingHabit::Dropped | TaggingHabit::DroppedAndUnknown
    ) {
        return Ok(Vec::new());
    }
    tagging_refused(habit)?;
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = header.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let tags: Vec<_> = pairs.map(|(name, value)| (decode(name), decode(value))).collect();
    check_tags(&tags)?;
    Ok(tags)
}

fn tagging_refused(habit: TaggingHabit) -> S3Result<()> {
    match habit {
        TaggingHabit::Full | TaggingHabit::LostOnWrite | TaggingHabit::Dropped => Ok(()),
        TaggingHabit::NotImplemented | TaggingHabit::DroppedAndUnknown => Err(refusal(501, "NotImplemented")),
        TaggingHabit::InvalidArgument => Err(refusal(400, "InvalidArgument")),
        TaggingHabit::Denied => Err(refusal(403, "AccessDenied")),
    }
}

/// S3's own limits: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>.
pub(super) fn check_tags(tags: &[(String, String)]) -> S3Result<()> {
    let allowed = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c))
    };
    let valid = |(name, value): &(String, String)| {
        (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256 && allowed(name) && allowed(value)
    };
    let names: std::collections::BTreeSet<_> = tags.iter().map(|(name, _)| name).collect();
    if tags.len() > 10 || names.len() < tags.len() || !tags.iter().all(valid) {
        return Err(s3_error!(InvalidTag, "{tags:?} breaks a rule for tags"));
    }
    Ok(())
}

pub(super) fn tag_count(tags: &[(String, String)]) -> Option<i32> {
    (!tags.is_empty()).then_some(tags.len() as i32)
}
