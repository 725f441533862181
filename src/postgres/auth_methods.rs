//! The login methods that a server may ask for: libpq's `require_auth`, and the default if the URL doesn't set it.
//!
//! Under `sslmode=require` the server's identity is unknown. An attacker in the middle who asks for the password in
//! clear text gets it from every client without such a rule; what SCRAM reveals is of no use to him. So the password is
//! sent in clear text only to a verified server, or to one on this machine.
//!
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-REQUIRE-AUTH>

use super::url::{DatabaseUrl, SslMode};
use super::wire::{LoginRefusal, Verification};

/// A login method, by libpq's name. `gss`, `sspi` and `oauth` are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMethod {
    /// The password in clear text.
    Password,
    /// A hash of the password that can be attacked by guessing.
    Md5,
    /// A proof of the password by both sides.
    Scram,
    /// No login at all.
    None,
}

impl AuthMethod {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::Scram => "scram-sha-256",
            Self::None => "none",
        }
    }
}

/// The login methods that are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AllowedAuth {
    /// The value of `require_auth`, if the URL has it.
    given: Option<String>,
    /// Whether the server is verified, or is on this machine.
    is_known: bool,
}

impl AllowedAuth {
    pub(super) fn allow(&self, method: AuthMethod) -> bool {
        let Some(given) = &self.given else {
            return method != AuthMethod::Password || self.is_known;
        };
        let mut words = given.split(',').map(str::trim);
        match given.contains('!') {
            true => !words.any(|word| word.trim_start_matches('!') == method.as_str()),
            false => words.any(|word| word == method.as_str()),
        }
    }

    pub(super) fn refusal(&self, method: AuthMethod) -> LoginRefusal {
        match (&self.given, method) {
            (None, AuthMethod::Password) => LoginRefusal::Clear,
            _ => LoginRefusal::Excluded(method.as_str()),
        }
    }
}

impl DatabaseUrl {
    pub(super) fn allowed_auth(&self) -> AllowedAuth {
        AllowedAuth {
            given: self.parameter("require_auth").map(str::to_owned),
            is_known: self.is_local() || self.verification() != Verification::None,
        }
    }

    /// The environment variable that limits a child process to the same methods, if its libpq knows `require_auth`. An
    /// older libpq must bind its login to the TLS channel, which it can't do with a password in clear text. The error
    /// is a message for what neither can express.
    ///
    /// If the URL allows plaintext, there is no channel, and the user has called the network safe: an old libpq gets no
    /// limit.
    pub(super) fn auth_env(
        &self,
        knows_require_auth: impl FnOnce() -> bool,
    ) -> Result<Option<(&'static str, String)>, &'static str> {
        let given = self.parameter("require_auth");
        let allowed = self.allowed_auth();
        // without a limit the libpq's version doesn't matter
        if given.is_none() && allowed.is_known {
            return Ok(None);
        }
        if knows_require_auth() {
            return Ok(Some(("PGREQUIREAUTH", given.unwrap_or("!password").to_owned())));
        }
        let can_bind = self.effective_ssl_mode() >= SslMode::Require;
        match given {
            // without a password none can be revealed
            None if !can_bind || self.password().is_none() => Ok(None),
            None | Some("scram-sha-256" | "!password") if can_bind => {
                Ok(Some(("PGCHANNELBINDING", "require".to_owned())))
            }
            // a password that may be sent in clear text needs no protection
            Some(_) if allowed.allow(AuthMethod::Password) => Ok(None),
            _ => Err("require_auth needs libpq 16 or later"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn allowed(url: &str) -> AllowedAuth {
        DatabaseUrl::parse(url).unwrap().allowed_auth()
    }

    #[test]
    fn the_password_goes_in_clear_only_to_a_server_that_is_known() {
        for (url, clear) in [
            ("postgres://u:p@db.example/d", false),
            ("postgres://u:p@db.example/d?sslmode=require", false),
            ("postgres://u:p@db.example/d?sslmode=disable&allow_plaintext=yes", false),
            ("postgres://u:p@db.example/d?sslmode=verify-full", true),
            ("postgres://u:p@db.example/d?sslmode=require&sslrootcert=/ca", true),
            ("postgres://u:p@db.example/d?require_auth=password", true),
            ("postgres://u:p@localhost/d", true),
            ("postgres://u:p@%2Ftmp/d", true),
            ("postgres://u:p@localhost/d?require_auth=scram-sha-256,md5", false),
            ("postgres://u:p@localhost/d?require_auth=!password", false),
        ] {
            assert_eq!(allowed(url).allow(AuthMethod::Password), clear, "{url}");
            assert!(
                allowed(url).allow(AuthMethod::Scram) || url.ends_with("=password"),
                "{url}"
            );
        }
        let strict = allowed("postgres://u:p@db.example/d?require_auth=scram-sha-256");
        assert!(!strict.allow(AuthMethod::None) && !strict.allow(AuthMethod::Md5));
    }

    #[test]
    fn children_are_held_to_the_same() {
        let env = |url: &str, knows| DatabaseUrl::parse(url).unwrap().auth_env(|| knows);
        let held = |name: &'static str, value: &str| Ok(Some((name, value.to_owned())));
        let remote = "postgres://u:p@db.example/d";
        assert_eq!(env(remote, true), held("PGREQUIREAUTH", "!password"));
        assert_eq!(env(remote, false), held("PGCHANNELBINDING", "require"));
        for free in [
            "postgres://u:p@localhost/d",
            "postgres://u:p@db.example/d?sslmode=verify-full",
        ] {
            assert_eq!((env(free, false), env(free, true)), (Ok(None), Ok(None)));
        }
        let plaintext = "postgres://u:p@db.example/d?sslmode=disable&allow_plaintext=yes";
        assert_eq!(env(plaintext, true), held("PGREQUIREAUTH", "!password"));
        assert_eq!(env(plaintext, false), Ok(None));
        let given = "postgres://u:p@db.example/d?require_auth=password";
        assert_eq!(env(given, true), held("PGREQUIREAUTH", "password"));
        assert_eq!(env(given, false), Ok(None));
        let strict = "require_auth=scram-sha-256";
        assert_eq!(
            env(&format!("{remote}?{strict}"), false),
            held("PGCHANNELBINDING", "require")
        );
        assert!(env(&format!("postgres://u:p@localhost/d?{strict}"), false).is_err());
        assert!(env(&format!("{remote}?require_auth=md5"), false).is_err());
    }
}
