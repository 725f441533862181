//! The user's own statements, each with what is expected of it.
//!
//! ```sql
//! -- expect: >= 1000
//! SELECT count(*) FROM orders;
//!
//! -- expect: within 1 day
//! SELECT max(created_at) FROM orders;
//! ```
//!
//! The comment `-- expect:` begins a statement, which ends before the next such comment or with the file. What is
//! expected is a value (`42`, `paid`), a bound (`>= 1000`, `< 5`), a range (`10..20`), a moment near the backup
//! (`within 1 day`), or `null`, `not null`, `nothing`, `a row`.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::values::{Number, length_of_time, mistyped, moment};
use crate::{backup::DrillCheck, postgres::CheckAnswer, text::Untrusted};

/// The word that begins an expectation.
const EXPECT: &str = "expect:";

/// The user's statements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrillChecks(Vec<ExpectedAnswer>);

/// One statement, and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ExpectedAnswer {
    line: usize,
    statement: String,
    text: String,
    expectation: Expectation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expectation {
    /// This text; a number also if it is written otherwise.
    Value(String),
    /// A number that compares so with this one.
    Bound(Comparison, String),
    /// A number from the first to the second.
    Range(String, String),
    /// A moment at most so many seconds before the backup began, and not after the drill.
    Within(i64),
    Null,
    NotNull,
    /// No row.
    Nothing,
    /// At least one row.
    Row,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    NotEqual,
}

impl Comparison {
    /// The longer marks first.
    const ALL: [(&'static str, Self); 6] = [
        (">=", Self::GreaterOrEqual),
        ("<=", Self::LessOrEqual),
        ("<>", Self::NotEqual),
        ("!=", Self::NotEqual),
        (">", Self::Greater),
        ("<", Self::Less),
    ];

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::NotEqual => ordering.is_ne(),
        }
    }
}

impl DrillChecks {
    /// Reads a file of statements.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut checks: Vec<ExpectedAnswer> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            if let Some(expected) = expectation(line) {
                let expectation = Expectation::parse(expected).map_err(|why| format!("line {number}: {why}"))?;
                checks.push(ExpectedAnswer {
                    line: number,
                    statement: String::new(),
                    text: expected.to_owned(),
                    expectation,
                });
                continue;
            }
            match checks.last_mut() {
                Some(check) => {
                    check.statement.push_str(line);
                    check.statement.push('\n');
                }
                None if is_blank(line) => (),
                None => {
                    return Err(format!(
                        "line {number}: a statement without a comment `-- {EXPECT} …` above it"
                    ));
                }
            }
        }
        for check in &mut checks {
            if check.statement.lines().all(is_blank) {
                return Err(format!("line {}: no statement stands below it", check.line));
            }
            check.statement = check.statement.trim().trim_end_matches(';').trim_end().to_owned();
        }
        Ok(Self(checks))
    }

    /// The statements, in their order.
    pub(super) fn statements(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|check| check.statement.as_str())
    }

    /// Compares an answer with what the statement at `index` expects. `backed_up` is when the backup began, `now` the
    /// time of the drill.
    pub(super) fn judge(&self, index: usize, answer: &CheckAnswer, backed_up: Timestamp, now: Timestamp) -> DrillCheck {
        let check = &self.0[index];
        let found = match answer {
            CheckAnswer::Value(Some(value)) => value.clone(),
            CheckAnswer::Value(None) => "null".into(),
            CheckAnswer::Nothing => "no row".into(),
            CheckAnswer::Refused(message) => format!("the server refuses it: {}", message.raw()).into(),
            CheckAnswer::Several(count) => {
                format!("{count} statements, where one is expected: each needs a comment `-- {EXPECT} …` of its own")
                    .into()
            }
        };
        DrillCheck {
            line: check.line,
            statement: check.statement.as_str().into(),
            expected: check.text.as_str().into(),
            found,
            passed: check.expectation.is_met(answer, backed_up, now),
        }
    }
}

/// What stands behind `-- expect:`; `None` for any other line.
fn expectation(line: &str) -> Option<&str> {
    let comment = line.trim_start().strip_prefix("--")?.trim_start();
    let head = comment.get(..EXPECT.len())?;
    head.eq_ignore_ascii_case(EXPECT)
        .then(|| comment[EXPECT.len()..].trim())
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("--")
}

