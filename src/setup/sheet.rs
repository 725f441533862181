//! The recovery sheet: on one page of paper everything that brings the backups back, but the right to read the bucket.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::{html, part::SheetPart};
use crate::text::{escaped_lines, shell_word};

/// What the sheet says. It holds the keys: whoever has it and the bucket has the data.
pub struct Sheet {
    /// what opens the backups
    pub secrets: Vec<SheetSecret>,
    /// `s3://bucket/prefix`
    pub bucket: String,
    /// further settings that lead to the bucket: variable and value
    pub access: Vec<(String, String)>,
    /// databases: label, and `user@host:port/name`
    pub databases: Vec<(String, String)>,
    /// the day it was written
    pub written: Date,
}

/// A key or a passphrase as the sheet shows it.
pub struct SheetSecret {
    /// what it is and for what, such as `Key`, `Old key of shop` or `Passphrase`
    pub name: String,
    /// the variable that it is read from
    pub variable: String,
    /// the key, spelled with its checksum, or the passphrase
    pub text: Zeroizing<String>,
    /// of an earlier key: the day on which it was retired
    pub day: Option<String>,
    /// the key's id; none with a passphrase
    pub key_id: Option<String>,
}

impl Sheet {
    /// As plain text, no line longer than what it quotes.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from("PGCOFFER RECOVERY SHEET\n=======================\n"));
        let parts = self.parts();
        let names = parts.iter().filter_map(|part| match part {
            SheetPart::Field(name, _) => Some(name.chars().count()),
            _ => None,
        });
        let width = names.max().unwrap_or_default();
        let mut after_field = false;
        for part in parts {
            let is_field = matches!(part, SheetPart::Field(..));
            if !(is_field && after_field) {
                text.push('\n');
            }
            after_field = is_field;
            match part {
                SheetPart::Heading(heading) => text.push_str(&format!("{}\n", heading.to_uppercase())),
                SheetPart::Paragraph(paragraph) => text.push_str(&wrapped(&paragraph)),
                SheetPart::Field(name, value) => {
                    text.push_str(&format!("{name:<width$} {}\n", value.as_str()));
                }
                SheetPart::Commands(commands) => {
                    for command in commands {
                        text.push_str(&format!("    {command}\n"));
                    }
                }
            }
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
        let mut parts = vec![SheetPart::Paragraph(format!(
            "With this sheet and the right to read the bucket anybody can restore these backups. Without the {secret} \
             nobody can, ever: \
             there is no other copy of {them} and no way around {them}."
        ))];
        parts.push(SheetPart::Paragraph(
            "Keep it on paper or in a password manager, in two places that do not burn together; not on the machine \
             that is backed up, \
             not in the bucket. Delete the file once it is printed or stored."
                .to_owned(),
        ));
        parts.extend(self.fields());
        parts.extend(self.with_us());
        if self.secrets.iter().any(|secret| secret.key_id.is_some()) {
            parts.push(SheetPart::Paragraph(
                "Who only watches or prunes backups needs no key: `pgcoffer keygen --catalog`, where the key is set, \
                 prints the catalog key \
                 for that. It opens no backup, so it is no copy of the key."
                    .to_owned(),
            ));
        }
        parts.extend(self.without_us());
        parts
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
        for (label, address) in &self.databases {
            fields.push(field("Database", format!("{label}  ({address})")));
        }
        fields.push(field(
            "Written",
            format!("{} by pgcoffer {}", self.written, env!("CARGO_PKG_VERSION")),
        ));
        fields.push(field(
            "Bucket access",
            "ask ______________________________________________".to_owned(),
        ));
        fields
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
        commands.push("export AWS_ACCESS_KEY_ID=…".to_owned());
        commands.push("read -rs AWS_SECRET_ACCESS_KEY && export AWS_SECRET_ACCESS_KEY".to_owned());
        commands.push("pgcoffer list".to_owned());
        commands.push("read -rs TARGET_URL && export TARGET_URL   # postgres://USER:PASSWORD@HOST/NAME".to_owned());
        commands.push(format!(
            "pgcoffer restore latest --database {} --to env:TARGET_URL --confirm NAME",
            self.label()
        ));
        commands.extend(self.others());
        vec![
            SheetPart::Heading("Restore with pgcoffer".to_owned()),
            SheetPart::Paragraph(format!(
                "In bash on any Linux machine, into a new, empty database. It takes pgcoffer, version {} or later, \
                 from \
                 https://github.com/pgcoffer/pgcoffer, and PostgreSQL's client programs (pg_restore, of the server's \
                 version). \
                 Each `read` waits for one line and shows nothing of it.{}",
                env!("CARGO_PKG_VERSION"),
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
        vec![
            SheetPart::Heading("Restore without pgcoffer".to_owned()),
            SheetPart::Paragraph(format!(
                "Any S3 client fetches the file (names begin with date and time), and the page restore-by-hand.md of \
                 pgcoffer's documentation, of which \
                 a copy was written beside this sheet, opens it with {}. {}Keep that page too.",
                self.programs(),
                match self.secrets.len() {
                    0 | 1 => "",
                    _ => "Where it says `wrong key`, it names the id of the one that it wants. ",
                }
            )),
            SheetPart::Commands(
                [
                    format!("aws s3 ls --recursive {}", shell_word(&archives)),
                    format!("aws s3 cp {}…/….pgc backup.pgc", shell_word(&archives)),
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
        let labels: Vec<_> = labels.map(|(label, _)| format!("{before}{label}")).collect();
        match labels.is_empty() {
            true => None,
            false => Some(format!(
                "# the others likewise, each into its own: {}",
                labels.join(", ")
            )),
        }
    }

    fn label(&self) -> &str {
        self.databases.first().map_or("main", |(label, _)| label)
    }
}

impl SheetSecret {
    fn in_a_sentence(&self) -> String {
        let mut chars = self.name.chars();
        let first = chars.next().map(|c| c.to_ascii_lowercase());
        first.into_iter().chain(chars).collect()
    }

    /// As the variable takes it.
    fn whole(&self) -> Zeroizing<String> {
        match &self.day {
            Some(day) => Zeroizing::new(format!("{}@{day}", self.text.as_str())),
            None => self.text.clone(),
        }
    }

    /// A key as it is best typed: groups of four, on two lines. The variable takes it with the blanks, on one line.
    fn in_fours(&self) -> Vec<SheetPart> {
        const START: &str = "PGCOFFER-KEY-1";
        const GROUPS_OF_A_LINE: usize = 8;
        let rest = self.text.strip_prefix(START).filter(|rest| rest.is_ascii());
        let (Some(rest), Some(_)) = (rest, &self.key_id) else {
            return Vec::new();
        };
        let groups: Vec<&[u8]> = rest.as_bytes().chunks(4).collect();
        let count = groups.len().div_ceil(GROUPS_OF_A_LINE);
        let line = |(n, groups): (usize, &[&[u8]])| {
            let day = self.day.as_ref().filter(|_| n + 1 == count);
            // of its full length from the beginning: a text that grows leaves copies of a secret behind
            let length = START.len() + groups.len() * 5 + day.map_or(0, |day| day.len() + 2);
            let mut text = Zeroizing::new(String::with_capacity(length));
            text.push_str(if n == 0 { START } else { "" });
            for group in groups {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.extend(group.iter().map(|byte| char::from(*byte)));
            }
            if let Some(day) = day {
                text.extend([" @", day]);
            }
            let name = if n == 0 { "To be typed" } else { "" };
            SheetPart::Field(name.to_owned(), text)
        };
        let lines = groups.chunks(GROUPS_OF_A_LINE).enumerate();
        lines.map(line).collect()
    }
}

/// Lines of at most 78 characters.
fn wrapped(paragraph: &str) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 78 {
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
