//! A cache of small objects that were opened: a command that surveys the bucket twice, and `serve`, which does so again
//! and again, read each object once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::store::Object;

/// The most objects in the cache, some 2 KiB each. Beyond that the cache is emptied.
const COUNT_MAX: usize = 10_000;

/// Opened objects by their keys. An entry is valid only for exactly the object that was read, by length, entity tag and
/// date, which every listing shows. Objects without an entity tag are not cached.
pub(super) struct EntryCache<T>(Mutex<BTreeMap<String, (Version, T)>>);

/// The attributes that change when an object is overwritten.
#[derive(PartialEq, Eq)]
struct Version {
    bytes: u64,
    etag: String,
    modified: Option<Timestamp>,
}

impl<T> Default for EntryCache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> EntryCache<T> {
    /// The value of exactly this object, if it is cached.
    pub(super) fn get(&self, object: &Object) -> Option<T> {
        let version = Version::of(object)?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (opened, value) = known.get(&object.key)?;
        (*opened == version).then(|| value.clone())
    }

    /// Stores the value of this object.
    pub(super) fn keep(&self, object: &Object, value: &T) {
        let Some(version) = Version::of(object) else {
            return;
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= COUNT_MAX && !known.contains_key(&object.key) {
            known.clear();
        }
        known.insert(object.key.clone(), (version, value.clone()));
    }
}

impl Version {
    fn of(object: &Object) -> Option<Self> {
        Some(Self {
            bytes: object.bytes,
            etag: object.etag.clone()?,
            modified: object.modified,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Thaw;

    fn object(key: &str, etag: Option<&str>) -> Object {
        Object {
            key: key.to_owned(),
            bytes: 7,
            etag: etag.map(str::to_owned),
            modified: Timestamp::from_second(1000).ok(),
            storage_class: None,
            archive_tier: None,
            thaw: Thaw::Warm,
        }
    }

    #[test]
    fn only_the_very_object_that_was_opened_is_known() {
        let known = EntryCache::default();
        let first = object("a", Some("\"1\""));
        known.keep(&first, &"first");
        assert_eq!(known.get(&first), Some("first"));
        let later = Timestamp::from_second(1001).ok();
        for other in [
            object("b", Some("\"1\"")),
            object("a", Some("\"2\"")),
            object("a", None),
            Object {
                bytes: 8,
                ..first.clone()
            },
            Object {
                modified: later,
                ..first.clone()
            },
        ] {
            assert_eq!(known.get(&other), None, "{other:?}");
        }
        known.keep(&object("c", None), &"no tag");
        assert_eq!(known.get(&object("c", None)), None);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let known = EntryCache::default();
        for n in 0..COUNT_MAX + 10 {
            known.keep(&object(&n.to_string(), Some("x")), &n);
        }
        assert_eq!(known.0.lock().unwrap().len(), 10);
    }
}
