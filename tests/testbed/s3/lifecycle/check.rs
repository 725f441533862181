//! Which rules Amazon refuses, and with which codes:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>.

use std::collections::BTreeSet;

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::clock::{midnight_after, time_of};
use super::super::cold::WATERFALL;
use super::super::tagging::check_tags;
use super::{Filter, moves};

const MAX_RULES: usize = 1000;
const MAX_ID_CHARS: usize = 255;

/// Returns from the function with an error, unless the condition holds.
macro_rules! require {
    ($condition:expr, $code:ident, $($message:tt)+) => {
        if !$condition {
            return Err(s3_error!($code, $($message)+));
        }
    };
}
pub(super) use require;

pub(super) fn rules(rules: &[LifecycleRule]) -> S3Result<()> {
    require!(
        (1..=MAX_RULES).contains(&rules.len()),
        MalformedXML,
        "there must be 1 to 1000 rules"
    );
    let mut ids = BTreeSet::new();
    for id in rules.iter().filter_map(|rule| rule.id.as_ref()) {
        require!(
            id.chars().count() <= MAX_ID_CHARS,
            InvalidArgument,
            "ID length should not exceed allowed limit of 255"
        );
        require!(
            ids.insert(id),
            InvalidArgument,
            "Rule ID must be unique. Found same ID for more than one rule"
        );
    }
    let legacy = rules.iter().filter(|rule| rule.filter.is_none()).count();
    rules.iter().try_for_each(rule)?;
    require!(
        legacy == 0 || legacy == rules.len(),
        InvalidRequest,
        "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
    );
    Ok(())
}

pub(super) fn minimum(minimum: &TransitionDefaultMinimumObjectSize) -> S3Result<()> {
    let known = [
        TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K,
        TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS,
    ];
    require!(
        known.contains(&minimum.as_str()),
        InvalidRequest,
        "Invalid TransitionDefaultMinimumObjectSize found"
    );
    Ok(())
}

fn rule(rule: &LifecycleRule) -> S3Result<()> {
    let known = [ExpirationStatus::ENABLED, ExpirationStatus::DISABLED];
    require!(
        known.contains(&rule.status.as_str()),
        MalformedXML,
        "a status is Enabled or Disabled"
    );
    require!(
        rule.filter.is_some() != rule.prefix.is_some(),
        MalformedXML,
        "a rule has either a Filter or a Prefix"
    );
    rule.filter.as_ref().map_or(Ok(()), filter)?;
    let transitions = rule.transitions.as_deref().unwrap_or_default();
    let noncurrent = rule.noncurrent_version_transitions.as_deref().unwrap_or_default();
    require!(
        rule.expiration.is_some()
            || !transitions.is_empty()
            || !noncurrent.is_empty()
            || rule.noncurrent_version_expiration.is_some()
            || rule.abort_incomplete_multipart_upload.is_some(),
        InvalidRequest,
        "At least one action needs to be specified in a rule"
    );
    moves::transitions(transitions)?;
    if let Some(expiration) = &rule.expiration {
        self::expiration(expiration, &Filter::of(rule))?;
        moves::comes_last(expiration, transitions)?;
    }
    noncurrent_versions(rule, noncurrent)?;
    abort(rule)
}

fn filter(filter: &LifecycleRuleFilter) -> S3Result<()> {
    let given = [
        filter.and.is_some(),
        filter.prefix.is_some(),
        filter.tag.is_some(),
        filter.object_size_greater_than.is_some(),
        filter.object_size_less_than.is_some(),
    ];
    require!(
        given.iter().filter(|given| **given).count() <= 1,
        MalformedXML,
        "a Filter has one condition, or several in And"
    );
    if let Some(tag) = &filter.tag {
        tags(std::slice::from_ref(tag))?;
    }
    let Some(and) = &filter.and else {
        return Ok(());
    };
    let and_tags = and.tags.as_deref().unwrap_or_default();
    let sizes = (and.object_size_greater_than, and.object_size_less_than);
    let conditions = and_tags.len()
        + usize::from(and.prefix.is_some())
        + usize::from(sizes.0.is_some())
        + usize::from(sizes.1.is_some());
    require!(conditions >= 2, MalformedXML, "And has two conditions or more");
    if let (Some(larger), Some(smaller)) = sizes {
        require!(
            larger < smaller,
            InvalidRequest,
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        );
    }
    tags(and_tags)
}

fn tags(tags: &[Tag]) -> S3Result<()> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let tags: Vec<_> = tags.iter().map(|tag| (text(&tag.key), text(&tag.value))).collect();
    check_tags(&tags)
}

fn expiration(expiration: &LifecycleExpiration, filter: &Filter<'_>) -> S3Result<()> {
    let marker = expiration.expired_object_delete_marker;
    let given = [expiration.days.is_some(), expiration.date.is_some(), marker.is_some()];
    require!(
        given.iter().filter(|given| **given).count() == 1,
        MalformedXML,
        "an Expiration has Days, or a Date, or ExpiredObjectDeleteMarker"
    );
    require!(
        expiration.days.is_none_or(|days| days > 0),
        InvalidArgument,
        "'Days' for Expiration action must be a positive integer"
    );
    require!(
        expiration.date.as_ref().is_none_or(is_midnight),
        InvalidArgument,
        "'Date' must be at midnight GMT"
    );
    require!(
        marker.is_none() || !filter.has_tags() && !filter.has_sizes(),
        InvalidRequest,
        "ExpiredObjectDeleteMarker cannot be specified with Object Tags or Object Size."
    );
    Ok(())
}

pub(super) fn is_midnight(date: &Timestamp) -> bool {
    let time = time_of(date);
    midnight_after(time, 0) == time
}

fn noncurrent_versions(rule: &LifecycleRule, transitions: &[NoncurrentVersionTransition]) -> S3Result<()> {
    for transition in transitions {
        let class = transition.storage_class.as_ref();
        let class = class.map_or("", TransitionStorageClass::as_str);
        require!(
            WATERFALL[1..].contains(&class) && transition.noncurrent_days.is_some(),
            MalformedXML,
            "a NoncurrentVersionTransition has NoncurrentDays and a StorageClass"
        );
        moves::least_days(
            transition.noncurrent_days.unwrap_or_default(),
            class,
            "NoncurrentVersionTransition",
        )?;
    }
    let Some(expiration) = &rule.noncurrent_version_expiration else {
        return Ok(());
    };
    require!(
        expiration.noncurrent_days.is_some_and(|days| days > 0),
        InvalidArgument,
        "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer"
    );
    let kept = expiration.newer_noncurrent_versions;
    require!(
        kept.is_none_or(|kept| (1..=100).contains(&kept)),
        InvalidArgument,
        "'NewerNoncurrentVersions' must be between 1 and 100"
    );
    Ok(())
}

fn abort(rule: &LifecycleRule) -> S3Result<()> {
    let Some(abort) = &rule.abort_incomplete_multipart_upload else {
        return Ok(());
    };
    require!(
        abort.days_after_initiation.is_some_and(|days| days > 0),
        InvalidArgument,
        "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer"
    );
    let filter = Filter::of(rule);
    require!(
        !filter.has_tags(),
        InvalidRequest,
        "AbortIncompleteMultipartUpload cannot be specified with Tags."
    );
    require!(
        !filter.has_sizes(),
        InvalidRequest,
        "AbortIncompleteMultipartUpload cannot be specified with Object Size."
    );
    Ok(())
}
