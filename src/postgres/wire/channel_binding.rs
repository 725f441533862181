//! The channel binding of a login: a hash of the server's certificate.
//!
//! <https://www.rfc-editor.org/rfc/rfc5929#section-4.1>

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::der::{DerReader, OID, SEQUENCE};

/// `tls-server-end-point` of a certificate in DER: its hash with the hash function of its signature if that is SHA-2,
/// and with SHA-256 for MD5 and SHA-1. `None` if the signature names no hash function, as RFC 5929 then defines no
/// binding.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let oid = signature_algorithm(certificate)?;
    Some(match oid {
        // sha384WithRSAEncryption, ecdsa-with-SHA384
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => {
            Sha384::digest(certificate).to_vec()
        }
        // sha512WithRSAEncryption, ecdsa-with-SHA512
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => {
            Sha512::digest(certificate).to_vec()
        }
        // md5, sha1 and sha256 WithRSAEncryption, ecdsa-with-SHA1 and -SHA256
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04 | 0x05 | 0x0b]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02] => Sha256::digest(certificate).to_vec(),
        _ => return None,
    })
}

/// `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { algorithm OID, … }, … }`
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let mut whole = DerReader::new(certificate).inside(SEQUENCE)?;
    whole.element(SEQUENCE)?;
    whole.inside(SEQUENCE)?.element(OID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_end_point() {
        for der in [
            &b""[..],
            &[0x30],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x03, 0x30, 0x01, 0x00],
        ] {
            assert_eq!(end_point(der), None);
        }
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let certificate = |oid: &[u8]| {
            let mut algorithm = vec![0x06, oid.len() as u8];
            algorithm.extend(oid);
            let mut body = vec![0x30, 0x00, 0x30, algorithm.len() as u8];
            body.extend(&algorithm);
            let mut der = vec![0x30, body.len() as u8];
            der.extend(&body);
            der
        };
        let rsa = |last| certificate(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last]);
        for (last, length) in [(0x05, 32), (0x0b, 32), (0x0c, 48), (0x0d, 64)] {
            assert_eq!(end_point(&rsa(last)).unwrap().len(), length);
        }
        // Ed25519
        assert_eq!(end_point(&certificate(&[0x2b, 0x65, 0x70])), None);
    }
}
