//! Lists what is below a folder.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    fault::{MANY, SftpFault, SftpResult},
    identity::Identity,
    tree::{Tree, joined},
    wire::{FileAttributes, FileKind, NamedEntry},
};
use crate::store::{
    Kind, Object, Unfinished,
    file_name::{finished, is_usable},
};

/// The most folders between the top and an object. Our own keys have four.
const DEPTH_MAX: usize = 16;
/// The most entries of one list: twice as many as a backup every ten minutes makes in ten years.
const ENTRIES_MAX: usize = 1_000_000;
/// How many folders are read at once, and how many files are looked at.
const FOLDERS_AT_ONCE: usize = 8;
const LOOKS_AT_ONCE: usize = 64;
/// How many folders are enough for a hint.
const SOME: usize = 1000;

/// A file that a walk finds.
enum Found {
    /// A plain file with its key.
    File(String, Identity),
    /// A file that is still being written: the key that it will have, and its temporary name.
    Unfinished(String, String, Identity),
}

/// A folder that is to be read: its path, and what stands before the names in it.
type Below = (Vec<u8>, String);

impl Tree {
    /// Every object below a folder, in the order of its key.
    pub(super) async fn list(&self, folder: &str) -> SftpResult<Vec<Object>> {
        let found = self.walk(folder).await?;
        let objects = found.into_iter().filter_map(|found| match found {
            Found::File(key, identity) => Some(identity.object(key)),
            Found::Unfinished(..) => None,
        });
        let mut objects: Vec<Object> = objects.collect();
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        objects.dedup_by(|a, b| a.key == b.key);
        Ok(objects)
    }

    /// Every file below a folder that is being written or was left behind.
    pub(super) async fn unfinished(&self, folder: &str) -> SftpResult<Vec<Unfinished>> {
        let found = self.walk(folder).await?;
        let left = found.into_iter().filter_map(|found| match found {
            Found::File(..) => None,
            Found::Unfinished(key, upload_id, identity) => Some(Unfinished {
                key,
                upload_id,
                began: identity.time(),
            }),
        });
        let mut left: Vec<Unfinished> = left.collect();
        left.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        left.dedup();
        Ok(left)
    }

