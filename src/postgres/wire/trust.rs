//! Decides whether a server's certificate is trusted, if the URL requires a check.
//!
//! rustls's own verification runs first. What it refuses only for its form is checked again by libpq's rules, which are
//! OpenSSL's: a certificate of version 1, an authority's certificate that a server uses itself, a common name instead
//! of alternative names.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, ServerName, SignatureVerificationAlgorithm, UnixTime,
};
use rustls::{CertificateError, Error, RootCertStore};

use super::super::url::{DatabaseUrl, SslMode};
use super::WireError;
use super::certificate::Certificate;

/// The most certificates between a server's and an authority's. OpenSSL's own limit is higher, and three are already
/// unusual.
const BETWEEN_MAX: usize = 8;

/// How the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::postgres) enum Verification {
    /// No check: any server is accepted.
    None,
    /// A trusted authority must have signed it.
    Authority,
    /// A trusted authority must have signed it, for this host.
    Full,
}

impl DatabaseUrl {
    /// The check for this URL. As in libpq, `require` with `sslrootcert` checks the certificate.
    pub(in crate::postgres) fn verification(&self) -> Verification {
        match self.effective_ssl_mode() {
            SslMode::VerifyFull => Verification::Full,
            SslMode::VerifyCa => Verification::Authority,
            SslMode::Require if self.parameter("sslrootcert").is_some() => Verification::Authority,
            _ => Verification::None,
        }
    }
}

/// The trusted authorities, and the required checks of a server's certificate.
#[derive(Debug)]
pub(super) struct Trust {
    webpki: Arc<WebPkiServerVerifier>,
    authorities: Vec<CertificateDer<'static>>,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    host: String,
    checks_name: bool,
    /// Whether there are revocation lists, which only rustls checks.
    has_revocations: bool,
}

impl Trust {
    /// The checks for a URL; `None` if any server is accepted.
    pub(super) fn of(url: &DatabaseUrl, provider: &Arc<CryptoProvider>) -> Result<Option<Self>, WireError> {
        let verification = url.verification();
        if verification == Verification::None {
            return Ok(None);
        }
        let file = url.root_certificates().ok_or_else(|| {
            WireError::File(
                "no file of authorities' certificates was found on this machine: set sslrootcert= to one".to_owned(),
            )
        })?;
        let read = CertificateDer::pem_file_iter(file)
            .map_err(|error| WireError::File(format!("{file} can't be read: {error}")))?;
        let authorities: Vec<_> = read.flatten().collect();
        if authorities.is_empty() {
            return Err(WireError::File(format!("{file} contains no certificate")));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let revocations = revocations(url)?;
        let has_revocations = !revocations.is_empty();
        let webpki = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider))
            .with_crls(revocations)
            .build()
            .map_err(|error| WireError::File(format!("{file} contains no authority: {error}")))?;
        Ok(Some(Self {
            webpki,
            authorities,
            algorithms: provider.signature_verification_algorithms.all,
            host: url.host().to_owned(),
            checks_name: verification == Verification::Full,
            has_revocations,
        }))
    }

    pub(super) fn verify(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let verified = self.webpki.verify_server_cert(server, between, name, &[], now);
        let refused = match verified {
            Ok(_) => return Ok(()),
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => return Ok(()),
            Err(refused) => refused,
        };
        let is_good = !self.has_revocations && self.is_trusted_by_openssl_rules(server, between, now).unwrap_or(false);
        is_good.then_some(()).ok_or(refused)
    }

    /// Whether libpq would trust the certificate; `None` if it can't be parsed.
    fn is_trusted_by_openssl_rules(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<bool> {
        let seconds = i64::try_from(now.as_secs()).ok()?;
        let server = Certificate::read(server)?;
        // certificates that can't be parsed are ignored
        let authorities: Vec<_> = self
            .authorities
            .iter()
            .filter_map(|der| Certificate::read(der))
            .collect();
        let between: Vec<_> = between.iter().filter_map(|der| Certificate::read(der)).collect();
        let is_servers = server.extensions.for_servers != Some(false) && !server.extensions.more;
        let is_for_host = !self.checks_name || server.is_for(&self.host);
        Some(is_servers && is_for_host && self.has_trusted_issuer(&server, &between, &authorities, seconds, 0))
    }

    /// Whether a trusted authority has issued a certificate, directly or through others.
    fn has_trusted_issuer(
        &self,
        certificate: &Certificate<'_>,
        between: &[Certificate<'_>],
        authorities: &[Certificate<'_>],
        now: i64,
        depth: usize,
    ) -> bool {
        if !certificate.is_valid_at(now) {
            return false;
        }
        // a certificate that is itself in the list of authorities is trusted
        let itself = |one: &Certificate<'_>| one.der == certificate.der;
        let vouches = |one: &Certificate<'_>| {
            one.is_valid_at(now) && may_issue(one, depth, true) && one.has_issued(certificate, self.algorithms)
        };
        if authorities.iter().any(|one| itself(one) || vouches(one)) {
            return true;
        }
        depth < BETWEEN_MAX
            && between.iter().any(|one| {
                may_issue(one, depth, false)
                    && one.has_issued(certificate, self.algorithms)
                    && self.has_trusted_issuer(one, between, authorities, now, depth + 1)
            })
    }
}

/// Whether a certificate may issue others with that many between it and the server's. One that the user listed as an
/// authority may, unless it states otherwise, which certificates of version 1 can't.
fn may_issue(certificate: &Certificate<'_>, between: usize, is_named: bool) -> bool {
    let extensions = &certificate.extensions;
    let is_authority = match extensions.authority {
        Some((is_authority, path)) => is_authority && path.is_none_or(|most| between <= most as usize),
        None => is_named,
    };
    is_authority && extensions.may_sign != Some(false) && extensions.for_servers != Some(false) && !extensions.more
}

/// The revocation lists of `sslcrl` and `sslcrldir`.
fn revocations(url: &DatabaseUrl) -> Result<Vec<CertificateRevocationListDer<'static>>, WireError> {
    let unread = |file: &str, why: String| WireError::File(format!("{file} can't be read: {why}"));
    let mut files: Vec<String> = url.parameter("sslcrl").map(str::to_owned).into_iter().collect();
    if let Some(folder) = url.parameter("sslcrldir") {
        let entries = std::fs::read_dir(folder).map_err(|e| unread(folder, e.to_string()))?;
        let paths = entries.flatten().map(|entry| entry.path());
        files.extend(
            paths
                .filter(|path| path.is_file())
                .map(|path| path.display().to_string()),
        );
    }
    let mut lists = Vec::new();
    for file in files {
        let read =
            CertificateRevocationListDer::pem_file_iter(&file).map_err(|error| unread(&file, error.to_string()))?;
        for list in read {
            lists.push(list.map_err(|error| unread(&file, error.to_string()))?);
        }
    }
    Ok(lists)
}
