//! `init --heroku APP`: a set-up carried out by the Heroku CLI that is installed here.
//!
//! What is there already is asked of Heroku each time, by its Platform API and with the CLI's own login. No file of ours
//! says how far a set-up has come, so none can be wrong about it.

mod carry_out;
mod databases;
mod failures;
mod run;
mod shown;
mod steps;

use std::{
    collections::BTreeMap,
    io,
    process::{Command, Stdio},
};

use pgcoffer::{
    Error, Result,
    heroku::{self, ApiKey, ErrorKind, HerokuAccount, HerokuAddOn, HerokuApp, HerokuAttachment},
    plain_http::is_this_machine,
    setup::{Attachment, Setup, attached_label, heroku::SOURCE},
    text::{escaped, os_words},
};
use reqwest::Url;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::usage;

/// Without the CLI, or without its login.
const LOG_IN: &str = "install the Heroku CLI (https://devcenter.heroku.com/articles/heroku-cli) and log in with \
                      `heroku login`; or have a script written with --output heroku";

/// The domains that the CLI talks to, and its token may be sent to.
/// <https://github.com/heroku/heroku-cli-command/blob/main/src/api-client.ts>
const DOMAINS: [&str; 4] = ["heroku.com", "herokai.com", "herokuspace.com", "herokudev.com"];

/// Heroku as the CLI's login sees it.
pub(super) struct HerokuLogin {
    account: HerokuAccount,
    runtime: Handle,
}

impl HerokuLogin {
    /// Takes the login of the Heroku CLI.
    ///
    /// # Errors
    /// Where there is no CLI, or no login.
    pub(super) fn of_the_cli(runtime: &Handle) -> Result<Self> {
        let key = token()?;
        let url = api_url()?;
        let account = HerokuAccount::new(url, key).map_err(|error| unavailable(&error))?;
        Ok(Self {
            account,
            runtime: runtime.clone(),
        })
    }

    /// Waits for an answer of the API.
    pub(super) fn wait<T>(
        &self,
        answer: impl Future<Output = heroku::Result<T>>,
    ) -> std::result::Result<T, heroku::Error> {
        self.runtime.block_on(answer)
    }

    /// The account's client.
    pub(super) fn account(&self) -> &HerokuAccount {
        &self.account
    }
}

/// One app as Heroku has it now.
pub(super) struct OnHeroku {
    pub(super) login: HerokuLogin,
    /// The app's name.
    pub(super) name: String,
    /// None: it doesn't exist yet.
    pub(super) app: Option<HerokuApp>,
    pub(super) vars: BTreeMap<String, Zeroizing<String>>,
    pub(super) attachments: Vec<HerokuAttachment>,
    pub(super) add_ons: Vec<HerokuAddOn>,
    pub(super) buildpacks: Vec<String>,
    /// None: nothing was built yet.
    pub(super) process_types: Option<BTreeMap<String, String>>,
}

impl OnHeroku {
    /// Looks at an app with the CLI's login.
    ///
    /// # Errors
    /// Where the name can't be an app's, the app is somebody else's, or has code that isn't ours and no buildpack of
    /// ours.
    pub(super) fn look(name: &str, runtime: &Handle) -> Result<Self> {
        check_name(name)?;
        let found = Self::look_by(HerokuLogin::of_the_cli(runtime)?, name)?;
        if let Some(app) = &found.app {
            if app.stack == "cnb" {
                return Err(usage(
                    format!("{name} is an app of the Fir generation, which is set up by hand"),
                    "docs/heroku.md has the steps for Fir",
                ));
            }
            if app.stack == "container" {
                return Err(usage(
                    format!(
                        "{name} runs images of its own (its stack is container), and pgcoffer's build would take their place"
                    ),
                    "give the name of an app that doesn't exist yet, such as APP-backups",
                ));
            }
            let others = found.process_types.is_none() && found.has_other_buildpacks();
            if (found.has_code_of_its_own() || others) && !found.has_buildpack("heroku-buildpack-pgcoffer") {
                return Err(usage(
                    format!("{name} has code of its own, and pgcoffer's would take its place"),
                    "give the name of an app that doesn't exist yet, such as APP-backups; docs/heroku.md says how \
                     pgcoffer runs inside an app",
                ));
            }
        }
        Ok(found)
    }

