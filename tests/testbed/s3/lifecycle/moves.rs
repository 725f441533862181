//! Which moves between storage classes a rule may have:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>.

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::cold::WATERFALL;
use super::check::{is_midnight, require};

/// Objects stay so long in the standard class before they go to one of infrequent access, and so long there.
const INFREQUENT_DAYS: i32 = 30;

pub(super) fn transitions(transitions: &[Transition]) -> S3Result<()> {
    let mut sorted = Vec::new();
    for transition in transitions {
        let name = transition.storage_class.as_ref();
        let name = name.map_or("", TransitionStorageClass::as_str);
        let rank = WATERFALL.iter().position(|class| *class == name);
        require!(
            rank.is_some_and(|rank| rank > 0),
            MalformedXML,
            "objects cannot move to that class"
        );
        require!(
            transition.days.is_some() != transition.date.is_some(),
            MalformedXML,
            "a Transition has Days or a Date"
        );
        require!(
            transition.date.as_ref().is_none_or(is_midnight),
            InvalidArgument,
            "'Date' must be at midnight GMT"
        );
        if let Some(days) = transition.days {
            least_days(days, name, "Transition")?;
        }
        sorted.push((rank, name, transition));
    }
    sorted.sort_by_key(|(rank, ..)| *rank);
    for pair in sorted.windows(2) {
        let [(rank, name, first), (next_rank, next_name, second)] = pair else {
            continue;
        };
        require!(
            rank != next_rank,
            InvalidRequest,
            "'StorageClass' must be different for 'Transition' actions in same 'Rule'"
        );
        require!(
            first.days.is_some() == second.days.is_some(),
            InvalidRequest,
            "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule"
        );
        let stay = if is_infrequent(name) { INFREQUENT_DAYS } else { 1 };
        require!(
            first
                .days
                .zip(second.days)
                .is_none_or(|(a, b)| b >= a.saturating_add(stay))
                && first.date.as_ref().zip(second.date.as_ref()).is_none_or(|(a, b)| a < b),
            InvalidArgument,
            "'Days' in the 'Transition' action for StorageClass '{next_name}' must be {stay} or more greater than for \
             '{name}'"
        );
    }
    Ok(())
}

fn is_infrequent(class: &str) -> bool {
    matches!(class, "STANDARD_IA" | "ONEZONE_IA")
}

pub(super) fn least_days(days: i32, class: &str, action: &str) -> S3Result<()> {
    require!(
        days >= 0,
        InvalidArgument,
        "'Days' in {action} action must be nonnegative"
    );
    require!(
        days >= INFREQUENT_DAYS || !is_infrequent(class),
        InvalidArgument,
        "'Days' in {action} action must be greater than or equal to 30 for storageClass '{class}'"
    );
    Ok(())
}

pub(super) fn comes_last(expiration: &LifecycleExpiration, transitions: &[Transition]) -> S3Result<()> {
    if expiration.days.is_none() && expiration.date.is_none() {
        return Ok(());
    }
    for transition in transitions {
        require!(
            transition.days.is_some() == expiration.days.is_some(),
            InvalidRequest,
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule"
        );
        let days = transition.days.zip(expiration.days);
        let dates = transition.date.as_ref().zip(expiration.date.as_ref());
        require!(
            days.is_none_or(|(moves, expires)| expires > moves) && dates.is_none_or(|(moves, expires)| expires > moves),
            InvalidArgument,
            "'Days' in the Expiration action must be greater than 'Days' in the Transition action"
        );
    }
    Ok(())
}
