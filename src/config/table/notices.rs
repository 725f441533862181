//! Settings of who is told, and of what.

mod parse;

use self::parse::{address, kinds, person, ping, secret, slack};
use super::super::{
    notices::{DEFAULT_DIGEST, DIGEST, EMAIL_FROM, EMAIL_TO, PING_OF_DATABASE, SMTP_URL, WEBHOOK_SECRET, WEBHOOK_URL},
    setting::{Characters, DefaultValue, Section, Setting, Take},
};
use crate::notify::Relay;

pub(in super::super) const SECTION: Section = Section {
    title: "Notifications",
    settings: &[
        Setting {
            name: "PGCOFFER_SLACK_WEBHOOK_URL",
            secret: true,
            default: DefaultValue::None,
            help: "an incoming webhook of Slack, Mattermost, …",
            doc: "an incoming webhook of Slack, or of a service with the same protocol, for example Mattermost: \
                [notifications.md](notifications.md)",
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
            doc: "an address that receives signed events: [notifications.md](notifications.md)",
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
            doc: "the secret that signs these events: `whsec_` and the base64 of 24 to 64 random bytes",
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
            doc: "the sender of mail: `backups@example.com`, or `Backups <backups@example.com>`",
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
            doc: "the receivers of mail, separated by commas or line ends",
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
            doc: "dead man's switch: a ping URL like those of healthchecks.io",
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
            doc: "a dead man's switch for this database alone, in addition to the one for everything",
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
