//! Checks a folder that is used instead of a bucket: whether it is there, and whether everything that a backup, a prune
//! and a restore need works in it. It uses only the contract of stores.

use bytes::Bytes;

use super::{
    CheckRequest,
    bucket::{BucketFound, clock, closed},
    finding::Area,
    sheet::CheckSheet,
    trials::{FOLDER, random},
};
use crate::{
    catalog::Catalog,
    error::Result,
    operation::Interrupt,
    rights::AccessMode,
    store::{Attributes, Error, FolderFacts, Kind, PartPlan, SftpFacts, Store},
    text::escaped,
};

/// The contents of the probe objects.
const BODY: &[u8] = b"pgcoffer check: this object may be deleted\n";
const MIB: u64 = 1 << 20;

pub(super) async fn folder(
    sheet: &mut CheckSheet<'_>,
    catalog: &Catalog,
    request: &CheckRequest,
    interrupt: &Interrupt,
) -> Result<BucketFound> {
    let store = catalog.store();
    sheet.turn_to(Area::Bucket, store.location().to_string());
    let mode = request.mode.unwrap_or_default();
    let found = |works| BucketFound {
        answers: works,
        // names are taken by the file system
        keeps_what_is_there: works,
        readable: works,
        mode,
    };
    let reached = interrupt.or(async { Ok(store.check_reachable().await) }).await?;
    if let Err(error) = &reached {
        closed(sheet, error);
        return Ok(found(false));
    }
    sheet.ok("reachable", "the folder is there");
    if let Some(server) = store.sftp() {
        let facts = interrupt.or(async { Ok(server.facts().await) }).await?;
        match facts {
            Ok(facts) => told_of_server(sheet, &facts),
            Err(error) => sheet.failed("server", error.to_string(), error.hint()),
        }
    }
    let look = async {
        stands(sheet, catalog).await;
        Ok(())
    };
    interrupt.or(look).await?;
    // who only reads needs no right to write
    if mode != AccessMode::Restore {
        let work = async {
            works(sheet, store).await;
            Ok(())
        };
        interrupt.or(work).await?;
        let time = interrupt.or(async { Ok(store.ask_time().await) }).await?;
        clock(sheet, time, request.clock.now());
    }
    sheet.ok(
        "S3 features",
        "a folder has no tags, locks, versions, lifecycle rules, policies or cold classes: whoever may write in it can \
         delete every backup",
    );
    Ok(found(true))
}

/// Reports about the folder itself: whether it is mounted, who may write in it, and how much room it has.
async fn stands(sheet: &mut CheckSheet<'_>, catalog: &Catalog) {
    let Some(folder) = catalog.store().folder() else {
        return;
    };
    match folder.facts().await {
        Ok(facts) => told(sheet, &facts, catalog.is_pinned()),
        Err(error) => sheet.failed("folder", error.to_string(), error.hint()),
    }
}

fn told(sheet: &mut CheckSheet<'_>, facts: &FolderFacts, pinned: bool) {
    let free = format!("{} MiB are free", facts.free_bytes / MIB);
    match facts.free_bytes / MIB {
        0 => sheet.warning("room", "no space is left", "free some space, or keep fewer backups"),
        _ => sheet.ok("room", free),
    }
    if facts.is_mount_point && !pinned {
        sheet.warning(
            "mount",
            "a file system is mounted on this very folder: if it isn't mounted, backups would \
             fill the disk below it",
            "make a folder in it and name that one, or set PGCOFFER_REPOSITORY to what `pgcoffer repository` prints: \
             then nothing is written where that repository isn't",
        );
    }
    if facts.others_may_write {
        sheet.warning(
            "mode",
            format!(
                "its mode is {:o}: others than its owner may write in it, and can delete every backup",
                facts.mode
            ),
            "chmod go-w the folder; on a share, see what its server lets others do",
        );
    }
}

