//! Tries each right with one request on a probe object, for `check`.

use std::time::Duration;

use aws_sdk_s3::{
    config::{Builder, timeout::TimeoutConfig},
    types::{CompletedMultipartUpload, CompletedPart, Tag, Tagging},
};
use bytes::Bytes;

use super::{Error, Kind, S3};

/// The object and the uploads with which `check` tries what its credentials may do.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    store: &'a S3,
    key: &'a str,
}

/// The ending of a name under which no probe is ever written.
const NEVER: &str = "-never-written";

/// The time limit of checking whether the bucket exists.
const REACHABLE_WITHIN: Duration = Duration::from_secs(15);

/// The contents of each probe.
const BODY: &[u8] = b"pgcoffer check: this object may be deleted\n";

impl S3 {
    /// Probes under this key.
    #[must_use]
    pub fn probe<'a>(&'a self, key: &'a str) -> Probe<'a> {
        Probe { store: self, key }
    }

    /// Checks whether the bucket answers, by one page of a listing of our prefix. The error of a wrong region contains
    /// the right one. All attempts together take at most 15 s, as a user waits.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn check_reachable(&self) -> Result<(), Error> {
        let request = self.client.list_objects_v2();
        let request = request.bucket(&self.location.bucket).max_keys(1);
        let request = request.prefix(self.location.key(""));
        let doing = || format!("look into {}", self.location);
        // get the credentials first, outside of the time limit: their source may fail for a moment
        if let Err(error) = self.source.current().await {
            return Err(self.explained(Error::from_source(doing(), &error)));
        }
        let within = TimeoutConfig::builder().operation_timeout(REACHABLE_WITHIN).build();
        let options = Builder::new().timeout_config(within);
        let send = request.customize().config_override(options).send();
        let answer = self.announced(Box::pin(send)).await;
        let error = |error| self.explained(Error::from_sdk(doing(), &error).of_bucket());
        answer.map(drop).map_err(error)
    }
}

impl Probe<'_> {
    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.store.url(self.key))
    }

    /// Writes the object: only if there is none, or in any case.
    ///
    /// # Errors
    /// [`Kind::Exists`] if there is one and `new` is set, or any other error of the service or the network.
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

    /// Looks at the object. Returns its entity tag.
    ///
    /// # Errors
    /// [`Kind::NotFound`], or any other error of the service or the network.
    pub async fn look(&self) -> Result<Option<String>, Error> {
        let request = self.store.client.head_object();
        let answer = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = answer.send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("look at"), &e))?;
        Ok(answer.e_tag)
    }

    /// Reads the object completely, and a range of it. Fails if the bytes are not those that were written.
    ///
    /// # Errors
    /// [`Kind::Mismatch`], or any error of the service or the network.
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
    /// [`Kind::Unsupported`] where the service has none, or any other error of the service or the network.
    pub async fn tag(&self) -> Result<(), Error> {
        let tag = Tag::builder().key("pgcoffer:tier").value("check").build();
        let tagging = tag.and_then(|tag| Tagging::builder().tag_set(tag).build());
        let tagging = tagging.map_err(|e| Error::new(Kind::Other, self.doing("tag"), e.to_string()))?;
        let request = self.store.client.put_object_tagging();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.tagging(tagging).send().await;
        answer.map(drop).map_err(|e| Error::from_sdk(self.doing("tag"), &e))
    }

    /// The number of the object's tags.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where the service has none, or any other error of the service or the network.
    pub async fn tags(&self) -> Result<usize, Error> {
        let request = self.store.client.get_object_tagging();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("read the tags of"), &e))?;
        Ok(answer.tag_set().len())
    }

    /// Begins a multipart upload. Returns its id.
    ///
    /// # Errors
    /// Any error of the service or the network.
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

    /// Sends the only part of an upload. Returns the part's entity tag.
    ///
    /// # Errors
    /// Any error of the service or the network.
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

    /// Completes an upload, if there is no object with this key.
    ///
    /// # Errors
    /// [`Kind::Exists`], or any other error of the service or the network.
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

    /// Aborts an upload.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn abort(&self, upload_id: &str) -> Result<(), Error> {
        let request = self.store.client.abort_multipart_upload();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.upload_id(upload_id).send().await;
        answer
            .map(drop)
            .map_err(|e| Error::from_sdk(self.doing("abort the upload of"), &e))
    }

    /// Lists the uploads with this key. Returns their number.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn uploads(&self) -> Result<usize, Error> {
        let request = self.store.client.list_multipart_uploads();
        let request = request.bucket(&self.store.location.bucket);
        let answer = request.prefix(self.key).send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("list the uploads of"), &e))?;
        Ok(answer.uploads().len())
    }

    /// Lists the parts of an upload. Returns their number.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn parts(&self, upload_id: &str) -> Result<usize, Error> {
        let request = self.store.client.list_parts();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.upload_id(upload_id).send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("list the parts of"), &e))?;
        Ok(answer.parts().len())
    }

    /// Lists the objects whose keys begin with this one. Returns their number.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn list(&self) -> Result<usize, Error> {
        let request = self.store.client.list_objects_v2();
        let request = request.bucket(&self.store.location.bucket);
        let answer = request.prefix(self.key).send().await;
        let answer = answer.map_err(|e| Error::from_sdk(self.doing("list"), &e))?;
        Ok(answer.contents().len())
    }

    /// Deletes an object that was never written, which shows whether the request is accepted.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn delete_nothing(&self) -> Result<(), Error> {
        let key = format!("{}{NEVER}", self.key);
        self.store.probe(&key).delete(None).await
    }

    /// Deletes the object, on the condition of its entity tag if one is given.
    ///
    /// # Errors
    /// [`Kind::Exists`] if it has another one, or any other error of the service or the network.
    pub async fn delete(&self, etag: Option<&str>) -> Result<(), Error> {
        let request = self.store.client.delete_object();
        let request = request.bucket(&self.store.location.bucket).key(self.key);
        let answer = request.set_if_match(etag.map(str::to_owned)).send().await;
        answer.map(drop).map_err(|e| Error::from_sdk(self.doing("delete"), &e))
    }
}
