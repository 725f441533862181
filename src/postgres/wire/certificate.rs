//! Parses a certificate, also of a form that TLS libraries refuse: version 1, or an authority's certificate that a
//! server uses itself. `openssl x509 -req -CA` makes the first and `openssl req -x509` the second, PostgreSQL's own
//! manual does so, and libpq accepts both.
//!
//! <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>

use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::pki_types::SignatureVerificationAlgorithm;

use super::der::{
    BIT_STRING, BOOLEAN, DerReader, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, UTC_TIME,
};

/// The parts of a certificate that are checked.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    /// The whole certificate.
    pub(super) der: &'a [u8],
    /// The signed part.
    signed: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// The first and last second of validity, since 1970.
    valid: (i64, i64),
    key_algorithm: &'a [u8],
    key: &'a [u8],
    pub(super) extensions: Extensions<'a>,
}

/// The extensions that matter here.
#[derive(Debug, Default)]
pub(super) struct Extensions<'a> {
    /// Whether it belongs to an authority, if that is stated, and how many others may be between it and a server's
    /// certificate.
    pub(super) authority: Option<(bool, Option<u32>)>,
    /// Whether it may sign other certificates, if its uses are limited.
    pub(super) may_sign: Option<bool>,
    /// Whether it may be a server's, if its purposes are limited.
    pub(super) for_servers: Option<bool>,
    /// The alternative names of its subject.
    names: Option<&'a [u8]>,
    /// Whether it has a critical extension that is not supported here.
    pub(super) more: bool,
}

impl<'a> Certificate<'a> {
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut whole = DerReader::new(der).inside(SEQUENCE)?;
        let (SEQUENCE, content, signed) = whole.any()? else {
            return None;
        };
        let signature_algorithm = whole.element(SEQUENCE)?;
        let signature = bits(whole.element(BIT_STRING)?)?;
        let mut body = DerReader::new(content);
        // version, serial number, signature
        body.element(0xa0);
        body.element(INTEGER)?;
        // the algorithm must be the same inside and outside of the signed part
        (body.element(SEQUENCE)? == signature_algorithm).then_some(())?;
        let issuer = body.element(SEQUENCE)?;
        let mut validity = body.inside(SEQUENCE)?;
        let valid = (time(&mut validity)?, time(&mut validity)?);
        let subject = body.element(SEQUENCE)?;
        let mut key_info = body.inside(SEQUENCE)?;
        let key_algorithm = key_info.element(SEQUENCE)?;
        let key = bits(key_info.element(BIT_STRING)?)?;
        // two optional ids that are no longer used
        body.element(0x81);
        body.element(0x82);
        let extensions = match body.inside(0xa3) {
            Some(mut extensions) => Extensions::read(extensions.inside(SEQUENCE)?)?,
            None => Extensions::default(),
        };
        body.is_empty().then_some(Self {
            der,
            signed,
            signature_algorithm,
            signature,
            issuer,
            subject,
            valid,
            key_algorithm,
            key,
            extensions,
        })
    }

    pub(super) fn is_valid_at(&self, seconds: i64) -> bool {
        (self.valid.0..=self.valid.1).contains(&seconds)
    }

    /// Whether the key of this certificate has signed the message.
    pub(super) fn has_signed(
        &self,
        message: &[u8],
        signature: &[u8],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> bool {
        algorithms.iter().any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == self.key_algorithm
                && algorithm.verify_signature(self.key, message, signature).is_ok()
        })
    }

    /// Whether this certificate has issued the other one.
    pub(super) fn has_issued(
        &self,
        other: &Certificate<'_>,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> bool {
        let fitting: Vec<_> = algorithms
            .iter()
            .filter(|one| one.signature_alg_id().as_ref() == other.signature_algorithm)
            .copied()
            .collect();
        self.subject == other.issuer && self.has_signed(other.signed, other.signature, &fitting)
    }

    /// Whether it is for this host, by libpq's rules: by its alternative names, and by its common name only if it has
    /// no alternative name of the same kind.
    ///
    /// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBQ-SSL-CERTIFICATES>
    pub(super) fn is_for(&self, host: &str) -> bool {
        const DNS_NAME: u8 = 0x82;
        const IP_ADDRESS: u8 = 0x87;
        let address: Option<IpAddr> = host.parse().ok();
        let mut names = self.extensions.names.map_or(DerReader::new(&[]), DerReader::new);
        let mut has_any = false;
        while let Some((tag, content, _)) = names.any() {
            let fits = match (tag, address) {
                (IP_ADDRESS, Some(IpAddr::V4(address))) => content == address.octets(),
                (IP_ADDRESS, Some(IpAddr::V6(address))) => content == address.octets(),
                (DNS_NAME, _) => is_name(content, host, address.is_some()),
                _ => continue,
            };
            if fits {
                return true;
            }
            has_any |= (tag == IP_ADDRESS) == address.is_some();
        }
        let common = self.common_name();
        !has_any && common.is_some_and(|name| is_name(name, host, address.is_some()))
    }

    fn common_name(&self) -> Option<&'a [u8]> {
        const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
        let mut sets = DerReader::new(self.subject);
        let mut found = None;
        while let Some(mut set) = sets.inside(SET) {
            while let Some(mut attribute) = set.inside(SEQUENCE) {
                if attribute.element(OID)? == COMMON_NAME {
                    found = attribute.any().map(|(_, content, _)| content);
                }
            }
        }
        found
    }
}

