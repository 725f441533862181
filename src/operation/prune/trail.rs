//! The audit trail: how long its entries are kept.

use jiff::SignedDuration;

use super::check_clock;
use crate::{
    backup::AUDIT_KEPT_DAYS,
    catalog::Catalog,
    error::{Error, Result},
    operation::{Clock, Interrupt},
    store::Kind,
};

/// The most entries that are deleted at once; the next time deletes more.
const DELETED_MAX: usize = 1000;

/// What became of old entries of the audit trail.
#[derive(Debug, Default)]
pub struct TrailPruned {
    /// How many are older than entries are kept.
    pub old: usize,
    /// How many of them were deleted.
    pub deleted: usize,
    /// Why one could not be deleted.
    pub trouble: Option<String>,
}

impl TrailPruned {
    /// Logs it, where there is something to say.
    pub(crate) fn log(&self) {
        let old = match self.old {
            1 => "1 entry of the audit trail is".to_owned(),
            count => format!("{count} entries of the audit trail are"),
        };
        match (&self.trouble, self.old, self.deleted) {
            (_, 0, _) => {}
            (Some(trouble), _, deleted) => {
                tracing::warn!("{old} more than {AUDIT_KEPT_DAYS} days old, {deleted} deleted, and then: {trouble}");
            }
            (None, _, 0) => tracing::info!("{old} more than {AUDIT_KEPT_DAYS} days old: would be deleted"),
            (None, _, deleted) => tracing::info!("{old} more than {AUDIT_KEPT_DAYS} days old: {deleted} deleted"),
        }
    }
}

/// Deletes what of the audit trail is more than 400 days old, by its name and by the date of the bucket, and nothing
/// that one of our keys hasn't named. One look at the months that there are, where nothing is that old.
///
/// # Errors
/// [`Error::Clock`] if this machine's clock and the service's differ; any error of the bucket while it is listed. What
/// can't be deleted is in the result.
pub async fn prune_trail(catalog: &Catalog, clock: Clock, dry_run: bool, interrupt: &Interrupt) -> Result<TrailPruned> {
    let kept = SignedDuration::from_hours(24 * AUDIT_KEPT_DAYS);
    let Ok(end) = clock.now().checked_sub(kept) else {
        return Ok(TrailPruned::default());
    };
    let old = interrupt.or(catalog.audit_before(end)).await?;
    let mut pruned = TrailPruned {
        old: old.len(),
        ..TrailPruned::default()
    };
    if dry_run || old.is_empty() {
        return Ok(pruned);
    }
    check_clock(catalog.store(), clock.now())?;
    for object in old.iter().take(DELETED_MAX) {
        let deletion = async { Ok(catalog.store().delete(&object.key, object.etag.as_deref()).await) };
        match interrupt.or(deletion).await? {
            Ok(()) => pruned.deleted += 1,
            Err(error) => {
                let is_denied = error.kind == Kind::Denied;
                pruned.trouble = Some(Error::from(error).to_string());
                // the next request would fail as well
                if is_denied {
                    break;
                }
            }
        }
    }
    Ok(pruned)
}
