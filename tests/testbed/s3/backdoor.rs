//! What a test sees of the bucket, and changes in it, behind the client's back.

use bytes::Bytes;

use super::bucket::Object;
use super::content::Content;
use super::{BUCKET, S3Server};

/// An object as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub key: String,
    pub size_bytes: u64,
    pub tags: Vec<(String, String)>,
    pub storage_class: Option<String>,
    pub content_type: Option<String>,
}

/// A multipart upload that was neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    pub key: String,
    pub upload_id: String,
    pub parts: usize,
}

impl S3Server {
    /// Every object in the bucket, in order of keys.
    pub fn objects(&self) -> Vec<Stored> {
        let stores = self.shared.stores();
        let objects = stores.bucket(BUCKET).unwrap().objects.iter();
        objects
            .map(|(key, object)| Stored {
                key: key.clone(),
                size_bytes: object.content.len(),
                tags: object.tags.clone(),
                storage_class: object.attributes.storage_class.clone(),
                content_type: object.attributes.content_type.clone(),
            })
            .collect()
    }

    /// The keys of every object, in order.
    pub fn keys(&self) -> Vec<String> {
        self.objects().into_iter().map(|object| object.key).collect()
    }

    /// The multipart uploads that were neither completed nor aborted.
    pub fn uploads_under_way(&self) -> Vec<UnderWay> {
        let stores = self.shared.stores();
        let uploads = stores.uploads.iter();
        uploads
            .map(|(id, upload)| UnderWay {
                key: upload.key.clone(),
                upload_id: id.clone(),
                parts: upload.parts.len(),
            })
            .collect()
    }

    /// An object's bytes; `None` where there is no such object, or only its size was kept.
    pub fn read(&self, key: &str) -> Option<Vec<u8>> {
        self.shared
            .stores()
            .bucket(BUCKET)
            .unwrap()
            .object(key)?
            .content
            .to_vec()
    }

    /// When an object came, by this server's clock, as a listing tells it; `None` where there is no such object.
    pub fn arrived(&self, key: &str) -> Option<jiff::Timestamp> {
        let stores = self.shared.stores();
        let modified = stores.bucket(BUCKET).unwrap().object(key)?.modified;
        let millis = jiff::Timestamp::try_from(modified).unwrap().as_millisecond();
        Some(jiff::Timestamp::from_millisecond(millis).unwrap())
    }

    /// Puts an object there, or other bytes into one that is there, whose tags and attributes stay.
    pub fn write(&self, key: &str, bytes: impl Into<Bytes>) {
        let content = Content::kept(vec![bytes.into()]);
        let mut stores = self.shared.stores();
        let bucket = stores.bucket_mut(BUCKET).unwrap();
        let now = self.shared.clock.now();
        let new = match bucket.object(key) {
            Some(old) => Object {
                tags: old.tags.clone(),
                attributes: old.attributes.clone(),
                ..Object::new(content, now)
            },
            None => Object::new(content, now),
        };
        bucket.put(key.to_owned(), new, false);
    }

    /// Takes an object away; whether there was one.
    pub fn delete(&self, key: &str) -> bool {
        self.shared.stores().bucket_mut(BUCKET).unwrap().remove(key)
    }

    /// An object's tags, where there is such an object.
    pub fn tags(&self, key: &str) -> Option<Vec<(String, String)>> {
        Some(self.shared.stores().bucket(BUCKET).unwrap().object(key)?.tags.clone())
    }

    /// Gives an object other tags.
    pub fn set_tags(&self, key: &str, tags: &[(&str, &str)]) {
        let tags = tags
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.shared
            .stores()
            .bucket_mut(BUCKET)
            .unwrap()
            .object_mut(key)
            .expect("no such object")
            .tags = tags;
    }

    /// Makes an object look as if it had been written this long ago; uploads under way likewise.
    pub fn age(&self, key: &str, by: std::time::Duration) {
        let mut stores = self.shared.stores();
        for upload in stores.uploads.values_mut().filter(|upload| upload.key == key) {
            upload.initiated -= by;
        }
        if let Some(object) = stores.bucket_mut(BUCKET).unwrap().object_mut(key) {
            object.modified -= by;
        }
    }
}
