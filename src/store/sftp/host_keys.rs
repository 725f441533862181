//! The keys that a server may have. They are set by the user, and never learnt from a server.

use std::{fmt, fs, path::Path};

use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64_NOPAD};
use russh::keys::{
    HashAlg, PublicKey,
    ssh_key::known_hosts::{Entry, HostPatterns, Marker},
};
use sha2::{Digest as _, Sha256};

use crate::store::{Error, Kind};

/// The longest file of known hosts.
const FILE_BYTES_MAX: u64 = 4 << 20;
const FORM: &str = "write the fingerprint as `ssh-keygen -lf` shows it (SHA256:…), a line of known_hosts or of the \
     server's /etc/ssh/ssh_host_*_key.pub, or the whole path of a file of known hosts";

/// The keys that a server may have: fingerprints, public keys, or lines of a `known_hosts` file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HostKeys {
    pins: Vec<Pin>,
}

#[derive(Clone, PartialEq, Eq)]
struct Pin {
    /// The hosts that it is for. `None`: for the one that is connected to.
    hosts: Option<HostPatterns>,
    what: Pinned,
    /// The key must never be accepted.
    is_revoked: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Pinned {
    Fingerprint([u8; 32]),
    Key(Box<PublicKey>),
}

/// Whether a server's key may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Trusted,
    /// No key is pinned for this host.
    NonePinned,
    /// Others are pinned for this host.
    OthersPinned,
    /// A file of known hosts says that this key must not be used.
    Revoked,
}

impl HostKeys {
    /// Reads a setting: one or several fingerprints, public keys or lines of `known_hosts`, or the whole path of such a
    /// file, which is read.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if it is none of these, or if the file can't be read.
    pub fn of_setting(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.starts_with('/') && !text.contains('\n') {
            return Self::read(Path::new(text));
        }
        let fault = |why| Error::new(Kind::Configuration, "use the pinned host key", why).with_cure(FORM);
        let mut pins = Vec::new();
        for line in lines(text) {
            pins.extend(line_pins(line).map_err(fault)?);
        }
        match pins.is_empty() {
            true => Err(fault("it is empty")),
            false => Ok(Self { pins }),
        }
    }

    /// Reads a file of known hosts, or of fingerprints. Lines of key types that are not known here are left out, as
    /// such a file is shared with other programs.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if it can't be read, or contains no key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let doing = format!("read the known hosts in {}", path.display());
        let fault = |why: String| Error::new(Kind::Configuration, doing.clone(), why).with_cure(FORM);
        let length = fs::metadata(path).map_err(|e| fault(e.to_string()))?.len();
        if length > FILE_BYTES_MAX {
            return Err(fault(format!("it is longer than {FILE_BYTES_MAX} bytes")));
        }
        let text = fs::read(path).map_err(|e| fault(e.to_string()))?;
        let text = String::from_utf8_lossy(&text);
        let mut pins = Vec::new();
        for line in lines(&text) {
            match line_pins(line) {
                Ok(found) => pins.extend(found),
                // a revoked key that isn't understood must not be accepted by another line
                Err(why) if line.starts_with("@revoked") => return Err(fault(why.to_owned())),
                Err(_) => {}
            }
        }
        match pins.is_empty() {
            true => Err(fault("no key of a host stands in it".to_owned())),
            false => Ok(Self { pins }),
        }
    }

    /// Whether no key is pinned at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pins.is_empty()
    }

    fn of_host<'a>(&'a self, host: &'a str, port: u16) -> impl Iterator<Item = &'a Pin> {
        let is_for = move |pin: &&Pin| pin.hosts.as_ref().is_none_or(|hosts| names(hosts, host, port));
        self.pins.iter().filter(is_for)
    }

    /// Whether a key may be trusted as this host's.
    pub(super) fn judge(&self, host: &str, port: u16, key: &PublicKey) -> Verdict {
        let Ok(bytes) = key.to_bytes() else {
            return Verdict::NonePinned;
        };
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let is_it = |pin: &Pin| match &pin.what {
            Pinned::Fingerprint(fingerprint) => *fingerprint == digest,
            Pinned::Key(pinned) => pinned.key_data() == key.key_data(),
        };
        let (mut any, mut trusted) = (false, false);
        for pin in self.of_host(host, port) {
            if pin.is_revoked && is_it(pin) {
                return Verdict::Revoked;
            }
            any |= !pin.is_revoked;
            trusted |= !pin.is_revoked && is_it(pin);
        }
        match (trusted, any) {
            (true, _) => Verdict::Trusted,
            (false, true) => Verdict::OthersPinned,
            (false, false) => Verdict::NonePinned,
        }
    }

    /// The types of the keys that are pinned for this host, as SSH names them. A fingerprint may be of any type: then
    /// it is `None`.
    pub(super) fn types(&self, host: &str, port: u16) -> Option<Vec<String>> {
        let pins = self.of_host(host, port).filter(|pin| !pin.is_revoked);
        pins.map(|pin| match &pin.what {
            Pinned::Fingerprint(_) => None,
            Pinned::Key(key) => Some(key.algorithm().as_str().to_owned()),
        })
        .collect()
    }
}

