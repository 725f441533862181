//! Tokens by which programs use the dashboard's API, of which only a hash is kept.
//!
//! A token is 256 random bits, so one SHA-256 of it is enough: unlike a password nobody can guess it, however fast each
//! guess is, and a slow hash would let strangers keep the processor busy with one request after the other.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::redact::SecretText;

/// How each token begins, so that who finds one knows what it is.
const PREFIX: &str = "pgct_";
/// The longest name.
const NAME_BYTES_MAX: usize = 63;
/// The most tokens: each request is compared with all of them.
const TOKENS_MAX: usize = 64;

/// What a program may do by its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// Look.
    Read,
    /// Look and act.
    Act,
}

/// One program that may use the API.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// The name under which it acts.
    pub name: String,
    /// What it may do.
    pub scope: TokenScope,
    digest: [u8; 32],
}

/// All programs that may use the API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiTokens(Vec<ApiToken>);

/// A token that was just made. It is shown once, and kept nowhere.
pub struct NewApiToken {
    /// What the program sends.
    pub token: SecretText,
    /// The entry of the setting, without the token.
    pub entry: String,
}

/// Why a text is no list of tokens, or a token can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiTokenFault {
    /// The secret itself, where its hash belongs.
    #[error("it holds a token itself, and only what stands for it belongs there")]
    Secret,
    /// Something else.
    #[error("entry {0} is not a name, a scope and a hash, with colons between them")]
    Form(usize),
    /// A name that pages or logs could misread.
    #[error(
        "the name of a token has 1 to {NAME_BYTES_MAX} of the characters a-z, A-Z, 0-9, dot, hyphen and underscore"
    )]
    Name,
    /// Nobody could tell who acted.
    #[error("two tokens are called {0}")]
    Twice(String),
    /// More than anybody has programs.
    #[error("it has more than {TOKENS_MAX} tokens")]
    TooMany,
}

impl ApiTokenFault {
    /// What cures it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Secret => {
                "make another one with `pgcoffer dashboard token`, as this one was written down, and set the entry that \
                 it prints"
            }
            Self::Form(_) => "make each with `pgcoffer dashboard token`, and set the entries with a space between them",
            Self::Name => "give a short name such as ci or deploy-hook",
            Self::Twice(_) => "give each program a name of its own; an earlier token counts no more without its entry",
            Self::TooMany => "remove those that nobody uses any more",
        }
        .to_owned()
    }
}

impl TokenScope {
    /// Its name in the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Act => "act",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Act].into_iter().find(|scope| scope.as_str() == text)
    }
}

impl ApiToken {
    /// Makes a token.
    ///
    /// # Errors
    /// [`ApiTokenFault::Name`].
    pub fn make(name: &str, scope: TokenScope, random: &[u8; 32]) -> Result<NewApiToken, ApiTokenFault> {
        if !is_name(name) {
            return Err(ApiTokenFault::Name);
        }
        let token = SecretText::new(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(random)));
        let hash = HEXLOWER.encode(&Sha256::digest(token.reveal().as_bytes()));
        Ok(NewApiToken {
            token,
            entry: format!("{name}:{}:{hash}", scope.as_str()),
        })
    }

    /// Reads an entry of the setting, which is the `n`th.
    fn parse(entry: &str, n: usize) -> Result<Self, ApiTokenFault> {
        if entry.contains(PREFIX) {
            return Err(ApiTokenFault::Secret);
        }
        let mut parts = entry.split(':');
        let (Some(name), Some(scope), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ApiTokenFault::Form(n));
        };
        let digest = HEXLOWER.decode(hash.as_bytes()).ok();
        let digest = digest.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let (Some(scope), Some(digest)) = (TokenScope::parse(scope), digest) else {
            return Err(ApiTokenFault::Form(n));
        };
        if !is_name(name) {
            return Err(ApiTokenFault::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            scope,
            digest,
        })
    }
}

