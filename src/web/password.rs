//! Passwords that people sign in with, of which only a hash is kept.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc},
};

/// What OWASP asks for: 19 MiB, two passes.
/// <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>
const COST: (u32, u32, u32) = (19 << 10, 2, 1);
/// The most memory that a hash from a setting may take, in KiB: `serve` runs in small places.
const MEMORY_KIB_MAX: u32 = 64 << 10;
/// The most passes over it.
const PASSES_MAX: u32 = 10;
/// A password of fewer characters is guessed sooner or later, however slow each attempt is.
pub(crate) const PASSWORD_CHARS_MIN: usize = 12;

/// The Argon2id hash of a password, as text in the PHC format: `$argon2id$v=19$m=19456,t=2,p=1$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(phc::PasswordHash);

/// Why a text is no hash of a password, or a password gets none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    /// Something else, perhaps the password itself.
    #[error("it is no Argon2id hash in the PHC format, which begins with $argon2id$")]
    NoHash,
    /// Each attempt to sign in would take more than a small machine has.
    #[error("it takes more than {} MiB or {PASSES_MAX} passes for each attempt to sign in", MEMORY_KIB_MAX >> 10)]
    TooCostly,
    /// It can be guessed.
    #[error("the password has fewer than {PASSWORD_CHARS_MIN} characters")]
    Short,
    /// The hash could not be made.
    #[error("the password could not be hashed: {0}")]
    NotMade(String),
}

impl HashFault {
    /// What cures it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoHash => {
                "make it with `pgcoffer dashboard password`, and quote it in a shell, as it has dollar signs"
            }
            Self::TooCostly => "make it with `pgcoffer dashboard password`",
            Self::Short => "take several words, or have `pgcoffer keygen --words` make some",
            Self::NotMade(_) => "it takes 19 MiB of memory: is there so much?",
        }
        .to_owned()
    }
}

impl PasswordHash {
    /// Whether a password can't be guessed for its length alone.
    ///
    /// # Errors
    /// [`HashFault::Short`].
    pub fn check(password: &str) -> Result<(), HashFault> {
        match password.chars().count() < PASSWORD_CHARS_MIN {
            true => Err(HashFault::Short),
            false => Ok(()),
        }
    }

    /// Hashes a password with a new salt. Takes 19 MiB and some tens of milliseconds.
    ///
    /// # Errors
    /// [`HashFault::Short`], and where memory or random numbers are missing.
    pub fn make(password: &str) -> Result<Self, HashFault> {
        Self::check(password)?;
        let not_made = |error: &dyn fmt::Display| HashFault::NotMade(error.to_string());
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| not_made(&error))?;
        let (memory, passes, lanes) = COST;
        let cost = Params::new(memory, passes, lanes, None).map_err(|error| not_made(&error))?;
        let argon2id = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
        let hash = argon2id.hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(Self).map_err(|error| not_made(&error))
    }

    /// Reads a hash. A cost that this program would not make is accepted up to a bound.
    ///
    /// # Errors
    /// Where it is none, another kind of hash, or one that takes too much to check.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        let hash = phc::PasswordHash::new(text).map_err(|_| HashFault::NoHash)?;
        let is_whole = hash.hash.is_some() && hash.salt.is_some();
        if hash.algorithm.as_str() != "argon2id" || !is_whole {
            return Err(HashFault::NoHash);
        }
        let cost = Params::try_from(&hash).map_err(|_| HashFault::NoHash)?;
        match cost.m_cost() <= MEMORY_KIB_MAX && cost.t_cost() <= PASSES_MAX {
            true => Ok(Self(hash)),
            false => Err(HashFault::TooCostly),
        }
    }

    /// Whether it is this password's. Takes as much memory and time as the hash says; not for a thread that others
    /// wait for.
    #[must_use]
    pub fn is_of(&self, password: &str) -> bool {
        Argon2::default().verify_password(password.as_bytes(), &self.0).is_ok()
    }

    /// The hash as a setting takes it.
    #[must_use]
    pub fn encode(&self) -> String {
        self.0.to_string()
    }
}

impl fmt::Debug for PasswordHash {
    /// Without the hash, which could be guessed at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = PasswordHash::make("correct horse battery").unwrap();
        let read = PasswordHash::parse(&hash.encode()).unwrap();
        assert_eq!(read, hash);
        assert!(read.is_of("correct horse battery"));
        for wrong in [
            "",
            "correct horse batter",
            "Correct horse battery",
            "correct horse battery ",
        ] {
            assert!(!read.is_of(wrong), "{wrong}");
        }
        assert!(
            hash.encode().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            hash.encode()
        );
        // each has a salt of its own
        assert_ne!(PasswordHash::make("correct horse battery").unwrap(), hash);
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
        assert_eq!(PasswordHash::make("short").unwrap_err(), HashFault::Short);
    }

    /// By the `argon2` program: `echo -n "correct horse battery" | argon2 somesaltsomesalt -id -t 3 -k 8192 -p 2 -e`.
    #[test]
    fn what_another_program_hashed_is_read() {
        let hash = "$argon2id$v=19$m=8192,t=3,p=2$c29tZXNhbHRzb21lc2FsdA$etgolg4vfhDEDIyIF7HJpZSBhNAa2kIdZWuGHd6Ow+A";
        let hash = PasswordHash::parse(hash).unwrap();
        assert!(hash.is_of("correct horse battery"));
        assert!(!hash.is_of("correct horse batteries"));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let hash = PasswordHash::make("correct horse battery").unwrap().encode();
        for (wrong, fault) in [
            ("", HashFault::NoHash),
            ("correct horse battery", HashFault::NoHash),
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA",
                HashFault::NoHash,
            ),
            (&hash.replace("argon2id", "argon2i"), HashFault::NoHash),
            (&hash.replace("argon2id", "scrypt"), HashFault::NoHash),
            (&hash.replace("m=19456", "m=1048576"), HashFault::TooCostly),
            (&hash.replace("t=2", "t=1000"), HashFault::TooCostly),
        ] {
            assert_eq!(PasswordHash::parse(wrong).unwrap_err(), fault, "{wrong}");
        }
    }
}