/// The fingerprint of a key, as OpenSSH writes it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Reads one line. Several fingerprints may stand in it, and what `ssh-keygen -lf` writes around one.
fn line_pins(line: &str) -> Result<Vec<Pin>, &'static str> {
    let own = |what| Pin {
        hosts: None,
        what,
        is_revoked: false,
    };
    if line.starts_with("MD5:") {
        return Err("a fingerprint by MD5 proves nothing");
    }
    let words = || line.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    if words().any(|word| word.starts_with("SHA256:")) {
        let digests = words().filter_map(|word| word.strip_prefix("SHA256:"));
        return digests
            .map(|digest| Ok(own(Pinned::Fingerprint(digest_of(digest)?))))
            .collect();
    }
    if let Ok(key) = PublicKey::from_openssh(line) {
        return Ok(vec![own(Pinned::Key(Box::new(key)))]);
    }
    let entry: Entry = line
        .parse()
        .map_err(|_| "it is neither a fingerprint nor a public key")?;
    if entry.marker() == Some(&Marker::CertAuthority) {
        return Err("certificates of hosts are not supported");
    }
    Ok(vec![Pin {
        hosts: Some(entry.host_patterns().clone()),
        what: Pinned::Key(Box::new(entry.public_key().clone())),
        is_revoked: entry.marker() == Some(&Marker::Revoked),
    }])
}

fn digest_of(text: &str) -> Result<[u8; 32], &'static str> {
    let bytes = BASE64_NOPAD.decode(text.trim_end_matches('=').as_bytes());
    let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or("a fingerprint by SHA-256 has 43 characters behind SHA256:")
}

/// Whether the patterns of a line of `known_hosts` name this host. `man sshd`, "SSH_KNOWN_HOSTS FILE FORMAT".
fn names(patterns: &HostPatterns, host: &str, port: u16) -> bool {
    let host = host.to_ascii_lowercase();
    let written = match port {
        22 => host.clone(),
        port => format!("[{host}]:{port}"),
    };
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, written.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let fits = |pattern: &str| matches(pattern.to_ascii_lowercase().as_bytes(), written.as_bytes());
            let is_excluded = patterns.iter().filter_map(|p| p.strip_prefix('!')).any(fits);
            !is_excluded && patterns.iter().any(|pattern| fits(pattern))
        }
    }
}

