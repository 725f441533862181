//! The DSSE envelope: a payload, its type, and signatures over both.
//!
//! <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>

use data_encoding::{BASE64, BASE64URL};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{CertificateKey, PublicKey, strict_json};
use crate::text::Untrusted;

/// The type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The type of a Sigstore bundle, which newer versions of cosign want around an envelope.
///
/// <https://docs.sigstore.dev/about/bundle/>
const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The longest envelope that is read, in bytes: a certificate with the names of 100,000 tables has a third of it.
pub const ENVELOPE_BYTES_MAX: usize = 64 << 20;

/// The most signatures of an envelope that are looked at.
const SIGNATURES_MAX: usize = 16;

/// A payload with signatures. Nothing in it may be believed before [`Envelope::signer`] has named the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct EnvelopeSignature {
    /// A hint which key it is by. It is not signed.
    key_id: String,
    signature: Vec<u8>,
}

/// Why bytes are no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// They are too long.
    #[error("it has more than {} MiB", ENVELOPE_BYTES_MAX >> 20)]
    TooLong,
    /// They are not JSON.
    #[error("it is not JSON")]
    NotJson,
    /// They are not the JSON of an envelope, or an object of it has a name twice.
    #[error("it is not a DSSE envelope: {0}")]
    NotAnEnvelope(Untrusted),
    /// Beside an envelope there is something else, which other programs might take for the certificate.
    #[error("it is not one certificate alone: {0} stands beside its envelope")]
    MoreThanOne(Untrusted),
    /// Payload or signature are not base64.
    #[error("its {0} is not base64")]
    NotBase64(&'static str),
    /// No signature.
    #[error("nothing has signed it")]
    NotSigned,
    /// Too many signatures.
    #[error("it has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
}

/// An envelope as its JSON has it. What else stands there would be ignored by some programs, and by others taken for the
/// certificate, so it is refused.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeJson {
    payload: String,
    payload_type: String,
    signatures: Vec<SignatureJson>,
}

#[derive(Serialize, Deserialize)]
struct SignatureJson {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
    sig: String,
}

/// The names in an envelope, and those in a Sigstore bundle around one.
const ENVELOPE_NAMES: [&str; 3] = ["payload", "payloadType", "signatures"];
const BUNDLE_NAMES: [&str; 3] = ["mediaType", "verificationMaterial", ENVELOPE_IN_BUNDLE];
const ENVELOPE_IN_BUNDLE: &str = "dsseEnvelope";

/// The envelope in a document, by itself or in a bundle, if nothing else stands beside it.
fn envelope_in(document: Value) -> Result<EnvelopeJson, EnvelopeFault> {
    let not_one = |why: &str| EnvelopeFault::NotAnEnvelope(why.into());
    let mut object = match document {
        Value::Object(object) => object,
        Value::Array(_) => return Err(not_one("it is a list, and a file holds one certificate")),
        _ => return Err(not_one("it is no object of JSON")),
    };
    let is_bundle = object.contains_key(ENVELOPE_IN_BUNDLE);
    alone(&object, if is_bundle { &BUNDLE_NAMES } else { &ENVELOPE_NAMES })?;
    if is_bundle {
        object = match object.remove(ENVELOPE_IN_BUNDLE) {
            Some(Value::Object(envelope)) => envelope,
            _ => return Err(not_one("its dsseEnvelope is no object")),
        };
        alone(&object, &ENVELOPE_NAMES)?;
    }
    if let Some(missing) = ENVELOPE_NAMES.iter().find(|name| !object.contains_key(**name)) {
        return Err(not_one(&format!("it has no {missing}")));
    }
    serde_json::from_value(Value::Object(object)).map_err(|error| not_one(&error.to_string()))
}

/// Checks that an object has no other names than these. One with none of them is something else altogether.
fn alone(object: &Map<String, Value>, names: &[&str]) -> Result<(), EnvelopeFault> {
    if !object.keys().any(|name| names.contains(&name.as_str())) {
        return Ok(());
    }
    match object.keys().find(|name| !names.contains(&name.as_str())) {
        Some(other) => Err(EnvelopeFault::MoreThanOne(other.as_str().into())),
        None => Ok(()),
    }
}

/// The bytes that are signed: type and payload with their lengths, so that neither can pass for a part of the other.
pub(super) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

