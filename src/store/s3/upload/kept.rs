//! What an earlier upload of the same object has sent, and was kept.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{CompletedPart, Part};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use data_encoding::{BASE64, HEXLOWER};
use md5::{Digest as _, Md5};

use super::MultipartUpload;
use crate::store::s3::{Attributes, PartPlan, S3, Unfinished};

/// The parts that the service has already, by their numbers.
#[derive(Default)]
pub(super) struct KeptParts {
    parts: BTreeMap<i32, Part>,
    /// The bytes from the first one on, up to a part that is missing or has another size than planned.
    pub(super) first_bytes: u64,
}

impl KeptParts {
    fn of(parts: Vec<Part>, plan: &PartPlan) -> Self {
        let numbered = parts.into_iter().filter_map(|part| Some((part.part_number()?, part)));
        let parts: BTreeMap<i32, Part> = numbered.collect();
        let first = (1..).map_while(|number| {
            let planned = plan.bytes_of(number);
            let part = parts.get(&i32::try_from(number).ok()?)?;
            (u64::try_from(part.size()?) == Ok(planned)).then_some(planned)
        });
        Self {
            first_bytes: first.sum(),
            parts,
        }
    }

    /// The part with this number, if the service has these very bytes: by the checksum that it computed, or, if it has
    /// none, by its entity tag, which is their MD5. Both may be missing or something else, and then the part is sent.
    pub(super) fn take(&mut self, number: i32, body: &Bytes) -> Option<CompletedPart> {
        let part = self.parts.remove(&number)?;
        if u64::try_from(part.size()?).ok()? != body.len() as u64 {
            return None;
        }
        let is_same = match part.checksum_crc64_nvme() {
            Some(theirs) => {
                let crc = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body);
                theirs == BASE64.encode(&crc.to_be_bytes())
            }
            None => part.e_tag()?.trim_matches('"').to_ascii_lowercase() == HEXLOWER.encode(&Md5::digest(body)),
        };
        let completed = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc64_nvme(part.checksum_crc64_nvme);
        is_same.then(|| completed.build())
    }
}

impl MultipartUpload {
    /// The newest of these unfinished uploads that is of this object and has parts. Another writer of the same upload
    /// sends the same bytes, so it doesn't matter which of two parts is kept. Tags and storage class stay those with which
    /// it was begun.
    pub(super) async fn continued(
        store: &S3,
        key: &str,
        plan: PartPlan,
        attributes: &Attributes,
        listed: &[Unfinished],
    ) -> Option<Self> {
        let newest = listed.iter().filter(|one| one.key == key).max_by_key(|one| one.began)?;
        let parts = store.parts(key, &newest.upload_id).await.ok()?;
        if parts.is_empty() {
            return None;
        }
        tracing::info!(key, parts = parts.len(), "an upload that was stopped goes on");
        let mut upload = Self::new(store, key, plan, attributes, newest.upload_id.clone());
        upload.kept = KeptParts::of(parts, &plan);
        Some(upload)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_kept_only_if_it_has_the_same_bytes() {
        let body = Bytes::from_static(b"the bytes of a part");
        let tag = format!("\"{}\"", HEXLOWER.encode(&Md5::digest(&body)).to_uppercase());
        let crc = BASE64.encode(&crc_fast::checksum(CrcAlgorithm::Crc64Nvme, &body).to_be_bytes());
        let part = |bytes: i64, tag: &str, crc: Option<&str>| {
            Part::builder()
                .part_number(1)
                .size(bytes)
                .e_tag(tag)
                .set_checksum_crc64_nvme(crc.map(str::to_owned))
                .build()
        };
        let bytes = i64::try_from(body.len()).unwrap();
        for (found, is_kept) in [
            (part(bytes, &tag, None), true),
            (part(bytes, "\"of-kms\"", None), false),
            (part(bytes, "\"of-kms\"", Some(&crc)), true),
            // the checksum is the better witness
            (part(bytes, &tag, Some("AAAAAAAAAAA=")), false),
            (part(bytes + 1, &tag, Some(&crc)), false),
        ] {
            let mut kept = KeptParts::of(vec![found.clone()], &PartPlan::of_part_bytes(19, 10));
            assert_eq!(kept.first_bytes, if found.size() == Some(19) { 19 } else { 0 });
            assert_eq!(kept.take(1, &body).is_some(), is_kept, "{found:?}");
            assert!(kept.take(1, &body).is_none(), "once");
        }
        assert!(KeptParts::default().take(1, &body).is_none());
    }
}
