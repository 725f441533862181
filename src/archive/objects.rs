//! Large objects, counted and hashed as they pass.

use xxhash_rust::xxh3::Xxh3;

use super::LargeObjects;

/// Takes one object after the other, each in any cuts.
#[derive(Clone)]
pub(super) struct Objects {
    /// Those that have ended.
    pub(super) all: LargeObjects,
    hash: Xxh3,
}

impl Objects {
    pub(super) fn new() -> Self {
        Self {
            all: LargeObjects::default(),
            hash: Xxh3::new(),
        }
    }

    pub(super) fn begin(&mut self, oid: u32) {
        self.hash.reset();
        self.hash.update(&u64::from(oid).to_le_bytes());
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.all.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    pub(super) fn end(&mut self) {
        self.all.count += 1;
        self.all.fingerprint.add(self.hash.digest128());
    }
}
