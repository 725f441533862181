//! The roles that a backup names.

use std::collections::BTreeSet;

use super::statement::{granted_roles, mapped_role, policy_roles};
use crate::archive::Entry;

/// The roles that policies, user mappings and privileges name.
pub(in crate::operation) fn roles_named(entries: &[Entry]) -> BTreeSet<String> {
    let named = entries.iter().flat_map(|entry| {
        let definition = entry.definition.raw();
        match entry.kind.raw() {
            "POLICY" => policy_roles(definition),
            "USER MAPPING" => mapped_role(definition),
            "ACL" | "DEFAULT ACL" => granted_roles(definition),
            _ => Vec::new(),
        }
    });
    named.collect()
}
