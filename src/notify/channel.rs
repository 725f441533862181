//! All channels at once.

use futures_util::future::join_all;

use super::{Error, Event, Kind, Kinds, Mail, Patience, Slack, Webhook, http};
use crate::panics::caught_as_error;

/// One way to tell somebody.
#[derive(Debug, Clone)]
pub enum Channel {
    /// a channel of Slack
    Slack(Slack),
    /// a program
    Webhook(Webhook),
    /// mail
    Mail(Mail),
}

/// What became of one event on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// `slack`, `webhook` or `mail`, and the host
    pub channel: String,
    /// the setting that it comes from
    pub setting: &'static str,
    /// whether it was taken
    pub result: Result<(), Error>,
}

/// Everybody who is told, and of what.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    /// the channels
    pub channels: Vec<Channel>,
    /// the events
    pub kinds: Kinds,
}

impl Channel {
    /// Its kind, as it is shown and recorded.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::Webhook(_) => "webhook",
            Self::Mail(_) => "mail",
        }
    }

    fn host(&self) -> &str {
        match self {
            Self::Slack(slack) => slack.host(),
            Self::Webhook(webhook) => webhook.host(),
            Self::Mail(mail) => mail.host(),
        }
    }

    fn setting(&self) -> &'static str {
        match self {
            Self::Slack(_) => "PGCOFFER_SLACK_WEBHOOK_URL",
            Self::Webhook(_) => "PGCOFFER_WEBHOOK_URL",
            Self::Mail(_) => "PGCOFFER_SMTP_URL",
        }
    }

    /// Whether it was told; where it was, those who were left out, and why.
    async fn tell(&self, event: &Event, patience: Patience) -> Result<Vec<(String, Error)>, Error> {
        match self {
            Self::Slack(slack) => slack.tell(&http::client()?, event, patience).await?,
            Self::Webhook(webhook) => webhook.tell(&http::client()?, event, patience).await?,
            Self::Mail(mail) => return mail.tell(event, patience).await,
        }
        Ok(Vec::new())
    }

    fn tellings(&self, told: Result<Vec<(String, Error)>, Error>) -> Vec<Telling> {
        let telling = |to: &str, result| Telling {
            channel: format!("{} ({}){to}", self.name(), self.host()),
            setting: self.setting(),
            result,
        };
        let (whole, refused) = match told {
            Ok(refused) => (Ok(()), refused),
            Err(error) => (Err(error), Vec::new()),
        };
        let refused = refused.into_iter();
        let refused = refused.map(|(one, error)| telling(&format!(" to {one}"), Err(error)));
        std::iter::once(telling("", whole)).chain(refused).collect()
    }
}

impl Telling {
    /// What cures it, where it was not taken.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let error = self.result.as_ref().err()?;
        if let (Error::Answered { status: 401 | 403, .. }, "PGCOFFER_WEBHOOK_URL") = (error, self.setting) {
            let hint = "it refuses the signature, or us: both sides need the same PGCOFFER_WEBHOOK_SECRET, and clocks \
                that agree to five minutes";
            return Some(hint.to_owned());
        }
        let hint = error.hint()?;
        Some(format!("{hint} ({})", self.setting))
    }
}

impl Notifier {
    /// Whether there is anybody to tell of this kind.
    #[must_use]
    pub fn listens_to(&self, kind: Kind) -> bool {
        !self.channels.is_empty() && self.kinds.contains(kind)
    }

    /// Tells an event over every channel at once, and gives what became of it on each. It takes no longer than
    /// `patience.total`.
    pub async fn tell(&self, event: &Event, patience: Patience) -> Vec<Telling> {
        if !self.listens_to(event.kind) {
            return Vec::new();
        }
        let tellings = self.channels.iter().map(|channel| async move {
            // a bug on the way to one keeps no other from being told
            let telling = caught_as_error(channel.tell(event, patience));
            let told = tokio::time::timeout(patience.total, telling);
            let late = |_| {
                Err(Error::OutOfTime {
                    host: channel.host().to_owned(),
                    last: None,
                })
            };
            channel.tellings(told.await.unwrap_or_else(late))
        });
        join_all(tellings).await.into_iter().flatten().collect()
    }
}