impl Envelope {
    /// Signs an in-toto statement.
    #[must_use]
    pub fn sign(statement: Vec<u8>, key: &CertificateKey) -> Self {
        let signature = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &statement));
        Self {
            payload: statement,
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![EnvelopeSignature {
                key_id: key.public().id(),
                signature,
            }],
        }
    }

    /// Reads an envelope, by itself or in a Sigstore bundle. Verifies nothing.
    ///
    /// # Errors
    /// [`EnvelopeFault`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeFault> {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(EnvelopeFault::TooLong);
        }
        let read: Value = strict_json::parse(bytes).map_err(|error| match strict_json::is_json(bytes) {
            true => EnvelopeFault::NotAnEnvelope(error.to_string().into()),
            false => EnvelopeFault::NotJson,
        })?;
        let envelope = envelope_in(read)?;
        match envelope.signatures.len() {
            0 => return Err(EnvelopeFault::NotSigned),
            1..=SIGNATURES_MAX => {}
            _ => return Err(EnvelopeFault::TooManySignatures),
        }
        let signatures = envelope.signatures.into_iter().map(|one| {
            Ok(EnvelopeSignature {
                signature: decoded(&one.sig, "signature")?,
                key_id: one.keyid,
            })
        });
        Ok(Self {
            payload: decoded(&envelope.payload, "payload")?,
            payload_type: envelope.payload_type,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }

    /// The one of these keys that has signed it. Of several signatures one that is right suffices; ids of keys in the
    /// envelope are hints that anybody can write, and decide nothing.
    #[must_use]
    pub fn signer(&self, keys: &[PublicKey]) -> Option<PublicKey> {
        let signed = pre_authentication_encoding(&self.payload_type, &self.payload);
        let has_signed = |key: &&PublicKey| {
            let mut signatures = self.signatures.iter();
            signatures.any(|one| key.has_signed(&signed, &one.signature))
        };
        keys.iter().find(has_signed).copied()
    }

    /// What is signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The type of what is signed.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// Which keys it says that it is signed by. Anybody can write these.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|one| one.key_id.as_str())
    }

    /// The envelope as JSON, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let envelope = serde_json::to_string(&self.as_json());
        format!(
            "{}\n",
            envelope.expect("an envelope has string keys and no fallible field")
        )
    }

    /// A Sigstore bundle that holds the envelope, as JSON on one line.
    #[must_use]
    pub fn to_bundle_json(&self) -> String {
        let hint = self.key_ids().next().unwrap_or_default();
        let bundle = json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": { "publicKey": { "hint": hint }, "tlogEntries": [] },
            "dsseEnvelope": self.as_json(),
        });
        format!("{bundle}\n")
    }

    fn as_json(&self) -> EnvelopeJson {
        let signatures = self.signatures.iter().map(|one| SignatureJson {
            keyid: one.key_id.clone(),
            sig: BASE64.encode(&one.signature),
        });
        EnvelopeJson {
            payload: BASE64.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: signatures.collect(),
        }
    }
}

