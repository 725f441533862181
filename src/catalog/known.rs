//! Small objects that were opened already: a command that looks at the bucket twice, and `serve`, which looks again and
//! again, read each of them once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::store::Object;

/// The most that are kept, some 2 KiB each. Beyond them all are forgotten, and read again.
const COUNT_MAX: usize = 10_000;

/// What was opened, by its key. It counts for the very object that was read: by length, entity tag and date, which
/// every listing shows. Nothing is kept of an object without an entity tag.
pub(super) struct EntryCache<T>(Mutex<BTreeMap<String, (Version, T)>>);

/// What an overwritten object has another one of.
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
    /// What this very object held when it was opened.
    pub(super) fn get(&self, object: &Object) -> Option<T> {
        let version = Version::of(object)?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (opened, value) = known.get(&object.key)?;
        (*opened == version).then(|| value.clone())
    }

    /// Keeps what this object holds.
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