/// Whether a pattern with `*` and `?` matches a text. Takes time proportional to the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else {
                    return false;
                };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl fmt::Debug for HostKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pins = self.pins.iter().map(|pin| match &pin.what {
            Pinned::Fingerprint(digest) => format!("SHA256:{}", BASE64.encode(digest).trim_end_matches('=')),
            Pinned::Key(key) => fingerprint(key),
        });
        f.debug_list().entries(pins).finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    // the key of github.com, as its owner publishes it:
    // https://docs.github.com/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const PRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn verdict(pins: &str, host: &str, port: u16) -> Verdict {
        let key = PublicKey::from_openssh(KEY).unwrap();
        HostKeys::of_setting(pins).unwrap().judge(host, port, &key)
    }

    #[test]
    fn a_key_is_trusted_by_each_form_of_a_pin() {
        let key = PublicKey::from_openssh(KEY).unwrap();
        assert_eq!(fingerprint(&key), PRINT);
        for pin in [
            PRINT.to_owned(),
            format!("{PRINT}="),
            format!("256 {PRINT} root@nas (ED25519)"),
            format!("SHA256:{}, {PRINT}", "A".repeat(43)),
            KEY.to_owned(),
            format!("{KEY} root@nas"),
            format!("nas {KEY}"),
            format!("# a note\n\nother,N?S,10.0.0.1 {KEY}\n"),
            format!("* {KEY}"),
            format!("{OTHER}\n{KEY}"),
        ] {
            assert_eq!(verdict(&pin, "nas", 22), Verdict::Trusted, "{pin}");
        }
    }

    #[test]
    fn a_key_that_is_not_pinned_for_the_host_is_not_trusted() {
        let others = Verdict::OthersPinned;
        for (pin, host, port, wanted) in [
            (format!("SHA256:{}", "A".repeat(43)), "nas", 22, others),
            (OTHER.to_owned(), "nas", 22, others),
            (format!("nas {OTHER}"), "nas", 22, others),
            (format!("other {KEY}"), "nas", 22, Verdict::NonePinned),
            (format!("nas {KEY}"), "nas", 2222, Verdict::NonePinned),
            (format!("[nas]:2222 {KEY}"), "nas", 2222, Verdict::Trusted),
            (format!("*,!nas {KEY}"), "nas", 22, Verdict::NonePinned),
            (format!("nas {KEY}\n@revoked * {KEY}"), "nas", 22, Verdict::Revoked),
            (format!("@revoked * {OTHER}\nnas {KEY}"), "nas", 22, Verdict::Trusted),
        ] {
            assert_eq!(verdict(&pin, host, port), wanted, "{pin} {host}:{port}");
        }
    }

    /// As `ssh-keygen -H` writes it.
    #[test]
    fn a_hashed_name_is_recognized() {
        let line = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=";
        assert_eq!(verdict(&format!("{line} {KEY}"), "example.com", 22), Verdict::Trusted);
        assert_eq!(
            verdict(&format!("{line} {KEY}"), "example.org", 22),
            Verdict::NonePinned
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in [
            "",
            "yes",
            "MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
            "SHA256:short",
            "ssh-ed25519 AAAA",
            "nas ssh-ed25519",
            "/nonexistent/known_hosts",
            &format!("@cert-authority * {KEY}"),
        ] {
            assert_eq!(
                HostKeys::of_setting(bad).unwrap_err().kind,
                Kind::Configuration,
                "{bad}"
            );
        }
    }

    #[test]
    fn a_file_of_other_programs_is_read_as_far_as_it_is_understood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        fs::write(&path, format!("nas ssh-unknown AAAA\nsome text\nnas {KEY}\n")).unwrap();
        assert_eq!(verdict(path.to_str().unwrap(), "nas", 22), Verdict::Trusted);
        fs::write(&path, format!("@revoked nas ssh-unknown\nnas {KEY}\n")).unwrap();
        assert!(HostKeys::read(&path).is_err());
        fs::write(&path, "some text\n").unwrap();
        assert!(HostKeys::read(&path).is_err());
    }

    #[test]
    fn the_types_are_known_unless_a_fingerprint_is_pinned() {
        let types = |pins: &str| HostKeys::of_setting(pins).unwrap().types("nas", 22);
        assert_eq!(types(KEY), Some(vec!["ssh-ed25519".to_owned()]));
        assert_eq!(types(&format!("{KEY}\n{PRINT}")), None);
    }

    #[test]
    fn patterns_match_as_a_shell_does() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("?", "", false),
            ("*.example.com", "nas.example.com", true),
            ("*a*b*c*", "xxaxxbxxc", true),
            ("nas", "nass", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
    }
}
