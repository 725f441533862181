//! An object of the backup that was not restored, and why.

use serde::Serialize;

use super::{label::label, plan::RestorePlan, public_revokes::PublicRevoke};
use crate::{archive::Entry, text::Untrusted};

/// An object of the backup that was not restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotRestored {
    /// pg_dump's word for its kind.
    pub kind: Untrusted,
    /// Its schema; empty if it is in none.
    pub schema: Untrusted,
    /// Its name.
    pub name: Untrusted,
    /// Why it was not restored.
    pub why: Untrusted,
    /// Whether the target now lacks something that was in the database. False if the user asked to leave it out, or if
    /// the target has its own.
    pub missing: bool,
    /// Whether it was not asked for, and has nothing to do with what was.
    #[serde(skip)]
    pub is_unrelated: bool,
    /// Its label for people, like `table public.orders`.
    #[serde(skip)]
    pub label: Untrusted,
    /// The statement that creates it; empty if it is not known.
    #[serde(skip)]
    pub statement: Untrusted,
}

impl NotRestored {
    pub(super) fn new(entry: &Entry, why: impl Into<Untrusted>, missing: bool) -> Self {
        Self {
            kind: entry.kind.clone(),
            schema: entry.schema.clone(),
            name: entry.name.clone(),
            why: why.into(),
            missing,
            is_unrelated: false,
            label: label(entry).into(),
            statement: match entry.is_cut {
                true => Untrusted::default(),
                false => entry.definition.clone(),
            },
        }
    }

    /// An object that was closed to PUBLIC in the backup and is open in the target.
    pub(super) fn open(plan: &RestorePlan, closed: &PublicRevoke, why: Untrusted) -> Self {
        let why = format!("it is open to PUBLIC, which it wasn't in the backup: {why}");
        let mut open = Self::new(&plan.entries[closed.entry], why, true);
        open.statement = closed.statements.clone();
        open
    }
}
