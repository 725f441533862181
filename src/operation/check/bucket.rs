//! The bucket: whether it answers, and what these credentials may do there.

use jiff::{SignedDuration, Timestamp};

use super::{
    Area, CheckRequest,
    outcome::Outcome,
    sheet::CheckSheet,
    trials::{CONDITIONAL_WRITE, Trial, Trials, try_all},
};
use crate::{
    error::Result,
    operation::{CLOCKS_APART_MAX, Interrupt},
    rights::{AccessMode, S3Action},
    store::{Error, Kind, S3},
    text::roughly,
};

/// Rights without which nothing fails, but leftovers pile up.
const CONVENIENT: [S3Action; 3] = [
    S3Action::ListBucketMultipartUploads,
    S3Action::ListMultipartUploadParts,
    S3Action::AbortMultipartUpload,
];

/// What was found about the bucket, for the checks that follow.
pub(super) struct BucketFound {
    /// It answers.
    pub(super) answers: bool,
    /// A write on the condition that nothing is there was tried, and what was there stayed.
    pub(super) keeps_what_is_there: bool,
    /// It can be read.
    pub(super) readable: bool,
    /// What the credentials are for, as the settings say or as they behave.
    pub(super) mode: AccessMode,
}

pub(super) async fn bucket(
    sheet: &mut CheckSheet<'_>,
    store: &S3,
    request: &CheckRequest,
    interrupt: &Interrupt,
) -> Result<BucketFound> {
    sheet.turn_to(Area::Bucket, store.location().to_string());
    let asked = request.mode.unwrap_or_default();
    let none = BucketFound {
        answers: false,
        keeps_what_is_there: false,
        readable: false,
        mode: asked,
    };
    let reached = interrupt.or(async { Ok(store.check_reachable().await) }).await?;
    if let Err(error) = &reached
        && error.kind != Kind::Denied
    {
        closed(sheet, error);
        return Ok(none);
    }
    sheet.ok("reachable", "the bucket answers, and accepts these credentials");
    clock(sheet, store.service_time(), request.clock.now());
    let trials = interrupt.or(async { Ok(try_all(store, request.mode).await) }).await?;
    let mode = request.mode.unwrap_or_else(|| behaves_as(&trials));
    if request.mode.is_none() && mode == AccessMode::DropBox {
        sheet.warning(
            "mode",
            "these credentials can only write, and not list, read or delete: that is drop-box mode",
            "set PGCOFFER_MODE=drop-box if that is intended: without it `tick` fails, since it reads the bucket",
        );
    }
    for trial in &trials.all {
        judge(sheet, store, mode, trial);
    }
    if store.sends_checksums() {
        sheet.ok(
            "checksums",
            "Content-MD5 is sent with each write, as a bucket with Object Lock requires",
        );
    }
    if !trials.left.is_empty() {
        leftovers(sheet, mode, &trials.left);
    }
    Ok(BucketFound {
        answers: true,
        keeps_what_is_there: trials.all.iter().any(keeps_what_is_there),
        readable: trials.may(S3Action::ListBucket) && trials.may(S3Action::GetObject),
        mode,
    })
}

pub(super) fn closed(sheet: &mut CheckSheet<'_>, error: &Error) {
    sheet.failed("reachable", error.to_string(), error.hint());
    sheet.skipped(
        "clock, rights, settings, backups",
        "not checked, as the bucket can't be used",
    );
}

pub(super) fn clock(sheet: &mut CheckSheet<'_>, service: Option<Timestamp>, now: Timestamp) {
    let Some(service) = service else {
        return sheet.warning(
            "clock",
            "the service's answers have no date to compare this machine's clock with",
            "prune refuses to delete where it can't compare clocks",
        );
    };
    let apart = now.duration_since(service);
    let seconds = apart.as_secs();
    if apart.abs() <= SignedDuration::from_secs(60) {
        sheet.ok(
            "clock",
            format!("agrees with the bucket's, within {} s", seconds.abs() + 1),
        );
        return;
    }
    let way = if seconds > 0 { "ahead of" } else { "behind" };
    let detail = format!("this machine's clock is {} {way} the bucket's", roughly(seconds.abs()));
    let cure = "set it by NTP: backups are dated by this clock, and expire by it";
    if apart.abs() > CLOCKS_APART_MAX {
        sheet.failed("clock", detail, Some(cure.to_owned()));
    } else {
        sheet.warning("clock", detail, cure);
    }
}

