//! The header: parsed, unlocked and written.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use hmac::Mac;

use super::data_key::DataKey;
use super::grammar::{self, MAGIC, is_backup_id, is_frame_size};
use super::{Content, Error, FrameKeys, KeySlot, PayloadCompression, RepositoryId, SLOTS_MAX, Secret, Subject};

/// A header that follows the grammar. Its values are authentic only after [`SealedHeader::unlock`] has checked its MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedHeader {
    /// The repository that the object was sealed for.
    pub repository: RepositoryId,
    /// The backup's id.
    pub backup: String,
    /// The kind of the object.
    pub content: Content,
    /// How the payload was compressed.
    pub compression: PayloadCompression,
    /// Plaintext bytes per frame.
    pub frame_size: usize,
    /// The slots, in the order of the lines. Each wraps the data key.
    pub slots: Vec<KeySlot>,
    /// The bytes that the MAC covers: the header up to and including `mac `.
    authenticated: Vec<u8>,
    mac: [u8; 32],
}

impl SealedHeader {
    /// Parses the header at the start of `bytes`. Returns it with its length including the final newline, or `None` if
    /// more bytes are needed, which is never the case with 16 KiB or more.
    ///
    /// # Errors
    /// [`Error::NotSealed`], [`Error::NewerVersion`], [`Error::HeaderMalformed`] or [`Error::AboveCeiling`], as early
    /// as possible and before any costly work.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some(read) = grammar::read(bytes)? else {
            return Ok(None);
        };
        let mac_line_end = BASE64.encode_len(read.mac.len()) + "\n".len();
        let header = Self {
            repository: read.repository,
            backup: read.backup.to_owned(),
            content: read.content,
            compression: read.compression,
            frame_size: read.frame_size,
            slots: read.slots,
            authenticated: bytes[..read.len - mac_line_end].to_vec(),
            mac: read.mac,
        };
        Ok(Some((header, read.len)))
    }

    /// Parses a header from all of its bytes: an incomplete header is an error.
    ///
    /// # Errors
    /// Those of [`SealedHeader::parse`], and [`Error::HeaderCutShort`], or [`Error::NotSealed`] for empty input.
    pub fn parse_whole(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let cut_short = if bytes.is_empty() {
            Error::NotSealed
        } else {
            Error::HeaderCutShort
        };
        Self::parse(bytes)?.ok_or(cut_short)
    }

    /// Returns the frame keys, if one of `secrets` opens a slot and the header's MAC is right.
    ///
    /// Keys are tried first, by their id, then passphrases.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::HeaderChanged`], [`Error::BeyondCatalogKey`] if there are only catalog keys, for
    /// an object that none opens, or [`Error::OutOfMemory`] with a passphrase.
    pub fn unlock(&self, secrets: &[Secret]) -> Result<FrameKeys, Error> {
        let (costly, cheap): (Vec<_>, Vec<_>) = self.slots.iter().partition(|slot| slot.is_costly());
        let mut changed = false;
        for slot in cheap.into_iter().chain(costly) {
            for secret in secrets {
                match slot.open(secret, self.content) {
                    Ok(Some(data_key)) => return self.authenticate(&data_key),
                    Ok(None) => {}
                    Err(Error::HeaderChanged) => changed = true,
                    Err(error) => return Err(error),
                }
            }
        }
        if changed {
            return Err(Error::HeaderChanged);
        }
        let content = self.content;
        if !content.is_of_catalog() && held_are_catalog_keys(secrets) {
            return Err(Error::BeyondCatalogKey { content });
        }
        Err(Error::WrongKey {
            sealed_for: self.sealed_for(secrets),
            held: secrets.iter().map(Secret::describe).collect(),
        })
    }

    /// What the object is sealed for, one item for each slot, for the user who has `secrets`. A catalog slot beside a
    /// key's slot belongs to that key, and is listed only if a catalog key is among `secrets`.
    #[must_use]
    pub fn sealed_for(&self, secrets: &[Secret]) -> Vec<String> {
        let is_key = |slot: &&KeySlot| matches!(slot, KeySlot::Key { .. });
        let tells_more = secrets.iter().any(Secret::is_catalog_key) || self.slots.iter().find(is_key).is_none();
        let slots = self.slots.iter();
        let told = slots.filter(|slot| tells_more || !matches!(slot, KeySlot::Catalog { .. }));
        told.map(KeySlot::describe).collect()
    }

    /// Checks that this object is the one that its name in the bucket says.
    ///
    /// # Errors
    /// [`Error::OtherRepository`] if it was sealed for another repository, [`Error::Misplaced`] if it is another
    /// object.
    pub fn check_is(&self, repository: &RepositoryId, backup: &str, content: Content) -> Result<(), Error> {
        if self.repository != *repository {
            return Err(Error::OtherRepository {
                found: self.repository,
                here: *repository,
            });
        }
        if self.backup == backup && self.content == content {
            return Ok(());
        }
        Err(Error::Misplaced {
            found_backup: self.backup.clone(),
            found_content: self.content,
        })
    }

    /// The frame keys from `data_key`, if the header's MAC is right.
    fn authenticate(&self, data_key: &DataKey) -> Result<FrameKeys, Error> {
        let hmac = data_key.header_hmac().chain_update(&self.authenticated);
        hmac.verify_slice(&self.mac).map_err(|_| Error::HeaderChanged)?;
        Ok(data_key.frame_keys())
    }
}