    /// Looks at an app.
    pub(super) fn look_by(login: HerokuLogin, name: &str) -> Result<Self> {
        let account = login.account.clone();
        let look = async {
            let Some(app) = account.app(name).await? else {
                return Ok(None);
            };
            Ok(Some((
                app,
                account.config_vars(name).await?,
                account.attachments(name).await?,
                account.add_ons(name).await?,
                account.buildpacks(name).await?,
                account.process_types(name).await?,
            )))
        };
        let found = login.wait(look).map_err(|error| match error.kind {
            ErrorKind::Forbidden => usage(
                format!("the app {name} belongs to somebody else, or your account may not see all of it"),
                "choose another name: all apps of Heroku share their names",
            ),
            _ => unavailable(&error),
        })?;
        let mut one = Self {
            login,
            name: name.to_owned(),
            app: None,
            vars: BTreeMap::new(),
            attachments: Vec::new(),
            add_ons: Vec::new(),
            buildpacks: Vec::new(),
            process_types: None,
        };
        if let Some((app, vars, attachments, add_ons, buildpacks, process_types)) = found {
            one.app = Some(app);
            (one.vars, one.attachments, one.add_ons) = (vars, attachments, add_ons);
            (one.buildpacks, one.process_types) = (buildpacks, process_types);
        }
        Ok(one)
    }

    /// Whether something else was built for it than what `init` pushes.
    pub(super) fn has_code_of_its_own(&self) -> bool {
        let ours: BTreeMap<&str, &str> = SOURCE
            .iter()
            .filter(|(name, _)| *name == "Procfile")
            .filter_map(|(_, text)| text.trim().split_once(": "))
            .collect();
        let built = self.process_types.iter().flatten();
        let built: BTreeMap<&str, &str> = built.map(|(name, command)| (name.as_str(), command.as_str())).collect();
        self.process_types.is_some() && built != ours
    }

    /// Whether all there is of the app is surely of `init`, so that it may be removed as a whole.
    pub(super) fn is_all_ours(&self) -> bool {
        let Some(app) = &self.app else {
            return false;
        };
        let is_attached = |name: &str| self.attachments.iter().any(|one| format!("{}_URL", one.name) == name);
        let is_ours = |name: &str| name.starts_with("PGCOFFER_") || super::OF_AWS.contains(&name);
        let foreign = ["container", "cnb"].contains(&app.stack.as_str())
            || self.has_code_of_its_own()
            || self.add_ons.iter().any(|add_on| add_on.service != "scheduler")
            || self.vars.keys().any(|name| !is_ours(name) && !is_attached(name))
            || self.attachments.iter().any(|one| {
                let is_own = self.add_ons.iter().any(|add_on| add_on.name == one.add_on);
                !is_own && attached_label(&one.name).is_none()
            });
        let signed = self.process_types.is_some()
            || self.has_buildpack("heroku-buildpack-pgcoffer")
            || self.vars.contains_key("PGCOFFER_KEY");
        signed && !foreign
    }

    /// Whether something else is to be built for it than what `init` pushes.
    fn has_other_buildpacks(&self) -> bool {
        self.buildpacks.iter().any(|url| !url.contains("heroku-community/apt"))
    }

    pub(super) fn has_buildpack(&self, name: &str) -> bool {
        self.buildpacks.iter().any(|url| url.contains(name))
    }

    /// The attachment of this name.
    pub(super) fn attachment(&self, name: &str) -> Option<&HerokuAttachment> {
        self.attachments.iter().find(|attachment| attachment.name == name)
    }

    pub(super) fn has_scheduler(&self) -> bool {
        self.add_ons.iter().any(|add_on| add_on.service == "scheduler")
    }

