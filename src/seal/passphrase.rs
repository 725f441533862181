//! Passphrases: checked when they are set, stretched with Argon2id, and cached while the process runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::{Error, strength};

/// The number of stretched keys that are cached for each passphrase. All objects of one label share one salt, so a few
/// labels fit easily, and a series of hostile headers can't fill memory.
const REMEMBERED: usize = 32;

/// The cost parameters of Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB (Argon2's m).
    pub memory_kib: u32,
    /// Passes over that memory (t).
    pub passes: u32,
    /// Degree of parallelism (p). It changes the result, but not the time here.
    pub lanes: u32,
}

impl Argon2Cost {
    /// The parameters that pgcoffer writes: the second recommended option of [RFC 9106
    /// §4](https://www.rfc-editor.org/rfc/rfc9106#section-4).
    pub const WRITTEN: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 4,
    };

    /// The highest parameters that a header may have, near those that pgcoffer writes. Memory times passes, summed over
    /// all slots of a header, must also not exceed [`Argon2Cost::WORK_KIB_MAX`].
    pub const CEILING: Self = Self {
        memory_kib: 128 * 1024,
        passes: 6,
        lanes: 8,
    };

    /// The limit of memory times passes for all slots of a header together, in KiB: twice what pgcoffer writes.
    pub const WORK_KIB_MAX: u64 = 2 * 64 * 1024 * 3;

    /// Memory times passes, in KiB.
    pub(super) fn work_kib(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }

    /// The parameter that is above its limit, if there is one.
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

    /// Whether Argon2 is defined for these parameters.
    pub(super) fn is_defined(self) -> bool {
        self.passes >= 1 && self.lanes >= 1 && u64::from(self.memory_kib) >= 8 * u64::from(self.lanes)
    }
}

/// A passphrase. Clones share the cache of stretched keys.
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
    /// Generates a passphrase of random words.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Zeroizing<String>, Error> {
        strength::generate()
    }

    /// The entropy of a passphrase from [`Passphrase::generate`], in bits.
    #[must_use]
    pub fn generated_bits() -> u32 {
        strength::bits()
    }

    /// A passphrase to seal with.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`] if it takes fewer than 10^18 guesses and isn't made of random words.
    pub fn new(text: String) -> Result<Self, Error> {
        let text = Zeroizing::new(text);
        strength::check(&text)?;
        Ok(Self::from_text(text))
    }

    /// A passphrase to open with. It isn't checked, because a backup that was sealed under an earlier rule must still
    /// open.
    pub fn for_reading(text: String) -> Self {
        Self::from_text(Zeroizing::new(text))
    }

    /// Checks whether the passphrase may be used to seal today.
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

    /// Argon2id (version 0x13) of the passphrase's UTF-8 bytes, 32 bytes long. Cached.
    ///
    /// The caller has checked `cost` against the limit. A call while another thread stretches waits for it, so that the
    /// memory is used only once.
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

    /// The number of cached keys.
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
    // a process with little memory gets an error that it can report, instead of being aborted
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
