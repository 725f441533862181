use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::redact::SecretText;

/// Shorter ones can be guessed by who may ask as often as they like.
const SHORTEST: usize = 16;

/// What a reader of metrics has to show: `Authorization: Bearer …`.
#[derive(Debug, Clone)]
pub struct Token(SecretText);

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It can be guessed.
    #[error("it has fewer than {SHORTEST} characters")]
    Short,
    /// It holds a character that no header can have.
    #[error("it holds a character that no header can carry")]
    Character,
}

impl TokenFault {
    /// What cures it.
    #[must_use]
    pub fn hint(self) -> String {
        "make one with `openssl rand -hex 32`".to_owned()
    }
}

impl Token {
    /// Takes a text for a token.
    ///
    /// # Errors
    /// Where it is too short, or holds more than visible ASCII.
    pub fn parse(text: &str) -> Result<Self, TokenFault> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(TokenFault::Character)
        } else if text.len() < SHORTEST {
            Err(TokenFault::Short)
        } else {
            Ok(Self(SecretText::new(text.to_owned())))
        }
    }

    /// Whether this value of an `Authorization` header shows it, in a time that depends neither on how much of it is
    /// right nor on how long the token is: what is compared are two digests.
    pub(super) fn is_shown_by(&self, header: &[u8]) -> bool {
        let Some((scheme, shown)) = header.split_at_checked(7) else {
            return false;
        };
        let (own, shown) = (Sha256::digest(self.0.reveal().as_bytes()), Sha256::digest(shown));
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(own.as_slice().ct_eq(shown.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_one() {
        let token = Token::parse("0123456789abcdef").unwrap();
        assert!(token.is_shown_by(b"Bearer 0123456789abcdef"));
        assert!(token.is_shown_by(b"bearer 0123456789abcdef"));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!token.is_shown_by(wrong.as_bytes()), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn what_can_be_guessed_or_not_be_sent_is_refused() {
        assert_eq!(Token::parse("short").unwrap_err(), TokenFault::Short);
        assert_eq!(Token::parse("0123456789 abcdef").unwrap_err(), TokenFault::Character);
        assert_eq!(Token::parse("0123456789abcdéf").unwrap_err(), TokenFault::Character);
    }
}
