//! What a table of contents defines, counted and hashed by kind as it passes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::{Error, Fingerprint};
use crate::text::Untrusted;

/// The most kinds that are told apart. pg_dump 18 writes about sixty.
const MAX_KINDS: usize = 500;

/// All entries of one kind in a table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Definitions {
    /// pg_dump's word for the kind: `TABLE`, `INDEX`, `FK CONSTRAINT`, `ROW SECURITY`.
    pub kind: Untrusted,
    /// How many entries of it there are.
    pub count: u64,
    /// The sum over these entries, modulo 2¹²⁸, of the XXH3-128 (seed 0) of the entry's name, its definition and its
    /// schema, each as it stands in the archive: a sign byte and a length of four bytes, and then the text. The order
    /// of the entries and their owners do not count. Of `TABLE DATA` and its like the definition is empty.
    pub fingerprint: Fingerprint,
}

/// Sums entries up by their kind.
#[derive(Clone, Default)]
pub(super) struct Kinds {
    kinds: BTreeMap<String, (u64, Fingerprint)>,
    hash: Option<Box<Xxh3>>,
}

impl Kinds {
    /// Takes bytes of the name, the definition or the schema of the entry that is being read.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.hash.get_or_insert_default().update(bytes);
    }

    /// The entry has ended.
    pub(super) fn end_entry(&mut self, kind: &str) -> Result<(), Error> {
        let hash = self.hash.get_or_insert_default();
        let digest = hash.digest128();
        hash.reset();
        if !self.kinds.contains_key(kind) {
            if self.kinds.len() >= MAX_KINDS {
                let (what, limit) = ("kinds of entries", MAX_KINDS);
                return Err(Error::TooMany { what, limit });
            }
            self.kinds.insert(kind.to_owned(), Default::default());
        }
        if let Some((count, fingerprint)) = self.kinds.get_mut(kind) {
            *count += 1;
            fingerprint.add(digest);
        }
        Ok(())
    }

    /// All kinds, in the order of their names.
    pub(super) fn into_definitions(self) -> Vec<Definitions> {
        let definitions = |(kind, (count, fingerprint)): (String, _)| Definitions {
            kind: kind.into(),
            count,
            fingerprint,
        };
        self.kinds.into_iter().map(definitions).collect()
    }
}
