//! How long a backup that somebody makes or changes by hand is kept.

use pgcoffer::{
    backup::{BackupId, Retention},
    redact::without_keys,
};

/// What a time is, as it is typed.
const TIMES: &str = "a whole number from 1 to 9999 and h, d, w, mo or y (24h, 7d, 5w, 12mo, 7y), or forever";

/// Reads a retention as it is typed for one backup. A number alone would be a count: it is refused, since days are meant
/// more often. `newest:7` says that it is one.
///
/// # Errors
/// What is wrong with it, and what was probably meant.
pub(in crate::cli) fn kept_for(text: &str) -> Result<Retention, String> {
    read(text, true)
}

/// The same for a backup that is there: it is kept for a time, and never by count.
///
/// # Errors
/// What is wrong with it, and what was probably meant.
pub(in crate::cli) fn kept_for_a_time(text: &str) -> Result<Retention, String> {
    read(text, false)
}

fn read(text: &str, may_be_counted: bool) -> Result<Retention, String> {
    if text.starts_with("latest") || BackupId::parse(text).is_ok() {
        return Err(format!(
            "{:?} is a backup: the backup comes first, and then how long it is kept, as in `pgcoffer retain latest 30d`",
            without_keys(text)
        ));
    }
    let counted = text.strip_prefix("newest:");
    match counted.unwrap_or(text).parse() {
        Ok(Retention::Newest(count)) if counted.is_none() => {
            let by_count = match may_be_counted {
                true => format!("; newest:{count} keeps it among the newest {count} of its tier"),
                false => String::new(),
            };
            Err(format!(
                "{count} is a number without a unit: {count}d keeps it for {count} days (h, d, w, mo and y are units)\
                 {by_count}"
            ))
        }
        Ok(_) if counted.is_some() && !may_be_counted => Err(format!(
            "{text:?} is a count, and a backup that is there is kept for a time: {TIMES}"
        )),
        Ok(Retention::Newest(count)) => Ok(Retention::Newest(count)),
        Ok(_) if counted.is_some() => Err(format!("{text:?} is no count: newest:7, or a time such as 7d")),
        Ok(time) => Ok(time),
        Err(error) if error.meant().is_some_and(|meant| meant.parse::<u16>().is_err()) => Err(error.to_string()),
        Err(_) => {
            let by_count = if may_be_counted { ", or newest:7" } else { "" };
            Err(format!("{text:?} is not a retention: {TIMES}{by_count}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_no_time() {
        assert_eq!(kept_for("30d"), Ok(Retention::Days(30)));
        assert_eq!(kept_for("newest:7"), Ok(Retention::Newest(7)));
        for (typed, words) in [
            ("7", "7d keeps it for 7 days"),
            ("latest", "the backup comes first"),
            ("latest:daily", "the backup comes first"),
            ("20261120T085002Z-dbdqbupdpedn", "the backup comes first"),
            ("newest:7d", "is no count"),
            ("7days", "did you mean 7d?"),
        ] {
            assert!(kept_for(typed).is_err_and(|why| why.contains(words)), "{typed}");
        }
    }

    /// No hint names what would be refused.
    #[test]
    fn what_is_there_is_kept_for_a_time() {
        assert_eq!(kept_for_a_time("30d"), Ok(Retention::Days(30)));
        for (typed, words) in [
            ("30", "30d keeps it for 30 days"),
            ("newest:7", "is a count"),
            ("newest:7d", "is a count"),
            ("soon", "is not a retention: a whole number"),
            ("7days", "did you mean 7d?"),
        ] {
            let why = kept_for_a_time(typed).expect_err(typed);
            assert!(why.contains(words), "{typed}: {why}");
            let hint = why.replace(&format!("{typed:?}"), "");
            assert!(
                !hint.contains("newest") && !hint.contains("number alone"),
                "{typed}: {why}"
            );
        }
    }
}