impl ApiTokens {
    /// Reads a list of entries, with spaces, commas or line breaks between them.
    ///
    /// # Errors
    /// Where one is none, or two have one name.
    pub fn parse(text: &str) -> Result<Self, ApiTokenFault> {
        let mut tokens: Vec<ApiToken> = Vec::new();
        let entries = text
            .split([',', ' ', '\n', '\t', '\r'])
            .filter(|entry| !entry.is_empty());
        for (n, entry) in entries.enumerate() {
            let token = ApiToken::parse(entry, n + 1)?;
            if tokens.len() == TOKENS_MAX {
                return Err(ApiTokenFault::TooMany);
            }
            if tokens.iter().any(|other| other.name == token.name) {
                return Err(ApiTokenFault::Twice(token.name));
            }
            tokens.push(token);
        }
        Ok(Self(tokens))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The program that has this token, if there is one. All are compared, each in a time that doesn't depend on how
    /// much of it is right.
    #[must_use]
    pub fn find(&self, token: &[u8]) -> Option<&ApiToken> {
        let digest = Sha256::digest(token);
        let mut found = None;
        for own in &self.0 {
            if bool::from(own.digest.as_slice().ct_eq(digest.as_slice())) {
                found = Some(own);
            }
        }
        found
    }
}

impl std::fmt::Debug for ApiToken {
    /// Without the hash.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiToken({}, {})", self.name, self.scope.as_str())
    }
}

/// Whether a text can be shown as it is wherever a name stands.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_entry_and_no_other_is() {
        let ci = ApiToken::make("ci", TokenScope::Read, &[1; 32]).unwrap();
        let hook = ApiToken::make("hook", TokenScope::Act, &[2; 32]).unwrap();
        let tokens = ApiTokens::parse(&format!(" {},\n{} ", ci.entry, hook.entry)).unwrap();
        let found = |text: &str| {
            tokens
                .find(text.as_bytes())
                .map(|token| (token.name.as_str(), token.scope))
        };
        assert_eq!(found(ci.token.reveal()), Some(("ci", TokenScope::Read)));
        assert_eq!(found(hook.token.reveal()), Some(("hook", TokenScope::Act)));
        let (_, hash) = ci.entry.rsplit_once(':').unwrap();
        for wrong in [
            "",
            "pgct_",
            hash,
            &ci.entry,
            &ci.token.reveal()[1..],
            &ci.token.reveal().to_lowercase(),
        ] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
        assert!(!ci.entry.contains(ci.token.reveal()));
        assert!(!format!("{tokens:?}").contains(hash));
        assert!(ApiTokens::parse("").unwrap().is_empty());
    }

    /// By `sha256sum`.
    #[test]
    fn the_hash_is_plain_sha_256_of_what_is_sent() {
        let made = ApiToken::make("ci", TokenScope::Read, &[0; 32]).unwrap();
        assert_eq!(made.token.reveal(), "pgct_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(
            made.entry,
            "ci:read:98e3a0b63a99e4ac9e9602c8c0fab8a1a8e59ac6cfbe43cea92be3ccb0015fc2"
        );
    }

    #[test]
    fn what_is_no_list_is_refused_and_never_repeated() {
        let made = ApiToken::make("ci", TokenScope::Read, &[1; 32]).unwrap();
        let hash = "0".repeat(64);
        for (text, fault) in [
            (made.token.reveal().to_owned(), ApiTokenFault::Secret),
            (format!("ci:read:{}", made.token.reveal()), ApiTokenFault::Secret),
            ("ci".to_owned(), ApiTokenFault::Form(1)),
            (format!("{} ci:read", made.entry), ApiTokenFault::Form(2)),
            (format!("ci:write:{hash}"), ApiTokenFault::Form(1)),
            (format!("ci:read:{hash}0"), ApiTokenFault::Form(1)),
            (format!("ci:read:{hash}:x"), ApiTokenFault::Form(1)),
            (format!("c/i:read:{hash}"), ApiTokenFault::Name),
            (format!(":read:{hash}"), ApiTokenFault::Name),
            (format!("{0} {0}", made.entry), ApiTokenFault::Twice("ci".to_owned())),
        ] {
            assert_eq!(ApiTokens::parse(&text).unwrap_err(), fault, "{text}");
            assert!(!fault.to_string().contains(made.token.reveal()) && !fault.to_string().contains(&hash));
        }
        let many: Vec<String> = (0..=TOKENS_MAX).map(|n| format!("t{n}:read:{hash}")).collect();
        assert_eq!(ApiTokens::parse(&many.join(" ")).unwrap_err(), ApiTokenFault::TooMany);
        for name in ["", "a b", "a:b", "ä", &"a".repeat(64)] {
            assert!(ApiToken::make(name, TokenScope::Read, &[1; 32]).is_err(), "{name}");
        }
    }
}