/// Whether a name in a certificate matches the host. `*` matches the whole first part of a name, and no address.
fn is_name(name: &[u8], host: &str, host_is_address: bool) -> bool {
    let Some(name) = str::from_utf8(name).ok().filter(|name| name.is_ascii()) else {
        return false;
    };
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(rest), Some((first, behind))) = (name.strip_prefix("*."), host.split_once('.')) else {
        return false;
    };
    // a `*` before a name without a dot would match far too many hosts
    !host_is_address && !first.is_empty() && rest.contains('.') && rest.eq_ignore_ascii_case(behind)
}

impl<'a> Extensions<'a> {
    fn read(mut list: DerReader<'a>) -> Option<Self> {
        let mut read = Self::default();
        while !list.is_empty() {
            let mut extension = list.inside(SEQUENCE)?;
            let oid = extension.element(OID)?;
            let is_critical = extension.element(BOOLEAN).is_some_and(|value| value != [0]);
            read.take(oid, extension.element(OCTET_STRING)?, is_critical)?;
        }
        Some(read)
    }

    fn take(&mut self, oid: &[u8], value: &'a [u8], is_critical: bool) -> Option<()> {
        let mut value = DerReader::new(value);
        match oid {
            // subjectAltName
            [0x55, 0x1d, 0x11] => self.names = Some(value.element(SEQUENCE)?),
            // basicConstraints
            [0x55, 0x1d, 0x13] => {
                let mut constraints = value.inside(SEQUENCE)?;
                let is_authority = constraints.element(BOOLEAN).is_some_and(|value| value != [0]);
                let path = (!constraints.is_empty()).then(|| constraints.number());
                // a length that can't be read allows no intermediate
                self.authority = Some((is_authority, path.map(|path| path.unwrap_or(0))));
            }
            // keyUsage, of which keyCertSign is the sixth bit
            [0x55, 0x1d, 0x0f] => {
                let bits = value.element(BIT_STRING)?;
                self.may_sign = Some(bits.get(1).is_some_and(|byte| byte & 0x04 != 0));
            }
            // extKeyUsage: serverAuth, anyExtendedKeyUsage
            [0x55, 0x1d, 0x25] => {
                let mut purposes = value.inside(SEQUENCE)?;
                let mut is_there = false;
                while let Some(purpose) = purposes.element(OID) {
                    is_there |= purpose == [0x2b, 6, 1, 5, 5, 7, 3, 1] || purpose == [0x55, 0x1d, 0x25, 0];
                }
                self.for_servers = Some(is_there);
            }
            // nameConstraints always count, critical or not
            [0x55, 0x1d, 0x1e] => self.more = true,
            _ => self.more |= is_critical,
        }
        Some(())
    }
}

/// The bytes of a bit string without unused bits.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content
        .split_first()
        .filter(|(unused, _)| **unused == 0)
        .map(|(_, bytes)| bytes)
}

/// Parses `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ` into seconds since 1970.
fn time(reader: &mut DerReader<'_>) -> Option<i64> {
    let (tag, content, _) = reader.any()?;
    let text = str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let text = match (tag, text.len()) {
        (UTC_TIME, 12) if text.as_bytes()[0] < b'5' => format!("20{text}"),
        (UTC_TIME, 12) => format!("19{text}"),
        (GENERALIZED_TIME, 14) => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}
