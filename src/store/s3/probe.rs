//! Each right tried on an object of its own, one request at a time: what a check needs and no other operation.

use std::time::Duration;

use aws_sdk_s3::{
    config::{Builder, timeout::TimeoutConfig},
    types::{CompletedMultipartUpload, CompletedPart, Tag, Tagging},
};
use bytes::Bytes;

use super::{Error, Kind, S3};

/// Object and uploads by which a check tries what its credentials may do.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    store: &'a S3,
    key: &'a str,
}

/// The end of a name that no probe is ever written under.
const NEVER: &str = "-never-written";

/// How long is waited for an answer to whether the bucket is there.
const REACHABLE_WITHIN: Duration = Duration::from_secs(15);

/// What each probe holds.
const BODY: &[u8] = b"pgcoffer check: this object may be deleted\n";

impl S3 {
    /// Probes under that key.
    #[must_use]
    pub fn probe<'a>(&'a self, key: &'a str) -> Probe<'a> {
        Probe { store: self, key }
    }

    /// Whether the bucket answers: one page of a listing of our prefix. The region that a refusal names is in its
    /// words. Somebody waits for it: what doesn't answer within 15 s, all attempts together, is taken for silent.
    ///
    /// # Errors
    /// Whatever the service or the network refuses.
    pub async fn check_reachable(&self) -> Result<(), Error> {
        let request = self.client.list_objects_v2();
        let request = request.bucket(&self.location.bucket).max_keys(1);
        let request = request.prefix(self.location.key(""));
        let doing = || format!("look into {}", self.location);
        // these are waited for by themselves: what gives them may have a hiccup
        if let Err(error) = self.source.current().await {
            return Err(self.explained(Error::from_source(doing(), &error)));
        }
        let within = TimeoutConfig::builder().operation_timeout(REACHABLE_WITHIN).build();
        let options = Builder::new().timeout_config(within);
        let answer = request.customize().config_override(options).send().await;
        let error = |error| self.explained(Error::from_sdk(doing(), &error).of_bucket());
        answer.map(drop).map_err(error)
    }
}

