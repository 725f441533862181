//! Checks the bucket's settings: versions, locks, public access, encryption, and rules that delete.

use std::num::NonZeroU32;

use super::sheet::CheckSheet;
use crate::{
    backup::Label,
    error::{Error, Result},
    operation::{Interrupt, RuleOwner, ShownRule, ShownRules, show_lifecycle},
    rights::{AccessMode, S3Action},
    store::{self, Kind, PublicAccess, S3, Versioning},
    text::counted,
};

pub(super) async fn settings(
    sheet: &mut CheckSheet<'_>,
    store: &S3,
    mode: AccessMode,
    databases: (&[Label], NonZeroU32),
    interrupt: &Interrupt,
) -> Result<()> {
    let look = async {
        let versioning = versioning(sheet, store).await;
        object_lock(sheet, store).await;
        public_access(sheet, store).await;
        encryption(sheet, store).await;
        lifecycle(sheet, store, mode, databases, versioning).await;
        Ok(())
    };
    interrupt.or(look).await
}

/// Reports a setting that can't be read as skipped: only the bucket's owner needs that right.
fn unseen(sheet: &mut CheckSheet<'_>, what: &'static str, action: S3Action, error: &store::Error) {
    let name = action.as_str();
    match error.kind {
        Kind::Denied => sheet.skipped(
            what,
            format!("these credentials may not read it ({name}): to see it, check with the bucket owner's credentials"),
        ),
        Kind::Unsupported => sheet.skipped(what, "this service has no such setting, or doesn't show it"),
        _ => sheet.warning(what, error.to_string(), error.hint().unwrap_or_default()),
    }
}

async fn versioning(sheet: &mut CheckSheet<'_>, store: &S3) -> Option<Versioning> {
    match store.versioning().await {
        Ok(found) => {
            sheet.ok(
                "versioning",
                match found {
                    Versioning::Off => "off: what is deleted is gone",
                    Versioning::On => "on: what is deleted or overwritten stays as a noncurrent version",
                    Versioning::Suspended => "suspended: old versions stay, new ones are not kept",
                },
            );
            Some(found)
        }
        Err(error) => {
            unseen(sheet, "versioning", S3Action::GetBucketVersioning, &error);
            None
        }
    }
}

async fn object_lock(sheet: &mut CheckSheet<'_>, store: &S3) {
    match (store.object_lock().await, store.locks()) {
        (Ok(None), true) => sheet.failed(
            "object lock",
            "PGCOFFER_LOCK is set, and this bucket has no Object Lock",
            Some("use a bucket that has it, or unset PGCOFFER_LOCK".to_owned()),
        ),
        (Ok(None), false) => sheet.ok("object lock", "none"),
        (Ok(Some(None)), true) => sheet.ok("object lock", "backups are locked until their retention ends"),
        (Ok(Some(None)), false) => sheet.ok("object lock", "the bucket has it, and PGCOFFER_LOCK doesn't ask for it"),
        (Ok(Some(Some(default))), _) => sheet.warning(
            "object lock",
            format!("every object is locked by the bucket's own default ({default}), whatever its retention"),
            "what prune may delete earlier stays until then: set the default to no more than the shortest retention, \
             or leave locking to PGCOFFER_LOCK",
        ),
        (Err(error), true) if error.kind == Kind::Unsupported => sheet.failed(
            "object lock",
            "PGCOFFER_LOCK is set, and this service has no Object Lock",
            Some("unset PGCOFFER_LOCK, or use a service that has it".to_owned()),
        ),
        (Err(error), _) => {
            unseen(sheet, "object lock", S3Action::GetBucketObjectLockConfiguration, &error);
        }
    }
}

async fn public_access(sheet: &mut CheckSheet<'_>, store: &S3) {
    match store.public_access().await {
        Ok(PublicAccess {
            by_policy: Some(true), ..
        }) => sheet.failed(
            "public access",
            "the bucket's policy gives everybody access",
            Some(
                "turn Block Public Access on for this bucket, all four settings: backups are sealed, but they \
                should not be public"
                    .to_owned(),
            ),
        ),
        Ok(PublicAccess { blocked: true, .. }) => sheet.ok("public access", "blocked"),
        Ok(PublicAccess { blocked: false, .. }) => sheet.warning(
            "public access",
            "not everything that could open the bucket to the public is blocked",
            "turn Block Public Access on for this bucket, all four settings",
        ),
        Err(error) => {
            unseen(sheet, "public access", S3Action::GetBucketPublicAccessBlock, &error);
        }
    }
}

async fn encryption(sheet: &mut CheckSheet<'_>, store: &S3) {
    match store.default_encryption().await {
        Ok(Some(how)) => sheet.ok("encryption", format!("{how} by default, on top of pgcoffer's own")),
        Ok(None) => sheet.ok("encryption", "pgcoffer's own alone: the bucket has no default"),
        Err(error) => {
            unseen(sheet, "encryption", S3Action::GetEncryptionConfiguration, &error);
        }
    }
}

