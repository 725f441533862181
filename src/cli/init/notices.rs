//! Who is notified when a backup fails or is missed.

use std::ffi::OsString;

use pgcoffer::{
    Error,
    config::{Config, ConfigFile, Settings, Sources},
    setup::Setup,
};

use super::{Draft, journal::Asked};

/// A setting of a channel and the question that asks for it.
struct NoticeSetting {
    variable: &'static str,
    question: &'static str,
    /// Whether it is a secret, and not shown while it is typed.
    secret: bool,
}

/// A way by which people are notified.
struct NoticeChannel {
    name: &'static str,
    settings: &'static [NoticeSetting],
}

const CHANNELS: [NoticeChannel; 4] = [
    NoticeChannel {
        name: "a heartbeat monitor, such as healthchecks.io (recommended)",
        settings: &[NoticeSetting {
            variable: "PGCOFFER_PING_URL",
            question: "   Its ping URL, which the monitor shows for a check",
            secret: true,
        }],
    },
    NoticeChannel {
        name: "Slack or Mattermost, by a webhook",
        settings: &[NoticeSetting {
            variable: "PGCOFFER_SLACK_WEBHOOK_URL",
            question: "   The URL of an incoming webhook, which Slack shows for an app",
            secret: true,
        }],
    },
    NoticeChannel {
        name: "mail",
        settings: &[
            NoticeSetting {
                variable: "PGCOFFER_SMTP_URL",
                question: "   The mail server: smtps://user:password@mail.example.com",
                secret: true,
            },
            NoticeSetting {
                variable: "PGCOFFER_EMAIL_FROM",
                question: "   From which address",
                secret: false,
            },
            NoticeSetting {
                variable: "PGCOFFER_EMAIL_TO",
                question: "   To whom; several are separated by commas",
                secret: false,
            },
        ],
    },
    NoticeChannel {
        name: "a webhook of your own, which takes signed events",
        settings: &[
            NoticeSetting {
                variable: "PGCOFFER_WEBHOOK_URL",
                question: "   Its address",
                secret: true,
            },
            NoticeSetting {
                variable: "PGCOFFER_WEBHOOK_SECRET",
                question: "   What events are signed with: whsec_ and the base64 of 24 to 64 random bytes",
                secret: true,
            },
        ],
    },
];

impl NoticeChannel {
    fn is_in(&self, setup: &Setup) -> bool {
        self.settings
            .iter()
            .any(|setting| setup.text(setting.variable).is_some())
    }
}

impl Draft {
    pub(super) fn notices(&mut self) -> Asked<()> {
        self.step(6, "Notifications");
        if !self.terminal.asks || self.terminal.yes {
            return Ok(());
        }
        self.terminal
            .say("   A heartbeat monitor alarms also when nothing runs any more; the others tell what failed.");
        let (mut typed, mut declined) = (false, false);
        loop {
            let (set, open): (Vec<_>, Vec<_>) = CHANNELS.iter().partition(|channel| channel.is_in(&self.setup));
            for channel in set {
                let names: Vec<&str> = channel.settings.iter().map(|setting| setting.variable).collect();
                self.terminal.say(&format!("   set: {}", names.join(", ")));
            }
            let nobody = if open.len() == CHANNELS.len() {
                "nobody yet"
            } else {
                "nobody else"
            };
            let items: Vec<&str> = open.iter().map(|channel| channel.name).chain([nobody]).collect();
            // who has just left a question empty goes on by Enter
            let begin_at = if declined { open.len() } else { 0 };
            let chosen =
                self.terminal
                    .choose_from("   Who is notified when a backup fails or is missed", &items, begin_at)?;
            let Some(channel) = open.get(chosen) else {
                break;
            };
            declined = !self.ask_channel(channel)?;
            typed |= !declined;
        }
        if typed && !self.args.no_check && self.terminal.confirm("   Send a test to them now?", true)? {
            self.terminal.say("   Sending it.");
            if !self.try_notices()? {
                self.terminal
                    .say("   It stays set. Type back to change it; `pgcoffer check --notify` sends a test again.");
            }
        }
        Ok(())
    }

    /// Asks for the settings of one channel; false where the first one stays empty.
    fn ask_channel(&mut self, channel: &NoticeChannel) -> Asked<bool> {
        for (n, setting) in channel.settings.iter().enumerate() {
            let check = |text: &str| self.fault_in(setting.variable, text).map_or(Ok(()), Err);
            let question = match n {
                0 => format!("{}; Enter for none", setting.question),
                _ => setting.question.to_owned(),
            };
            let text = match setting.secret {
                true => self.terminal.hidden(&question, n == 0, check)?.as_str().to_owned(),
                false => self.terminal.text(&question, None, check)?,
            };
            if text.is_empty() {
                return Ok(false);
            }
            self.setup.set(setting.variable, text);
        }
        Ok(true)
    }

    /// What is wrong with a value, as its setting is read.
    fn fault_in(&self, variable: &str, value: &str) -> Option<String> {
        let mut vars: Vec<(OsString, OsString)> = vec![(variable.into(), value.into())];
        vars.extend(
            self.setup
                .text("PGCOFFER_ALLOW_HTTP")
                .map(|hosts| ("PGCOFFER_ALLOW_HTTP".into(), hosts.into())),
        );
        let settings = Settings::gather(Sources {
            vars,
            file: ConfigFile::IfThere("/dev/null".into()),
            ..Sources::default()
        });
        let Err(Error::Config(faults)) = Config::read(&settings) else {
            return None;
        };
        let fault = faults.into_iter().find(|fault| fault.variable == variable)?;
        let hint = fault.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Some(format!("   {}{hint}", fault.why))
    }

    /// The settings of notifications, and the bucket, without which there is nothing to check.
    pub(super) fn notices_alone(&self) -> Setup {
        let mut setup = Setup::default();
        let wanted = CHANNELS.iter().flat_map(|channel| channel.settings);
        let wanted = wanted.map(|setting| setting.variable);
        for name in wanted
            .chain(["PGCOFFER_BUCKET", "PGCOFFER_ALLOW_HTTP", "PGCOFFER_S3_PATH_STYLE"])
            .chain(super::OF_AWS)
        {
            if let Some(value) = self.setup.text(name) {
                setup.set(name, value);
            }
        }
        setup
    }
}
