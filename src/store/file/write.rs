//! Files before they have their name: written beside it, synced, and renamed only if the name is free.

use std::{
    fs::File,
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::{
    fs::{
        AtFlags, FlockOperation, Mode, OFlags, RenameFlags, Timespec, Timestamps, flock, fstat, fsync, futimens,
        linkat, openat, renameat, renameat_with, unlinkat,
    },
    io::Errno,
};

use super::{
    error::{FileFault, FileResult},
    identity::{Identity, is_plain, micros},
    tree::{Spot, Tree, sync_folder},
};
use crate::store::{
    Kind,
    file_name::{LOCK, unfinished},
};

/// The longest wait for others that replace or delete.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(30);
/// The pause between two checks whether they are done.
const LOCK_LOOK: Duration = Duration::from_millis(20);
/// The largest difference in microseconds at which two clocks count as the same.
const SAME_CLOCK: i64 = 2_000_000;

/// A file that doesn't have its final name yet. If it never gets one, it is removed when it is dropped.
pub(super) struct TempFile {
    pub(super) file: File,
    pub(super) spot: Spot,
    /// Its temporary name.
    beside: String,
    /// Whether the temporary name is gone.
    over: AtomicBool,
}

impl TempFile {
    /// Creates one, with rights for its owner only.
    pub(super) fn begin(spot: Spot) -> FileResult<Self> {
        let beside = unfinished(&spot.name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&spot.folder, beside.as_str(), flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Self {
            file: file.into(),
            spot,
            beside,
            over: AtomicBool::new(false),
        })
    }

    /// Writes a complete file.
    pub(super) fn of(spot: Spot, bytes: &[u8]) -> FileResult<Self> {
        let temp = Self::begin(spot)?;
        std::os::unix::fs::FileExt::write_all_at(&temp.file, bytes, 0)?;
        Ok(temp)
    }

    /// Syncs it and sets its date by the place's clock, to the microsecond and later than `after`, so that it can't be
    /// confused with the file that it replaces. Returns the time of the place's clock.
    pub(super) fn settle(&self, after: Option<&Identity>) -> FileResult<Timestamp> {
        fsync(&self.file)?;
        let theirs = micros(&fstat(&self.file)?);
        let ours = Timestamp::now().as_microsecond();
        let now = if (theirs - ours).abs() < SAME_CLOCK {
            ours
        } else {
            theirs
        };
        let mut time = after.map_or(now, |after| now.max(after.micros() + 1000));
        self.date(time)?;
        // some file systems store times in seconds
        if after.is_some_and(|after| fstat(&self.file).is_ok_and(|stat| micros(&stat) <= after.micros())) {
            time += 2_000_000;
            self.date(time)?;
        }
        fsync(&self.file)?;
        Timestamp::from_microsecond(theirs).map_err(|e| FileFault::new(Kind::Other, e.to_string(), None))
    }

    fn date(&self, micros: i64) -> FileResult<()> {
        let time = Timespec {
            tv_sec: micros.div_euclid(1_000_000),
            tv_nsec: micros.rem_euclid(1_000_000) * 1000,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        Ok(futimens(&self.file, &times)?)
    }

    /// Gives it its name if that is free. Atomic: of two writers, one gets the name.
    pub(super) fn publish_new(&self) -> FileResult<()> {
        let (folder, name) = (&self.spot.folder, self.spot.name.as_str());
        let renamed = renameat_with(folder, self.beside.as_str(), folder, name, RenameFlags::NOREPLACE);
        match renamed {
            Ok(()) => self.over.store(true, Ordering::Relaxed),
            // NFS and others don't support this rename
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.link_new()?,
            Err(errno) => return Err(errno.into()),
        }
        sync_folder(folder)
    }

    fn link_new(&self) -> FileResult<()> {
        let (folder, name) = (&self.spot.folder, self.spot.name.as_str());
        match linkat(folder, self.beside.as_str(), folder, name, AtFlags::empty()) {
            Ok(()) => {}
            // NFS may repeat a call whose answer was lost: then both names are ours
            Err(Errno::EXIST) if fstat(&self.file)?.st_nlink > 1 => {}
            Err(errno @ (Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK)) => {
                return Err(FileFault::without_new_names(errno));
            }
            Err(errno) => return Err(errno.into()),
        }
        self.over.store(true, Ordering::Relaxed);
        // the object exists; a second name that stays will be found as an unfinished upload
        if let Err(errno) = unlinkat(folder, self.beside.as_str(), AtFlags::empty()) {
            tracing::debug!("a second name of {name} stays: {errno}");
        }
        Ok(())
    }

    /// Gives it the name of another file, which is removed by that. To be called while the lock is held.
    pub(super) fn publish_over(&self) -> FileResult<()> {
        let (folder, name) = (&self.spot.folder, self.spot.name.as_str());
        renameat(folder, self.beside.as_str(), folder, name)?;
        self.over.store(true, Ordering::Relaxed);
        sync_folder(folder)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.over.load(Ordering::Relaxed)
            && let Err(errno) = unlinkat(&self.spot.folder, self.beside.as_str(), AtFlags::empty())
            && errno != Errno::NOENT
        {
            tracing::warn!("a file that was given up may still stand: {}: {errno}", self.beside);
        }
    }
}

/// The lock for replacing and deleting. It is an advisory lock, so it holds only among writers that use it, and it ends
/// with its holder. If the file system has no locks, the object is still looked at right before it is replaced.
pub(super) fn lock(tree: &Tree) -> FileResult<Option<OwnedFd>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&tree.top, LOCK, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| match errno {
        Errno::LOOP | Errno::NXIO | Errno::ISDIR => FileFault::in_the_way(LOCK),
        errno => errno.into(),
    })?;
    if !is_plain(&fstat(&file)?) {
        return Err(FileFault::in_the_way(LOCK));
    }
    let began = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(file)),
            Err(Errno::AGAIN | Errno::INTR) if began.elapsed() < LOCK_WAIT_MAX => std::thread::sleep(LOCK_LOOK),
            Err(Errno::AGAIN) => {
                let why = format!("{LOCK} is held by another run since {} s", LOCK_WAIT_MAX.as_secs());
                return Err(FileFault::new(
                    Kind::Busy,
                    why,
                    Some("see which other run hangs, and end it"),
                ));
            }
            Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::BADF) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
    }
}
