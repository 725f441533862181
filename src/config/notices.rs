//! Who is told, and of what: read on its own, so that a fault in any other setting can still be told.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::values::{Wrong, zone};
use crate::{
    backup::{EventKind, Label},
    error::Fault,
    notify::{Address, Channel, EventFilter, Mail, Notifier, Ping, Relay, SigningSecret, Slack, Webhook, mailbox},
    schedule::{Schedule, When},
};

/// When the digest is sent, where nothing else is said.
pub const DEFAULT_DIGEST: &str = "monday 08:00";

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
    pub digest: Option<(When, TimeZone)>,
}

/// Settings of notices, as far as they can be read one by one.
#[derive(Debug, Default)]
pub(super) struct NoticeReading {
    slack: Option<Address>,
    webhook: Option<Address>,
    webhook_secret: Option<SigningSecret>,
    smtp: Option<Relay>,
    from: Option<String>,
    to: Vec<String>,
    ping: Option<Ping>,
    pub(super) pings: BTreeMap<Label, Ping>,
    kinds: Option<EventFilter>,
    digest: Option<String>,
    /// settings that were there and wrong: their partners are not missing
    wrong: Vec<&'static str>,
}

impl NoticeReading {
    /// Takes a setting without its `PGCOFFER_`, where it is one of these.
    pub(super) fn take(&mut self, setting: &str, value: &str) -> Option<Result<(), Wrong>> {
        let known = SETTINGS.iter().find(|name| **name == setting)?;
        let taken = self.read(setting, value);
        if taken.is_err() {
            self.wrong.push(known);
        }
        Some(taken)
    }

    fn read(&mut self, setting: &str, value: &str) -> Result<(), Wrong> {
        match setting {
            "SLACK_WEBHOOK_URL" => self.slack = Some(slack(value)?),
            "WEBHOOK_URL" => self.webhook = Some(address(value)?),
            "WEBHOOK_SECRET" => self.webhook_secret = Some(secret(value)?),
            "SMTP_URL" => {
                let relay = Relay::parse(value);
                self.smtp = Some(relay.map_err(|e| (e.to_string(), Some(e.hint())))?);
            }
            "EMAIL_FROM" => {
                person(value)?;
                self.from = Some(value.to_owned());
            }
            "EMAIL_TO" => {
                let people = value.split([',', '\n']).map(str::trim);
                for one in people.filter(|one| !one.is_empty()) {
                    person(one)?;
                    self.to.push(one.to_owned());
                }
            }
            "PING_URL" => self.ping = Some(ping(value)?),
            "NOTIFY_ON" => self.kinds = Some(kinds(value)?),
            _ => self.digest = Some(value.to_owned()),
        }
        Ok(())
    }

    /// Takes the check of one database.
    pub(super) fn take_ping(&mut self, label: Label, value: &str) -> Result<(), Wrong> {
        self.pings.insert(label, ping(value)?);
        Ok(())
    }

    /// Puts together what was read; `zone` is the one of schedules.
    pub(super) fn finish(self, zone: &TimeZone, faults: &mut Vec<Fault>) -> Notices {
        let mut fault = |name: &'static str, why: &str, hint: &str| {
            if !self.wrong.contains(&name) {
                faults.push(Fault {
                    variable: format!("PGCOFFER_{name}"),
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
                "WEBHOOK_SECRET",
                "it is missing, and PGCOFFER_WEBHOOK_URL is set: nothing is sent unsigned",
                "set it to whsec_ and the base64 of 24 to 64 random bytes: echo \"whsec_$(openssl rand -base64 32)\"",
            ),
            (None, Some(_)) => fault(
                "WEBHOOK_URL",
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
                    ("SMTP_URL", relay.is_none()),
                    ("EMAIL_FROM", from.is_none()),
                    ("EMAIL_TO", no_one),
                ] {
                    if missing {
                        fault(name, "it is missing, and other settings of mail are there", hint);
                    }
                }
            }
        }
        let digest = digest(self.digest.as_deref().unwrap_or(DEFAULT_DIGEST), zone);
        let digest = digest.map_err(|(why, hint)| fault("DIGEST", &why, &hint.unwrap_or_default()));
        let kinds = self.kinds.unwrap_or_default();
        Notices {
            notifier: Notifier { channels, kinds },
            ping: self.ping,
            pings: self.pings,
            digest: digest.ok().map(|when| (when, zone.clone())),
        }
    }
}

/// Settings that are read here, but for those of single databases.
pub(super) const SETTINGS: [&str; 9] = [
    "SLACK_WEBHOOK_URL",
    "WEBHOOK_URL",
    "WEBHOOK_SECRET",
    "SMTP_URL",
    "EMAIL_FROM",
    "EMAIL_TO",
    "PING_URL",
    "NOTIFY_ON",
    "DIGEST",
];