/// Either alphabet, as the specification wants of who verifies.
fn decoded(text: &str, what: &'static str) -> Result<Vec<u8>, EnvelopeFault> {
    let bytes = BASE64.decode(text.as_bytes());
    let bytes = bytes.or_else(|_| BASE64URL.decode(text.as_bytes()));
    bytes.map_err(|_| EnvelopeFault::NotBase64(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, Secret};

    fn key(byte: u8) -> CertificateKey {
        let secret = Secret::Key(MasterKey::parse(&format!("{byte:02x}").repeat(32)).unwrap());
        let repository = "c0ffee00112233445566778899aabbcc".parse().unwrap();
        CertificateKey::of(&secret.identity(&repository, "main").unwrap())
    }

    /// The example of the specification.
    #[test]
    fn type_and_payload_are_encoded_as_the_specification_does() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
        // bytes count, not characters
        assert_eq!(pre_authentication_encoding("ä", b""), "DSSEv1 2 ä 0 ".as_bytes());
    }

    #[test]
    fn an_envelope_is_read_as_it_was_written_in_each_form() {
        let signed = Envelope::sign(b"{\"a\":\"\xc3\xbf?>\"}".to_vec(), &key(1));
        let keys = [key(2).public(), key(1).public()];
        let in_url_alphabet = signed.to_json().replace('+', "-").replace('/', "_");
        let in_url_alphabet = in_url_alphabet.replace("application_vnd.in-toto-json", PAYLOAD_TYPE);
        for text in [signed.to_json(), signed.to_bundle_json(), in_url_alphabet] {
            let read = Envelope::parse(text.as_bytes()).unwrap();
            assert_eq!(read, signed, "{text}");
            assert_eq!(read.signer(&keys), Some(key(1).public()));
            assert_eq!(read.signer(&keys[..1]), None);
            assert_eq!(read.signer(&[]), None);
        }
    }

    #[test]
    fn another_type_payload_or_signature_is_signed_by_nobody() {
        let signed = Envelope::sign(b"payload".to_vec(), &key(1));
        let keys = [key(1).public()];
        let mut other_type = signed.clone();
        other_type.payload_type = "application/json".to_owned();
        let mut other_payload = signed.clone();
        other_payload.payload = b"Payload".to_vec();
        // what moves between type and payload would be the same bytes without their lengths
        let mut moved = signed.clone();
        moved.payload_type = format!("{PAYLOAD_TYPE} 7 pay");
        moved.payload = b"load".to_vec();
        let mut swapped = signed.clone();
        swapped.signatures = Envelope::sign(b"other".to_vec(), &key(1)).signatures;
        // an id that names a trusted key makes nothing right
        let mut claimed = Envelope::sign(b"payload".to_vec(), &key(2));
        claimed.signatures[0].key_id = keys[0].id();
        for forged in [other_type, other_payload, moved, swapped, claimed] {
            assert_eq!(forged.signer(&keys), None, "{forged:?}");
        }
        // a signature without any id, and one beside a wrong one, are right
        let mut several = signed;
        several.signatures[0].key_id.clear();
        several
            .signatures
            .insert(0, Envelope::sign(b"x".to_vec(), &key(2)).signatures.remove(0));
        let read = Envelope::parse(several.to_json().as_bytes()).unwrap();
        assert_eq!(read.signer(&keys), Some(keys[0]));
    }

    #[test]
    fn what_is_no_envelope_is_refused_and_named() {
        use EnvelopeFault as Fault;
        let good = Envelope::sign(b"payload".to_vec(), &key(1)).to_json();
        let parse = |text: &str| Envelope::parse(text.as_bytes()).unwrap_err();
        assert_eq!(parse("<html>"), Fault::NotJson);
        assert_eq!(parse(""), Fault::NotJson);
        assert_eq!(
            parse(&good.replace("\"payload\":\"", "\"payload\":\"!")),
            Fault::NotBase64("payload")
        );
        assert_eq!(
            parse(&good.replace("\"sig\":\"", "\"sig\":\"*")),
            Fault::NotBase64("signature")
        );
        assert_eq!(
            parse(r#"{"payload":"","payloadType":"","signatures":[]}"#),
            Fault::NotSigned
        );
        let many = vec![r#"{"sig":""}"#; 17].join(",");
        assert_eq!(
            parse(&format!(r#"{{"payload":"","payloadType":"","signatures":[{many}]}}"#)),
            Fault::TooManySignatures
        );
        // two readings of one file: another program takes what stands outside, or knows no bundle
        let bundle = Envelope::parse(good.as_bytes()).unwrap().to_bundle_json();
        for two in [
            bundle.replacen(
                '{',
                "{\"payload\":\"Zm9yZ2Vk\",\"payloadType\":\"x\",\"signatures\":[],",
                1,
            ),
            bundle.replacen('{', "{\"payload\":\"Zm9yZ2Vk\",", 1),
            bundle.replace("\"dsseEnvelope\":{", "\"dsseEnvelope\":{\"Payload\":\"Zm9yZ2Vk\","),
            good.replacen('{', "{\"statement\":{},", 1),
            good.replacen('{', "{\"Payload\":\"Zm9yZ2Vk\",", 1),
            good.replacen('{', "{\"dsseEnvelope\":{},", 1),
        ] {
            assert!(matches!(parse(&two), Fault::MoreThanOne(_)), "{two}");
        }
        let list = parse(&format!("[{good}]")).to_string();
        assert!(list.contains("it is a list") && !list.contains("untagged"), "{list}");
        for bad in [
            good.replace("{\"payload\"", "{\"payload\":\"\",\"payload\""),
            good.replace("\"sig\":", "\"sig\":\"\",\"sig\":"),
            good.replace("{\"payload\"", "{\"x\":{\"y\":1,\"y\":2},\"payload\""),
            "[]".to_owned(),
            "{}".to_owned(),
        ] {
            assert!(matches!(parse(&bad), Fault::NotAnEnvelope(_)), "{bad}");
        }
        assert_eq!(
            Envelope::parse(&vec![b' '; ENVELOPE_BYTES_MAX + 1]),
            Err(Fault::TooLong)
        );
    }
}
