//! Who is told, and of what: read on its own, so that a fault in any other setting can still be told.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use self::parse::{address, digest, kinds, mail, person, ping, secret, slack};
use super::{
    reading::Reading,
    schedules::TIMEZONE,
    table::{self, Characters, DefaultValue, Section, Setting, Take},
};
use crate::{
    backup::Label,
    error::Fault,
    notify::{Address, Channel, EventFilter, Notifier, Ping, Relay, SigningSecret, Slack, Webhook},
    schedule::Recurrence,
};

/// When the digest is sent, where nothing else is said.
pub const DEFAULT_DIGEST: &str = "monday 08:00";

const WEBHOOK_URL: &str = "PGCOFFER_WEBHOOK_URL";
const WEBHOOK_SECRET: &str = "PGCOFFER_WEBHOOK_SECRET";
const SMTP_URL: &str = "PGCOFFER_SMTP_URL";
const EMAIL_FROM: &str = "PGCOFFER_EMAIL_FROM";
const EMAIL_TO: &str = "PGCOFFER_EMAIL_TO";
const DIGEST: &str = "PGCOFFER_DIGEST";
pub(super) const PING_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_PING_URL";

pub(super) const SECTION: Section = Section {
    title: "Notifications",
    settings: &[
        Setting {
            name: "PGCOFFER_SLACK_WEBHOOK_URL",
            secret: true,
            default: DefaultValue::None,
            help: "an incoming webhook of Slack, Mattermost, …",
            doc: "an incoming webhook of Slack or of what speaks its protocol, such as Mattermost: [notifications.md](notifications.md)",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.notices.slack = Some(slack(text)?);
                Ok(())
            }),
        },
        Setting {
            name: WEBHOOK_URL,
            secret: true,
            default: DefaultValue::None,
            help: "an address that takes signed events",
            doc: "an address that takes signed events: [notifications.md](notifications.md)",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.notices.webhook = Some(address(text)?);
                Ok(())
            }),
        },
        Setting {
            name: WEBHOOK_SECRET,
            secret: true,
            default: DefaultValue::None,
            help: "what they are signed with: whsec_…",
            doc: "what they are signed with: `whsec_` and the base64 of 24 to 64 random bytes",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.notices.webhook_secret = Some(secret(text)?);
                Ok(())
            }),
        },
        Setting {
            name: SMTP_URL,
            secret: true,
            default: DefaultValue::None,
            help: "a mail server: smtps://user:password@mail.example.com",
            doc: "a mail server, over TLS: `smtps://user:password@mail.example.com`: [notifications.md](notifications.md)",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                let relay = Relay::parse(text);
                reading.notices.smtp = Some(relay.map_err(|e| (e.to_string(), Some(e.hint())))?);
                Ok(())
            }),
        },
        Setting {
            name: EMAIL_FROM,
            secret: false,
            default: DefaultValue::None,
            help: "who mail comes from",
            doc: "who mail comes from: `backups@example.com`, or `Backups <backups@example.com>`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                person(text)?;
                reading.notices.from = Some(text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: EMAIL_TO,
            secret: false,
            default: DefaultValue::None,
            help: "who gets it; several are separated by commas",
            doc: "who gets it; several are separated by commas or line ends",
            characters: Characters::Lines,
            take: Take::Once(|reading, text| {
                let people = text.split([',', '\n']).map(str::trim);
                for one in people.filter(|one| !one.is_empty()) {
                    person(one)?;
                    reading.notices.to.push(one.to_owned());
                }
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_NOTIFY_ON",
            secret: false,
            default: DefaultValue::Text("failure,missed,recovery,suspicious"),
            help: "events to report, all or none",
            doc: "events to report, or `all`, or `none`: [notifications.md](notifications.md)",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.notices.kinds = Some(kinds(text)?);
                Ok(())
            }),
        },
        Setting {
            name: DIGEST,
            secret: false,
            default: DefaultValue::Text(DEFAULT_DIGEST),
            help: "when the weekly digest is sent",
            doc: "when the weekly digest is sent, in the time zone of schedules",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.notices.digest = Some(text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_PING_URL",
            secret: true,
            default: DefaultValue::None,
            help: "a dead man's switch such as https://hc-ping.com/UUID",
            doc: "dead man's switch: a ping URL as of healthchecks.io",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.notices.ping = Some(ping(text)?);
                Ok(())
            }),
        },
        Setting {
            name: PING_OF_DATABASE,
            secret: true,
            default: DefaultValue::None,
            help: "one for a single database",
            doc: "a dead man's switch for that database alone, besides the one for everything",
            characters: Characters::Visible,
            take: Take::PerDatabase {
                read: |reading, label, text| {
                    reading.notices.pings.insert(label, ping(text)?);
                    Ok(())
                },
                // the URL of a database that is called MAIN_PING
                is_other: |text| text.starts_with("postgres"),
            },
        },
    ],
};

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

impl Notices {
    /// Reads these settings alone, whatever else is wrong: so that what is wrong can be told. None where these
    /// themselves are wrong, or where there is nobody to tell.
    #[must_use]
    pub fn alone<'a>(vars: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut reading = Reading::default();
        for (name, value) in vars.into_iter().filter(|(_, value)| !value.is_empty()) {
            let found = table::find(name, Some(value));
            let is_needed = |setting: &Setting| {
                setting.name == TIMEZONE || SECTION.settings.iter().any(|own| own.name == setting.name)
            };
            if found.is_some_and(|(setting, _)| is_needed(setting)) {
                reading.take(name, value);
            }
        }
        // what is wrong with one channel keeps no other from reporting it
        let zone = reading.schedules.zone.unwrap_or(TimeZone::UTC);
        let notices = reading.notices.finish(&zone, &reading.wrong, &mut Vec::new());
        let nobody = notices.notifier.channels.is_empty() && notices.ping.is_none() && notices.pings.is_empty();
        (!nobody).then_some(notices)
    }
}