fn keeps_what_is_there(trial: &Trial) -> bool {
    trial.what == CONDITIONAL_WRITE && matches!(trial.outcome, Outcome::Works(_))
}

/// What the credentials are for, by how they behave.
fn behaves_as(trials: &Trials) -> AccessMode {
    let only_writes = trials.may(S3Action::PutObject)
        && [S3Action::ListBucket, S3Action::GetObject, S3Action::DeleteObject]
            .iter()
            .all(|action| trials.may_not(*action));
    if only_writes {
        AccessMode::DropBox
    } else {
        AccessMode::Full
    }
}

fn judge(sheet: &mut CheckSheet<'_>, store: &S3, mode: AccessMode, trial: &Trial) {
    let (action, what) = (trial.action, trial.what);
    let wanted = mode.actions(store.locks()).contains(&action);
    let name = action.as_str();
    match &trial.outcome {
        Outcome::Works(seen) if wanted => sheet.ok(what, format!("{seen} ({name})")),
        Outcome::Works(_) | Outcome::Odd(..) if !wanted => too_much(sheet, mode, action, what),
        Outcome::Works(seen) => sheet.ok(what, seen.as_str()),
        Outcome::Odd(seen, _) if mode == AccessMode::DropBox && what == CONDITIONAL_WRITE => {
            let cure = "drop-box mode rests on it: use a service that has it, or credentials that may list and read";
            sheet.failed(what, seen.as_str(), Some(cure.to_owned()));
        }
        Outcome::Odd(seen, meaning) => sheet.warning(what, seen.as_str(), meaning.as_str()),
        Outcome::Denied(_) if !wanted => {
            sheet.ok(what, format!("not allowed ({name}), as it should be in {mode} mode"));
        }
        Outcome::Denied(why) => {
            let detail = format!(
                "{name} is missing, which is needed for: {} ({why})",
                action.needed_for()
            );
            let place = store.location();
            let cure = format!(
                "allow {name} below {place}: `pgcoffer policy --mode {mode}` prints the whole policy{}",
                match action {
                    S3Action::PutObject => "; the bucket's own policy may want PGCOFFER_SSE or PGCOFFER_ACL besides",
                    _ => "",
                }
            );
            if CONVENIENT.contains(&action) {
                sheet.warning(what, detail, cure);
            } else {
                sheet.failed(what, detail, Some(cure));
            }
        }
        Outcome::Absent(meaning) => sheet.ok(what, meaning.as_str()),
        Outcome::Broken(error) if CONVENIENT.contains(&action) => {
            sheet.warning(what, error.to_string(), error.hint().unwrap_or_default());
        }
        Outcome::Broken(error) => sheet.failed(what, error.to_string(), error.hint()),
        Outcome::Untried(why) if wanted => sheet.skipped(what, why.as_str()),
        Outcome::Untried(_) => {}
    }
}

fn too_much(sheet: &mut CheckSheet<'_>, mode: AccessMode, action: S3Action, what: &'static str) {
    let name = action.as_str();
    let harm = match action {
        S3Action::DeleteObject => "can delete every backup",
        S3Action::PutObject => "can add what is no backup",
        S3Action::PutObjectTagging => "can tag every backup anew",
        S3Action::GetObject | S3Action::ListBucket => "can see how many backups there are, and carry them off, sealed",
        _ => "can do more than it needs",
    };
    sheet.warning(
        what,
        format!("{name} is there, and should not be in {mode} mode: whoever steals these credentials {harm}"),
        format!("take {name} away: `pgcoffer policy --mode {mode}` prints the policy"),
    );
}

fn leftovers(sheet: &mut CheckSheet<'_>, mode: AccessMode, left: &[String]) {
    let names = left.join(", ");
    if matches!(mode, AccessMode::DropBox | AccessMode::Drill) {
        sheet.ok(
            "probe",
            format!("{names} stays, since these credentials may not delete it; it is one line of text"),
        );
    } else {
        sheet.warning(
            "probe",
            format!("what this check wrote could not be deleted: {names}"),
            "delete it in another way; it is one line of text",
        );
    }
}
