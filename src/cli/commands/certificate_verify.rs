//! `certificate verify`: verifies certificates with public keys alone.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use pgcoffer::{
    Error, Result,
    backup::Label,
    certificate::{
        Certificate, CertificateChain, ENVELOPE_BYTES_MAX, PublicKey, PublicKeyFault, Sha256Digest, check_chains,
    },
    config::{Settings, certificate_keys},
    exit_status::ExitStatus,
    seal::RepositoryId,
};

use super::context::usage;
use crate::cli::output::Output;

/// The longest file of keys, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 64 << 10;

/// The characters of the id of a key: SHA-256 in hexadecimal digits.
const KEY_ID_CHARS: usize = 64;

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The certificates; of several it is also said whether any is missing between them (- is standard input)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The public key: a file, or the key itself on one line (default: PGCOFFER_CERTIFICATE_KEY). Of several keys one has
    /// to be right
    #[arg(long, value_name = "PUBLIC")]
    key: Vec<String>,
    /// Check as well that they are about this sealed archive
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// Check as well that they are of this repository
    #[arg(long, value_name = "ID")]
    repository: Option<RepositoryId>,
    /// Check as well that they are of this database
    #[arg(long, value_name = "NAME", value_parser = label)]
    database: Option<Label>,
}

fn label(text: &str) -> std::result::Result<Label, String> {
    Label::parse(text).map_err(|error| error.to_string())
}

/// What became of one file.
pub(in crate::cli) struct VerifiedFile {
    pub(in crate::cli) file: String,
    /// The certificate, or why it is none that counts.
    pub(in crate::cli) certificate: Result<Certificate>,
    /// What is wrong with a certificate that was verified: it is about something else than was asked for.
    pub(in crate::cli) faults: Vec<String>,
}

/// Verifies every file, and whether any certificate is missing between them.
pub(in crate::cli) fn verify_certificates(args: &VerifyArgs, settings: &Settings, json: bool) -> Result<()> {
    let keys = keys(args, settings)?;
    let archive = args.archive.as_deref().map(sha256_of).transpose()?;
    let files: Vec<VerifiedFile> = args
        .files
        .iter()
        .map(|file| verified(file, &keys, args, archive))
        .collect();
    let good = files
        .iter()
        .filter_map(|one| Some((one.file.as_str(), one.certificate.as_ref().ok()?)));
    let chains = check_chains(good);
    Output { json }.certificates_verified(&files, &chains, &keys)?;
    as_status(files, &chains)
}

/// The public keys at hand. One that stands in a certificate is none of them.
fn keys(args: &VerifyArgs, settings: &Settings) -> Result<Vec<PublicKey>> {
    if args.key.is_empty() {
        let keys = certificate_keys(settings)?;
        return match keys.is_empty() {
            false => Ok(keys),
            true => Err(usage(
                "there is no public key to verify by",
                "give --key FILE, or set PGCOFFER_CERTIFICATE_KEY: the key stands on the recovery sheet, and `pgcoffer \
                 certificate key` prints it where the secret key is set. One that came with the certificate proves nothing",
            )),
        };
    }
    let mut keys = Vec::new();
    for given in &args.key {
        keys.extend(keys_in(given)?);
    }
    Ok(keys)
}

/// The keys in a file, or in the argument itself.
fn keys_in(given: &str) -> Result<Vec<PublicKey>> {
    let as_text = PublicKey::parse_all(given);
    let refused = |what: String, fault: PublicKeyFault| usage(format!("{what}: {fault}"), fault.hint());
    match as_text {
        Ok(keys) => return Ok(keys),
        // named without a word of it
        Err(fault @ (PublicKeyFault::Secret | PublicKeyFault::Private)) => {
            return Err(refused("--key".to_owned(), fault));
        }
        Err(_) => {}
    }
    let path = Path::new(given);
    let is_id = given.len() == KEY_ID_CHARS && given.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id && !path.exists() {
        return Err(usage(
            format!("--key {given}: that is the id of a key, and not the key"),
            "the key is what `pgcoffer certificate key` prints, and what stands on the recovery sheet",
        ));
    }
    let mut text = String::new();
    let opened = File::open(path).map_err(|error| Error::io("read the public key", path, error))?;
    let read = opened.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text);
    match read {
        Ok(_) => PublicKey::parse_all(&text).map_err(|fault| refused(given.to_owned(), fault)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(refused(given.to_owned(), PublicKeyFault::Unrecognised))
        }
        Err(error) => Err(Error::io("read the public key", path, error)),
    }
}

fn verified(file: &Path, keys: &[PublicKey], args: &VerifyArgs, archive: Option<Sha256Digest>) -> VerifiedFile {
    let name = match file == Path::new("-") {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let certificate = read(file).and_then(|bytes| {
        Certificate::open(&bytes, keys).map_err(|source| Error::Certificate {
            object: name.clone(),
            source,
        })
    });
    let faults = match &certificate {
        Ok(certificate) => mismatches(certificate, args, archive),
        Err(_) => Vec::new(),
    };
    VerifiedFile {
        file: name,
        certificate,
        faults,
    }
}

/// What of the certificate is not as was asked for.
fn mismatches(certificate: &Certificate, args: &VerifyArgs, archive: Option<Sha256Digest>) -> Vec<String> {
    let statement = certificate.statement();
    let predicate = &statement.predicate;
    let mut faults = Vec::new();
    if args.repository.is_some_and(|wanted| wanted != predicate.repository) {
        faults.push(format!("it is of another repository, {}", predicate.repository));
    }
    if args
        .database
        .as_ref()
        .is_some_and(|wanted| *wanted != predicate.database)
    {
        faults.push(format!("it is of another database, {}", predicate.database));
    }
    let is_about = |digest: Sha256Digest| statement.subject.iter().any(|object| object.digest.sha256 == digest);
    if archive.is_some_and(|digest| !is_about(digest)) {
        faults.push("it is about another archive than the one that --archive names".to_owned());
    }
    faults
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // one more than may be read, which shows that there is more
    let most = ENVELOPE_BYTES_MAX as u64 + 1;
    let read = match file == Path::new("-") {
        true => io::stdin().lock().take(most).read_to_end(&mut bytes),
        false => File::open(file).and_then(|opened| opened.take(most).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Error::io("read", file, error))?;
    Ok(bytes)
}

fn sha256_of(file: &Path) -> Result<Sha256Digest> {
    let digest = File::open(file).and_then(Sha256Digest::of_reader);
    digest.map_err(|error| Error::io("read", file, error))
}

/// Ends with 0 only if every certificate was verified, is about what was asked for, and none is missing between them.
fn as_status(files: Vec<VerifiedFile>, chains: &[CertificateChain]) -> Result<()> {
    let count = files.len();
    let (mut first, mut bad) = (None, 0);
    for one in files {
        match one.certificate {
            Err(error) => {
                bad += 1;
                first = first.or(Some(error));
            }
            Ok(_) if !one.faults.is_empty() => bad += 1,
            Ok(_) => {}
        }
    }
    let is_broken = chains.iter().any(|chain| !chain.faults.is_empty());
    let what = match (bad, is_broken) {
        (0, false) => return Ok(()),
        // one file that can't be read is no forgery
        (1, false) if count == 1 && first.is_some() => return first.map_or(Ok(()), Err),
        (0, true) => "the certificates are not all that there are, or not in their order; what is wrong is named above"
            .to_owned(),
        (bad, _) => format!("{bad} of {count} certificates could not be verified; why is said above"),
    };
    Err(Error::Problems {
        what,
        exit_status: ExitStatus::Integrity,
    })
}