/// Reports about a server and the folder on it.
fn told_of_server(sheet: &mut CheckSheet<'_>, facts: &SftpFacts) {
    let software = escaped(&facts.software);
    sheet.ok("server", format!("{software}, in {}", escaped(&facts.path)));
    match facts.free_bytes.map(|bytes| bytes / MIB) {
        Some(0) => sheet.warning("room", "no space is left", "free some space, or keep fewer backups"),
        Some(free) => sheet.ok("room", format!("{free} MiB are free")),
        None => sheet.skipped("room", "the server doesn't say how much space is free"),
    }
    if !facts.syncs {
        sheet.warning(
            "sync",
            "it can't be asked to write a file to its disk: where its power fails right after a copy, that copy may be lost",
            "`pgcoffer verify --from` reads a copy back; OpenSSH's server has fsync@openssh.com",
        );
    }
    if !facts.refuses_taken_names {
        sheet.warning(
            "names",
            "it can't give a file a name only if that is free, which is looked at right before instead",
            "let one machine alone copy to it",
        );
    }
    if facts.others_may_write {
        sheet.warning(
            "mode",
            "other users of the server may write in the folder, and can delete every copy",
            "chmod go-w the folder",
        );
    }
}

/// Writes, reads, lists, replaces and deletes an object, and uploads another in parts.
async fn works(sheet: &mut CheckSheet<'_>, store: &Store) {
    let key = store.location().key(&format!("{FOLDER}/{}", random()));
    let attributes = Attributes::default();
    let body = Bytes::from_static(BODY);
    if let Err(error) = store.put_new(&key, body.clone(), &attributes).await {
        sheet.failed("write", error.to_string(), error.hint());
        return sheet.skipped(
            "read, list, replace, delete, upload",
            "not checked, as nothing can be written",
        );
    }
    sheet.ok("write", "an object was written");
    let again = store.put_new(&key, body.clone(), &attributes).await;
    refused(
        sheet,
        "no overwriting",
        again.map(drop),
        "an existing object is not overwritten",
    );
    let read = store.read_range(&key, 9..14, None).await;
    judge(sheet, "read", read, "an object was read", |bytes| {
        bytes[..] == BODY[9..14]
    });
    let folder = store.location().key(&format!("{FOLDER}/"));
    let listed = store.list(&folder).await;
    judge(sheet, "list", listed, "objects can be listed", |all| {
        all.iter().any(|one| one.key == key)
    });
    let old = store.head(&key).await.ok().flatten().and_then(|object| object.etag);
    let old = old.unwrap_or_default();
    let replaced = store.replace(&key, body, &attributes, &old).await;
    judge(sheet, "replace", replaced, "an object was replaced", |()| true);
    let stale = store.delete(&key, Some(&old)).await;
    refused(
        sheet,
        "conditional delete",
        stale,
        "an object that has changed since it was looked at is not deleted",
    );
    judge(
        sheet,
        "delete",
        store.delete(&key, None).await,
        "the object was deleted",
        |()| true,
    );
    judge(
        sheet,
        "upload",
        uploaded(store, &format!("{key}-parts")).await,
        "an object was uploaded",
        |()| true,
    );
    store.settle().await;
}

async fn uploaded(store: &Store, key: &str) -> std::result::Result<(), Error> {
    let plan = PartPlan::for_expected(BODY.len() as u64, store.parts_max());
    let mut upload = store.begin_upload(key, plan, &Attributes::default()).await?;
    upload.write(BODY).await?;
    upload.complete().await?;
    store.delete(key, None).await
}

fn judge<T>(
    sheet: &mut CheckSheet<'_>,
    what: &'static str,
    done: std::result::Result<T, Error>,
    works: &str,
    is_right: impl Fn(&T) -> bool,
) {
    match done {
        Ok(came) if is_right(&came) => sheet.ok(what, works),
        Ok(_) => sheet.failed(
            what,
            "what was read back is not what was written",
            Some("check the disk, or the server of the share".to_owned()),
        ),
        Err(error) => sheet.failed(what, error.to_string(), error.hint()),
    }
}

fn refused(sheet: &mut CheckSheet<'_>, what: &'static str, done: std::result::Result<(), Error>, works: &str) {
    match done {
        Err(error) if matches!(error.kind, Kind::Exists | Kind::Changed) => sheet.ok(what, works),
        Err(error) => sheet.failed(what, error.to_string(), error.hint()),
        Ok(()) => sheet.failed(
            what,
            "the file system ignored a condition",
            Some("use another file system: on this one backups could be overwritten".to_owned()),
        ),
    }
}
