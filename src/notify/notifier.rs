//! Sends events over all channels at once.

use futures_util::future::join_all;

use super::{Error, EventFilter, Mail, SendLimits, Slack, Webhook, http};
use crate::{
    backup::{Event, EventKind},
    panics::caught_as_error,
};

/// One way to send notifications.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A Slack channel.
    Slack(Slack),
    /// A program that receives webhooks.
    Webhook(Webhook),
    /// Mail.
    Mail(Mail),
}

/// The result of one event on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `slack`, `webhook` or `mail`, the host, and the recipient if it concerns only one.
    pub channel: String,
    /// The setting that configures the channel.
    pub setting: &'static str,
    /// Whether the channel accepted it.
    pub result: Result<(), Error>,
}

/// The channels, and the events that are sent over them.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    /// The channels.
    pub channels: Vec<Channel>,
    /// The kinds of events that are sent.
    pub kinds: EventFilter,
}

impl Channel {
    /// Its kind, as it is shown and stored in the bucket.
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

    /// Sends an event. Returns the recipients that were refused although others were not, with the reasons.
    async fn send(&self, event: &Event, limits: SendLimits) -> Result<Vec<(String, Error)>, Error> {
        match self {
            Self::Slack(slack) => slack.send(&http::client()?, event, limits).await?,
            Self::Webhook(webhook) => webhook.send(&http::client()?, event, limits).await?,
            Self::Mail(mail) => return mail.send(event, limits).await,
        }
        Ok(Vec::new())
    }

    fn deliveries(&self, sent: Result<Vec<(String, Error)>, Error>) -> Vec<Delivery> {
        let delivery = |to: &str, result| Delivery {
            channel: format!("{} ({}){to}", self.name(), self.host()),
            setting: self.setting(),
            result,
        };
        let (whole, refused) = match sent {
            Ok(refused) => (Ok(()), refused),
            Err(error) => (Err(error), Vec::new()),
        };
        let refused = refused.into_iter();
        let refused = refused.map(|(one, error)| delivery(&format!(" to {one}"), Err(error)));
        std::iter::once(delivery("", whole)).chain(refused).collect()
    }
}

impl Delivery {
    /// What the user can do, if the channel did not accept it.
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
    /// Whether events of this kind are sent to any channel.
    #[must_use]
    pub fn sends(&self, kind: EventKind) -> bool {
        !self.channels.is_empty() && self.kinds.contains(kind)
    }

    /// Sends an event over every channel at once, and returns the result of each. Takes at most `limits.total`,
    /// including retries. Safe to cancel: the message may then arrive or not.
    pub async fn send(&self, event: &Event, limits: SendLimits) -> Vec<Delivery> {
        if !self.sends(event.kind()) {
            return Vec::new();
        }
        let deliveries = self.channels.iter().map(|channel| async move {
            // a bug in one channel doesn't affect the others
            let sending = caught_as_error(channel.send(event, limits));
            let sent = tokio::time::timeout(limits.total, sending);
            let late = |_| {
                Err(Error::OutOfTime {
                    host: channel.host().to_owned(),
                    last: None,
                })
            };
            channel.deliveries(sent.await.unwrap_or_else(late))
        });
        join_all(deliveries).await.into_iter().flatten().collect()
    }
}
