//! Opens the folder step by step, where each step must be a folder and not a link. A link, a pipe, a socket or a device
//! is never followed, opened or waited for.

use std::{
    fs::File,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    path::Path,
    time::Instant,
};

use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, Stat, fstat, fsync, mkdirat, open, openat, statat},
    io::Errno,
};

use super::{
    error::{FileFault, FileResult},
    identity::{Identity, is_folder, is_plain},
};
use crate::store::{
    Kind, Object, Unfinished,
    file_name::{finished, folder_steps, is_usable, steps},
};

/// The most folders between the top and an object. Our own keys have four.
const DEPTH_MAX: usize = 16;
/// The most entries of one list: twice as many as a backup every ten minutes makes in ten years.
const ENTRIES_MAX: usize = 1_000_000;

const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// The top folder, opened.
pub(super) struct Tree {
    pub(super) top: OwnedFd,
    /// Whether inode numbers stay the same.
    pub(super) numbered: bool,
    /// When a walk through the tree has to end.
    deadline: Instant,
}

/// The opened folder of an object, and the object's name in it.
pub(super) struct Spot {
    pub(super) folder: OwnedFd,
    pub(super) name: String,
}

/// A file that a walk finds.
enum Found<'a> {
    /// A plain file with its key.
    File(String, &'a Stat),
    /// A file that is still being written: the key that it will have, and its temporary name.
    Unfinished(String, &'a str, &'a Stat),
}

