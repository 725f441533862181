//! TLS with libpq's modes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::super::url::DatabaseUrl;
use super::certificate::Certificate;
use super::trust::Trust;
use super::{WireError, key};

/// The name of the protocol after the handshake, for servers since 17.
const ALPN: &[u8] = b"postgresql";

/// Does the TLS handshake, and checks the server's certificate as the URL requires.
pub(super) async fn connect(url: &DatabaseUrl, stream: TcpStream) -> Result<TlsStream<TcpStream>, WireError> {
    let mut config = config(url)?;
    let client = ClientCertificate::of(url, &config)?;
    let asked = client.as_ref().map(|client| Arc::clone(&client.was_asked));
    if let Some(client) = client {
        config.client_auth_cert_resolver = Arc::new(client);
    }
    config.enable_sni = url.parameter("sslsni") != Some("0");
    let is_direct = url.parameter("sslnegotiation") == Some("direct");
    if is_direct {
        config.alpn_protocols = vec![ALPN.to_vec()];
    }
    let name = match ServerName::try_from(url.host().to_owned()) {
        Ok(name) => name,
        // a host that can't be the name in a certificate: either nothing is checked, or by libpq's own rules
        Err(_) => {
            config.enable_sni = false;
            ServerName::from(std::net::Ipv4Addr::UNSPECIFIED).to_owned()
        }
    };
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    if is_direct && stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(WireError::Protocol(
            "the server doesn't support sslnegotiation=direct, which PostgreSQL does since 17".to_owned(),
        ));
    }
    let was_asked = asked.is_some_and(|asked| asked.load(Ordering::Relaxed));
    if url.parameter("sslcertmode") == Some("require") && !was_asked {
        let why = "the server asked for no client certificate, and sslcertmode in the url requires that";
        return Err(WireError::File(why.to_owned()));
    }
    Ok(stream)
}

fn config(url: &DatabaseUrl) -> Result<ClientConfig, WireError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier {
        trust: Trust::of(url, &provider)?,
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(url))
        .map_err(WireError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn versions(url: &DatabaseUrl) -> Vec<&'static SupportedProtocolVersion> {
    let newest = url.parameter("ssl_max_protocol_version") != Some("TLSv1.2");
    let older = url.parameter("ssl_min_protocol_version") != Some("TLSv1.3");
    let versions = [(newest, &TLS13), (older, &TLS12)];
    versions
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, version)| version)
        .collect()
}

/// The client's certificate, of any version: the server decides whether it accepts it.
#[derive(Debug)]
struct ClientCertificate {
    key: Arc<CertifiedKey>,
    was_asked: Arc<AtomicBool>,
}

impl ClientCertificate {
    fn of(url: &DatabaseUrl, config: &ClientConfig) -> Result<Option<Self>, WireError> {
        let Some(file) = url
            .parameter("sslcert")
            .filter(|_| url.parameter("sslcertmode") != Some("disable"))
        else {
            return Ok(None);
        };
        let unusable = |error| WireError::File(format!("{file} can't be used: {error}"));
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(unusable)?.collect();
        let chain = chain.map_err(unusable)?;
        if chain.is_empty() {
            return Err(WireError::File(format!("{file} contains no certificate")));
        }
        let file = url
            .parameter("sslkey")
            .ok_or_else(|| WireError::File("the url has sslcert but no sslkey".to_owned()))?;
        let key = key::read(file, url.parameter("sslpassword")).map_err(WireError::File)?;
        let provider = config.crypto_provider();
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|error| WireError::File(format!("{file} can't be used: {error}")))?;
        Ok(Some(Self {
            key: Arc::new(CertifiedKey::new(chain, key)),
            was_asked: Arc::default(),
        }))
    }
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        Some(Arc::clone(&self.key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Checks the certificate as required, and always that the server has the certificate's key.
#[derive(Debug)]
struct Verifier {
    trust: Option<Trust>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Checks a handshake's signature with the certificate's key, if rustls refused the certificate only for its form.
    fn by_key(
        &self,
        refused: Error,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let is_of_form = matches!(
            refused,
            Error::InvalidCertificate(CertificateError::BadEncoding | CertificateError::Other(_))
        );
        let mapping = self.provider.signature_verification_algorithms.mapping;
        let algorithms = mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let has_signed = |certificate: Certificate<'_>| {
            algorithms.is_some_and(|(_, algorithms)| certificate.has_signed(message, signed.signature(), algorithms))
        };
        let is_good = is_of_form && Certificate::read(certificate).is_some_and(has_signed);
        is_good.then(HandshakeSignatureValid::assertion).ok_or(refused)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            trust.verify(server, between, name, now)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
            .or_else(|refused| self.by_key(refused, message, certificate, signed))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match verify_tls13_signature(message, certificate, signed, algorithms) {
            // a scheme that TLS 1.3 doesn't allow
            Err(refused) if IN_TLS12_ALONE.contains(&signed.scheme) => Err(refused),
            Err(refused) => self.by_key(refused, message, certificate, signed),
            good => good,
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// <https://www.rfc-editor.org/rfc/rfc8446#section-4.2.3>
const IN_TLS12_ALONE: &[SignatureScheme] = &[
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_SHA1_Legacy,
];
