//! What every request finds: settings, sessions, and where to ask.

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{Timestamp, tz::TimeZone};
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::{
    abilities::Abilities,
    attempts::Attempts,
    link::{LinkKey, OpenedLinks},
    looks::Looks,
    random::random_bytes,
    sessions::Sessions,
};
use crate::{
    backup::Retention,
    config::{Config, DashboardSettings},
    error::Result,
    metrics::Monitor,
    operation::Clock,
};

/// What every request finds.
pub(super) struct Site {
    pub(super) settings: DashboardSettings,
    pub(super) sessions: Sessions,
    pub(super) attempts: Attempts,
    /// Wrong tokens of the API. By themselves, so that a program with an old one keeps nobody from signing in.
    pub(super) token_attempts: Attempts,
    pub(super) link_key: Option<LinkKey>,
    pub(super) opened_links: OpenedLinks,
    /// One password is hashed at a time: each takes 19 MiB.
    pub(super) hashing: Semaphore,
    pub(super) looks: Looks,
    pub(super) abilities: Abilities,
    /// How long a backup is kept that somebody asks for.
    pub(super) retain_manual: Retention,
    pub(super) monitor: Monitor,
    pub(super) clock: Clock,
    /// The time zone of the settings; else UTC, which every page says.
    pub(super) zone: TimeZone,
    /// Where the backups are, in words.
    pub(super) place: String,
    pub(super) started: Timestamp,
    /// Known to this process alone: what is not kept is recognized by it.
    secret: [u8; 32],
}

impl Site {
    pub(super) fn new(
        config: &Config,
        settings: DashboardSettings,
        link_key: Option<LinkKey>,
        monitor: &Monitor,
        looks: Looks,
    ) -> Result<Arc<Self>> {
        let clock = Clock::system();
        Ok(Arc::new(Self {
            settings,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            token_attempts: Attempts::default(),
            link_key,
            opened_links: OpenedLinks::default(),
            hashing: Semaphore::new(1),
            looks,
            abilities: Abilities::of(config),
            retain_manual: config.retain_manual,
            monitor: monitor.clone(),
            clock,
            zone: config.timezone.clone().unwrap_or(TimeZone::UTC),
            place: config.location.as_ref().map_or_else(String::new, ToString::to_string),
            started: clock.now(),
            secret: random_bytes()?,
        }))
    }

    /// A text that only this process makes, for what `purpose` and `subject` say.
    pub(super) fn own_token(&self, purpose: &str, subject: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        let mac = mac.chain_update(purpose).chain_update([0]).chain_update(subject);
        data_encoding::BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    }

    /// The name of a cookie. Where everything is encrypted, a browser takes one of this prefix only for the whole of
    /// this very host. <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes>
    pub(super) fn cookie_name(&self, name: &str) -> String {
        match self.settings.is_encrypted() {
            true => format!("__Host-{name}"),
            // cookies know no ports, and another dashboard of this machine has its own
            false => format!("{name}-{}", self.settings.url.port_or_known_default().unwrap_or(80)),
        }
    }

    /// A cookie for this host, which no script reads.
    pub(super) fn cookie(&self, name: &str, value: &str, seconds: u64) -> String {
        let secure = if self.settings.is_encrypted() { "; Secure" } else { "" };
        let name = self.cookie_name(name);
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}