/// The bytes of the header of `subject`, which wraps `data_key` for each of `secrets`.
pub(super) fn write(
    subject: &Subject<'_>,
    data_key: &DataKey,
    frame_size: usize,
    secrets: &[Secret],
) -> Result<Vec<u8>, Error> {
    if !is_backup_id(subject.backup) {
        return Err(Error::BackupId);
    }
    if !is_frame_size(frame_size) {
        return Err(Error::FrameSize { bytes: frame_size });
    }
    let mut text = format!(
        "{MAGIC}1\nrepository {}\nbackup {}\ncontent {}\ncompression {}\nframe {frame_size}\n",
        subject.repository,
        subject.backup,
        subject.content.as_str(),
        subject.compression.as_str(),
    );
    for slot in slots(subject, data_key, secrets)? {
        text.push_str(&slot);
        text.push('\n');
    }
    text.push_str("mac ");
    let mac = data_key.header_hmac().chain_update(&text).finalize().into_bytes();
    text.push_str(&BASE64.encode(&mac));
    text.push('\n');
    Ok(text.into_bytes())
}

/// The lines of the slots: one for each secret, and if catalog keys open such objects, a second one for the catalog
/// key.
fn slots(subject: &Subject<'_>, data_key: &DataKey, secrets: &[Secret]) -> Result<Vec<String>, Error> {
    let keys = secrets.iter().filter(|one| matches!(one, Secret::Key(_)));
    // a master key also opens its catalog key's slot, so that one is enough if there are too many keys for two
    // slots each
    let one_each = subject.content.is_of_catalog() && secrets.len() + keys.count() > SLOTS_MAX;
    let mut slots = Vec::new();
    for secret in secrets {
        let of_catalog = match secret {
            Secret::Key(key) if subject.content.is_of_catalog() => {
                let line = KeySlot::seal_catalog(data_key, &key.catalog_key(), subject.content)?;
                Some(line)
            }
            _ => None,
        };
        if of_catalog.is_none() || !one_each {
            slots.push(KeySlot::seal(data_key, secret, subject)?);
        }
        slots.extend(of_catalog);
    }
    // two databases may have the same key, and no line may be repeated
    let mut seen = BTreeSet::new();
    slots.retain(|slot| seen.insert(slot.clone()));
    Ok(slots)
}

fn held_are_catalog_keys(secrets: &[Secret]) -> bool {
    !secrets.is_empty() && secrets.iter().all(Secret::is_catalog_key)
}
