//! The duties, by subject. Each begins in a place that holds nothing.

pub(crate) mod deleting;
pub(crate) mod facts;
pub(crate) mod listing;
pub(crate) mod reading;
pub(crate) mod uploading;
pub(crate) mod writing;

use bytes::Bytes;
use pgcoffer::store::{Attributes, Error, Kind, Object, TagsKept};

use crate::place::Place;

impl Place {
    /// Writes an object that isn't there yet.
    pub(crate) async fn put(&self, below: &str, body: impl Into<Bytes>) -> Object {
        self.put_new(below, body).await.unwrap();
        self.look(below).await
    }

    pub(crate) async fn put_new(&self, below: &str, body: impl Into<Bytes>) -> Result<TagsKept, Error> {
        let key = self.key(below);
        self.store.put_new(&key, body.into(), &Attributes::default()).await
    }

    /// Writes in the place of an object, if that is still the one.
    pub(crate) async fn replace(&self, object: &Object, body: impl Into<Bytes>) -> Result<(), Error> {
        let none = Attributes::default();
        self.store.replace(&object.key, body.into(), &none, etag(object)).await
    }

    /// An object that must be there.
    pub(crate) async fn look(&self, below: &str) -> Object {
        self.store.head(&self.key(below)).await.unwrap().unwrap()
    }

    pub(crate) async fn is_there(&self, below: &str) -> bool {
        self.store.head(&self.key(below)).await.unwrap().is_some()
    }

    /// All of an object that must be there.
    pub(crate) async fn content(&self, below: &str) -> Bytes {
        self.store.read(&self.key(below), 1 << 30).await.unwrap()
    }

    /// The keys below a folder, from the place's root.
    pub(crate) async fn keys(&self, below: &str) -> Vec<String> {
        let objects = self.store.list(&self.key(below)).await.unwrap();
        objects.into_iter().map(|object| object.key).collect()
    }

    /// Nothing is there, nor anything that would become an object.
    pub(crate) async fn assert_nothing_is_left(&self) {
        self.store.settle().await;
        assert_eq!(self.keys("").await, [""; 0]);
        assert_eq!(self.store.unfinished(&self.key("")).await.unwrap(), Some(Vec::new()));
    }
}

/// The entity tag of an object.
pub(crate) fn etag(object: &Object) -> &str {
    object.etag.as_deref().unwrap()
}

#[track_caller]
pub(crate) fn assert_kind<T: std::fmt::Debug>(result: Result<T, Error>, kind: Kind) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
}

/// Bytes of which no two ranges are alike.
pub(crate) fn pattern(len: usize) -> Bytes {
    let numbers = (0_u64..).flat_map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n).to_le_bytes());
    numbers.take(len).collect()
}
