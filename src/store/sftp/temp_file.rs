//! Files before they have their name: written beside it, and dated so that no other has the same identity.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use super::{
    ANSWER_MAX, Sftp,
    fault::{CHANGED_HINT, QUOTA, ROOM, SftpFault, SftpResult, UNTOLD},
    identity::Identity,
    requests::done,
    session::Session,
    tree::{Spot, Tree},
};
use crate::{
    store::{Backend as _, Kind, Unfinished, file_name},
    text::size,
};

/// A file that has not grown for so long is not being written any more: twice as long as an upload tries to get its
/// connection back.
const STANDS_STILL: SignedDuration = SignedDuration::from_mins(10);
/// Less than this is no room.
const ROOM_MIN: u64 = 1 << 20;
/// How many pieces of a small file are sent at once.
const PIECES_AT_ONCE: usize = 8;
/// A server that doesn't set dates has to be waited for, until its clock shows another second.
const NEXT_SECOND: Duration = Duration::from_millis(1100);

/// A file that doesn't have its final name yet. If it never gets one, it is removed in the background when it is
/// dropped.
pub(super) struct TempFile {
    pub(super) place: Sftp,
    /// The connection over which it is open.
    pub(super) session: Arc<Session>,
    /// Empty once it is closed.
    pub(super) handle: Bytes,
    pub(super) spot: Spot,
    /// Its temporary name.
    pub(super) beside: String,
    /// Whether the temporary name is gone.
    pub(super) is_over: bool,
    /// Whether it stays for a later upload of the same object, if it is dropped.
    pub(super) keeps: bool,
}

impl TempFile {
    /// Creates one, with rights for its owner only.
    pub(super) async fn begin(tree: &Tree, spot: Spot) -> SftpResult<Self> {
        let beside = file_name::unfinished(&spot.name);
        let handle = tree.session.create(&spot.beside(&beside)).await;
        let handle = match handle {
            Err(fault) if fault.is_unexplained() => return Err(about_write(tree, fault).await),
            handle => handle?,
        };
        Ok(Self {
            place: tree.place.clone(),
            session: Arc::clone(&tree.session),
            handle,
            spot,
            beside,
            is_over: false,
            keeps: false,
        })
    }

    /// Opens the newest one of this object that was left behind, and says how long it is. `None` if there is none, or
    /// if somebody may be writing it still.
    pub(super) async fn left_behind(tree: &Tree, spot: &Spot) -> SftpResult<Option<(Self, u64)>> {
        let folder = spot.key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let all = tree.unfinished(&format!("{folder}/")).await?;
        let now = tree.place.service_time();
        let stands_still = |one: &Unfinished| match (one.began, now) {
            (Some(began), Some(now)) => now.duration_since(began) >= STANDS_STILL,
            _ => false,
        };
        let its = all.into_iter().filter(|one| one.key == spot.key && stands_still(one));
        let Some(newest) = its.max_by_key(|one| one.began) else {
            return Ok(None);
        };
        let path = spot.beside(&newest.upload_id);
        // never a link, nor anything else that is no file
        let there = match tree.session.lstat(&path).await? {
            Some(found) => Identity::of(&found)?,
            None => None,
        };
        let Some(there) = there else {
            return Ok(None);
        };
        let temp = Self {
            place: tree.place.clone(),
            session: Arc::clone(&tree.session),
            handle: tree.session.open_again(&path).await?,
            spot: spot.clone(),
            beside: newest.upload_id,
            is_over: false,
            keeps: true,
        };
        Ok(Some((temp, there.bytes)))
    }

    /// Writes a complete file, and checks what the server has of it.
    pub(super) async fn of(tree: &Tree, spot: Spot, bytes: &Bytes) -> SftpResult<Self> {
        let temp = Self::begin(tree, spot).await?;
        match temp.write_all(bytes).await {
            Err(fault) if fault.is_unexplained() => return Err(about_write(tree, fault).await),
            written => written?,
        }
        Ok(temp)
    }

    pub(super) fn path(&self) -> Vec<u8> {
        self.spot.beside(&self.beside)
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::new(self.place.clone(), Arc::clone(&self.session))
    }

    /// Closes it, once: the server may give its handle to another file.
    pub(super) async fn close(&mut self) -> SftpResult<()> {
        match std::mem::take(&mut self.handle) {
            handle if handle.is_empty() => Ok(()),
            handle => self.session.close(&handle).await,
        }
    }

    async fn write_all(&self, bytes: &Bytes) -> SftpResult<()> {
        let piece = self.session.features.write_bytes as usize;
        let starts = (0..bytes.len()).step_by(piece);
        let writes = stream::iter(starts.map(|start| async move {
            let bytes = bytes.slice(start..bytes.len().min(start + piece));
            done(
                self.session
                    .send_write(&self.handle, start as u64, bytes)
                    .await?
                    .reply()
                    .await?,
            )
        }));
        writes.buffered(PIECES_AT_ONCE).try_collect::<()>().await
    }

    /// Reads it back and compares it, as the options ask for.
    pub(super) async fn compare(&self, bytes: &Bytes) -> SftpResult<()> {
        let there = self.look().await?;
        if there.bytes != bytes.len() as u64 {
            return Err(other_length(bytes.len() as u64, there.bytes));
        }
        if self.place.0.options.read_back {
            let read = self.session.read_at(&self.handle, 0..there.bytes).await?;
            if read != *bytes {
                return Err(other_bytes());
            }
        }
        Ok(())
    }