impl Probe<'_> {
    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.store.url(self.key))
    }

    /// Writes it, where there is none or whatever there is.
    ///
    /// # Errors
    /// [`Kind::Exists`] where there is one and `new` asks for a new one, and whatever else is refused.
    pub async fn write(&self, new: bool) -> Result<(), Error> {
        let body = Bytes::from_static(BODY);
        loop {
            let request = self.store.put_object(self.key, &body);
            let request = request.set_if_none_match(new.then(|| "*".to_owned()));
            let Err(error) = request.send().await else {
                return Ok(());
            };
            let error = Error::from_sdk(self.doing("write"), &error);
            if !self.store.learns_checksum(&error) {
                return Err(error);
            }
        }
    }

    /// Looks at it: its entity tag.
    ///
    /// # Errors
    /// [`Kind::NotFound`], and whatever else is refused.
    pub async fn look(&self) -> Result<Option<String>, Error> {
        let request = self.store.client.head_object();
        let answer = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = answer.send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("look at"), &e))?;
        Ok(answer.e_tag)
    }

    /// Reads it, whole and a part of it; an error where that is something else than was written.
    ///
    /// # Errors
    /// [`Kind::Mismatch`], and whatever is refused.
    pub async fn read(&self) -> Result<(), Error> {
        let whole = self.read_range(None).await?;
        let part = self.read_range(Some("bytes=9-13")).await?;
        if whole == BODY && part == BODY[9..14] {
            return Ok(());
        }
        let why = "it holds something else than was written, or a range of it is another range";
        Err(Error::new(Kind::Mismatch, self.doing("read"), why))
    }

    async fn read_range(&self, range: Option<&str>) -> Result<Vec<u8>, Error> {
        let request = self.store.client.get_object();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.set_range(range.map(str::to_owned)).send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("read"), &e))?;
        let body = answer.body.collect().await;
        let body = body.map_err(|e| Error::new(Kind::Unreachable, self.doing("read"), e.to_string()))?;
        Ok(body.to_vec())
    }

    /// Sets a tag.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where the service has none, and whatever else is refused.
    pub async fn tag(&self) -> Result<(), Error> {
        let tag = Tag::builder().key("pgcoffer:tier").value("check").build();
        let tagging = tag.and_then(|tag| Tagging::builder().tag_set(tag).build());
        let tagging = tagging.map_err(|e| Error::new(Kind::Other, self.doing("tag"), e.to_string()))?;
        let request = self.store.client.put_object_tagging();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.tagging(tagging).send().await;
        answer.map(drop).map_err(|e| Error::from_sdk(self.doing("tag"), &e))
    }

    /// How many tags it bears.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where the service has none, and whatever else is refused.
    pub async fn tags(&self) -> Result<usize, Error> {
        let request = self.store.client.get_object_tagging();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("read the tags of"), &e))?;
        Ok(answer.tag_set().len())
    }

    /// Begins an upload in parts.
    ///
    /// # Errors
    /// Whatever is refused.
    pub async fn begin(&self) -> Result<String, Error> {
        let request = self.store.client.create_multipart_upload();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let request = request
            .set_server_side_encryption(self.store.options.encryption())
            .set_ssekms_key_id(self.store.options.kms_key.clone())
            .set_acl(self.store.options.acl.clone());
        let answer = request.send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("begin an upload of"), &e))?;
        let missing = || Error::new(Kind::Other, self.doing("begin an upload of"), "it got no id");
        answer.upload_id.ok_or_else(missing)
    }

    /// Sends the one part of an upload: its entity tag.
    ///
    /// # Errors
    /// Whatever is refused.
    pub async fn send_part(&self, upload_id: &str) -> Result<Option<String>, Error> {
        loop {
            let request = self.store.client.upload_part();
            let request = request.bucket(&self.store.location.bucket).key(self.key);
            let request = request.upload_id(upload_id).part_number(1);
            let error = match request.body(Bytes::from_static(BODY).into()).send().await {
                Ok(answer) => return Ok(answer.e_tag),
                Err(error) => Error::from_sdk(self.doing("upload a part of"), &error),
            };
            if !self.store.learns_checksum(&error) {
                return Err(error);
            }
        }
    }

    /// Puts an upload together, where there is no object of that name.
    ///
    /// # Errors
    /// [`Kind::Exists`], and whatever else is refused.
    pub async fn complete(&self, upload_id: &str, part: Option<String>) -> Result<(), Error> {
        let part = CompletedPart::builder().part_number(1).set_e_tag(part).build();
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        let request = self.store.client.complete_multipart_upload();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let request = request.upload_id(upload_id).multipart_upload(parts);
        let answer = request.if_none_match("*").send().await;
        answer
            .map(drop)
            .map_err(|e| Error::from_sdk(self.doing("complete the upload of"), &e))
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// Whatever is refused.
    pub async fn abort(&self, upload_id: &str) -> Result<(), Error> {
        let request = self.store.client.abort_multipart_upload();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.upload_id(upload_id).send().await;
        answer
            .map(drop)
            .map_err(|e| Error::from_sdk(self.doing("abort the upload of"), &e))
    }

    /// Lists the uploads of that name: how many.
    ///
    /// # Errors
    /// Whatever is refused.
    pub async fn uploads(&self) -> Result<usize, Error> {
        let request = self.store.client.list_multipart_uploads();
        let request = request.bucket(&self.store.location.bucket);
        let answer = request.prefix(self.key).send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("list the uploads of"), &e))?;
        Ok(answer.uploads().len())
    }

    /// Lists the parts of an upload: how many.
    ///
    /// # Errors
    /// Whatever is refused.
    pub async fn parts(&self, upload_id: &str) -> Result<usize, Error> {
        let request = self.store.client.list_parts();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.upload_id(upload_id).send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("list the parts of"), &e))?;
        Ok(answer.parts().len())
    }

    /// Lists what begins with that name: how many objects.
    ///
    /// # Errors
    /// Whatever is refused.
    pub async fn list(&self) -> Result<usize, Error> {
        let request = self.store.client.list_objects_v2();
        let request = request.bucket(&self.store.location.bucket);
        let answer = request.prefix(self.key).send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("list"), &e))?;
        Ok(answer.contents().len())
    }

    /// Deletes what was never written: whether such a request is taken.
    ///
    /// # Errors
    /// Whatever is refused.
    pub async fn delete_nothing(&self) -> Result<(), Error> {
        let key = format!("{}{NEVER}", self.key);
        self.store.probe(&key).delete(None).await
    }

    /// Deletes it, on the condition of its entity tag where one is given.
    ///
    /// # Errors
    /// [`Kind::Exists`] where it has another one, and whatever else is refused.
    pub async fn delete(&self, etag: Option<&str>) -> Result<(), Error> {
        let request = self.store.client.delete_object();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.set_if_match(etag.map(str::to_owned)).send().await;
        answer.map(drop).map_err(|e| Error::from_sdk(self.doing("delete"), &e))
    }
}
