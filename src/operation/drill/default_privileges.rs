//! Default privileges of the backup's owner, where everything belongs to another role: restored for that one.

use std::collections::BTreeMap;

use super::{ground::Scratch, privileges::default_privileges_for};
use crate::{
    archive::Entry,
    backup::FindingReason,
    error::Result,
    operation::restore::LeftOut,
    postgres::{Session, sql},
    text::Untrusted,
};

/// Sets the default privileges that were left out, as they are another role's, for the role that restored. Those that
/// can't be set count as not compared; the others are no longer left out.
pub(super) async fn restore_default_privileges(
    session: &mut Session,
    scratch: &Scratch,
    backup: &[Entry],
    left_out: &mut BTreeMap<i32, LeftOut>,
) -> Result<()> {
    let role = sql::ident(&scratch.role);
    for entry in backup.iter().filter(|entry| entry.kind == "DEFAULT ACL") {
        let is_of_other = left_out
            .get(&entry.id)
            .is_some_and(|it| !it.counts && it.reason == FindingReason::Rights);
        if !is_of_other || !owns_something(entry, backup) {
            continue;
        }
        let owner = entry.owner.raw();
        let why: Untrusted = match default_privileges_for(entry.definition.raw(), owner, &role) {
            Some(statements) => match session.set_default_privileges(&statements).await? {
                None => {
                    left_out.remove(&entry.id);
                    continue;
                }
                Some(refused) => format!(
                    "they are those of {}, and could not be set for {}, to whom everything belongs here: {}",
                    entry.owner.identifier(),
                    Untrusted::from(scratch.role.as_str()).identifier(),
                    refused.raw()
                )
                .into(),
            },
            None => format!(
                "they are those of {}, and everything belongs to {} here",
                entry.owner.identifier(),
                Untrusted::from(scratch.role.as_str()).identifier()
            )
            .into(),
        };
        if let Some(left_out) = left_out.get_mut(&entry.id) {
            left_out.why = why;
            left_out.counts = true;
        }
    }
    Ok(())
}

/// Whether anything else of the backup belongs to the role. Roles of a platform have default privileges and own nothing.
fn owns_something(of: &Entry, backup: &[Entry]) -> bool {
    let mut others = backup.iter().filter(|entry| entry.kind != "DEFAULT ACL");
    others.any(|entry| entry.owner == of.owner && entry.kind != "ACL" && entry.name != "public")
}
