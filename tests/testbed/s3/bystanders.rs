//! What lies in the customer's bucket beside the agent's own, in numbers, and whether it stayed as it was.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::bucket::Object;
use super::content::Content;
use super::{BUCKET, S3Server};

/// All objects at one moment: their bytes, tags, attributes, locks, and the time of their writing.
#[derive(Clone)]
pub struct Snapshot {
    objects: BTreeMap<String, Arc<Object>>,
}

impl S3Server {
    /// Puts so many small objects below a prefix, such as `photos/000000042`. A million takes a second or two, and some
    /// 100 MB of memory.
    pub fn fill(&self, prefix: &str, count: usize) {
        let content = Content::kept(vec![Bytes::from_static(b"bystander")]);
        let object = Arc::new(Object::new(content, self.shared.clock.now()));
        let keys = (0..count).map(|n| format!("{prefix}{n:09}"));
        let mut filling: BTreeMap<_, _> = keys.map(|key| (key, Arc::clone(&object))).collect();
        let mut stores = self.shared.stores();
        let bucket = stores.bucket_mut(BUCKET).unwrap();
        bucket.objects.append(&mut filling);
    }

    /// Every object as it is now, to compare with what is there later.
    pub fn snapshot(&self) -> Snapshot {
        let stores = self.shared.stores();
        Snapshot {
            objects: stores.bucket(BUCKET).unwrap().objects.clone(),
        }
    }

    /// How many pages of objects were asked for below exactly this prefix.
    pub fn pages(&self, prefix: &str) -> usize {
        let control = self.shared.control();
        let listings = control
            .calls
            .iter()
            .filter(|call| call.operation == "ListObjectsV2" && call.prefix.as_deref().unwrap_or_default() == prefix);
        listings.count()
    }
}

impl Snapshot {
    /// Without what lies below a prefix.
    #[must_use]
    pub fn outside(mut self, prefix: &str) -> Self {
        self.objects.retain(|key, _| !key.starts_with(prefix));
        self
    }

    /// What is another at a later moment: `added KEY`, `removed KEY`, `changed KEY`, in order of keys.
    pub fn changes(&self, later: &Self) -> Vec<String> {
        let mut changes = BTreeMap::new();
        for (key, object) in &self.objects {
            match later.objects.get(key) {
                None => changes.insert(key, "removed"),
                Some(other) if !same(object, other) => changes.insert(key, "changed"),
                Some(_) => None,
            };
        }
        let added = later.objects.keys();
        let added = added.filter(|key| !self.objects.contains_key(*key));
        changes.extend(added.map(|key| (key, "added")));
        let changes = changes.into_iter();
        changes.map(|(key, what)| format!("{what} {key}")).collect()
    }
}

/// The bytes are compared by their MD5.
fn same(a: &Arc<Object>, b: &Arc<Object>) -> bool {
    let parts = |object: &Object| (object.content.len(), object.modified);
    Arc::ptr_eq(a, b)
        || parts(a) == parts(b)
            && a.etag == b.etag
            && a.tags == b.tags
            && a.attributes == b.attributes
            && a.lock == b.lock
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.changes(other).is_empty()
    }
}

impl fmt::Debug for Snapshot {
    /// A million keys would help nobody who looks at a failed test; [`changes`](Self::changes) does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} objects", self.objects.len())
    }
}
