//! The certificate in a report, as JSON has it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most bytes of a certificate. Its size doesn't depend on the database.
pub const CERTIFICATE_BYTES_MAX: usize = 64 << 10;

/// The certificate of a drill: a signed statement that others can check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillCertificate {
    /// The bytes that are given out, exactly as they were signed; base64 in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub envelope: Vec<u8>,
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&data_encoding::BASE64.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() > CERTIFICATE_BYTES_MAX * 2 {
        return Err(de::Error::custom("a certificate of more than 64 KiB"));
    }
    data_encoding::BASE64.decode(text.as_bytes()).map_err(de::Error::custom)
}
