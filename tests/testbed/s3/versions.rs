//! Removing objects; and in a bucket with versions, what stays of those removed or written over.

use std::sync::Arc;
use std::time::SystemTime;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::answer::refusal;
use super::behaviour::Behaviour;
use super::bucket::{Bucket, Object};
use super::objects::{bucket, bucket_mut, check_conditions};
use super::{BUCKET, S3Server, Shared};

/// A version that an ordinary GET does not see.
#[derive(Debug, Clone)]
pub(super) struct Noncurrent {
    pub key: String,
    pub object: Arc<Object>,
    /// When it was removed or written over.
    pub since: SystemTime,
}

/// The same as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldVersion {
    pub key: String,
    pub version_id: String,
    pub size_bytes: u64,
    pub tags: Vec<(String, String)>,
    pub storage_class: Option<String>,
}

impl Object {
    /// What was written before the bucket had versions is the version `null`.
    pub(super) fn version(&self) -> &str {
        self.version_id.as_deref().unwrap_or("null")
    }
}

impl Bucket {
    /// Writes an object, over another if there is one, which stays as a version where the bucket has versions.
    pub(super) fn put(&mut self, key: String, mut object: Object, versioned: bool) {
        object.version_id = versioned.then(|| self.new_version());
        let since = object.modified;
        let old = self.objects.insert(key.clone(), Arc::new(object));
        if let Some(object) = old.filter(|_| versioned) {
            self.noncurrent.push(Noncurrent { key, object, since });
        }
    }

    /// Removes an object for good; whether there was one.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        self.objects.remove(key).is_some()
    }

    /// Puts a delete marker before an object; the marker's version.
    pub(super) fn hide(&mut self, key: &str, since: SystemTime) -> String {
        if let Some((key, object)) = self.objects.remove_entry(key) {
            self.noncurrent.push(Noncurrent { key, object, since });
        }
        self.new_version()
    }

    pub(super) fn version(&self, key: &str, id: &str) -> Option<&Arc<Object>> {
        let noncurrent = self.noncurrent.iter().filter(|old| old.key == key);
        let mut all = self
            .objects
            .get(key)
            .into_iter()
            .chain(noncurrent.map(|old| &old.object));
        all.find(|object| object.version() == id)
    }

    pub(super) fn version_mut(&mut self, key: &str, id: &str) -> Option<&mut Object> {
        let noncurrent = self.noncurrent.iter_mut().filter(|old| old.key == key);
        let mut all = self
            .objects
            .get_mut(key)
            .into_iter()
            .chain(noncurrent.map(|old| &mut old.object));
        all.find(|object| object.version() == id).map(Arc::make_mut)
    }

    pub(super) fn remove_version(&mut self, key: &str, id: &str) {
        if self.object(key).is_some_and(|object| object.version() == id) {
            self.objects.remove(key);
        }
        self.noncurrent
            .retain(|old| old.key != key || old.object.version() != id);
    }

    fn new_version(&mut self) -> String {
        self.versions_made += 1;
        format!("version-{:08}", self.versions_made)
    }
}

pub(super) async fn get_bucket_versioning(
    shared: &Shared,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<GetBucketVersioningOutput> {
    bucket(&shared.stores(), &request.input.bucket)?;
    let enabled = BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED);
    let versioned = shared.control().behaviour.has_versions();
    Ok(GetBucketVersioningOutput {
        status: versioned.then_some(enabled),
        ..Default::default()
    })
}

/// What came of a removal.
#[derive(Default)]
struct Removal {
    delete_marker: Option<bool>,
    version_id: Option<String>,
}

fn remove(
    (bucket, now): (&mut Bucket, SystemTime),
    behaviour: &Behaviour,
    (key, version): (&str, Option<&str>),
    bypass: bool,
) -> S3Result<Removal> {
    if !behaviour.deletes {
        return Ok(Removal::default());
    }
    let Some(id) = version else {
        if !behaviour.has_versions() {
            bucket.remove(key);
            return Ok(Removal::default());
        }
        return Ok(Removal {
            delete_marker: Some(true),
            version_id: Some(bucket.hide(key, now)),
        });
    };
    let object = bucket.version(key, id);
    if object.is_some_and(|object| object.lock.holds(now, bypass)) {
        return Err(s3_error!(
            AccessDenied,
            "Access Denied because object protected by object lock."
        ));
    }
    bucket.remove_version(key, id);
    Ok(Removal {
        version_id: Some(id.to_owned()),
        ..Removal::default()
    })
}

pub(super) async fn delete_object(
    shared: &Shared,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let behaviour = shared.control().behaviour.clone();
    let mut stores = shared.stores();
    let bucket = bucket_mut(&mut stores, &input.bucket)?;
    if let Some(condition) = &input.if_match {
        if !behaviour.conditional_deletes {
            return Err(refusal(501, "NotImplemented"));
        }
        check_conditions(bucket.object(&input.key), Some(condition), None)?;
    }
    let done = remove(
        (bucket, shared.clock.now()),
        &behaviour,
        (&input.key, input.version_id.as_deref()),
        input.bypass_governance_retention == Some(true),
    )?;
    Ok(DeleteObjectOutput {
        delete_marker: done.delete_marker,
        version_id: done.version_id,
        ..Default::default()
    })
}

pub(super) async fn delete_objects(
    shared: &Shared,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let input = request.input;
    let behaviour = shared.control().behaviour.clone();
    let bypass = input.bypass_governance_retention == Some(true);
    let mut stores = shared.stores();
    let bucket = bucket_mut(&mut stores, &input.bucket)?;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in input.delete.objects {
        let (key, version_id) = (Some(object.key.clone()), object.version_id.clone());
        let which = (object.key.as_str(), object.version_id.as_deref());
        match remove((bucket, shared.clock.now()), &behaviour, which, bypass) {
            Ok(done) => deleted.push(DeletedObject {
                delete_marker: done.delete_marker,
                delete_marker_version_id: done.version_id.filter(|_| version_id.is_none()),
                key,
                version_id,
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                key,
                message: error.message().map(str::to_owned),
                version_id,
            }),
        }
    }
    Ok(DeleteObjectsOutput {
        deleted: (input.delete.quiet != Some(true)).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..Default::default()
    })
}

impl S3Server {
    /// The versions that were removed or written over, oldest first.
    pub fn noncurrent(&self) -> Vec<OldVersion> {
        let stores = self.shared.stores();
        let versions = stores.bucket(BUCKET).unwrap().noncurrent.iter();
        versions
            .map(|old| OldVersion {
                key: old.key.clone(),
                version_id: old.object.version().to_owned(),
                size_bytes: old.object.content.len(),
                tags: old.object.tags.clone(),
                storage_class: old.object.attributes.storage_class.clone(),
            })
            .collect()
    }
}
