//! The recovery sheet: on one page of paper everything that brings the backups back, but the right to read the bucket.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::html;
use crate::text::{escaped_lines, shell_word};

/// What the sheet says. It holds the key: whoever has it and the bucket has the data.
pub struct Sheet {
    /// what opens the backups: what it is for, and itself
    pub secrets: Vec<(String, Zeroizing<String>)>,
    /// ids of the keys among them
    pub key_ids: Vec<String>,
    /// `s3://bucket/prefix`
    pub bucket: String,
    /// further settings that lead to the bucket: variable and value
    pub access: Vec<(String, String)>,
    /// databases: label, and `user@host:port/name`
    pub databases: Vec<(String, String)>,
    /// the day it was written
    pub written: Date,
}

/// A piece of the sheet.
pub(super) enum Part {
    Heading(String),
    Paragraph(String),
    /// name and value
    Field(String, Zeroizing<String>),
    /// to be typed
    Commands(Vec<String>),
}

impl Sheet {
    /// As plain text, no line longer than what it quotes.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(
            "PGCOFFER RECOVERY SHEET\n=======================\n",
        ));
        let mut after_field = false;
        for part in self.parts() {
            let is_field = matches!(part, Part::Field(..));
            if !(is_field && after_field) {
                text.push('\n');
            }
            after_field = is_field;
            match part {
                Part::Heading(heading) => text.push_str(&format!("{}\n", heading.to_uppercase())),
                Part::Paragraph(paragraph) => text.push_str(&wrapped(&paragraph)),
                Part::Field(name, value) => {
                    text.push_str(&format!("{name:<14}{}\n", value.as_str()));
                }
                Part::Commands(commands) => {
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

    fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::Paragraph(
            "With this sheet and the right to read the bucket anybody can restore these backups. Without the key nobody can, ever: \
             there is no other copy of it and no way around it."
                .to_owned(),
        )];
        parts.push(Part::Paragraph(
            "Keep it on paper or in a password manager, in two places that do not burn together; not on the machine that is backed up, \
             not in the bucket. Delete the file once it is printed or stored."
                .to_owned(),
        ));
        parts.extend(self.fields());
        parts.extend(self.with_us());
        parts.extend(self.without_us());
        parts
    }

    fn fields(&self) -> Vec<Part> {
        let field = |name: &str, value: String| Part::Field(name.to_owned(), Zeroizing::new(value));
        let mut fields: Vec<Part> = Vec::new();
        for (name, secret) in &self.secrets {
            fields.push(Part::Field(name.clone(), secret.clone()));
            fields.extend(in_fours(secret));
        }
        for id in &self.key_ids {
            fields.push(field("Key id", id.clone()));
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

    fn with_us(&self) -> Vec<Part> {
        let variable = match self.secrets.first() {
            Some((name, _)) if name == "Passphrase" => "PGCOFFER_PASSPHRASE",
            _ => "PGCOFFER_KEY",
        };
        let mut commands = vec![
            format!("read -rs {variable} && export {variable}   # type it: nothing is shown"),
            format!("export PGCOFFER_BUCKET={}", shell_word(&self.bucket)),
        ];
        commands.extend(
            self.access
                .iter()
                .map(|(name, value)| format!("export {name}={}", shell_word(value))),
        );
        commands.push("export AWS_ACCESS_KEY_ID=…".to_owned());
        commands.push("read -rs AWS_SECRET_ACCESS_KEY && export AWS_SECRET_ACCESS_KEY".to_owned());
        commands.push("pgcoffer list".to_owned());
        commands.push(
            "read -rs TARGET_URL && export TARGET_URL   # postgres://USER:PASSWORD@HOST/NAME"
                .to_owned(),
        );
        commands.push(format!(
            "pgcoffer restore latest --database {} --to env:TARGET_URL --confirm NAME",
            self.label()
        ));
        vec![
            Part::Heading("Restore with pgcoffer".to_owned()),
            Part::Paragraph(format!(
                "In bash on any Linux machine, into a new, empty database. It takes pgcoffer, version {} or later, from \
                 https://github.com/pgcoffer/pgcoffer, and PostgreSQL's client programs (pg_restore, of the server's version).",
                env!("CARGO_PKG_VERSION")
            )),
            Part::Commands(commands),
        ]
    }

    fn without_us(&self) -> Vec<Part> {
        let archives = format!("{}/{}/archives/", self.bucket, self.label());
        vec![
            Part::Heading("Restore without pgcoffer".to_owned()),
            Part::Paragraph(
                "Any S3 client fetches the file (names begin with date and time), and the page restore-by-hand.md of pgcoffer's documentation, of which \
                 a copy was written beside this sheet, opens it with python3 and zstd. Keep that page too."
                    .to_owned(),
            ),
            Part::Commands(vec![
                format!("aws s3 ls --recursive {}", shell_word(&archives)),
                format!("aws s3 cp {}…/….pgc backup.pgc", shell_word(&archives)),
            ]),
        ]
    }

    fn label(&self) -> &str {
        self.databases.first().map_or("main", |(label, _)| label)
    }
}

/// A key as it is best typed: groups of four, on two lines. It is read with the blanks, and on one line.
fn in_fours(secret: &str) -> Vec<Part> {
    const START: &str = "PGCOFFER-KEY-1";
    const GROUPS_OF_A_LINE: usize = 8;
    let Some(rest) = secret.strip_prefix(START).filter(|rest| rest.is_ascii()) else {
        return Vec::new();
    };
    let bytes: Vec<&[u8]> = rest.as_bytes().chunks(4).collect();
    let line = |(n, groups): (usize, &[&[u8]])| {
        let mut text = Zeroizing::new(String::with_capacity(START.len() + groups.len() * 5));
        text.push_str(if n == 0 { START } else { "" });
        for group in groups {
            if !text.is_empty() {
                text.push(' ');
            }
            text.extend(group.iter().map(|byte| char::from(*byte)));
        }
        let name = if n == 0 { "To be typed" } else { "" };
        Part::Field(name.to_owned(), text)
    };
    let lines = bytes.chunks(GROUPS_OF_A_LINE).enumerate();
    lines.map(line).collect()
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
