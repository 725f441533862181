//! Ids of backups as tables show them: so much of the random part as tells them apart.

use pgcoffer::backup::BackupId;

/// Characters that are shown at the least: enough to be typed and to stay unique for a while.
const LEAST: usize = 6;

/// How the ids of a table are shown.
#[derive(Debug)]
pub(super) struct ShownIds {
    /// Characters of the random part; none for the whole id.
    chars: Option<usize>,
}

impl ShownIds {
    /// Short ones, which none of these ids shares with another; or whole ones.
    pub(super) fn new<'a>(ids: impl IntoIterator<Item = &'a BackupId>, is_whole: bool) -> Self {
        if is_whole {
            return Self { chars: None };
        }
        let mut tails: Vec<&str> = ids.into_iter().map(tail).collect();
        tails.sort_unstable();
        tails.dedup();
        let shared = tails.windows(2).map(|pair| {
            let both = pair[0].bytes().zip(pair[1].bytes());
            both.take_while(|(a, b)| a == b).count()
        });
        let needed = shared.max().unwrap_or(0) + 1;
        Self {
            chars: Some(needed.max(LEAST)),
        }
    }

    pub(super) fn shown(&self, id: &BackupId) -> String {
        match self.chars {
            None => id.to_string(),
            Some(chars) => tail(id).chars().take(chars).collect(),
        }
    }
}

/// The random part of an id.
fn tail(id: &BackupId) -> &str {
    id.as_str().rsplit('-').next().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_short_as_they_can_be_told_apart_by() {
        let [one, two, three] = ["abcdefgh2222", "abcdefgi2222", "zzzzzzzz2222"]
            .map(|tail| BackupId::parse(&format!("20261120T070000Z-{tail}")).unwrap());
        let few = ShownIds::new([&one, &three], false);
        assert_eq!((few.shown(&one), few.shown(&three)), ("abcdef".into(), "zzzzzz".into()));
        let all = ShownIds::new([&one, &two, &three], false);
        assert_eq!(
            (all.shown(&one), all.shown(&two)),
            ("abcdefgh".into(), "abcdefgi".into())
        );
        assert_eq!(ShownIds::new([&one], true).shown(&one), one.to_string());
    }
}
