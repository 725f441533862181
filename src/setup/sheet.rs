//! The recovery sheet: on one page of paper everything that brings the backups back, but the right to read the bucket.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::{
    code::Code,
    html,
    part::SheetPart,
    places::{self, SheetPlace},
    secret::SheetSecret,
};
use crate::{
    readme,
    text::{escaped_lines, shell_word},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the sheet says. It holds the keys: whoever has it and the bucket has the data.
pub struct Sheet {
    /// what opens the backups
    pub secrets: Vec<SheetSecret>,
    /// `s3://bucket/prefix`
    pub bucket: String,
    /// further settings that lead to the bucket: variable and value
    pub access: Vec<(String, String)>,
    /// the id of the AWS account that the credentials are of, where it is known
    pub account: Option<String>,
    /// the public keys of certificates, on one line each: whose it is, and the key
    pub certificate_keys: Vec<(String, String)>,
    /// the places that hold copies
    pub places: Vec<SheetPlace>,
    /// the databases
    pub databases: Vec<SheetDatabase>,
    /// the day it was written
    pub written: Date,
}

/// A database as the sheet names it.
pub struct SheetDatabase {
    /// its label
    pub label: String,
    /// `user@host:port/name`
    pub address: String,
    /// the server's version, where it is known
    pub version: Option<String>,
}

impl Sheet {
    /// As plain text on one page, no line longer than what it quotes.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from("PGCOFFER RECOVERY SHEET\n=======================\n"));
        let parts = self.parts();
        let codes = self.secrets.iter();
        let mut codes = codes.filter_map(|one| Some((one.name.as_str(), one.small_code()?)));
        let at = parts.iter().position(|part| matches!(part, SheetPart::Field(..)));
        let (intro, rest) = parts.split_at(at.unwrap_or_default());
        let intro = intro.iter().filter_map(|part| match part {
            SheetPart::Paragraph(paragraph) => Some(paragraph.as_str()),
            _ => None,
        });
        text.push_str(&beside(&intro.collect::<Vec<_>>(), codes.next()));
        let names = rest.iter().filter_map(|part| match part {
            SheetPart::Field(name, _) => Some(name.chars().count()),
            _ => None,
        });
        let width = names.max().unwrap_or_default();
        for part in rest {
            match part {
                SheetPart::Heading(heading) => text.push_str(&format!("\n{}\n", heading.to_uppercase())),
                SheetPart::Paragraph(paragraph) => text.push_str(&wrapped(paragraph, COLUMNS)),
                SheetPart::Field(name, value) => {
                    text.push_str(&format!("{name:<width$} {}\n", value.as_str()));
                }
                SheetPart::Commands(commands) => {
                    for command in commands {
                        text.push_str(&format!("    {command}\n"));
                    }
                }
                SheetPart::Codes(_) => {}
            }
        }
        for (name, code) in codes {
            text.push_str(&format!("\n{}, FOR A CAMERA\n", name.to_uppercase()));
            text.push_str(&code.text());
        }
        Zeroizing::new(escaped_lines(&text).into_owned())
    }

    /// As a page of HTML that needs nothing beside itself and prints on one page.
    #[must_use]
    pub fn html(&self) -> Zeroizing<String> {
        html::page(&self.parts())
    }

    fn parts(&self) -> Vec<SheetPart> {
        let (secret, them) = self.needed();
        let mut parts: Vec<SheetPart> = self.codes().into_iter().collect();
        parts.push(SheetPart::Paragraph(format!(
            "With this sheet and the right to read the bucket anybody can restore these backups. Without the {secret} \
             nobody can, ever: there is no other copy of {them} and no way around {them}."
        )));
        parts.push(SheetPart::Paragraph(
            "Keep it on paper or in a password manager, in two places that do not burn together; not on the machine \
             that is backed up, not in the bucket. Delete the file once it is printed or stored."
                .to_owned(),
        ));
        parts.extend(self.fields());
        parts.extend(self.about_certificates());
        parts.extend(self.with_us());
        parts.extend(self.without_us());
        parts.extend(install());
        parts
    }

    /// What the public key of certificates is for.
    fn about_certificates(&self) -> Option<SheetPart> {
        (!self.certificate_keys.is_empty()).then(|| {
            SheetPart::Paragraph(
                "The key behind `Certificates` is public and opens nothing. By it, others verify what drills have \
                 proven (`pgcoffer certificate verify --key`, cosign, OpenSSL)."
                    .to_owned(),
            )
        })
    }

    fn fields(&self) -> Vec<SheetPart> {
        let field = |name: &str, value: String| SheetPart::Field(name.to_owned(), Zeroizing::new(value));
        let mut fields: Vec<SheetPart> = Vec::new();
        for secret in &self.secrets {
            fields.push(SheetPart::Field(secret.name.clone(), secret.whole()));
            fields.extend(secret.in_fours());
            fields.extend(secret.key_id.iter().map(|id| field("Key id", id.clone())));
        }
        fields.push(field("Bucket", self.bucket.clone()));
        for (name, value) in &self.access {
            fields.push(field("Setting", format!("{name}={value}")));
        }
        fields.extend(self.account.iter().map(|account| field("AWS account", account.clone())));
        fields.extend(places::fields(&self.places));
        for database in &self.databases {
            let SheetDatabase {
                label,
                address,
                version,
            } = database;
            let version = version
                .as_ref()
                .map_or_else(String::new, |version| format!(", PostgreSQL {version}"));
            fields.push(field("Database", format!("{label}  ({address}{version})")));
        }
        let several = self.certificate_keys.len() > 1;
        for (whose, key) in &self.certificate_keys {
            let whose = if several { format!("  ({whose})") } else { String::new() };
            fields.push(field("Certificates", format!("{key}{whose}")));
        }
        fields.push(field("Written", format!("{} by pgcoffer {VERSION}", self.written)));
        fields.push(field("Runbook", readme::RUNBOOK.to_owned()));
        fields.push(field(
            "Bucket access",
            "ask ______________________________________________".to_owned(),
        ));
        fields
    }

    /// A QR code of each secret that can be read from one.
    fn codes(&self) -> Option<SheetPart> {
        let codes = self.secrets.iter();
        let codes: Vec<_> = codes.filter_map(|one| Some((one.name.clone(), one.code()?))).collect();
        (!codes.is_empty()).then_some(SheetPart::Codes(codes))
    }

    /// What opens the backups, in a sentence, and the pronoun for it.
    fn needed(&self) -> (&'static str, &'static str) {
        let keys = self.secrets.iter().filter(|one| one.key_id.is_some()).count();
        match (keys, self.secrets.len() - keys) {
            (0, 1..) => ("passphrase", "it"),
            (1, 0) => ("key", "it"),
            (_, 0) => ("keys", "them"),
            (1, _) => ("passphrase and the key", "them"),
            _ => ("passphrase and the keys", "them"),
        }
    }

    /// The lines that read every key and passphrase: one for each variable.
    fn reads(&self) -> Vec<String> {
        let mut variables: Vec<&str> = Vec::new();
        for secret in &self.secrets {
            if !variables.contains(&secret.variable.as_str()) {
                variables.push(&secret.variable);
            }
        }
        let read = |variable: &str| {
            let all: Vec<_> = self.secrets.iter().filter(|one| one.variable == variable).collect();
            let day = all.iter().any(|one| one.day.is_some());
            let what = match (all.as_slice(), day) {
                ([one], false) => format!("the {}", one.in_a_sentence()),
                ([one], true) => format!("the {}, with its @ and day", one.in_a_sentence()),
                (all, _) => format!(
                    "each {}, with its @ and day, and a comma behind it",
                    all.first().map(|one| one.in_a_sentence()).unwrap_or_default()
                ),
            };
            format!("read -rs {variable} && export {variable}   # {what}")
        };
        variables.into_iter().map(read).collect()
    }

    fn with_us(&self) -> Vec<SheetPart> {
        let mut commands = self.reads();
        commands.push(format!("export PGCOFFER_BUCKET={}", shell_word(&self.bucket)));
        commands.extend(
            self.access
                .iter()
                .map(|(name, value)| format!("export {name}={}", shell_word(value))),
        );
        commands.push("read -r AWS_ACCESS_KEY_ID && export AWS_ACCESS_KEY_ID".to_owned());
        commands.push("read -rs AWS_SECRET_ACCESS_KEY && export AWS_SECRET_ACCESS_KEY".to_owned());
        commands.push("pgcoffer list".to_owned());
        commands.push("read -rs TARGET_URL && export TARGET_URL   # postgres://USER:PASSWORD@HOST/NAME".to_owned());
        commands.push(format!(
            "pgcoffer restore latest --database {} --to env:TARGET_URL --confirm NAME",
            self.label()
        ));
        commands.extend(self.others());
        commands.extend(places::commands(&self.places));
        vec![
            SheetPart::Heading("Restore with pgcoffer".to_owned()),
            SheetPart::Paragraph(format!(
                "In bash on Linux or a Mac, into a new, empty database (`createdb NAME`), with pgcoffer {VERSION} or later \
                 (see the end) and pg_restore of the server's version or newer. Each `read` waits for one line, and with \
                 -s shows nothing of it.{}",
                match self.secrets.iter().any(|one| one.key_id.is_some()) {
                    true => " Both lines of a key are typed as one, with blanks or without.",
                    false => "",
                }
            )),
            SheetPart::Commands(commands),
        ]
    }

    fn without_us(&self) -> Vec<SheetPart> {
        let archives = format!("{}/{}/archives/", self.bucket, self.label());
        let page = readme::BY_HAND_NAME;
        vec![
            SheetPart::Heading("Restore without pgcoffer".to_owned()),
            SheetPart::Paragraph(format!(
                "Any S3 client fetches the backup (names begin with date and time), and the page {page} opens it with \
                 {}. Keep the copy of the page that was written beside this sheet. Another is in the bucket, beside \
                 README.txt; somebody may have changed it there, so run its program only if its SHA-256 is the one \
                 below. {}",
                self.programs(),
                match self.secrets.len() {
                    0 | 1 => "",
                    _ => "Where it says `wrong key`, it names the id of the one that it wants.",
                }
            )),
            SheetPart::Commands(
                [
                    format!("aws s3 cp {} {page}", shell_word(&format!("{}/{page}", self.bucket))),
                    readme::EXTRACT.to_owned(),
                    "sha256sum open_sealed.py   # a Mac: shasum -a 256 open_sealed.py".to_owned(),
                    format!("# {}", readme::program_sha256()),
                    format!("aws s3 ls --recursive {}", shell_word(&archives)),
                    format!("aws s3 cp {}…/….pgc backup.pgc", shell_word(&archives)),
                    "python3 open_sealed.py backup.pgc payload   # then as the page says".to_owned(),
                ]
                .into_iter()
                .chain(self.others_by_hand())
                .collect(),
            ),
        ]
    }

    /// What the by-hand page takes beside itself.
    fn programs(&self) -> &'static str {
        match self.secrets.iter().any(|one| one.key_id.is_none()) {
            true => "python3, zstd and argon2",
            false => "python3 and zstd",
        }
    }

    /// How the databases beside the first one are restored.
    fn others(&self) -> Option<String> {
        self.other_labels("--database ")
    }

    fn others_by_hand(&self) -> Option<String> {
        self.other_labels("")
    }

    fn other_labels(&self, before: &str) -> Option<String> {
        let labels = self.databases.iter().skip(1);
        let labels: Vec<_> = labels.map(|one| format!("{before}{}", one.label)).collect();
        match labels.is_empty() {
            true => None,
            false => Some(format!(
                "# the others likewise, each into its own: {}",
                labels.join(", ")
            )),
        }
    }

    fn label(&self) -> &str {
        self.databases.first().map_or("main", |one| &one.label)
    }
}

