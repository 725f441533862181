//! How long a backup that somebody makes or changes by hand is kept.

use pgcoffer::{
    backup::{BackupId, Retention},
    redact::without_keys,
};

/// Reads a retention as it is typed for one backup. A number alone would be a count: it is refused, since days are meant
/// more often. `newest:7` says that it is one.
///
/// # Errors
/// What is wrong with it, and what was probably meant.
pub(in crate::cli) fn kept_for(text: &str) -> Result<Retention, String> {
    if text.starts_with("latest") || BackupId::parse(text).is_ok() {
        return Err(format!(
            "{:?} is a backup: the backup comes first, and then how long it is kept, as in `pgcoffer retain latest 30d`",
            without_keys(text)
        ));
    }
    let counted = text.strip_prefix("newest:");
    match counted.unwrap_or(text).parse() {
        Ok(Retention::Newest(count)) if counted.is_none() => Err(format!(
            "{count} is a number without a unit: {count}d keeps it for {count} days (h, d, w, mo and y are units); \
             newest:{count} keeps it among the newest {count} of its tier"
        )),
        Ok(Retention::Newest(count)) => Ok(Retention::Newest(count)),
        Ok(_) if counted.is_some() => Err(format!("{text:?} is no count: newest:7, or a time such as 7d")),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
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
}