    /// Databases that are attached already: Heroku sets their URLs, and nobody copies them.
    pub(super) fn take_attached(&self, setup: &mut Setup) -> Result<()> {
        for attachment in &self.attachments {
            let Some(label) = attached_label(&attachment.name) else {
                continue;
            };
            let add_on = self.login.wait(self.login.account.add_on(&attachment.add_on));
            if let Some(add_on) = add_on.map_err(|error| unavailable(&error))? {
                let database = Attachment {
                    add_on: add_on.name,
                    owner: add_on.app,
                    plan: add_on.plan,
                };
                setup.attachments.insert(label, database);
            }
        }
        Ok(())
    }
}

/// The CLI's own token, which it prints on standard output.
fn token() -> Result<ApiKey> {
    let mut command = Command::new("heroku");
    let output = command.arg("auth:token").stdin(Stdio::null()).output();
    let output = output.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "no program of that name is installed".to_owned(),
            _ => os_words(&error),
        };
        usage(format!("can't run `heroku auth:token`: {why}"), LOG_IN)
    })?;
    let text = Zeroizing::new(String::from_utf8_lossy(&output.stdout).into_owned());
    let key = ApiKey::parse(text.trim()).filter(|_| output.status.success());
    key.ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        usage(
            format!("`heroku auth:token` gives no login: {}", escaped(&said)),
            LOG_IN,
        )
    })
}

/// Where the CLI finds the API. <https://github.com/heroku/heroku-cli-command/blob/main/src/vars.ts>
fn api_url() -> Result<Url> {
    let set = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
    let text = match (set("HEROKU_API_URL"), set("HEROKU_HOST")) {
        (Some(url), _) => url,
        (None, Some(host)) if host.starts_with("http") => host,
        (None, Some(host)) => format!("https://api.{host}"),
        (None, None) => heroku::API.to_owned(),
    };
    let is_herokus = |host: &str| {
        let mut domains = DOMAINS.iter();
        domains.any(|domain| host == *domain || host.ends_with(&format!(".{domain}")))
    };
    let url = Url::parse(&text).ok().filter(|url| match url.host_str() {
        Some(host) => is_this_machine(host) || (url.scheme() == "https" && is_herokus(host)),
        None => false,
    });
    url.ok_or_else(|| {
        usage(
            format!("HEROKU_HOST leads to {}, which is not Heroku", escaped(&text)),
            "unset HEROKU_HOST and HEROKU_API_URL: the token would be sent there",
        )
    })
}

/// Refuses names of apps that can't be ones, before they are asked for, shown or written.
///
/// # Errors
/// For the first such name.
pub(super) fn check_names(args: &super::InitArgs) -> Result<()> {
    args.heroku
        .iter()
        .chain(&args.heroku_from)
        .try_for_each(|name| check_name(name))
}

/// What Heroku takes for an app's name.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let ends = name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins && ends && (3..=30).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(usage(
        format!("{name:?} can't be the name of a Heroku app"),
        "3 to 30 lower-case letters, digits and dashes, with a letter first and no dash at the end",
    ))
}

/// The API's error, for who came by the CLI's login.
pub(super) fn unavailable(error: &heroku::Error) -> Error {
    let hint = match error.kind {
        ErrorKind::Key => "log in with `heroku login`",
        ErrorKind::Forbidden => "log in as somebody who may deploy and operate the app",
        ErrorKind::Payment => failures::PAYMENT,
        ErrorKind::TooMany => "wait some minutes, then give the same command again",
        ErrorKind::Down | ErrorKind::Unreachable => "see status.heroku.com, then give the same command again",
        ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Other => "give the same command again",
    };
    usage(error.to_string(), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_heroku_refuses_are_refused_before_a_question_is_asked() {
        for good in ["shop-backups", "abc", "a23456789012345678901234567890"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "-shop",
            "shop-",
            "Shop",
            "1shop",
            "a_b",
            "a b",
            "--yes",
            &"a".repeat(31),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
