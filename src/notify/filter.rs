use std::collections::BTreeSet;

use crate::backup::EventKind;

/// The kinds of events that are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter(BTreeSet<EventKind>);

/// A word that is not the name of a kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event: there are failure, missed, recovery, suspicious, success, digest, all and none")]
pub struct UnknownEvent(pub String);

impl Default for EventFilter {
    /// Everything that a user should look at, and when that is over.
    fn default() -> Self {
        let kinds = [
            EventKind::Failure,
            EventKind::Missed,
            EventKind::Recovery,
            EventKind::Suspicious,
        ];
        Self(kinds.into())
    }
}

impl EventFilter {
    /// Parses a list: names, `all` or `none`, separated by commas or spaces.
    ///
    /// # Errors
    /// [`UnknownEvent`] for the first word that is not a name or can't be combined with others, and without a word for
    /// an empty list.
    pub fn parse(text: &str) -> Result<Self, UnknownEvent> {
        let words = text.split([',', ' ', '\t', '\n']);
        let words: Vec<String> = words
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        match words.as_slice() {
            [only] if only == "all" => return Ok(Self(EventKind::CHOICES.into())),
            [only] if only == "none" => return Ok(Self(BTreeSet::new())),
            // an empty list is a mistake, as no one would be notified
            [] => return Err(UnknownEvent(String::new())),
            _ => {}
        }
        let kind = |word: &String| {
            let mut kinds = EventKind::CHOICES.into_iter();
            let found = kinds.find(|kind| kind.as_str() == word);
            found.ok_or_else(|| UnknownEvent(word.clone()))
        };
        words.iter().map(kind).collect::<Result<_, _>>().map(Self)
    }

    /// Whether events of this kind are sent. A test always is.
    #[must_use]
    pub fn contains(&self, kind: EventKind) -> bool {
        kind == EventKind::Test || self.0.contains(&kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_chosen_by_name_all_or_none() {
        let chosen = EventFilter::parse("Failure, digest").unwrap();
        assert!(chosen.contains(EventKind::Digest) && !chosen.contains(EventKind::Missed));
        assert!(EventFilter::parse("all").unwrap().contains(EventKind::Success));
        let none = EventFilter::parse("none").unwrap();
        assert!(!none.contains(EventKind::Failure) && none.contains(EventKind::Test));
        assert_eq!(EventFilter::parse("failures"), Err(UnknownEvent("failures".into())));
        assert_eq!(EventFilter::parse("all, digest"), Err(UnknownEvent("all".into())));
        assert_eq!(EventFilter::parse(" ,"), Err(UnknownEvent(String::new())));
        assert!(!EventFilter::default().contains(EventKind::Success));
    }
}
