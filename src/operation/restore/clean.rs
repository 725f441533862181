//! Finds what `--clean` would drop besides the objects that it replaces, by a rehearsal in the target.

use super::{
    label::label,
    plan::RestorePlan,
    replaced::{ReplacedObjects, place, recreated},
    statement::listed,
};
use crate::{
    archive::Entry,
    error::{Error, Result, TargetProblem},
    postgres::{self, DroppedObject, Session},
    text::{Untrusted, shell_quoted},
};

use super::pattern::Pattern;

/// The number of objects that an error names.
const NAMED: usize = 10;

/// The problems that prevent `--clean` from replacing what the plan replaces.
pub(super) async fn clean_problems(session: &mut Session, plan: &RestorePlan) -> Result<Vec<TargetProblem>> {
    let drops = ReplacedObjects::by(plan).drops;
    let lost = match session.rehearse(&drops).await {
        Ok(lost) => lost,
        Err(error) => return refused(error).map(|problem| vec![problem]),
    };
    let (mut others, mut left_out) = (Vec::new(), Vec::new());
    for lost in &lost {
        match entry_of(plan, lost) {
            Some((entry, why)) => left_out.push((entry, format!("{} ({why})", lost.description))),
            None => others.push(lost.description.to_string()),
        }
    }
    let others = (!others.is_empty()).then(|| TargetProblem {
        what: format!(
            "objects that are not in the backup would be dropped with those that are replaced: {}",
            listed(others, NAMED)
        ),
        cure: "restore into a new database, and copy from there what you need".to_owned(),
    });
    Ok(others.into_iter().chain(left_out_problem(plan, left_out)).collect())
}

/// The entry that would create the lost object if it were not left out, and why it is.
fn entry_of<'a>(plan: &'a RestorePlan, lost: &DroppedObject) -> Option<(&'a Entry, String)> {
    let name = |at: usize| label(&plan.entries[at]);
    let mut left_out = plan.left_out();
    let found = left_out.find(|(entry, _, _)| {
        place(entry).is_some_and(|object| object == lost.object)
            || recreated(entry).iter().any(|words| words == lost.description.raw())
    });
    found.map(|(entry, reason, _)| (entry, reason.describe(name)))
}

/// The problem of objects that the backup has, and that this restore would drop and not create again.
fn left_out_problem(plan: &RestorePlan, left_out: Vec<(&Entry, String)>) -> Option<TargetProblem> {
    if left_out.is_empty() {
        return None;
    }
    let by_id = plan.by_id();
    let grounds = left_out.iter().flat_map(|(entry, _)| &entry.needs);
    let mut kept: Vec<String> = grounds
        .filter_map(|id| by_id.get(id))
        .filter(|at| plan.reasons[**at].is_none())
        .filter_map(|at| Pattern::of(&plan.entries[*at]))
        .map(|pattern| format!("--leave-out {}", shell_quoted(&pattern)))
        .collect();
    kept.sort();
    kept.dedup();
    let keep = match kept.len() {
        0 => String::new(),
        1..=NAMED => format!("; or keep the target's objects that it depends on: {}", kept.join(" ")),
        _ => "; or keep the target's objects that it depends on, by --leave-out".to_owned(),
    };
    Some(TargetProblem {
        what: format!(
            "objects that are left out, and so would not be created again, would be dropped with those that are \
             replaced: {}",
            listed(left_out.into_iter().map(|(_, words)| words).collect(), NAMED)
        ),
        cure: format!("restore as a role that may create them, such as a superuser{keep}"),
    })
}

/// The problem of a drop statement that the server refuses. Goes by SQLSTATE.
fn refused(error: postgres::Error) -> Result<TargetProblem> {
    let postgres::Error::Query { code, message, .. } = &error else {
        return Err(Error::Postgres(error));
    };
    let (why, cure) = match code.as_str() {
        "2BP01" => (
            "it is a member of an extension",
            "if it was added to the extension, remove it: ALTER EXTENSION … DROP …; otherwise restore into a new \
             database",
        ),
        "42809" => (
            "the target has an object of another kind with its name",
            "rename that object, or restore into a new database",
        ),
        "42501" => (
            "it belongs to another role",
            "restore as its owner or as the owner of its schema, or into a new database",
        ),
        "55006" | "55000" => (
            "it is in use",
            "end what uses it (pg_stat_activity shows who is connected), or restore into a new database",
        ),
        "23503" => (
            "other rows refer to it",
            "restore into a new database, and copy from there what you need",
        ),
        "22021" | "22P05" => (
            "the target's encoding can't represent a name",
            "restore into a new database of the backup's encoding",
        ),
        _ => return Err(Error::Postgres(error)),
    };
    Ok(TargetProblem {
        what: format!(
            "--clean can't replace an object of the backup: {why} ({})",
            Untrusted::from(message.raw())
        ),
        cure: cure.to_owned(),
    })
}
