//! TLS with libpq's modes.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::super::url::{DatabaseUrl, SslMode};
use super::WireError;

/// Does the handshake, and checks the server's certificate as the URL asks for.
pub(super) async fn connect(
    url: &DatabaseUrl,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, WireError> {
    let mut config = config(url)?;
    let name = match ServerName::try_from(url.host().to_owned()) {
        Ok(name) => name,
        // no name of a certificate, which nobody asks for here
        Err(_) if url.verification() != Verification::Full => {
            config.enable_sni = false;
            ServerName::from(std::net::Ipv4Addr::UNSPECIFIED).to_owned()
        }
        Err(_) => {
            return Err(WireError::File(format!(
                "no certificate can be for {}",
                url.host()
            )));
        }
    };
    Ok(TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?)
}

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::postgres) enum Verification {
    /// Nothing: whoever answers will do.
    None,
    /// That an authority has signed it.
    Authority,
    /// That, and that it is for this host.
    Full,
}

impl DatabaseUrl {
    /// As libpq does, `require` with authorities named checks the certificate.
    pub(in crate::postgres) fn verification(&self) -> Verification {
        match self.effective_ssl_mode() {
            SslMode::VerifyFull => Verification::Full,
            SslMode::VerifyCa => Verification::Authority,
            SslMode::Require if self.parameter("sslrootcert").is_some() => Verification::Authority,
            _ => Verification::None,
        }
    }
}

fn config(url: &DatabaseUrl) -> Result<ClientConfig, WireError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier {
        authorities: authorities(url, &provider)?,
        verification: url.verification(),
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(WireError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let (Some(certificate), Some(key)) = (url.parameter("sslcert"), url.parameter("sslkey")) else {
        return Ok(builder.with_no_client_auth());
    };
    let unusable = |file: &str, error| WireError::File(format!("{file} can't be used: {error}"));
    let chain =
        CertificateDer::pem_file_iter(certificate).map_err(|error| unusable(certificate, error))?;
    let chain: Result<Vec<_>, _> = chain.collect();
    let chain = chain.map_err(|error| unusable(certificate, error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(WireError::Tls)
}

fn authorities(
    url: &DatabaseUrl,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, WireError> {
    if url.verification() == Verification::None {
        return Ok(None);
    }
    let file = url.root_certificates().ok_or_else(|| {
        WireError::File("no file of authorities' certificates is known on this machine: name one by sslrootcert=".to_owned())
    })?;
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(file)
        .map_err(|error| WireError::File(format!("{file} can't be read: {error}")))?;
    roots.add_parsable_certificates(read.flatten());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let unusable = |error| WireError::File(format!("{file} names no authority: {error}"));
    verifier.map(Some).map_err(unusable)
}

/// Checks what is asked for, and always that the server has the key of the certificate that it shows.
#[derive(Debug)]
struct Verifier {
    authorities: Option<Arc<WebPkiServerVerifier>>,
    verification: Verification,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = authorities.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.verification == Verification::Authority => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
