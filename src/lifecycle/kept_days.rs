use jiff::{Span, civil::Date};

use crate::backup::Retention;

/// The number of whole days for which something is kept. A range, as months and years differ in length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptDays {
    /// The minimum.
    pub shortest_days: u32,
    /// The maximum, rounded up: 31 days a month, 366 days a year.
    pub longest_days: u32,
}

impl KeptDays {
    /// The days of a retention; `None` for `forever` and for a count, which have no day of deletion.
    #[must_use]
    pub fn of(retention: Retention) -> Option<Self> {
        let (shortest_days, longest_days) = match retention {
            Retention::Forever | Retention::Newest(_) => return None,
            Retention::Hours(n) => (u32::from(n) / 24, u32::from(n).div_ceil(24)),
            Retention::Days(n) => (n.into(), n.into()),
            Retention::Weeks(n) => (u32::from(n) * 7, u32::from(n) * 7),
            Retention::Months(n) => (shortest(Span::new().months(n)), u32::from(n) * 31),
            Retention::Years(n) => {
                let years = i16::try_from(n).unwrap_or(i16::MAX);
                (shortest(Span::new().years(years)), u32::from(n) * 366)
            }
        };
        Some(Self {
            shortest_days,
            longest_days,
        })
    }
}

/// The shortest length of a calendar span in days, found by trying every start in two years without a leap day.
fn shortest(span: Span) -> u32 {
    let first = Date::constant(2025, 1, 1);
    let starts = first.series(Span::new().days(1)).take(730);
    let days = starts.filter_map(|start| {
        // a span that ends after the calendar does is longer than any limit here
        let end = start.checked_add(span).ok()?;
        u32::try_from((end - start).get_days()).ok()
    });
    days.min().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(text: &str) -> Option<(u32, u32)> {
        let kept = KeptDays::of(text.parse().unwrap())?;
        Some((kept.shortest_days, kept.longest_days))
    }

    #[test]
    fn months_and_years_have_a_shortest_and_a_longest() {
        assert_eq!(days("1mo"), Some((28, 31)));
        assert_eq!(days("3mo"), Some((89, 93)));
        assert_eq!(days("12mo"), Some((365, 372)));
        assert_eq!(days("1y"), Some((365, 366)));
        assert_eq!(days("7y"), Some((2556, 2562)));
    }

    #[test]
    fn hours_are_rounded_away_from_certainty() {
        assert_eq!(days("24h"), Some((1, 1)));
        assert_eq!(days("25h"), Some((1, 2)));
        assert_eq!(days("5w"), Some((35, 35)));
        assert_eq!((days("forever"), days("24")), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn no_real_span_lies_outside(n in 1u16..200, unit in 0usize..4, day in 0i64..3650) {
            let retention: Retention = format!("{n}{}", ["h", "w", "mo", "y"][unit]).parse().unwrap();
            let start: jiff::Timestamp = "2021-01-01T10:00:00Z".parse().unwrap();
            let start = start + jiff::SignedDuration::from_hours(24 * day);
            let end = retention.expires(start).unwrap();
            let hours = u32::try_from((end - start).total(jiff::Unit::Hour).unwrap() as i64).unwrap();
            let kept = KeptDays::of(retention).unwrap();
            // two starting years are tried: a span of many years may have one leap day fewer
            proptest::prop_assert!(kept.shortest_days * 24 <= hours + 24 && hours <= kept.longest_days * 24);
        }
    }
}
