//! Tools that are not ours verify a certificate, and refuse a forged one.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest as _, Sha256};

use super::{Scene, read, statement};
use crate::testbed::{INSTALL_HINT, project};

/// securesystemslib verifies the envelope, in-toto's own library reads the statement, and this prints what it is about.
const VERIFY: &str = r#"
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Proto
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

envelope = json.load(open(sys.argv[1]))
public = load_pem_public_key(open(sys.argv[2], "rb").read())
key = SSlibKey.from_crypto(public, keyid=envelope["signatures"][0]["keyid"])
envelope = Envelope.from_dict(envelope)
envelope.verify([key], 1)
assert envelope.payload_type == "application/vnd.in-toto+json", envelope.payload_type
statement = json.loads(envelope.payload)
read = Statement.copy_from_pb(ParseDict(
    {"type" if name == "_type" else name: value for name, value in statement.items()}, Proto()))
read.validate()
print(read.pb.subject[0].digest["sha256"], read.pb.predicate_type, read.pb.predicate["verdict"])
"#;

fn python() -> PathBuf {
    let python = project().join(".testbed/attestations/bin/python");
    assert!(python.exists(), "no .testbed/attestations: {INSTALL_HINT}");
    python
}

/// What the public libraries of Python print of a certificate; what they refuse it with.
fn by_python(certificate: &Path, key: &Path) -> Result<String, String> {
    let mut command = Command::new(python());
    let output = command
        .arg("-c")
        .arg(VERIFY)
        .arg(certificate)
        .arg(key)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout).trim().to_owned()),
        false => Err(text(output.stderr)),
    }
}

/// Whether OpenSSL verifies the signature over the bytes that the specification names.
fn by_openssl(certificate: &Path, key: &Path) -> bool {
    let envelope = read(certificate);
    let decoded = |text: &serde_json::Value| data_encoding::BASE64.decode(text.as_str().unwrap().as_bytes()).unwrap();
    let payload = decoded(&envelope["payload"]);
    let payload_type = envelope["payloadType"].as_str().unwrap();
    let mut signed = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    signed.extend(payload);
    let folder = tempfile::tempdir().unwrap();
    let (message, signature) = (folder.path().join("message"), folder.path().join("signature"));
    std::fs::write(&message, signed).unwrap();
    std::fs::write(&signature, decoded(&envelope["signatures"][0]["sig"])).unwrap();
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]);
    command
        .arg(key)
        .arg("-in")
        .arg(&message)
        .arg("-sigfile")
        .arg(&signature);
    command.output().unwrap().status.success()
}

#[test]
fn public_tools_verify_a_certificate_and_find_the_archive_that_it_is_about() {
    let scene = Scene::drilled(1);
    let files = scene.get_all();
    let key = scene.key_file();
    let archive = scene.stage.bucket.read(&scene.stage.key("/archives/")).unwrap();
    let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&archive));
    let told = by_python(&files[0], &key).unwrap();
    let predicate = "https://github.com/pgcoffer/pgcoffer/blob/main/docs/certificates.md#v1";
    assert_eq!(told, format!("{sha256} {predicate} proven"));
    assert!(by_openssl(&files[0], &key));
    // with its names it is signed as well
    let named = scene.file("named.json");
    let args = ["certificate", "get", "--names", "-o", named.to_str().unwrap()];
    scene.agent.run(args).success();
    assert_eq!(by_python(&named, &key).unwrap(), told);
}

#[test]
fn public_tools_refuse_what_is_forged() {
    let scene = Scene::drilled(1);
    let files = scene.get_all();
    let (key, forged) = (scene.key_file(), scene.file("forged.json"));
    let mut envelope = read(&files[0]);
    let mut changed = statement(&envelope);
    changed["predicate"]["verdict"] = "notProven".into();
    envelope["payload"] = data_encoding::BASE64.encode(changed.to_string().as_bytes()).into();
    std::fs::write(&forged, envelope.to_string()).unwrap();
    let refused = by_python(&forged, &key).unwrap_err();
    assert!(refused.contains("VerificationError"), "{refused}");
    assert!(!by_openssl(&forged, &key));
}
