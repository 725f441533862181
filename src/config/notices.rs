//! Who is told, and of what: read on its own, so that a fault in any other setting can still be told.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::wrong::Wrong;
use crate::{
    backup::Label,
    error::Fault,
    notify::{Address, Channel, EventFilter, Mail, Notifier, Ping, Relay, SigningSecret, Slack, Webhook, mailbox},
    schedule::{Recurrence, Schedule},
};

/// Recurrence the digest is sent, where nothing else is said.
pub const DEFAULT_DIGEST: &str = "monday 08:00";

pub(super) const WEBHOOK_URL: &str = "PGCOFFER_WEBHOOK_URL";
pub(super) const WEBHOOK_SECRET: &str = "PGCOFFER_WEBHOOK_SECRET";
pub(super) const SMTP_URL: &str = "PGCOFFER_SMTP_URL";
pub(super) const EMAIL_FROM: &str = "PGCOFFER_EMAIL_FROM";
pub(super) const EMAIL_TO: &str = "PGCOFFER_EMAIL_TO";
pub(super) const DIGEST: &str = "PGCOFFER_DIGEST";
pub(super) const PING_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_PING_URL";

/// Who is told, and of what.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    /// the channels, and the events
    pub notifier: Notifier,
    /// the check for everything
    pub ping: Option<Ping>,
    /// the checks of single databases
    pub pings: BTreeMap<Label, Ping>,
    /// when the weekly digest is due, and by whose clock
    pub digest: Option<(Recurrence, TimeZone)>,
}

/// Settings of notices, as far as they can be read one by one.
#[derive(Debug, Default)]
pub(super) struct NoticeReading {
    pub(super) slack: Option<Address>,
    pub(super) webhook: Option<Address>,
    pub(super) webhook_secret: Option<SigningSecret>,
    pub(super) smtp: Option<Relay>,
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
    pub(super) ping: Option<Ping>,
    pub(super) pings: BTreeMap<Label, Ping>,
    pub(super) kinds: Option<EventFilter>,
    pub(super) digest: Option<String>,
}

impl NoticeReading {
    /// Puts together what was read; `zone` is the one of schedules. Where one of these settings is set and wrong, its
    /// partners have to be there, and it is not missing as well.
    pub(super) fn finish(self, zone: &TimeZone, wrong: &BTreeSet<String>, faults: &mut Vec<Fault>) -> Notices {
        let mut fault = |name: &'static str, why: &str, hint: &str| {
            if !wrong.contains(name) {
                faults.push(Fault {
                    variable: name.to_owned(),
                    why: why.to_owned(),
                    hint: Some(hint.to_owned()),
                });
            }
        };
        let mut channels: Vec<Channel> = Vec::new();
        channels.extend(self.slack.map(|address| Channel::Slack(Slack::new(address))));
        match (self.webhook, self.webhook_secret) {
            (Some(url), Some(secret)) => channels.push(Channel::Webhook(Webhook::new(url, secret))),
            (Some(_), None) => fault(
                WEBHOOK_SECRET,
                "it is missing, and PGCOFFER_WEBHOOK_URL is set: nothing is sent unsigned",
                "set it to whsec_ and the base64 of 24 to 64 random bytes: echo \"whsec_$(openssl rand -base64 32)\"",
            ),
            (None, Some(_)) => fault(
                WEBHOOK_URL,
                "it is missing, and PGCOFFER_WEBHOOK_SECRET is set",
                "set it to the address that takes the events, or unset the secret",
            ),
            (None, None) => {}
        }
        match (self.smtp, self.from, self.to.is_empty()) {
            (Some(relay), Some(from), false) => channels.extend(mail(relay, &from, &self.to)),
            (None, None, true) => {}
            (relay, from, no_one) => {
                let hint = "mail needs PGCOFFER_SMTP_URL, PGCOFFER_EMAIL_FROM and PGCOFFER_EMAIL_TO together";
                for (name, missing) in [
                    (SMTP_URL, relay.is_none()),
                    (EMAIL_FROM, from.is_none()),
                    (EMAIL_TO, no_one),
                ] {
                    if missing {
                        fault(name, "it is missing, and other settings of mail are there", hint);
                    }
                }
            }
        }
        let digest = digest(self.digest.as_deref().unwrap_or(DEFAULT_DIGEST), zone);
        let digest = digest.map_err(|(why, hint)| fault(DIGEST, &why, &hint.unwrap_or_default()));
        let kinds = self.kinds.unwrap_or_default();
        Notices {
            notifier: Notifier { channels, kinds },
            ping: self.ping,
            pings: self.pings,
            digest: digest.ok().map(|when| (when, zone.clone())),
        }
    }
}

fn mail(relay: Relay, from: &str, to: &[String]) -> Option<Channel> {
    // each of them was read before
    let to = to.iter().map(|one| mailbox(one)).collect::<Result<Vec<_>, _>>().ok()?;
    Some(Channel::Mail(Mail::new(relay, mailbox(from).ok()?, to)))
}

/// `monday 08:00`: a day of the week and a time of day.
fn digest(text: &str, zone: &TimeZone) -> Result<Recurrence, Wrong> {
    let wrong = || {
        let hint = "write for example monday 08:00; the time is that of PGCOFFER_TIMEZONE";
        (
            format!("{text:?} is not a day of the week and a time of day"),
            Some(hint.to_owned()),
        )
    };
    let (day, time) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let clause = format!("weekly on {day} at {} keep 1w", time.trim());
    let schedule = Schedule::parse(&clause, zone).map_err(|_| wrong())?;
    match schedule.clauses() {
        [only] if matches!(only.when, Recurrence::Weekly { .. }) => Ok(only.when),
        _ => Err(wrong()),
    }
}