/// How pgcoffer and the client programs come onto a machine.
fn install() -> [SheetPart; 2] {
    [
        SheetPart::Heading("Install pgcoffer".to_owned()),
        SheetPart::Commands(vec![
            "brew install pgcoffer/tap/pgcoffer   # macOS; libpq with it".to_owned(),
            "sudo apt-get install postgresql-client   # Debian, Ubuntu; and the linux.tar.gz of".to_owned(),
            format!("# https://github.com/pgcoffer/pgcoffer/releases/tag/v{VERSION}"),
            "# another version of the client: https://wiki.postgresql.org/wiki/Apt".to_owned(),
            format!("docker run --rm -it ghcr.io/pgcoffer/pgcoffer:{VERSION} bash   # both, in a container"),
        ]),
    ]
}

/// Columns of a sheet of text.
const COLUMNS: usize = 78;
/// Columns of what stands beside a code.
const COLUMNS_BESIDE: usize = 38;

/// The first paragraphs, and beside them a code: so the whole sheet is one page.
fn beside(paragraphs: &[&str], code: Option<(&str, Code)>) -> Zeroizing<String> {
    let Some((name, code)) = code else {
        let all = paragraphs
            .iter()
            .map(|paragraph| format!("\n{}", wrapped(paragraph, COLUMNS)));
        return Zeroizing::new(all.collect::<String>() + "\n");
    };
    let wrapped = paragraphs
        .iter()
        .map(|paragraph| wrapped(paragraph, COLUMNS_BESIDE) + "\n");
    let left = wrapped.collect::<String>() + &format!("{name}, for a camera:\n");
    let code = code.text();
    let mut text = Zeroizing::new(String::with_capacity(code.len() + left.len() + 64 * COLUMNS));
    // two lines of the code's own margin begin it and end it, and one of them is enough beside an empty line
    let (mut left, mut right) = (left.lines(), code.lines().skip(1));
    loop {
        let (one, other) = (left.next(), right.next());
        if one.is_none() && other.is_none() {
            return text;
        }
        let line = Zeroizing::new(format!(
            "{:<COLUMNS_BESIDE$}{}",
            one.unwrap_or_default(),
            other.unwrap_or_default()
        ));
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// Lines of at most so many characters.
fn wrapped(paragraph: &str, columns: usize) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > columns {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
    text
}
