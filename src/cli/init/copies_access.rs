//! What leads to a place that holds copies: its address and its login.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pgcoffer::{
    backup::PlaceName,
    config::{check_host_key, ssh_public_line},
    redact::SecretText,
    store::Location,
    text::os_words,
};
use zeroize::Zeroizing;

use super::{Draft, bucket::fits, journal::Asked};

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyKind {
    S3,
    Server,
    Folder,
}

impl CopyKind {
    /// All of them, that which only a machine with a disk has last.
    pub(super) const ALL: [Self; 3] = [Self::S3, Self::Server, Self::Folder];

    pub(super) fn of(location: &Location) -> Self {
        match location {
            Location::Bucket(_) => Self::S3,
            Location::Server(_) => Self::Server,
            Location::Folder(_) => Self::Folder,
        }
    }

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::S3 => "another S3 service, such as Cloudflare R2 or Backblaze B2",
            Self::Server => "a server that takes files by SFTP",
            Self::Folder => "a folder that is mounted here, such as a NAS",
        }
    }

    /// The name that is proposed for such a place.
    pub(super) fn usual_name(self) -> &'static str {
        match self {
            Self::S3 => "offsite",
            Self::Server => "server",
            Self::Folder => "nas",
        }
    }

    fn question(self) -> &'static str {
        match self {
            Self::S3 => "   Its bucket, as s3://bucket/prefix",
            Self::Server => "   Its folder, as user@host/path (host:23 for another port)",
            Self::Folder => "   The folder, as /path/to/folder",
        }
    }

    /// The URL that was meant, of what is typed.
    fn url(self, text: &str) -> String {
        match self {
            Self::Folder if text.starts_with('/') => format!("file://{text}"),
            Self::Server if !text.contains("://") => format!("sftp://{text}"),
            _ => text.to_owned(),
        }
    }
}

/// The variable that holds the URL of a place.
pub(super) fn url_variable(place: &PlaceName) -> String {
    format!("{}_URL", place.settings())
}

impl Draft {
    /// Asks for what is missing of a place's address and login.
    pub(super) fn ask_place(&mut self, name: &PlaceName, kind: CopyKind) -> Asked<()> {
        self.ask_location(name, kind)?;
        match kind {
            CopyKind::S3 => self.ask_own_service(name),
            CopyKind::Server => self.ask_login(name),
            CopyKind::Folder => Ok(()),
        }
    }

    fn ask_location(&mut self, name: &PlaceName, kind: CopyKind) -> Asked<()> {
        if self.setup.text(&url_variable(name)).is_some() {
            return Ok(());
        }
        let check = |text: &str| match Location::parse(&kind.url(text)) {
            Ok(location) if CopyKind::of(&location) == kind => Ok(()),
            Ok(_) => Err("that is another kind of place".to_owned()),
            Err(error) => Err(error
                .hint()
                .map_or(error.why.clone(), |hint| format!("{}: {hint}", error.why))),
        };
        let typed = self.terminal.text(kind.question(), None, check)?;
        let url = kind.url(&typed);
        self.note_answer("--place", &format!("{name}={url}"));
        self.setup.set(url_variable(name), url);
        Ok(())
    }

    /// Service, region and credentials of a place on S3. Nothing of the bucket's own is taken.
    fn ask_own_service(&mut self, name: &PlaceName) -> Asked<()> {
        let variable = |what: &str| format!("{}_{what}", name.settings());
        if [variable("ACCESS_KEY_ID"), variable("CREDENTIALS")]
            .iter()
            .any(|name| self.setup.text(name).is_some())
        {
            return Ok(());
        }
        if self.setup.text(&variable("ENDPOINT_URL")).is_none() {
            let endpoint = self.ask_endpoint()?;
            if !endpoint.is_empty() {
                self.setup.set(variable("ENDPOINT_URL"), endpoint);
                let question = "   Does it want the bucket's name in the path? Most but AWS do.";
                if self.terminal.confirm(question, true)? {
                    self.setup.set(variable("PATH_STYLE"), "true");
                }
            }
        }
        self.say_if_same_provider(name);
        if self.setup.text(&variable("REGION")).is_none() {
            let question = match self.setup.text(&variable("ENDPOINT_URL")) {
                Some(_) => "   Its region, such as auto; Enter for us-east-1",
                None => "   Its region, such as eu-central-1; Enter for the bucket's",
            };
            let region = self.terminal.text(question, Some(""), fits)?;
            if !region.is_empty() {
                self.setup.set(variable("REGION"), region);
            }
        }
        let id = self.terminal.text("   Access key id there", None, fits)?;
        let secret = self.terminal.hidden("   Secret access key there", false, fits)?;
        self.setup.set(variable("ACCESS_KEY_ID"), id);
        self.setup.set(variable("SECRET_ACCESS_KEY"), secret.as_str());
        Ok(())
    }

