//! The machine, its settings, and this program.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most settings that are named.
const NAMED_MAX: usize = 5;

/// How the machine itself can fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// Settings are wrong.
    Settings {
        /// The variables, as far as they can be named.
        names: Vec<SettingName>,
    },
    /// The command can't be carried out as given.
    Command,
    /// A disk is full.
    DiskFull,
    /// A file may not be read or written.
    FileRights,
    /// An address can't be listened on.
    Listen,
    /// Another fault of a file or stream.
    File,
    /// No memory, no random bytes.
    Resources,
    /// A key or passphrase can't be used.
    Key,
    /// It took longer than it may.
    TimeLimit,
    /// A signal asked to stop.
    Interrupted,
    /// A bug in this program.
    Bug,
    /// The cause is not known.
    Unknown,
}

/// The name of a setting's variable, such as `PGCOFFER_BUCKET`, and never any other text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SettingName(String);

impl SettingName {
    /// Parses a name of pgcoffer's or the AWS SDK's; `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = ["PGCOFFER_", "AWS_", "OTEL_"];
        let fits = text.len() <= 100
            && known.iter().any(|start| text.starts_with(start))
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        fits.then(|| Self(text.to_owned()))
    }
}

impl TryFrom<String> for SettingName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the name of a setting")
    }
}

impl From<SettingName> for String {
    fn from(name: SettingName) -> Self {
        name.0
    }
}

impl Machine {
    pub(super) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Settings { names } if names.len() == 1 => {
                "correct it where pgcoffer runs: `pgcoffer check` there says what is wrong with it"
            }
            Self::Settings { .. } => {
                "correct them where pgcoffer runs: `pgcoffer check` there says what is wrong with each"
            }
            Self::Command => "the log of that run says what is wrong with it",
            Self::DiskFull => "free some space, or choose another place",
            Self::FileRights => "check the permissions of the file and its folders",
            Self::Listen => "choose another address with --listen, PGCOFFER_LISTEN or PORT, or stop what listens there",
            Self::Resources => "give the process more memory",
            Self::Key => "set PGCOFFER_KEY or PGCOFFER_PASSPHRASE as the recovery sheet has it",
            Self::Bug => "please report it, with the log of that run; the next tick tries again",
            Self::TimeLimit => "give it more time, or an hour at which the machine does nothing else",
            Self::File | Self::Interrupted | Self::Unknown => return None,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings { names } if names.is_empty() => f.write_str("settings are wrong"),
            Self::Settings { names } => {
                let all = names.iter().take(NAMED_MAX).map(|name| name.0.as_str());
                let all = all.collect::<Vec<_>>().join(", ");
                match names.len() {
                    1 => write!(f, "a setting is wrong: {all}"),
                    count if count > NAMED_MAX => {
                        write!(f, "{count} settings are wrong: {all} and more")
                    }
                    count => write!(f, "{count} settings are wrong: {all}"),
                }
            }
            Self::Command => f.write_str("the command can't be carried out as it was given"),
            Self::DiskFull => f.write_str("a disk of the machine that runs pgcoffer is full"),
            Self::FileRights => f.write_str("pgcoffer may not read or write a file"),
            Self::Listen => f.write_str("the address to listen on can't be had"),
            Self::File => f.write_str("a file or stream of the machine failed"),
            Self::Resources => f.write_str("the machine had not enough memory, or no random bytes"),
            Self::Key => f.write_str("the key or passphrase can't be used"),
            Self::TimeLimit => f.write_str("it took longer than it may, and was ended"),
            Self::Interrupted => f.write_str("something told it to stop"),
            Self::Bug => f.write_str("this is a bug in pgcoffer"),
            Self::Unknown => f.write_str("it failed, and its record does not say by what"),
        }
    }
}
