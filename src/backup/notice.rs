use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EventKind, Topic};
use crate::text::Untrusted;

/// A notification about a run, as its mark keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notice {
    /// The kind of the event, as [`EventKind`] names it.
    pub event: Untrusted,
    /// What it was about, as [`Topic`] names it.
    pub about: Untrusted,
    /// When it was sent.
    pub at: Timestamp,
    /// The channels that took it.
    pub delivered: Vec<Untrusted>,
    /// The channels that did not.
    pub undelivered: Vec<FailedDelivery>,
}

/// A channel that did not take what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FailedDelivery {
    /// Its kind and host.
    pub channel: Untrusted,
    /// Why.
    pub why: Untrusted,
}

impl Notice {
    /// What it was about, as in "nobody could be told of …"; `the event` where a later version knows its kind.
    #[must_use]
    pub fn noun(event: &Untrusted) -> &'static str {
        EventKind::parse(event.raw()).map_or("the event", EventKind::noun)
    }

    /// Whether it was an event of this kind.
    #[must_use]
    pub fn is_of(&self, kind: EventKind) -> bool {
        self.event == kind.as_str()
    }

    /// Whether it was about this.
    #[must_use]
    pub fn is_about(&self, topic: Topic) -> bool {
        self.about == topic.as_str()
    }

    /// Whether no channel took it.
    #[must_use]
    pub fn reached_nobody(&self) -> bool {
        self.delivered.is_empty() && !self.undelivered.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_of_a_later_version_stays_as_it_is_and_is_named_in_general() {
        let json = r#"{"event":"drill_failed\u001b[2J","about":"drill","at":"2026-11-20T07:00:00Z","delivered":[],"undelivered":[]}"#;
        let notice: Notice = serde_json::from_str(json).unwrap();
        assert_eq!(Notice::noun(&notice.event), "the event");
        assert!(!notice.is_of(EventKind::Failure) && !notice.is_about(Topic::Backup));
        assert!(!notice.event.to_string().contains('\u{1b}'));
        // whoever changes a mark writes what it did not understand back as it was
        assert_eq!(serde_json::to_string(&notice).unwrap(), json);
    }

    #[test]
    fn every_kind_and_topic_is_recognised() {
        for kind in EventKind::CHOICES {
            let notice = Notice {
                event: kind.as_str().into(),
                about: Topic::Retention.as_str().into(),
                at: Timestamp::UNIX_EPOCH,
                delivered: Vec::new(),
                undelivered: Vec::new(),
            };
            assert!(notice.is_of(kind) && notice.is_about(Topic::Retention));
            assert_ne!(Notice::noun(&notice.event), "the event");
        }
    }
}
