//! Passphrases: graded when they are set, stretched with Argon2id, and remembered while the process
//! lives.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::{Error, strength};

/// Stretched keys remembered per passphrase. All objects of one label share one salt, so that a
/// handful of labels fit with room to spare, while a run of hostile headers can't fill memory.
const REMEMBERED: usize = 32;

/// What Argon2id is asked to spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB (Argon2's m).
    pub memory_kib: u32,
    /// Passes over that memory (t).
    pub passes: u32,
    /// Degree of parallelism (p). It changes the result, and here not the time.
    pub lanes: u32,
}

impl Argon2Cost {
    /// What this program writes: the second recommended option of
    /// [RFC 9106 §4](https://www.rfc-editor.org/rfc/rfc9106#section-4).
    pub const WRITTEN: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 4,
    };

    /// The most that a header may ask for, near what this program writes. Memory times passes, summed over all the
    /// slots of a header, may not exceed [`Argon2Cost::WORK_KIB_MAX`] besides.
    pub const CEILING: Self = Self {
        memory_kib: 128 * 1024,
        passes: 6,
        lanes: 8,
    };

    /// Memory times passes that all slots of a header may ask for together, in KiB: twice what this program writes.
    pub const WORK_KIB_MAX: u64 = 2 * 64 * 1024 * 3;

    /// KiB written in all: memory times passes.
    pub(super) fn work_kib(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }

    /// Which figure is above the ceiling, if one is.
    pub(super) fn above_ceiling(self) -> Option<&'static str> {
        if self.memory_kib > Self::CEILING.memory_kib {
            Some("m is above 131072")
        } else if self.passes > Self::CEILING.passes {
            Some("t is above 6")
        } else if self.lanes > Self::CEILING.lanes {
            Some("p is above 8")
        } else {
            None
        }
    }

    /// Whether Argon2 is defined for these figures at all.
    pub(super) fn is_defined(self) -> bool {
        self.passes >= 1 && self.lanes >= 1 && u64::from(self.memory_kib) >= 8 * u64::from(self.lanes)
    }
}

/// A passphrase. Clones share what has been stretched already.
#[derive(Clone)]
pub struct Passphrase(Arc<Inner>);

struct Inner {
    text: Zeroizing<String>,
    stretched: Mutex<Vec<Stretched>>,
}

struct Stretched {
    salt: Vec<u8>,
    cost: Argon2Cost,
    key: Zeroizing<[u8; 32]>,
}

impl Passphrase {
    /// A new passphrase of random words.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Zeroizing<String>, Error> {
        strength::generate()
    }

    /// How many bits of chance are in a passphrase of [`Passphrase::generate`].
    #[must_use]
    pub fn generated_bits() -> u32 {
        strength::bits()
    }

    /// A passphrase to seal with.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`] where it takes fewer than 10^18 guesses and isn't of random words.
    pub fn new(text: String) -> Result<Self, Error> {
        let text = Zeroizing::new(text);
        strength::check(&text)?;
        Ok(Self::from_text(text))
    }

    /// A passphrase to open with: accepted as it is, because a backup sealed under an earlier rule
    /// must still open.
    pub fn for_reading(text: String) -> Self {
        Self::from_text(Zeroizing::new(text))
    }

    /// Whether it would be taken today to seal with.
    ///
    /// # Errors
    /// As [`Passphrase::new`].
    pub fn check_strength(&self) -> Result<(), Error> {
        strength::check(&self.0.text)
    }

    fn from_text(text: Zeroizing<String>) -> Self {
        Self(Arc::new(Inner {
            text,
            stretched: Mutex::new(Vec::new()),
        }))
    }

    /// Argon2id (version 0x13) of the passphrase's UTF-8 bytes, 32 bytes long; remembered.
    ///
    /// The caller has checked `cost` against the ceiling. Who asks while another thread stretches
    /// waits for it, so that memory is taken once.
    pub(super) fn stretch(&self, salt: &[u8], cost: Argon2Cost) -> Result<Zeroizing<[u8; 32]>, Error> {
        let mut stretched = self.0.stretched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = stretched.iter().find(|known| known.salt == salt && known.cost == cost) {
            return Ok(known.key.clone());
        }
        let key = argon2id(self.0.text.as_bytes(), salt, cost)?;
        if stretched.len() == REMEMBERED {
            stretched.remove(0);
        }
        stretched.push(Stretched {
            salt: salt.to_vec(),
            cost,
            key: key.clone(),
        });
        Ok(key)
    }

    /// How many stretched keys are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.0.stretched.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passphrase").finish_non_exhaustive()
    }
}

fn argon2id(text: &[u8], salt: &[u8], cost: Argon2Cost) -> Result<Zeroizing<[u8; 32]>, Error> {
    let out_of_memory = Error::OutOfMemory { kib: cost.memory_kib };
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| Error::AboveCeiling {
        what: "Argon2 is not defined for its figures",
    })?;
    let mut blocks: Vec<Block> = Vec::new();
    // A process with little memory gets an error that it can report instead of being aborted.
    blocks
        .try_reserve_exact(params.block_count())
        .map_err(|_| out_of_memory.clone())?;
    blocks.resize(params.block_count(), Block::new());
    let mut memory = Zeroizing::new(blocks);
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(text, salt, &mut *key, memory.as_mut_slice())
        .map_err(|_| out_of_memory)?;
    Ok(key)
}