impl Expectation {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => return Err("nothing is expected: write a value or a bound, such as `>= 1000`".to_owned()),
            "null" => return Ok(Self::Null),
            "not null" => return Ok(Self::NotNull),
            "nothing" => return Ok(Self::Nothing),
            "a row" => return Ok(Self::Row),
            _ => (),
        }
        if let Some(rest) = text.strip_prefix("within ") {
            let length = length_of_time(rest.trim());
            return length
                .map(|length| Self::Within(length.as_secs()))
                .ok_or_else(|| format!("{rest:?} is not a length of time, such as `1 day` or `90 minutes`"));
        }
        if let Some(mistyped) = mistyped(text) {
            return Err(format!(
                "{text:?} is no comparison, and no value that is likely: write {mistyped}"
            ));
        }
        let bound = Comparison::ALL.iter().find_map(|(mark, comparison)| {
            let rest = text.strip_prefix(mark)?;
            Some((*comparison, rest.trim()))
        });
        if let Some((comparison, bound)) = bound {
            return match Number::parse(bound) {
                Some(_) => Ok(Self::Bound(comparison, bound.to_owned())),
                None => Err(format!("{bound:?} is not a number")),
            };
        }
        if let Some((from, to)) = text.split_once("..")
            && Number::parse(from.trim()).is_some()
            && Number::parse(to.trim()).is_some()
        {
            return Ok(Self::Range(from.trim().to_owned(), to.trim().to_owned()));
        }
        Ok(Self::Value(text.to_owned()))
    }

    fn is_met(&self, answer: &CheckAnswer, backed_up: Timestamp, now: Timestamp) -> bool {
        let value = match answer {
            CheckAnswer::Refused(_) | CheckAnswer::Several(_) => return false,
            CheckAnswer::Nothing => return *self == Self::Nothing,
            CheckAnswer::Value(value) => value.as_ref().map(Untrusted::raw),
        };
        let compare = |other: &str| Some(Number::parse(value?)?.compare(&Number::parse(other)?));
        match self {
            Self::Nothing => false,
            Self::Row => true,
            Self::Null => value.is_none(),
            Self::NotNull => value.is_some(),
            Self::Value(wanted) => value == Some(wanted) || compare(wanted).is_some_and(Ordering::is_eq),
            Self::Bound(comparison, bound) => compare(bound).is_some_and(|ordering| comparison.holds(ordering)),
            Self::Range(from, to) => {
                compare(from).is_some_and(Ordering::is_ge) && compare(to).is_some_and(Ordering::is_le)
            }
            Self::Within(seconds) => value.and_then(moment).is_some_and(|moment| {
                let earliest = backed_up.as_second().saturating_sub(*seconds);
                (earliest..=now.as_second()).contains(&moment.as_second())
            }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn is_met(expected: &str, found: &str) -> bool {
        let (backed_up, now) = ("2026-11-20T04:00:00Z", "2026-11-22T05:00:00Z");
        let checks = DrillChecks::parse(&format!("-- expect: {expected}\nselect 1;")).unwrap();
        let answer = match found {
            "(none)" => CheckAnswer::Nothing,
            "(null)" => CheckAnswer::Value(None),
            "(error)" => CheckAnswer::Refused("no".into()),
            value => CheckAnswer::Value(Some(value.into())),
        };
        checks
            .judge(0, &answer, backed_up.parse().unwrap(), now.parse().unwrap())
            .passed
    }

    #[test]
    fn answers_are_compared_with_what_is_expected() {
        for (expected, passing, failing) in [
            (
                "42",
                &["42", "42.0", "042"][..],
                &["43", "-42", "", "x", "(null)", "(none)", "(error)"][..],
            ),
            ("paid", &["paid"], &["Paid", "paid ", "(null)"]),
            ("t", &["t"], &["f"]),
            (
                ">= 1000",
                &["1000", "1000.01", "99999999999999999999999"],
                &["999.99", "-1000", "x", "(null)"],
            ),
            ("<5", &["4.999", "-7", "0"], &["5", "5.0", "10"]),
            ("> -3.5", &["-3.49", "0"], &["-3.5", "-4"]),
            ("<> 0", &["1", "-0.001"], &["0", "-0.0"]),
            ("10..20", &["10", "20.0", "15"], &["9.9", "20.1", "(none)"]),
            ("null", &["(null)"], &["", "null", "(none)"]),
            ("not null", &["", "x"], &["(null)", "(none)", "(error)"]),
            ("nothing", &["(none)"], &["", "(null)", "(error)"]),
            ("a row", &["", "(null)"], &["(none)", "(error)"]),
            (
                "within 1 day",
                &[
                    "2026-11-20 03:59:00+00",
                    "2026-11-19 04:00:00",
                    "2026-11-20",
                    "2026-11-22 05:00:00+00",
                ],
                &[
                    "2026-11-19 03:59:59+00",
                    "2026-11-19",
                    "2026-11-22 05:00:01+00",
                    "now",
                    "(null)",
                ],
            ),
            (
                "within 90 minutes",
                &["2026-11-20 02:30:00.5+00"],
                &["2026-11-20 02:29:59+00"],
            ),
        ] {
            for found in passing {
                assert!(is_met(expected, found), "{expected} should be met by {found}");
            }
            for found in failing {
                assert!(!is_met(expected, found), "{expected} should not be met by {found}");
            }
        }
    }

    #[test]
    fn a_file_has_statements_of_several_lines_and_comments() {
        let text = "-- what the shop lives by\n\n-- Expect: >= 1\nselect count(*)\n-- of all\nfrom orders;\n\n--expect:t\n\
                    select true\n";
        let checks = DrillChecks::parse(text).unwrap();
        let statements: Vec<&str> = checks.statements().collect();
        assert_eq!(statements, ["select count(*)\n-- of all\nfrom orders", "select true"]);
        assert_eq!(checks.0[0].line, 3);
        assert_eq!(DrillChecks::parse("").unwrap(), DrillChecks::default());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (text, line) in [
            ("select 1;", "line 1"),
            ("\n-- expect:\nselect 1", "line 2"),
            ("-- expect: 1\n\n-- expect: 2\nselect 2", "line 1"),
            ("-- expect: >= many\nselect 1", "line 1"),
            ("-- expect: => 10\nselect 1", "line 1"),
            ("-- expect: =< 10\nselect 1", "line 1"),
            ("-- expect: == 10\nselect 1", "line 1"),
            ("-- expect: =10\nselect 1", "line 1"),
            ("-- expect: <> paid\nselect 1", "line 1"),
            ("-- expect: >> 10\nselect 1", "line 1"),
            ("-- expect: <\nselect 1", "line 1"),
            ("-- expect: 10 >\nselect 1", "line 1"),
            ("-- expect: blah >=\nselect 1", "line 1"),
            ("-- expect: ! 10\nselect 1", "line 1"),
            ("-- expect: ≥ 10\nselect 1", "line 1"),
            ("-- expect: 1\nselect 1;\n-- expect: within soon\nselect 1", "line 3"),
        ] {
            let why = DrillChecks::parse(text).unwrap_err();
            assert!(why.starts_with(line), "{text:?}: {why}");
        }
    }
}