    async fn look(&self) -> SftpResult<Identity> {
        let found = self.session.fstat(&self.handle).await?;
        Identity::of(&found)?.ok_or_else(|| SftpFault::protocol("a file that was created is none"))
    }

    /// Syncs it and gives it a date later than `after` and than that of each object of this name that this process
    /// deleted, so that it can't be confused with one of them. Returns what it will be known by.
    pub(super) async fn settle(&self, after: Option<u32>) -> SftpResult<Identity> {
        self.session.sync(&self.handle).await?;
        let now = self.look().await?;
        if let Some(time) = now.time() {
            self.place.hear(time);
        }
        let recent = self
            .place
            .0
            .recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .date(&self.spot.key);
        match after.max(recent) {
            Some(before) if now.modified <= before => self.date_after(before).await,
            _ => Ok(now),
        }
    }

    async fn date_after(&self, before: u32) -> SftpResult<Identity> {
        if let Err(fault) = self.session.set_times(&self.handle, before.saturating_add(1)).await {
            tracing::debug!("the server sets no dates: {}", fault.why);
            self.wait_for_another_second(before).await?;
        }
        let dated = self.look().await?;
        match dated.modified > before {
            true => Ok(dated),
            false => Err(SftpFault::lacks("date a file")),
        }
    }

    /// Writes a byte again, in a later second.
    async fn wait_for_another_second(&self, before: u32) -> SftpResult<()> {
        let ahead = self
            .place
            .0
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or_default();
        let theirs = Timestamp::now().checked_add(ahead).map_or(0, Timestamp::as_second);
        let seconds = u64::try_from(i64::from(before) - theirs).unwrap_or(0);
        tokio::time::sleep(NEXT_SECOND + Duration::from_secs(seconds.min(30))).await;
        let first = self.session.read_at(&self.handle, 0..1).await;
        let first = first.unwrap_or_default();
        done(self.session.send_write(&self.handle, 0, first).await?.reply().await?)?;
        self.session.sync(&self.handle).await
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if self.is_over || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (place, path) = (self.place.clone(), self.path());
        let (session, handle) = (Arc::clone(&self.session), std::mem::take(&mut self.handle));
        let tasks = self.place.0.tasks.clone();
        if self.keeps {
            if !handle.is_empty() {
                tasks.spawn(async move { give_up(&place, &session, &handle).await });
            }
            return;
        }
        tasks.spawn(async move {
            // some servers don't remove a file that is open
            if !handle.is_empty() {
                let _ = session.close(&handle).await;
            }
            let removed = timeout(ANSWER_MAX, async { place.session().await?.remove(&path).await }).await;
            let why = match removed {
                Ok(Ok(())) => return,
                Ok(Err(fault)) if fault.kind == Kind::NotFound => return,
                Ok(Err(fault)) => fault.why,
                Err(_) => "the server doesn't answer".to_owned(),
            };
            let name = String::from_utf8_lossy(&path).into_owned();
            tracing::warn!(name, "a file that was given up may still stand on the server: {why}");
        });
    }
}

/// Closes a file that is kept, and dates it back, so that the next upload need not wait until it surely stands still.
async fn give_up(place: &Sftp, session: &Session, handle: &[u8]) {
    let since = place.service_time().and_then(|now| now.checked_sub(STANDS_STILL).ok());
    let seconds = since.and_then(|since| u32::try_from(since.as_second()).ok());
    let given_up = timeout(ANSWER_MAX, async {
        if let Some(seconds) = seconds {
            session.set_times(handle, seconds.saturating_sub(1)).await?;
        }
        session.close(handle).await
    });
    // over a connection that is lost it can't be dated, and is older than that when the next upload comes, or not used
    if let Ok(Err(fault)) = given_up.await {
        tracing::debug!("an unfinished copy on the server isn't dated back: {}", fault.why);
    }
}

pub(super) fn other_length(sent: u64, there: u64) -> SftpFault {
    let why = format!("{sent} bytes were written, the server has {there}");
    SftpFault::new(Kind::Mismatch, why, Some(CHANGED_HINT))
}

pub(super) fn other_bytes() -> SftpFault {
    let why = "what was read back is not what was written";
    SftpFault::new(Kind::Mismatch, why, Some(CHANGED_HINT))
}

/// Adds why a write was refused, as far as that can be found out: SFTP has no code for a full disk or a quota.
pub(super) async fn about_write(tree: &Tree, fault: SftpFault) -> SftpFault {
    if !fault.is_unexplained() {
        return fault;
    }
    let (why, cure) = match tree.session.room(&tree.top()).await {
        Ok(Some(room)) if room.free_bytes < ROOM_MIN => ("the server's disk is full".to_owned(), ROOM),
        Ok(Some(room)) => (
            format!(
                "the server takes no more bytes, though its disk has {} left: so a quota of the account or a limit on \
                 the size of a file is reached",
                size(room.free_bytes)
            ),
            QUOTA,
        ),
        _ => (
            format!("the server takes no more bytes, and doesn't say why ({})", fault.why),
            UNTOLD,
        ),
    };
    SftpFault::new(Kind::Full, why, Some(cure))
}
