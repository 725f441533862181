//! The SDK's HTTP client: which certificates it trusts, and how the sources of credentials answer.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{self, TlsContext, TrustStore},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    store::s3::{Error, Kind},
    text::os_words,
};

/// A client that uses the proxy of the environment. If a file of certificates is named, it is trusted instead of the
/// system's, as in the AWS CLI.
pub(in crate::store::s3) fn client(bundle: Option<&str>) -> Result<SharedHttpClient, Error> {
    let trust = match bundle {
        Some(file) => TrustStore::empty().with_pem_certificate(certificates(file)?),
        None => TrustStore::default(),
    };
    let context = TlsContext::builder().with_trust_store(trust).build();
    let context = context.map_err(|e| unusable(bundle.unwrap_or_default(), &e.to_string()))?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let rustls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let mut connector = ConnectorBuilder::default()
            .tls_provider(rustls)
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    }))
}

/// The certificates of a file. The client would panic if the file has none.
fn certificates(file: &str) -> Result<Vec<u8>, Error> {
    let pem = fs::read(file).map_err(|e| unusable(file, &os_words(&e)))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| unusable(file, &e.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|e| unusable(file, &e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable(file, "there is no certificate in it"));
    }
    Ok(pem)
}

fn unusable(file: &str, why: &str) -> Error {
    let doing = format!("trust the certificates of {file:?}");
    Error::new(Kind::Configuration, doing, why).with_cure(
        "AWS_CA_BUNDLE (or ca_bundle in ~/.aws/config) names a file of certificates in PEM: correct it, or unset it \
         for the system's own",
    )
}

/// How the sources of credentials answered last.
#[derive(Debug, Clone, Default)]
pub(super) struct CountedAnswers(Arc<AtomicU8>);

const NONE: u8 = 0;
const DEFINITE: u8 = 1;
const PASSING: u8 = 2;

impl CountedAnswers {
    pub(super) fn forget(&self) {
        self.0.store(NONE, Ordering::Relaxed);
    }

    /// Whether there was no answer last, or one that asks to retry later.
    pub(super) fn are_passing(&self) -> bool {
        self.0.load(Ordering::Relaxed) == PASSING
    }

    fn hear(&self, status: Option<u16>) {
        let kind = match status {
            None | Some(408 | 429 | 500..) => PASSING,
            Some(_) => DEFINITE,
        };
        self.0.store(kind, Ordering::Relaxed);
    }
}

/// A client whose answers are recorded.
#[derive(Debug)]
pub(super) struct CountingClient {
    pub(super) client: SharedHttpClient,
    pub(super) answers: CountedAnswers,
}

impl HttpClient for CountingClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(CountingConnector {
            connector: self.client.http_connector(settings, components),
            answers: self.answers.clone(),
        })
    }
}

#[derive(Debug)]
struct CountingConnector {
    connector: SharedHttpConnector,
    answers: CountedAnswers,
}

impl HttpConnector for CountingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, answers) = (self.connector.call(request), self.answers.clone());
        // a request that was given up has no answer either
        answers.hear(None);
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            answers.hear(status);
            answer
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_without_certificates_is_an_error_and_no_panic() {
        for text in [
            "",
            "nothing",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n",
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let error = client(file.path().to_str()).unwrap_err();
            assert_eq!(error.kind, Kind::Configuration, "{text}");
            assert!(error.hint().unwrap().contains("AWS_CA_BUNDLE"));
        }
        assert!(client(Some("/nowhere/at/all.pem")).is_err());
        assert!(client(None).is_ok());
    }
}