    /// The folders directly below a folder that contain an object.
    pub(super) async fn folders(&self, folder: &str) -> SftpResult<Vec<String>> {
        let Some(path) = self.below(folder).await? else {
            return Ok(Vec::new());
        };
        let inner = self.entries(&path).await?.into_iter();
        let inner = inner.filter(|(name, found)| found.kind() == FileKind::Folder && is_usable(name));
        let looks = stream::iter(inner.map(|(name, _)| {
            let path = joined(&path, &name);
            async move {
                match self.holds_object(path).await {
                    Ok(holds) => Ok(holds.then_some(name)),
                    // a folder that can't be read may contain something; reading it will report the error
                    Err(SftpFault { kind: Kind::Denied, .. }) => Ok(Some(name)),
                    Err(fault) => Err(fault),
                }
            }
        }));
        let names: Vec<Option<String>> = looks.buffered(FOLDERS_AT_ONCE).try_collect().await?;
        let mut names: Vec<String> = names.into_iter().flatten().collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Up to a thousand of the folders in a folder, which may be anywhere on the server.
    pub(super) async fn some_folders(&self, path: &[u8]) -> SftpResult<Vec<String>> {
        let entries = self.entries(path).await?.into_iter();
        let folders = entries.filter(|(_, found)| found.kind() == FileKind::Folder);
        Ok(folders.map(|(name, _)| name).take(SOME).collect())
    }

    /// Whether there is an object below this folder. Reads no further than to the first.
    pub(super) async fn holds_any(&self, folder: &str) -> SftpResult<bool> {
        match self.below(folder).await? {
            Some(path) => self.holds_object(path).await,
            None => Ok(false),
        }
    }

    async fn holds_object(&self, path: Vec<u8>) -> SftpResult<bool> {
        let mut to_read = vec![(path, 1)];
        while let Some((path, depth)) = to_read.pop() {
            for (name, found) in self.entries(&path).await? {
                match found.kind() {
                    FileKind::Plain if is_usable(&name) => return Ok(true),
                    FileKind::Folder if is_usable(&name) && depth < DEPTH_MAX => {
                        to_read.push((joined(&path, &name), depth + 1));
                    }
                    _ => {}
                }
            }
        }
        Ok(false)
    }

    /// Every file below a folder, in no order. Reads several folders at once.
    async fn walk(&self, folder: &str) -> SftpResult<Vec<Found>> {
        let mut found = Vec::new();
        let mut level: Vec<Below> = match self.below(folder).await? {
            Some(path) => vec![(path, folder.to_owned())],
            None => Vec::new(),
        };
        for depth in 1..=DEPTH_MAX {
            let mut next = Vec::new();
            let mut reads = stream::iter(level.into_iter().map(|(path, prefix)| async move {
                let entries = self.entries(&path).await?;
                Ok::<_, SftpFault>((path, prefix, entries))
            }))
            .buffered(FOLDERS_AT_ONCE);
            while let Some((path, prefix, entries)) = reads.try_next().await? {
                for (name, attributes) in entries {
                    match attributes.kind() {
                        FileKind::Folder if depth < DEPTH_MAX && is_usable(&name) => {
                            next.push((joined(&path, &name), format!("{prefix}{name}/")));
                        }
                        FileKind::Plain => found.extend(file(&prefix, &name, &attributes)?),
                        _ => {}
                    }
                }
                if found.len() + next.len() > ENTRIES_MAX {
                    let why = format!("more than {ENTRIES_MAX} files stand there");
                    return Err(SftpFault::new(Kind::Damaged, why, Some(MANY)));
                }
            }
            level = next;
        }
        Ok(found)
    }

    /// The entries of a folder that may be an object, a folder of objects, or a file that is being written. A folder
    /// that is gone has none.
    async fn entries(&self, path: &[u8]) -> SftpResult<Vec<(String, FileAttributes)>> {
        let handle = match self.session.open_folder(path).await {
            Ok(handle) => handle,
            Err(fault) if fault.kind == Kind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        let read = self.read_entries(&handle).await;
        let closed = self.session.close(&handle).await;
        let entries = read?;
        closed?;
        // OpenSSH lists a link as a link. Others list what it leads to, or nothing of it
        let is_told = self.session.features.is_openssh();
        let looks = stream::iter(entries.into_iter().map(|(name, attributes)| async move {
            if is_told && attributes.kind() != FileKind::Unknown && attributes.modified.is_some() {
                return Ok(Some((name, attributes)));
            }
            let found = self.session.lstat(&joined(path, &name)).await?;
            Ok::<_, SftpFault>(found.map(|found| (name, found)))
        }));
        let looked: Vec<Option<_>> = looks.buffered(LOOKS_AT_ONCE).try_collect().await?;
        Ok(looked.into_iter().flatten().collect())
    }

    async fn read_entries(&self, handle: &[u8]) -> SftpResult<Vec<(String, FileAttributes)>> {
        let mut entries = Vec::new();
        while let Some(names) = self.session.read_folder(handle).await? {
            if names.is_empty() {
                return Err(SftpFault::protocol(
                    "the server answers with no entry, and not with the end of the folder",
                ));
            }
            entries.extend(names.into_iter().filter_map(usable));
            if entries.len() > 2 * ENTRIES_MAX {
                let why = format!("more than {ENTRIES_MAX} entries stand in one folder");
                return Err(SftpFault::new(Kind::Damaged, why, Some(MANY)));
            }
        }
        Ok(entries)
    }
}

/// An entry whose name can be one of ours.
fn usable(entry: NamedEntry) -> Option<(String, FileAttributes)> {
    let name = std::str::from_utf8(&entry.name).ok()?;
    // a name is no path: with a slash it would lead elsewhere
    let is_ours = is_usable(name) || (finished(name).is_some() && !name.contains(['/', '\0']));
    is_ours.then(|| (name.to_owned(), entry.attributes))
}

fn file(prefix: &str, name: &str, attributes: &FileAttributes) -> SftpResult<Option<Found>> {
    let identity = Identity::of(attributes)?;
    Ok(identity.map(|identity| match finished(name) {
        Some(becomes) => Found::Unfinished(format!("{prefix}{becomes}"), name.to_owned(), identity),
        None => Found::File(format!("{prefix}{name}"), identity),
    }))
}