async fn lifecycle(
    sheet: &mut CheckSheet<'_>,
    store: &S3,
    mode: AccessMode,
    (databases, keep_last): (&[Label], NonZeroU32),
    versioning: Option<Versioning>,
) {
    let rules = match show_lifecycle(store, databases).await {
        Ok(rules) => rules,
        Err(error) => return unreadable(sheet, store, &error).await,
    };
    for warning in &rules.warnings {
        sheet.warning(
            "lifecycle rules",
            warning.as_str(),
            "take the rule away, or have it leave our prefix out: `pgcoffer lifecycle show` shows all of them",
        );
    }
    if rules.warnings.is_empty() {
        let seen = match rules.rules.len() {
            0 => "the bucket has none".to_owned(),
            n => format!("{}, and only ours act on backups", counted(n, "rule")),
        };
        sheet.ok("lifecycle rules", seen);
    }
    let folder = store.location().key("");
    uploads_left(sheet, mode, &rules, &folder);
    noncurrent(sheet, versioning, &rules, &folder);
    expiry(sheet, mode, keep_last, &rules);
}

/// Reports why the rules can't be read. The error doesn't show its kind, so one more request is made.
async fn unreadable(sheet: &mut CheckSheet<'_>, store: &S3, error: &Error) {
    match store.lifecycle().await {
        Err(error) => unseen(sheet, "lifecycle rules", S3Action::GetLifecycleConfiguration, &error),
        Ok(_) => sheet.warning("lifecycle rules", error.to_string(), error.hint().unwrap_or_default()),
    }
}

/// Whether a rule that does `what` covers everything below our prefix.
fn covers(rules: &ShownRules, folder: &str, what: &str) -> bool {
    let does = |rule: &ShownRule| rule.actions.iter().any(|action| action.starts_with(what));
    let ours = |rule: &ShownRule| rule.owner == RuleOwner::Ours;
    let mut all = rules
        .rules
        .iter()
        .filter(|rule| rule.enabled && rule.further_filters.is_empty());
    all.any(|rule| does(rule) && (ours(rule) || folder.starts_with(rule.prefix.as_str())))
}

fn uploads_left(sheet: &mut CheckSheet<'_>, mode: AccessMode, rules: &ShownRules, folder: &str) {
    match (covers(rules, folder, "abort uploads"), mode) {
        (true, _) => sheet.ok("lost uploads", "a lifecycle rule aborts them"),
        (false, AccessMode::DropBox) => sheet.warning(
            "lost uploads",
            "no rule aborts the uploads that runs leave behind when they are killed: they cost money and nobody sees \
             them",
            "`pgcoffer lifecycle apply`, with the bucket owner's credentials, writes one; `prune` elsewhere aborts \
             them, too",
        ),
        (false, _) => sheet.ok(
            "lost uploads",
            "`prune` aborts them after a day; no lifecycle rule does",
        ),
    }
}

fn noncurrent(sheet: &mut CheckSheet<'_>, versioning: Option<Versioning>, rules: &ShownRules, folder: &str) {
    if !matches!(versioning, Some(Versioning::On | Versioning::Suspended)) {
        return;
    }
    if covers(rules, folder, "delete noncurrent") {
        return sheet.ok("old versions", "a lifecycle rule deletes them");
    }
    sheet.warning(
        "old versions",
        "the bucket keeps versions, and no rule deletes noncurrent ones: pruning frees no space",
        "`pgcoffer lifecycle apply --noncurrent 30`, with the bucket owner's credentials, writes such a rule",
    );
}

/// Warns about our own rules that expire: S3 doesn't know which backups must stay.
fn expiry(sheet: &mut CheckSheet<'_>, mode: AccessMode, keep_last: NonZeroU32, rules: &ShownRules) {
    let deletes = |rule: &&ShownRule| {
        rule.owner == RuleOwner::Ours && rule.actions.iter().any(|action| action.starts_with("delete after"))
    };
    let count = rules.rules.iter().filter(deletes).count();
    match (count, mode) {
        (0, AccessMode::DropBox) => sheet.warning(
            "retention",
            "nothing here deletes what has run out: these credentials may not, and no lifecycle rule of ours does",
            "run `pgcoffer prune` elsewhere with credentials that may (`pgcoffer policy --mode prune`), or `pgcoffer \
             lifecycle apply --expire`",
        ),
        (0, _) => {}
        (_, _) => sheet.warning(
            "retention",
            format!(
                "S3 itself deletes backups by a rule that knows neither holds nor that the newest {keep_last} must \
                stay (PGCOFFER_KEEP_LAST): if backups stop, it deletes even the last one"
            ),
            "let your monitoring watch `pgcoffer status`; docs/drop-box.md weighs this against a prune \
             elsewhere",
        ),
    }
}