    fn say_if_same_provider(&self, name: &PlaceName) {
        let plain = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
        let there = self.setup.text(&format!("{}_ENDPOINT_URL", name.settings())).map(plain);
        let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
        let of_bucket = names.iter().find_map(|name| self.setup.text(name)).map(plain);
        if there == of_bucket {
            self.terminal.say(
                "   That is the provider of the bucket: a copy there outlives a bucket that is lost, and only with \
                 another account also an account that is closed.",
            );
        }
    }

    /// How one logs in at a server, and its host key where it can't be looked at now.
    fn ask_login(&mut self, name: &PlaceName) -> Asked<()> {
        let variable = |what: &str| format!("{}_{what}", name.settings());
        let set = [variable("SSH_KEY"), variable("PASSWORD")];
        if !set.iter().any(|name| self.setup.text(name).is_some()) {
            let mut ways = vec!["by a private key, which is in a file here", "by a password"];
            if self.vars.contains_key("SSH_AUTH_SOCK") && !self.carries_out() {
                ways.push("by the SSH agent of this terminal, where pgcoffer runs as well");
            }
            match self.terminal.choose("   How does pgcoffer log in there", &ways)? {
                0 => self.ask_private_key(name)?,
                1 => {
                    let password = self.terminal.hidden("   The password", false, |_| Ok(()))?;
                    self.setup.set(variable("PASSWORD"), password.as_str());
                }
                _ => {}
            }
        }
        if self.setup.text(&variable("HOST_KEY")).is_none() && self.args.no_check {
            let check = |text: &str| match text.is_empty() {
                true => Ok(()),
                false => check_host_key(text).map_err(|error| error.why),
            };
            let question = "   The host key that its owner publishes (SHA256:…); Enter to pin it later";
            let key = self.terminal.text(question, Some(""), check)?;
            if !key.is_empty() {
                self.setup.set(variable("HOST_KEY"), key);
            }
        }
        Ok(())
    }

    /// The key itself becomes the setting: so it is there wherever the settings go.
    fn ask_private_key(&mut self, name: &PlaceName) -> Asked<()> {
        self.terminal
            .say("   A key of its own is best: ssh-keygen -t ed25519 -N '' -f FILE makes one.");
        let check = |text: &str| key_in(&from_home(text), None).map(drop);
        let path = self.terminal.text("   The private key's file", None, check)?;
        let path = from_home(&path);
        let mut public = key_in(&path, None).ok().flatten();
        if public.is_none() {
            let check = |text: &str| key_in(&path, Some(text)).map(drop);
            let phrase = self.terminal.hidden("   The key's passphrase", false, check)?;
            public = key_in(&path, Some(&phrase)).ok().flatten();
            self.setup
                .set(format!("{}_SSH_PASSPHRASE", name.settings()), phrase.as_str());
        }
        let text = one_line(&path).map_err(|why| super::usage(why, "name the file of a private key"))?;
        self.setup
            .variables
            .insert(format!("{}_SSH_KEY", name.settings()), text);
        if let Some(public) = public {
            self.terminal
                .say("   The server lets it in, to files alone, by this line in that user's ~/.ssh/authorized_keys:");
            let line = format!("restrict,command=\"internal-sftp\" {public}");
            self.terminal.say_line(&line);
        }
        Ok(())
    }
}

fn from_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => text.into(),
    }
}

/// The public half of the key in a file; none where it wants a passphrase. Else what is wrong with it.
fn key_in(path: &Path, phrase: Option<&str>) -> Result<Option<String>, String> {
    let phrase = phrase.map(|phrase| SecretText::new(phrase.to_owned()));
    ssh_public_line(path, phrase.as_ref()).map_err(|error| match error.hint() {
        Some(hint) => format!("{}: {hint}", error.why),
        None => error.why,
    })
}

/// A file's text in one line, with `\n` for its line breaks: files of settings and variables hold one line a value.
pub(super) fn one_line(path: &Path) -> Result<Zeroizing<String>, String> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| format!("can't read {}: {}", path.display(), os_words(&error)))?;
    let lines = Zeroizing::new(text.trim().replace('\r', ""));
    Ok(Zeroizing::new(lines.replace('\n', "\\n")))
}
