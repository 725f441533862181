//! The dashboard of `serve`: the three questions (is there a backup, how old is it, does it come back) answered for
//! every database on one page, from what is in the bucket now.
//!
//! Two halves meet in [`Looks`](looks): the [`Site`](site) answers requests, knows who is signed in and writes HTML, and
//! never waits for a bucket longer than a person would; the [`Runner`] asks the agent, one look for however many
//! readers, and carries out what an operator asks for.
//!
//! Whatever an operator asks for is written into the audit trail before it is done, and how it ended afterwards
//! ([`Runner`]); who signs in is noted there as well, counted ([`Tally`](tally)).
//!
//! Whoever is not signed in sees the page to sign in and nothing else. Pages have no inline script or style, and work
//! without script. Text from outside is escaped twice: what a terminal or a reader would obey is shown
//! ([`text`](crate::text)), and what HTML would obey is written as entities, which `maud` does for everything.

mod abilities;
mod about;
mod access;
mod act;
mod api;
mod asker;
mod attempts;
mod device;
mod done;
mod forms;
mod headers;
mod jobs;
mod link;
mod looks;
mod missed;
mod pages;
mod random;
mod role;
mod routes;
mod run_filter;
mod runner;
mod schedule_form;
mod sessions;
mod shown;
mod sign_in;
mod site;
mod store_schedule;
mod tally;

use std::net::SocketAddr;

use axum::Router;
use zeroize::Zeroizing;

use crate::{
    agent::Agent,
    config::Config,
    error::{Error, Result},
    metrics::Monitor,
    operation::Clock,
    web::{ApiToken, PasswordHash},
};

pub use crate::web::{NewApiToken, TokenScope};
pub use link::LINK_MINUTES;
use link::LinkKey;
use random::random_bytes;
pub use runner::Runner;
use site::Site;

/// The dashboard by an agent's settings, if they turn it on: its pages, and what asks the agent for them, which has to
/// run beside the rounds of `serve`. `listen` is the address that is listened on.
///
/// # Errors
/// [`Error::Usage`] where nobody could sign in; [`Error::Internal`] where there are no random numbers.
pub fn dashboard<'a>(agent: &'a Agent, monitor: &Monitor, listen: SocketAddr) -> Result<Option<(Router, Runner<'a>)>> {
    let config = agent.config();
    let Some(settings) = &config.dashboard else {
        return Ok(None);
    };
    let link_key = link_key(config);
    let has_passwords = settings.operator.is_some() || settings.viewer.is_some();
    if !has_passwords && settings.users.is_none() && settings.tokens.is_empty() && link_key.is_none() {
        return Err(Error::usage(
            "PGCOFFER_DASHBOARD_URL turns the dashboard on, and nobody could sign in",
            "set PGCOFFER_DASHBOARD_OPERATOR_HASH; `pgcoffer dashboard password` makes it",
        ));
    }
    let (looks, asked) = looks::channel(abilities::Abilities::of(config).configured().clone());
    let site = Site::new(config, settings.clone(), link_key, monitor, looks)?;
    let runner = Runner::new(agent, asked, monitor, Clock::system());
    tracing::info!(url = %settings.url, listen = %listen, "the dashboard is on");
    Ok(Some((routes::router(site), runner)))
}

/// A link that opens the dashboard once, within [`LINK_MINUTES`].
///
/// # Errors
/// [`Error::Usage`] where the dashboard is off, or where there is no key by which `serve` would believe a link.
pub fn open_link(config: &Config) -> Result<String> {
    let settings = config.dashboard.as_ref().ok_or_else(|| {
        Error::usage(
            "there is no dashboard, as PGCOFFER_DASHBOARD_URL is not set",
            "set it as it is set for `serve`, such as https://backups.example.com",
        )
    })?;
    let key = link_key(config).ok_or_else(|| {
        Error::usage(
            "a link is made with the key that `serve` has as well, and here is none that makes one",
            "set PGCOFFER_KEY as it is set for `serve`; a passphrase makes no link: sign in by password",
        )
    })?;
    let secret = key.make(Clock::system().now())?;
    Ok(format!("{}open/{secret}", settings.url))
}

/// Whether a password is good enough to get a hash.
///
/// # Errors
/// [`Error::Usage`] for one that is too short.
pub fn check_password(password: &str) -> Result<()> {
    PasswordHash::check(password).map_err(|fault| Error::usage(fault.to_string(), fault.hint()))
}

/// The hash of a password as PGCOFFER_DASHBOARD_OPERATOR_HASH takes it.
///
/// # Errors
/// [`Error::Usage`] for a password that is too short, or where memory is missing.
pub fn password_hash(password: &str) -> Result<String> {
    let hash = PasswordHash::make(password);
    hash.map(|hash| hash.encode())
        .map_err(|fault| Error::usage(fault.to_string(), fault.hint()))
}

/// A token for a program that uses the API, under this name.
///
/// # Errors
/// [`Error::Usage`] for a name that could be misread; [`Error::Internal`] where there are no random numbers.
pub fn new_token(name: &str, scope: TokenScope) -> Result<NewApiToken> {
    let random = Zeroizing::new(random_bytes::<32>()?);
    ApiToken::make(name, scope, &random).map_err(|fault| Error::usage(fault.to_string(), fault.hint()))
}

/// What links are made with: the key for all databases, else that of the first one that has one.
fn link_key(config: &Config) -> Option<LinkKey> {
    let own = config.own_keys.values().flatten().map(|key| &key.secret);
    let mut secrets = config.secret.iter().chain(own);
    secrets.find_map(|secret| secret.dashboard_key()).map(LinkKey::new)
}
