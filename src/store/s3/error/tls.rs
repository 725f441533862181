//! Errors of certificates and TLS, distinguished by the type of the library below and not by its messages.

use std::error::Error as StdError;

use rustls::{CertificateError, Error as Tls};

use super::{Kind, chain::chain};

/// The kind of a TLS error, and what the user can do about it. `None` if it is not one.
pub(super) fn fault(error: &(dyn StdError + 'static)) -> Option<(Kind, &'static str)> {
    let found = chain(error).find_map(|cause| cause.downcast_ref::<Tls>());
    Some(match found? {
        Tls::InvalidCertificate(fault) => (Kind::Certificate, cure(fault)),
        Tls::NoCertificatesPresented => (Kind::Certificate, OTHERS),
        Tls::InvalidMessage(_) => (
            Kind::Endpoint,
            "what listens there speaks no TLS: correct the port in AWS_ENDPOINT_URL_S3, or write http:// where the \
             whole way to that host is your own network",
        ),
        _ => return None,
    })
}

const OTHERS: &str = "have the service's operator look at its certificate; with a proxy between, look at that";

fn cure(fault: &CertificateError) -> &'static str {
    match fault {
        CertificateError::UnknownIssuer => {
            "nobody here vouches for the service's certificate: name a file with the certificate of the authority that \
             made it in AWS_CA_BUNDLE (for S3 alone) or SSL_CERT_FILE; where a proxy opens all traffic, that is the \
             proxy's own authority; a container may lack the package ca-certificates"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is another host's: correct AWS_ENDPOINT_URL_S3; a bucket name with dots, or a service \
             without host names per bucket, needs PGCOFFER_S3_PATH_STYLE=true"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid at this machine's time: have it renewed, or set this machine's clock by NTP \
             where that is wrong"
        }
        _ => OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_fault_is_found_however_deep_it_lies() {
        let unknown = Tls::InvalidCertificate(CertificateError::UnknownIssuer);
        let deep = io::Error::other(io::Error::other(unknown));
        let (kind, cure) = fault(&deep).unwrap();
        assert_eq!(kind, Kind::Certificate);
        assert!(cure.contains("AWS_CA_BUNDLE") && cure.contains("SSL_CERT_FILE"));
        assert!(fault(&io::Error::other("refused")).is_none());
    }
}