impl Tree {
    /// Opens the top. The user's path may contain links; below it no link is followed.
    pub(super) fn open(path: &Path, deadline: Instant) -> FileResult<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = open(path, flags, Mode::empty()).map_err(FileFault::no_folder)?;
        Ok(Self {
            numbered: numbers_stay(&top),
            top,
            deadline,
        })
    }

    /// Checks that its entries can be read.
    pub(super) fn look_into(&self) -> FileResult<()> {
        match Dir::read_from(&self.top)?.next() {
            Some(Err(errno)) => Err(errno.into()),
            _ => Ok(()),
        }
    }

    fn folder(&self, names: &[&str]) -> Result<OwnedFd, Errno> {
        let mut folder = self
            .top
            .try_clone()
            .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        for name in names {
            folder = openat(&folder, *name, READ | OFlags::DIRECTORY, Mode::empty())?;
        }
        Ok(folder)
    }

    /// The folder of an object that may exist. `None` if it can't exist.
    pub(super) fn spot(&self, key: &str) -> FileResult<Option<Spot>> {
        let Some((names, name)) = steps(key) else {
            return Ok(None);
        };
        match self.folder(&names) {
            Ok(folder) => Ok(Some(Spot {
                folder,
                name: name.to_owned(),
            })),
            // something that isn't a folder contains no object
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The folder of an object that will be written. Creates missing folders, with rights for the owner only, and syncs
    /// them.
    pub(super) fn make_spot(&self, key: &str) -> FileResult<Spot> {
        let bad = || FileFault::new(Kind::Other, "no object can be called so in a folder", None);
        let (names, name) = steps(key).ok_or_else(bad)?;
        let mut folder = self.folder(&[])?;
        for step in names {
            folder = match openat(&folder, step, READ | OFlags::DIRECTORY, Mode::empty()) {
                Err(Errno::NOENT) => {
                    match mkdirat(&folder, step, Mode::RWXU) {
                        Ok(()) => sync_folder(&folder)?,
                        Err(Errno::EXIST) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                    openat(&folder, step, READ | OFlags::DIRECTORY, Mode::empty())
                }
                opened => opened,
            }
            .map_err(|errno| match errno {
                Errno::NOTDIR | Errno::LOOP => FileFault::in_the_way(step),
                errno => errno.into(),
            })?;
        }
        Ok(Spot {
            folder,
            name: name.to_owned(),
        })
    }

    /// Looks at an object. `None` if there is none, or if its name belongs to something else.
    pub(super) fn look(&self, spot: &Spot) -> FileResult<Option<Identity>> {
        match statat(&spot.folder, spot.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Identity::of(&stat, self.numbered)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Opens an object for reading. Looks at it first, as opening a device or a pipe can have effects.
    pub(super) fn open_object(&self, key: &str) -> FileResult<(File, Identity)> {
        let spot = self.spot(key)?.ok_or_else(FileFault::not_found)?;
        self.look(&spot)?.ok_or_else(FileFault::not_found)?;
        let flags = READ | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = openat(&spot.folder, spot.name.as_str(), flags, Mode::empty()).map_err(|errno| match errno {
            Errno::LOOP => FileFault::not_found(),
            errno => errno.into(),
        })?;
        let identity = self.identity(&file)?;
        Ok((file.into(), identity.ok_or_else(FileFault::not_found)?))
    }

    pub(super) fn identity(&self, file: impl std::os::fd::AsFd) -> FileResult<Option<Identity>> {
        Ok(Identity::of(&fstat(file)?, self.numbered))
    }

    /// Reads a small object completely.
    pub(super) fn read(&self, key: &str, bytes_max: u64) -> FileResult<Vec<u8>> {
        let (file, identity) = self.open_object(key)?;
        let too_long = || FileFault::new(Kind::Other, format!("it is longer than {bytes_max} bytes"), None);
        if identity.bytes() > bytes_max {
            return Err(too_long());
        }
        let mut bytes = vec![0; usize::try_from(identity.bytes()).map_err(|_| too_long())?];
        read_whole(&file, &mut bytes, 0)?;
        // changed in place: the bytes may be half of the old and half of the new file
        match self.identity(&file)? {
            Some(after) if after == identity => Ok(bytes),
            _ => Err(FileFault::new(
                Kind::Damaged,
                "it changed while it was read",
                Some(CHANGED_HINT),
            )),
        }
    }

    /// Every object below a folder, in the order of its key.
    pub(super) fn list(&self, folder: &str) -> FileResult<Vec<Object>> {
        let mut objects = Vec::new();
        self.walk(folder, &mut |met| {
            if let Found::File(key, stat) = met {
                objects.extend(Identity::of(stat, self.numbered).map(|identity| identity.object(key)));
            }
            objects.len()
        })?;
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        objects.dedup_by(|a, b| a.key == b.key);
        Ok(objects)
    }

    /// Every file below a folder that is being written or was left behind.
    pub(super) fn unfinished(&self, folder: &str) -> FileResult<Vec<Unfinished>> {
        let mut found = Vec::new();
        self.walk(folder, &mut |met| {
            if let Found::Unfinished(key, file, stat) = met {
                found.push(Unfinished {
                    key,
                    upload_id: file.to_owned(),
                    began: jiff::Timestamp::from_microsecond(super::identity::micros(stat)).ok(),
                });
            }
            found.len()
        })?;
        found.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        Ok(found)
    }

    /// The folders directly below a folder that contain an object.
    pub(super) fn folders(&self, folder: &str) -> FileResult<Vec<String>> {
        let Some(below) = self.below(folder)? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for entry in entries(&below)? {
            let Some((name, stat)) = usable(&below, &entry)? else {
                continue;
            };
            if !is_folder(&stat) {
                continue;
            }
            let holds = match openat(&below, name, READ | OFlags::DIRECTORY, Mode::empty()) {
                Ok(inner) => self.holds_object(&inner, 1),
                Err(errno) => Err(errno.into()),
            };
            match holds {
                Ok(true) => names.push(name.to_owned()),
                Ok(false) => {}
                // a folder that can't be read may contain something; reading it will report the error
                Err(FileFault { kind: Kind::Denied, .. }) => names.push(name.to_owned()),
                Err(FileFault {
                    kind: Kind::NotFound, ..
                }) => {}
                Err(fault) => return Err(fault),
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn below(&self, folder: &str) -> FileResult<Option<OwnedFd>> {
        let Some(names) = folder_steps(folder) else {
            return Ok(None);
        };
        match self.folder(&names) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn holds_object(&self, folder: &OwnedFd, depth: usize) -> FileResult<bool> {
        for entry in entries(folder)? {
            self.check_time()?;
            match usable(folder, &entry)? {
                Some((_, stat)) if is_plain(&stat) => return Ok(true),
                Some((name, stat)) if is_folder(&stat) && depth < DEPTH_MAX => {
                    match openat(folder, name, READ | OFlags::DIRECTORY, Mode::empty()) {
                        Ok(inner) if self.holds_object(&inner, depth + 1)? => return Ok(true),
                        Ok(_) | Err(Errno::NOENT) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                }
                _ => {}
            }
        }
        Ok(false)
    }

    /// Calls `take` for every file below a folder. `take` returns how many entries it has so far.
    fn walk(&self, folder: &str, take: &mut dyn FnMut(Found<'_>) -> usize) -> FileResult<()> {
        match self.below(folder)? {
            Some(below) => self.walk_into(&below, folder, 1, take),
            None => Ok(()),
        }
    }

    fn walk_into(
        &self,
        folder: &OwnedFd,
        prefix: &str,
        depth: usize,
        take: &mut dyn FnMut(Found<'_>) -> usize,
    ) -> FileResult<()> {
        for entry in entries(folder)? {
            self.check_time()?;
            let Ok(file) = entry.file_name().to_str() else {
                continue;
            };
            let becomes = finished(file);
            if becomes.is_none() && !is_usable(file) {
                continue;
            }
            let stat = match statat(folder, file, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            };
            let count = match becomes {
                Some(name) if is_plain(&stat) => take(Found::Unfinished(format!("{prefix}{name}"), file, &stat)),
                None if is_plain(&stat) => take(Found::File(format!("{prefix}{file}"), &stat)),
                None if is_folder(&stat) && depth < DEPTH_MAX => {
                    match openat(folder, file, READ | OFlags::DIRECTORY, Mode::empty()) {
                        Ok(inner) => self.walk_into(&inner, &format!("{prefix}{file}/"), depth + 1, take)?,
                        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                    continue;
                }
                _ => continue,
            };
            if count > ENTRIES_MAX {
                let why = format!("more than {ENTRIES_MAX} files stand there");
                return Err(FileFault::new(Kind::Damaged, why, Some(MANY)));
            }
        }
        Ok(())
    }

    fn check_time(&self) -> FileResult<()> {
        match Instant::now() < self.deadline {
            true => Ok(()),
            false => Err(FileFault::silent(super::LIST_MAX.as_secs())),
        }
    }
}

pub(super) const CHANGED_HINT: &str = "let nobody else write there, and see whether the disk or the share is sound: nothing is \
     said of what is stored";
const MANY: &str = "move away what isn't pgcoffer's: a folder of its own is best";

/// The entries of a folder, which is opened again, as reading a folder twice would continue at its end.
fn entries(folder: &OwnedFd) -> FileResult<impl Iterator<Item = rustix::fs::DirEntry> + use<>> {
    let mut all = Vec::new();
    for entry in Dir::read_from(folder)? {
        all.push(entry?);
        if all.len() > 2 * ENTRIES_MAX {
            let why = format!("more than {ENTRIES_MAX} entries stand in one folder");
            return Err(FileFault::new(Kind::Damaged, why, Some(MANY)));
        }
    }
    Ok(all.into_iter())
}

/// The name and metadata of an entry, if an object or a folder of objects can have that name.
fn usable<'a>(folder: &OwnedFd, entry: &'a rustix::fs::DirEntry) -> FileResult<Option<(&'a str, Stat)>> {
    let name = entry.file_name().to_str().ok();
    let Some(name) = name.filter(|name| is_usable(name)) else {
        return Ok(None);
    };
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some((name, stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Fills `bytes` from offset `start`, as far as the file reaches.
pub(super) fn read_whole(file: &File, bytes: &mut [u8], start: u64) -> FileResult<()> {
    file.read_exact_at(bytes, start).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            let why = format!("asked for {} bytes from {start}, and it ends before", bytes.len());
            FileFault::new(Kind::Damaged, why, Some(CHANGED_HINT))
        }
        _ => error.into(),
    })
}

/// Makes created, renamed and removed names durable. Some shares don't support this; then it depends on their server.
pub(super) fn sync_folder(folder: &OwnedFd) -> FileResult<()> {
    match fsync(folder) {
        Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::BADF) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether inode numbers outlast a mount. File systems that are a program (sshfs, rclone) or have no numbers on disk
/// (FAT) assign them anew.
#[cfg(target_os = "linux")]
fn numbers_stay(folder: &OwnedFd) -> bool {
    use rustix::fs::{FsWord, fstatfs};
    // https://man7.org/linux/man-pages/man2/statfs.2.html; exFAT: linux/magic.h
    const WITHOUT: [FsWord; 4] = [0x6573_5546, 0x2011_BAB0, 0x4d44, 0x0102_1997];
    fstatfs(folder).is_ok_and(|about| !WITHOUT.contains(&about.f_type))
}

#[cfg(not(target_os = "linux"))]
fn numbers_stay(_: &OwnedFd) -> bool {
    true
}
