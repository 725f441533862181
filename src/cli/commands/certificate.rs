//! `certificate`: shows and gives out the certificates of drills.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use pgcoffer::{
    Error, Result,
    agent::{CertificateSelector, StoredCertificate},
    certificate::Certificate,
};

use super::{
    certificate_verify::VerifyArgs,
    context::{Context, usage},
};
use crate::cli::{log, output, screen};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CertificateCommand {
    /// Show what the certificate of a drill says, after verifying it
    Show(ChosenCertificate),
    /// Write a certificate into a file, for others to verify
    Get(GetArgs),
    /// Verify certificates with the public key alone: takes no bucket and no secret
    Verify(VerifyArgs),
    /// Print the public key that verifies the certificates of this repository
    Key {
        /// Also those of earlier keys, which verify what was signed with them
        #[arg(long)]
        old: bool,
        /// Of this database
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
    },
}

/// The certificate that a command is about.
#[derive(Debug, Args)]
pub(in crate::cli) struct ChosenCertificate {
    /// The number of a certificate, the id of a backup or of a drill, its beginning or its end (4 characters or more), or
    /// latest [default: latest]
    id: Option<String>,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GetArgs {
    #[command(flatten)]
    chosen: ChosenCertificate,
    /// Where to write it (default: DATABASE-NUMBER-DRILL.certificate.json; - is standard output); with --all a folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// With the names of tables and what the drill found of each, which takes the key itself
    #[arg(long)]
    names: bool,
    /// Its form: the signed envelope, the same in a Sigstore bundle, or a page to read and print
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,
    /// Every certificate there is, each into a file of its own; those that are in the folder already stay
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Bundle,
    Html,
}

impl ChosenCertificate {
    fn selector(&self) -> CertificateSelector<'_> {
        CertificateSelector {
            id: self.id.as_deref(),
            database: self.database.as_deref(),
        }
    }
}

impl Format {
    fn text(self, certificate: &Certificate) -> String {
        match self {
            Self::Json => certificate.envelope().to_json(),
            Self::Bundle => certificate.envelope().to_bundle_json(),
            Self::Html => certificate.to_html(),
        }
    }

    /// Whether `certificate verify` takes it.
    fn is_verifiable(self) -> bool {
        self != Self::Html
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Json => "certificate.json",
            Self::Bundle => "sigstore.json",
            Self::Html => "html",
        }
    }
}

impl Context<'_> {
    pub(super) async fn certificate(&self, command: &CertificateCommand) -> Result<()> {
        match command {
            CertificateCommand::Show(chosen) => {
                let stored = self.agent.certificate(chosen.selector()).await?;
                self.output.certificate(&stored)
            }
            CertificateCommand::Get(args) if args.all => self.get_all_certificates(args).await,
            CertificateCommand::Get(args) => self.get_certificate(args).await,
            CertificateCommand::Key { old, database } => {
                let mut keys = self.agent.verifying_keys(database.as_deref()).await?;
                keys.retain(|key| *old || key.retired.is_none());
                self.output.verifying_keys(&keys)
            }
            CertificateCommand::Verify(_) => Err(Error::Internal("this command needs no bucket".to_owned())),
        }
    }

    async fn get_certificate(&self, args: &GetArgs) -> Result<()> {
        if args.output.as_deref() == Some(Path::new("-")) && self.output.json {
            return Err(usage("--json and -o - both want standard output", "give -o FILE"));
        }
        let stored = self.agent.certificate(args.chosen.selector()).await?;
        let certificate = self.in_form(&stored, args.names).await?;
        let text = args.format.text(&certificate);
        let file = args
            .output
            .clone()
            .unwrap_or_else(|| file_name(&stored, &certificate, args.format));
        if file == Path::new("-") {
            return screen::print_document(&text);
        }
        write_new(&file, &text)?;
        self.output.certificates_written(&[file], args.format.is_verifiable())
    }

    async fn get_all_certificates(&self, args: &GetArgs) -> Result<()> {
        let folder = args.output.clone().unwrap_or_default();
        if folder == Path::new("-") {
            return Err(usage("several certificates go into a folder", "give -o FOLDER"));
        }
        let (mut files, mut failed) = (Vec::new(), None);
        for stored in self.agent.certificates(args.chosen.database.as_deref()).await? {
            let certificate = self.in_form(&stored, args.names).await?;
            let file = folder.join(file_name(&stored, &certificate, args.format));
            let text = args.format.text(&certificate);
            match write_new(&file, &text) {
                // fetched before: the same again
                Err(_) if holds(&file, &text) => files.push(file),
                // one that can't be written keeps no other from its file
                Err(error) => {
                    if let Some(earlier) = failed.replace(error) {
                        output::error(&earlier, log::format(self.global.log_format));
                    }
                }
                Ok(()) => files.push(file),
            }
        }
        self.output.certificates_written(&files, args.format.is_verifiable())?;
        failed.map_or(Ok(()), Err)
    }

    async fn in_form(&self, stored: &StoredCertificate, names: bool) -> Result<Certificate> {
        match names {
            true => self.agent.with_names(stored).await,
            false => Ok(stored.certificate.clone()),
        }
    }
}

/// `main-12-abcdefghij23.certificate.json`, or with names `main-12-abcdefghij23.names.certificate.json`: the number, and the
/// end of the drill's name, since two drills at once have one number.
fn file_name(stored: &StoredCertificate, certificate: &Certificate, format: Format) -> PathBuf {
    let predicate = &certificate.statement().predicate;
    let names = if certificate.has_names() { ".names" } else { "" };
    let (database, number) = (&predicate.database, predicate.chain.number);
    let (_, drill) = stored.report.name.as_str().rsplit_once('-').unwrap_or_default();
    PathBuf::from(format!("{database}-{number}-{drill}{names}.{}", format.extension()))
}

/// Whether the file has this text and nothing else.
fn holds(path: &Path, text: &str) -> bool {
    let is_long = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == text.len() as u64);
    is_long && std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
}

/// Writes a file that isn't there yet. It gets its name only when it is complete.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|source| Error::io("write", path, source))
}
