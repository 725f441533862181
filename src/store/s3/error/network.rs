//! Why a service could not be reached, where the network tells: the name, the port, the protocol.

use std::{error::Error as StdError, io};

use super::chain::chain;

/// What cures it that no answer came; none where the network doesn't tell why.
pub(super) fn cure(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    chain(error).find_map(of_cause)
}

fn of_cause(cause: &(dyn StdError + 'static)) -> Option<&'static str> {
    if let Some(cure) = cause.downcast_ref::<io::Error>().and_then(|error| of_io(error.kind())) {
        return Some(cure);
    }
    if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
        return Some(NOT_HTTP);
    }
    let text = cause.to_string();
    // tokio-rustls gives it no type of its own
    if text.contains("tls handshake eof") {
        return Some(NOT_TLS);
    }
    // the type of this one is private: https://docs.rs/hyper-util/latest/hyper_util/client/legacy/connect/
    text.starts_with("dns error").then_some(UNKNOWN_HOST)
}

const UNKNOWN_HOST: &str = "there is no host of that name here: correct AWS_ENDPOINT_URL_S3, or AWS_REGION, which is part \
    of the names of AWS's hosts; where both are right, this machine's DNS fails (a service without host names per \
    bucket needs PGCOFFER_S3_PATH_STYLE=true)";
const NOT_TLS: &str = "what listens there speaks no TLS, or breaks off at once: correct the port in AWS_ENDPOINT_URL_S3, \
    or write http:// where the whole way to that host is your own network";
const NOT_HTTP: &str = "what listens there answers something else than HTTP: correct the port in AWS_ENDPOINT_URL_S3, or \
    write https:// where it speaks TLS";

fn of_io(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens at that host and port: correct them in AWS_ENDPOINT_URL_S3, or start the service; where a \
             proxy leads out, correct HTTPS_PROXY"
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "no way leads there from this machine: see its network, its IPv6 and its VPN; where a proxy alone leads \
             out, HTTPS_PROXY names it"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_the_network_has_its_cure() {
        let refused = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert!(cure(&refused).is_some_and(|cure| cure.starts_with("nothing listens")));
        let unknown = io::Error::other("dns error: no such host");
        assert!(cure(&unknown).is_some_and(|cure| cure.starts_with("there is no host")));
        assert!(cure(&io::Error::other("something else")).is_none());
    }
}
