//! SCRAM-SHA-256: both sides prove that they know the password, and neither reveals it.
//!
//! <https://www.rfc-editor.org/rfc/rfc5802>, <https://www.rfc-editor.org/rfc/rfc7677>

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::saslprep::prepared;

pub(super) const PLAIN: &str = "SCRAM-SHA-256";
pub(super) const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// The most rounds that are accepted: the server sets the number, and a hostile one could ask for endless computation.
const ROUNDS_MAX: u32 = 10_000_000;
const NONCE_BYTES: usize = 18;

type Key = Zeroizing<[u8; 32]>;

/// The binding of the proof to the TLS channel.
pub(super) enum Binding {
    /// No binding, as this side doesn't support it.
    Unsupported,
    /// No binding, as the server doesn't offer it.
    Unoffered,
    /// The hash of the server's certificate.
    EndPoint(Vec<u8>),
}

/// The state of a login.
pub(super) struct Scram {
    password: Zeroizing<String>,
    binding: Binding,
    nonce: String,
    expected: Option<Key>,
}

impl Scram {
    pub(super) fn new(password: &str, binding: Binding) -> Result<Self, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        Ok(Self {
            password: Zeroizing::new(prepared(password).into_owned()),
            binding,
            nonce: BASE64.encode(&nonce),
            expected: None,
        })
    }

    /// The first message. The role's name is in the startup message; servers ignore it here.
    pub(super) fn first(&self) -> String {
        format!("{}{}", self.binding.header(), self.bare())
    }

    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// The proof, from the server's answer to the first message; `None` if that is invalid.
    pub(super) fn prove(&mut self, server: &[u8]) -> Option<String> {
        let server = str::from_utf8(server).ok()?;
        let (nonce, rest) = server.strip_prefix("r=")?.split_once(",s=")?;
        let (salt, rounds) = rest.split_once(",i=")?;
        let rounds: NonZeroU32 = rounds.split(',').next()?.parse().ok()?;
        let salt = BASE64.decode(salt.as_bytes()).ok()?;
        let is_continued = nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce);
        if !is_continued || rounds.get() > ROUNDS_MAX {
            return None;
        }
        let without_proof = format!("c={},r={nonce}", BASE64.encode(&self.binding.bytes()));
        let signed = format!("{},{server},{without_proof}", self.bare());
        let salted = salted(self.password.as_bytes(), &salt, rounds);
        let client_key = mac(&*salted, &[b"Client Key"]);
        let stored_key = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(*client_key)));
        let mut proof = mac(&*stored_key, &[signed.as_bytes()]);
        proof.iter_mut().zip(*client_key).for_each(|(a, b)| *a ^= b);
        let server_key = mac(&*salted, &[b"Server Key"]);
        self.expected = Some(mac(&*server_key, &[signed.as_bytes()]));
        Some(format!("{without_proof},p={}", BASE64.encode(&*proof)))
    }

    /// Whether the server has proven that it knows the password.
    pub(super) fn is_proven(&self, server: &[u8]) -> bool {
        let given = server.strip_prefix(b"v=");
        // extensions may follow
        let given = given.and_then(|text| text.split(|byte| *byte == b',').next());
        let given = given.and_then(|text| BASE64.decode(text).ok());
        match (&self.expected, given) {
            (Some(expected), Some(given)) => expected.ct_eq(&given).into(),
            _ => false,
        }
    }
}

impl Binding {
    fn header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::Unoffered => "y,,",
            Self::EndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let hash: &[u8] = match self {
            Self::EndPoint(hash) => hash,
            Self::Unsupported | Self::Unoffered => &[],
        };
        [self.header().as_bytes(), hash].concat()
    }
}

/// PBKDF2 with HMAC-SHA-256, for one block.
pub(super) fn salted(password: &[u8], salt: &[u8], rounds: NonZeroU32) -> Key {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password, &mut *key);
    key
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    /// <https://www.rfc-editor.org/rfc/rfc7677#section-3>, without the role's name: it is left out here, and it is part
    /// of what is signed.
    #[test]
    fn it_computes_what_the_standard_does() {
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = salted(b"pencil", &salt, NonZeroU32::new(4096).unwrap());
        let client_key = mac(&*salted, &[b"Client Key"]);
        let stored = Sha256::digest(*client_key);
        let signed = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let mut proof = mac(&stored, &[signed]);
        proof.iter_mut().zip(*client_key).for_each(|(a, b)| *a ^= b);
        assert_eq!(BASE64.encode(&*proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let server_key = mac(&*salted, &[b"Server Key"]);
        let verifier = mac(&*server_key, &[signed]);
        assert_eq!(
            BASE64.encode(&*verifier),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn what_makes_no_sense_is_answered_by_nothing() {
        let mut scram = Scram::new("p", Binding::Unsupported).unwrap();
        let nonce = scram.nonce.clone();
        for said in [
            String::new(),
            "r=other,s=AAAA,i=4096".to_owned(),
            format!("r={nonce},s=AAAA,i=4096"),
            format!("r={nonce}x,s=AAAA,i=0"),
            format!("r={nonce}x,s=AAAA,i=4294967295"),
            format!("r={nonce}x,s=A,i=1"),
            "e=invalid-proof".to_owned(),
        ] {
            assert_eq!(scram.prove(said.as_bytes()), None, "{said}");
            assert!(!scram.is_proven(said.as_bytes()));
        }
        assert!(scram.prove(format!("r={nonce}x,s=AAAA,i=1").as_bytes()).is_some());
        assert!(!scram.is_proven(b"v=AAAA"));
    }
}
