//! The header: what it says, unlocked and written.

use std::collections::BTreeSet;

use data_encoding::BASE64;
use hmac::Mac;

use super::data_key::DataKey;
use super::grammar::{self, MAGIC, is_backup_id, is_frame_size};
use super::{Error, FrameKeys, RepositoryId, SLOTS_MAX, Secret, Slot};

/// What is inside, so that one thing can't be passed off as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A database's archive.
    Archive,
    /// The entry of a run.
    Record,
    /// What is inside a backup.
    Details,
    /// What people decided about a backup afterwards.
    Mark,
    /// What names the repository.
    Repository,
    /// Settings kept in the bucket.
    Settings,
}

impl Content {
    /// All there are.
    pub(super) const ALL: [Self; 6] = [
        Self::Archive,
        Self::Record,
        Self::Details,
        Self::Mark,
        Self::Repository,
        Self::Settings,
    ];

    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Record => "record",
            Self::Details => "details",
            Self::Mark => "mark",
            Self::Repository => "repository",
            Self::Settings => "settings",
        }
    }

    /// Whether a catalog key opens and seals it: what is inside a backup it doesn't.
    #[must_use]
    pub fn is_of_catalog(self) -> bool {
        matches!(self, Self::Record | Self::Mark | Self::Repository)
    }
}

/// How the payload was compressed before it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// A run of independent zstd frames.
    Zstd,
}

impl Compression {
    /// All there are.
    pub(super) const ALL: [Self; 2] = [Self::None, Self::Zstd];

    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        }
    }
}

/// A header that follows the grammar. What it says is true only once [`Header::unlock`] has checked
/// its MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The repository that it was sealed for.
    pub repository: RepositoryId,
    /// The backup's id.
    pub backup: String,
    /// What is inside.
    pub content: Content,
    /// How it was compressed.
    pub compression: Compression,
    /// Plaintext bytes per frame.
    pub frame_size: usize,
    /// The ways to the data key, in the order of the lines.
    pub slots: Vec<Slot>,
    /// The bytes under the MAC: all of the header up to and including `mac `.
    authenticated: Vec<u8>,
    mac: [u8; 32],
}

impl Header {
    /// Reads the header at the start of `bytes`, and its length with the newline that ends it;
    /// `None` where more bytes are needed, which is never so once 16 KiB are there.
    ///
    /// # Errors
    /// [`Error::NotSealed`], [`Error::NewerVersion`], [`Error::HeaderMalformed`] or
    /// [`Error::AboveCeiling`], as soon as the bytes show it, and before anything costly is done.
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

    /// The same where all bytes are there: a header that isn't whole is an error.
    ///
    /// # Errors
    /// As [`Header::parse`], and [`Error::HeaderCutShort`], or [`Error::NotSealed`] for nothing at
    /// all.
    pub fn parse_whole(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let cut_short = if bytes.is_empty() {
            Error::NotSealed
        } else {
            Error::HeaderCutShort
        };
        Self::parse(bytes)?.ok_or(cut_short)
    }

    /// The keys of the frames, if one of `secrets` opens a slot and the header is as it was sealed.
    ///
    /// Keys are tried first, by their id, and passphrases after them.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::HeaderChanged`], [`Error::BeyondCatalogKey`] where catalog keys alone are at hand
    /// for an object that none opens, or [`Error::OutOfMemory`] with a passphrase.
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

    /// What it is sealed for, slot by slot, for whoever holds `secrets`. A catalog slot beside a key's slot is that
    /// key's, and says something only to whoever holds a catalog key.
    #[must_use]
    pub fn sealed_for(&self, secrets: &[Secret]) -> Vec<String> {
        let is_key = |slot: &&Slot| matches!(slot, Slot::Key { .. });
        let tells_more = secrets.iter().any(Secret::is_catalog_key) || self.slots.iter().find(is_key).is_none();
        let slots = self.slots.iter();
        let told = slots.filter(|slot| tells_more || !matches!(slot, Slot::Catalog { .. }));
        told.map(Slot::describe).collect()
    }

    /// Checks that this is the object that its place in the bucket says it is.
    ///
    /// # Errors
    /// [`Error::OtherRepository`] where it was sealed for another place, [`Error::Misplaced`] where it is another
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

    /// The keys that follow from `data_key`, once the MAC shows that the header is as it was sealed.
    fn authenticate(&self, data_key: &DataKey) -> Result<FrameKeys, Error> {
        let hmac = data_key.header_hmac().chain_update(&self.authenticated);
        hmac.verify_slice(&self.mac).map_err(|_| Error::HeaderChanged)?;
        Ok(data_key.frame_keys())
    }
}

/// What an object is: all that its header says beside slots and frame size.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The repository that it is sealed for.
    pub repository: &'a RepositoryId,
    /// The backup's id.
    pub backup: &'a str,
    /// What is inside.
    pub content: Content,
    /// How it was compressed before.
    pub compression: Compression,
    /// The database's label, which salts a passphrase; it does not stand in the header.
    pub database: &'a str,
}

impl Subject<'_> {
    /// The bytes of a header that wraps `data_key` for each of `secrets`.
    pub(super) fn write(&self, data_key: &DataKey, frame_size: usize, secrets: &[Secret]) -> Result<Vec<u8>, Error> {
        if !is_backup_id(self.backup) {
            return Err(Error::BackupId);
        }
        if !is_frame_size(frame_size) {
            return Err(Error::FrameSize { bytes: frame_size });
        }
        let mut text = format!(
            "{MAGIC}1\nrepository {}\nbackup {}\ncontent {}\ncompression {}\nframe {frame_size}\n",
            self.repository,
            self.backup,
            self.content.as_str(),
            self.compression.as_str(),
        );
        for slot in self.slots(data_key, secrets)? {
            text.push_str(&slot);
            text.push('\n');
        }
        text.push_str("mac ");
        let mac = data_key.header_hmac().chain_update(&text).finalize().into_bytes();
        text.push_str(&BASE64.encode(&mac));
        text.push('\n');
        Ok(text.into_bytes())
    }

    /// The lines of the slots: a way in for each secret, and where a catalog key is to open the object too, one for
    /// that beside it.
    fn slots(&self, data_key: &DataKey, secrets: &[Secret]) -> Result<Vec<String>, Error> {
        let keys = secrets.iter().filter(|one| matches!(one, Secret::Key(_)));
        // a key opens its catalog key's slot as well, so that alone will do where there are too many for two each
        let one_each = self.content.is_of_catalog() && secrets.len() + keys.count() > SLOTS_MAX;
        let mut slots = Vec::new();
        for secret in secrets {
            let of_catalog = match secret {
                Secret::Key(key) if self.content.is_of_catalog() => {
                    let line = Slot::seal_catalog(data_key, &key.catalog_key(), self.content)?;
                    Some(line)
                }
                _ => None,
            };
            if of_catalog.is_none() || !one_each {
                slots.push(Slot::seal(data_key, secret, self)?);
            }
            slots.extend(of_catalog);
        }
        // two databases may have one key, and no line stands twice
        let mut seen = BTreeSet::new();
        slots.retain(|slot| seen.insert(slot.clone()));
        Ok(slots)
    }
}

fn held_are_catalog_keys(secrets: &[Secret]) -> bool {
    !secrets.is_empty() && secrets.iter().all(Secret::is_catalog_key)
}
