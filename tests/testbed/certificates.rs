//! Certificates for tests, made by openssl.

use std::{path::Path, process::Command, sync::Arc};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::INSTALL_HINT;

/// Runs openssl in a folder. The arguments are separated by single spaces.
#[track_caller]
pub fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap_or_else(|e| panic!("openssl: {e}; {INSTALL_HINT}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {said}");
}

/// Makes an authority (`ca.key`, `ca.crt`) and a server's certificate by it (`server.key`, `server.crt`) with this
/// subject alternative name, such as `DNS:localhost` or `IP:127.0.0.1`.
#[track_caller]
pub fn certificates(folder: &Path, name: &str) {
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650";
    openssl(
        folder,
        &format!("req -x509 {new} -keyout ca.key -out ca.crt -subj /CN=authority"),
    );
    openssl(
        folder,
        &format!(
            "req -x509 {new} -CA ca.crt -CAkey ca.key -keyout server.key -out server.crt -subj /CN=server -addext \
             subjectAltName={name} -addext basicConstraints=critical,CA:FALSE"
        ),
    );
}

/// A server's side of TLS with the certificate in this folder.
pub fn tls_server(folder: &Path) -> rustls::ServerConfig {
    let chain = CertificateDer::pem_file_iter(folder.join("server.crt"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}
