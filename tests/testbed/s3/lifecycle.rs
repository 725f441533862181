//! The bucket's lifecycle rules: put, get and delete, as Amazon does or as other services do.

mod carry_out;
mod check;
mod moves;

pub(super) use carry_out::expiration;
pub use carry_out::{CarriedOut, LifecycleAction};

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::answer::refusal;
use super::behaviour::Lifecycle;
use super::objects::{bucket, bucket_mut};
use super::receive::has_checksum;

/// What a client put, and the bucket follows.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    rules: Vec<LifecycleRule>,
    /// Which objects are too small to move; Amazon's default where nothing was said, or it was forgotten.
    minimum: Option<TransitionDefaultMinimumObjectSize>,
}

pub(super) async fn put_bucket_lifecycle_configuration(
    shared: &Shared,
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<PutBucketLifecycleConfigurationOutput> {
    let habit = shared.control().behaviour.lifecycle;
    refused(habit)?;
    if !has_checksum(&request.headers) {
        return Err(s3_error!(
            InvalidRequest,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        ));
    }
    let input = request.input;
    let mut rules = input
        .lifecycle_configuration
        .ok_or_else(|| s3_error!(MalformedXML, "there is no configuration"))?
        .rules;
    check::rules(&rules)?;
    if habit == Lifecycle::PrefixOnly {
        rules.iter().try_for_each(by_prefix_only)?;
    }
    let minimum = input
        .transition_default_minimum_object_size
        .unwrap_or_else(default_minimum);
    check::minimum(&minimum)?;
    let mut stores = shared.stores();
    let bucket = bucket_mut(&mut stores, &input.bucket)?;
    for rule in &mut rules {
        misremember(habit, rule);
        if rule.id.as_ref().is_none_or(String::is_empty) {
            bucket.rules_named += 1;
            rule.id = Some(format!("named-by-the-server-{}", bucket.rules_named));
        }
    }
    let minimum = Some(minimum).filter(|_| habit != Lifecycle::ForgetsMinimumSize);
    bucket.lifecycle = Some(Rules {
        rules,
        minimum: minimum.clone(),
    });
    Ok(PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: minimum,
    })
}

pub(super) async fn get_bucket_lifecycle_configuration(
    shared: &Shared,
    request: S3Request<GetBucketLifecycleConfigurationInput>,
) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    refused(shared.control().behaviour.lifecycle)?;
    let stores = shared.stores();
    let stored = bucket(&stores, &request.input.bucket)?.lifecycle.as_ref();
    let stored = stored.ok_or_else(|| {
        s3_error!(
            NoSuchLifecycleConfiguration,
            "The lifecycle configuration does not exist"
        )
    })?;
    Ok(GetBucketLifecycleConfigurationOutput {
        rules: Some(stored.rules.clone()),
        transition_default_minimum_object_size: stored.minimum.clone(),
    })
}

pub(super) async fn delete_bucket_lifecycle(
    shared: &Shared,
    request: S3Request<DeleteBucketLifecycleInput>,
) -> S3Result<DeleteBucketLifecycleOutput> {
    refused(shared.control().behaviour.lifecycle)?;
    bucket_mut(&mut shared.stores(), &request.input.bucket)?.lifecycle = None;
    Ok(DeleteBucketLifecycleOutput::default())
}

fn refused(habit: Lifecycle) -> S3Result<()> {
    match habit {
        Lifecycle::NotImplemented => Err(refusal(501, "NotImplemented")),
        Lifecycle::Denied => Err(refusal(403, "AccessDenied")),
        _ => Ok(()),
    }
}

/// Both codes are seen on services that know prefixes alone.
fn by_prefix_only(rule: &LifecycleRule) -> S3Result<()> {
    let Some(filter) = &rule.filter else {
        return Ok(());
    };
    if filter.and.is_some() {
        return Err(refusal(400, "MalformedXML"));
    }
    if Filter::of(rule).has_tags() || Filter::of(rule).has_sizes() {
        return Err(refusal(400, "InvalidArgument"));
    }
    Ok(())
}

fn misremember(habit: Lifecycle, rule: &mut LifecycleRule) {
    match habit {
        Lifecycle::DropsFilters if rule.filter.is_some() => {
            rule.filter = Some(LifecycleRuleFilter {
                prefix: Some(String::new()),
                ..Default::default()
            });
        }
        Lifecycle::DropsTransitions => rule.transitions = None,
        _ => {}
    }
}

fn default_minimum() -> TransitionDefaultMinimumObjectSize {
    TransitionDefaultMinimumObjectSize::from_static(TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K)
}

/// What a rule is about, in whichever of its shapes it was put.
#[derive(Debug, Default)]
struct Filter<'a> {
    prefix: &'a str,
    tags: Vec<&'a Tag>,
    larger_than_bytes: Option<i64>,
    smaller_than_bytes: Option<i64>,
}

impl<'a> Filter<'a> {
    fn of(rule: &'a LifecycleRule) -> Self {
        let prefix = rule.prefix.as_deref();
        let Some(filter) = &rule.filter else {
            return Self {
                prefix: prefix.unwrap_or_default(),
                ..Self::default()
            };
        };
        match &filter.and {
            Some(and) => Self {
                prefix: and.prefix.as_deref().unwrap_or_default(),
                tags: and.tags.iter().flatten().collect(),
                larger_than_bytes: and.object_size_greater_than,
                smaller_than_bytes: and.object_size_less_than,
            },
            None => Self {
                prefix: filter.prefix.as_deref().unwrap_or_default(),
                tags: filter.tag.iter().collect(),
                larger_than_bytes: filter.object_size_greater_than,
                smaller_than_bytes: filter.object_size_less_than,
            },
        }
    }

    fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    fn has_sizes(&self) -> bool {
        self.larger_than_bytes.is_some() || self.smaller_than_bytes.is_some()
    }

    fn fits(&self, key: &str, tags: &[(String, String)], size_bytes: u64) -> bool {
        let size = i64::try_from(size_bytes).unwrap_or(i64::MAX);
        let tagged = |tag: &&Tag| {
            let (name, value) = (tag.key.as_deref(), tag.value.as_deref());
            tags.iter()
                .any(|(n, v)| Some(n.as_str()) == name && v == value.unwrap_or_default())
        };
        key.starts_with(self.prefix)
            && self.larger_than_bytes.is_none_or(|bytes| size > bytes)
            && self.smaller_than_bytes.is_none_or(|bytes| size < bytes)
            && self.tags.iter().all(tagged)
    }
}