impl Notices {
    /// Reads these settings alone, whatever else is wrong: so that what is wrong can be told. None where these
    /// themselves are wrong, or where there is nobody to tell.
    #[must_use]
    pub fn alone<'a>(vars: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let (mut reading, mut in_zone) = (NoticeReading::default(), TimeZone::UTC);
        for (name, value) in vars.into_iter().filter(|(_, value)| !value.is_empty()) {
            let Some(setting) = name.strip_prefix("PGCOFFER_") else {
                continue;
            };
            match (setting, setting.strip_prefix("DB_")) {
                ("TIMEZONE", _) => in_zone = zone(value).unwrap_or(in_zone),
                (_, Some(rest)) => {
                    let label = rest.strip_suffix("_PING_URL").map(Label::parse);
                    // a database may be called MAIN_PING
                    let label = label.filter(|_| !value.starts_with("postgres"));
                    if let Some(Ok(label)) = label {
                        let _ = reading.take_ping(label, value);
                    }
                }
                _ => {
                    reading.take(setting, value).unwrap_or(Ok(())).ok();
                }
            }
        }
        // what is wrong with one channel keeps no other from telling so
        let mut faults = Vec::new();
        let notices = reading.finish(&in_zone, &mut faults);
        let nobody = notices.notifier.channels.is_empty() && notices.ping.is_none() && notices.pings.is_empty();
        (!nobody).then_some(notices)
    }
}

fn address(text: &str) -> Result<Address, Wrong> {
    Address::parse(text).map_err(|e| (e.to_string(), Some(e.hint())))
}

/// Any host will do that speaks Slack's protocol: Mattermost and others take the same.
fn slack(text: &str) -> Result<Address, Wrong> {
    let address = address(text).map_err(|(why, hint)| {
        let example = "https://hooks.slack.com/services/…";
        (why, hint.map(|hint| format!("{hint}; Slack gives it as {example}")))
    })?;
    if address.host() == "slack.com" || address.host().ends_with(".slack.com") && address.host() != "hooks.slack.com" {
        let hint = "in Slack: your app, Incoming Webhooks, Add New Webhook; it begins with https://hooks.slack.com/";
        return Err((
            "it is an address of Slack and no incoming webhook".to_owned(),
            Some(hint.to_owned()),
        ));
    }
    Ok(address)
}

fn secret(text: &str) -> Result<SigningSecret, Wrong> {
    SigningSecret::parse(text).map_err(|why| {
        let hint =
            "set it to whsec_ and the base64 of 24 to 64 random bytes: echo \"whsec_$(openssl rand -base64 32)\"";
        (why, Some(hint.to_owned()))
    })
}

fn person(text: &str) -> Result<(), Wrong> {
    let hint = "write ann@example.com, or Ann <ann@example.com>; several are separated by commas";
    mailbox(text).map(drop).map_err(|why| (why, Some(hint.to_owned())))
}

fn mail(relay: Relay, from: &str, to: &[String]) -> Option<Channel> {
    // each of them was read before
    let to = to.iter().map(|one| mailbox(one)).collect::<Result<Vec<_>, _>>().ok()?;
    Some(Channel::Mail(Mail::new(relay, mailbox(from).ok()?, to)))
}

fn ping(text: &str) -> Result<Ping, Wrong> {
    let address = Address::parse(text);
    let address = address.map_err(|e| {
        let hint = "give the check's ping URL, such as https://hc-ping.com/UUID";
        (e.to_string(), Some(hint.to_owned()))
    })?;
    Ok(Ping::new(address))
}

fn kinds(text: &str) -> Result<EventFilter, Wrong> {
    EventFilter::parse(text).map_err(|unknown| {
        if unknown.0.is_empty() {
            let hint = "write none where nothing is to be told";
            return ("it is empty".to_owned(), Some(hint.to_owned()));
        }
        let mut names = EventKind::CHOICES.iter().map(|kind| kind.as_str());
        let word = &unknown.0;
        let alone = ["all", "none"].contains(&word.as_str());
        let near = names.find(|name| near(name, word));
        let hint = match (near, alone) {
            (_, true) => Some(format!("{word} stands alone")),
            (Some(near), _) => Some(format!("{near} is one")),
            (None, _) => None,
        };
        (unknown.to_string(), hint)
    })
}

/// Whether somebody who wrote `word` probably meant `name`: they begin alike.
fn near(name: &str, word: &str) -> bool {
    let common = name.chars().zip(word.chars()).take_while(|(a, b)| a == b).count();
    common >= 3 || (common > 0 && name.len().abs_diff(word.len()) <= 1 && common + 2 >= name.len())
}

/// `monday 08:00`: a day of the week and a time of day.
fn digest(text: &str, zone: &TimeZone) -> Result<When, Wrong> {
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
        [only] if matches!(only.when, When::Weekly { .. }) => Ok(only.when),
        _ => Err(wrong()),
    }
}
