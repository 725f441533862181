use jiff::tz::TimeZone;

use super::schedule;
use crate::schedule::{Schedule, ScheduleWarning};

fn canonical(text: &str) -> String {
    schedule(text).to_string()
}

fn faults(text: &str) -> String {
    let error = Schedule::parse(text, &TimeZone::UTC).expect_err(text);
    assert!(
        error.faults.iter().all(|fault| fault.hint().is_some()),
        "{text}: a fault without its cure"
    );
    error.to_string()
}

fn hint(text: &str) -> String {
    let error = Schedule::parse(text, &TimeZone::UTC).expect_err(text);
    error.hint().unwrap()
}

#[test]
fn what_is_left_out_is_filled_in() {
    assert_eq!(
        canonical(
            "hourly keep 24h, daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo, yearly keep 7y"
        ),
        "hourly at :00 keep 24h, daily at 02:30 keep 7d, weekly on sunday at 02:30 keep 5w, monthly on 1 at 02:30 keep \
         12mo, yearly on 01-01 at 02:30 keep 7y"
    );
    assert_eq!(canonical("daily keep 7d"), "daily at 00:00 keep 7d");
    assert_eq!(canonical("weekly keep 5w"), "weekly on sunday at 00:00 keep 5w");
}

#[test]
fn a_time_comes_from_the_next_lower_tier_that_has_one() {
    assert_eq!(
        canonical("hourly at :15 keep 24h, weekly keep 5w"),
        "hourly at :15 keep 24h, weekly on sunday at 00:15 keep 5w"
    );
    assert_eq!(
        canonical("yearly keep 7y, monthly at 04:00 keep 1y, weekly keep 5w, daily keep 7d"),
        "daily at 00:00 keep 7d, weekly on sunday at 00:00 keep 5w, monthly on 1 at 04:00 keep 1y, yearly on 01-01 at \
         04:00 keep 7y"
    );
}

#[test]
fn words_stand_in_any_order_and_case() {
    let one = canonical("weekly on monday at 03:05 keep 5w");
    for same in [
        "WEEKLY Keep 5W At 3:05 On Mon",
        "  weekly\tkeep 5w\n on MONDAY  at 03:05 ",
        "weekly at 03:05 keep 5w on mon",
    ] {
        assert_eq!(canonical(same), one, "{same:?}");
    }
    for same in ["29 february", "february 29", "FEB 29", "29 feb", "02-29", "2-29"] {
        assert_eq!(
            canonical(&format!("yearly on {same} keep Forever")),
            "yearly on 02-29 at 00:00 keep forever",
            "{same:?}"
        );
    }
    for last in ["31", "last", "LAST"] {
        assert_eq!(
            canonical(&format!("monthly on {last} keep 24")),
            "monthly on last at 00:00 keep 24"
        );
    }
}

#[test]
fn each_fault_is_told_with_its_clause() {
    for (text, expected) in [
        ("", "the schedule is empty"),
        (" \n", "the schedule is empty"),
        ("daily keep 7d,", "there is nothing between two commas"),
        (
            "nightly keep 7d",
            r#""nightly" is not every, hourly, daily, weekly, monthly or yearly"#,
        ),
        ("every keep 7d", "it doesn't say how often"),
        ("every 5 hours keep 7d", "it can't be every 5 hours"),
        ("every 5 minutes keep 7d", "it can't be every 5 minutes"),
        ("every 2 days keep 7d", "it can't be every 2 days"),
        ("every 0 hours keep 7d", "it can't be every 0 hours"),
        ("every hours keep 7d", "it can't be every hours"),
        ("every 6h keep 7d", "it can't be every 6h"),
        (
            "every 6 hours at 06:00 keep 7d",
            r#""06:00" is not a time for hourly backups"#,
        ),
        (
            "every 15 minutes at :15 keep 7d",
            r#"":15" is not a time for hourly backups"#,
        ),
        (
            "every 15 minutes at 00:10 keep 7d",
            r#""00:10" is not a time for hourly backups"#,
        ),
        ("every 6 hours on monday keep 7d", "hourly backups can't have a day"),
        (
            "every 15 minutes keep 96",
            "backups that are made every few minutes can't be kept by count",
        ),
        (
            "daily at 02:30 keep 7d, daily at 14:30 keep 3",
            r#"in "daily at 14:30 keep 3": a count is of all daily backups, and there is another clause of them"#,
        ),
        ("Manual keep 7d", "manual backups have no schedule"),
        (
            "daily keep 7d, Daily keep 8d",
            r#"in "Daily keep 8d": "daily at 00:00" is there twice"#,
        ),
        (
            "daily at 02:30",
            r#"in "daily at 02:30": it doesn't say how long daily backups are kept"#,
        ),
        ("daily keep 7d often", r#""often" is not understood"#),
        ("daily keep 7 d", r#""7 d" is not a retention: did you mean 7d?"#),
        ("daily keep 7d keep 8d", r#""keep" appears twice"#),
        ("daily at keep 7d", r#""at" has no value"#),
        ("daily keep", r#""keep" has no value"#),
        ("daily keep 7 days", r#""7 days" is not a retention: did you mean 7d?"#),
        ("daily keep week", r#""week" is not a retention"#),
        ("daily keep 0d", r#""0d" is not a retention"#),
        ("daily on monday keep 7d", "daily backups can't have a day"),
        ("hourly on 1 keep 7d", "hourly backups can't have a day"),
        ("weekly on 1 keep 5w", r#""1" is not a day for weekly backups"#),
        ("weekly on mo keep 5w", r#""mo" is not a day for weekly backups"#),
        ("monthly on 0 keep 5w", r#""0" is not a day for monthly backups"#),
        ("monthly on 32 keep 5w", r#""32" is not a day for monthly backups"#),
        ("monthly on +1 keep 5w", r#""+1" is not a day for monthly backups"#),
        ("yearly on 13-01 keep 7y", r#""13-01" is not a day for yearly backups"#),
        ("yearly on 02-30 keep 7y", r#""02-30" is not a day for yearly backups"#),
        (
            "yearly on 31 april keep 7y",
            r#""31 april" is not a day for yearly backups"#,
        ),
        ("yearly on march keep 7y", r#""march" is not a day for yearly backups"#),
        ("daily at 24:00 keep 7d", r#""24:00" is not a time for daily backups"#),
        ("daily at 2:5 keep 7d", r#""2:5" is not a time for daily backups"#),
        ("daily at :15 keep 7d", r#"":15" is not a time for daily backups"#),
        ("daily at 2 keep 7d", r#""2" is not a time for daily backups"#),
        ("hourly at 01:15 keep 7d", r#""01:15" is not a time for hourly backups"#),
        ("hourly at :60 keep 7d", r#"":60" is not a time for hourly backups"#),
    ] {
        let told = faults(text);
        assert!(told.contains(expected), "{text:?}: {told}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let told = faults("daily at noon, weekly on someday keep 5w, fortnightly keep 1y");
    assert_eq!(
        told,
        r#"in "daily at noon": "noon" is not a time for daily backups; in "daily at noon": it doesn't say how long daily backups are kept; in "weekly on someday keep 5w": "someday" is not a day for weekly backups; in "fortnightly keep 1y": "fortnightly" is not every, hourly, daily, weekly, monthly or yearly"#
    );
    // a comma that is missing is one fault, not three
    let told = faults("daily keep 7d weekly keep 5w");
    assert_eq!(told, r#"in "daily keep 7d weekly keep 5w": "weekly" is not understood"#);
}

#[test]
fn hints_can_be_followed() {
    assert_eq!(hint("daily keep 7d weekly keep 5w"), r#"put a comma before "weekly""#);
    assert_eq!(
        hint("daily at 02:30"),
        r#"add, for example, "keep 7d": "daily at 02:30 keep 7d""#
    );
    assert_eq!(
        hint("daily at noon keep 7d, weekly at noon keep 5w"),
        r#"write hour and minute, from "at 00:00" to "at 23:59""#
    );
    assert_eq!(
        hint("every 5 hours keep 7d"),
        r#"write, for example, "every 6 hours keep 7d"; there are 15, 20 or 30 minutes, and 2, 3, 4, 6, 8 or 12 hours"#
    );
    assert_eq!(
        hint("every 6 hours at 18:00 keep 7d"),
        r#"write the first time of each day, from "at 00:00" to "at 05:59""#
    );
    assert_eq!(hint("daily at 2:30pm keep 7d"), r#"write "at 14:30""#);
    assert_eq!(hint("daily at 12am keep 7d"), r#"write "at 00:00""#);
    assert_eq!(
        hint("30 2 * * *"),
        r#"cron's own form is not read here: write, for example, "daily at 02:30 keep 7d""#
    );
    assert_eq!(
        hint("daily keep newest:7"),
        "a number alone is so many newest ones of its tier"
    );
    assert_eq!(
        faults("daily keep newest:7"),
        r#"in "daily keep newest:7": "newest:7" is not a retention: did you mean 7?"#
    );
    assert_eq!(
        hint("@daily"),
        r#"cron's own form is not read here: write, for example, "daily at 02:30 keep 7d""#
    );
    assert_eq!(
        hint("every 2 days keep 7d"),
        r#"write, for example, "daily at 02:30 keep 7d": only minutes and hours are counted"#
    );
    // one fault, whatever else could be said of it
    assert_eq!(
        faults("daily at 02:30 keep 7d; weekly keep 5w"),
        "a semicolon stands in the place of a comma"
    );
    assert_eq!(hint("daily keep 7d; weekly keep 5w"), "put a comma for the semicolon");
    let spelled = Schedule::parse("daily at 02:30 keep 1 week", &TimeZone::UTC).expect_err("no such unit");
    assert!(spelled.to_string().ends_with("did you mean 1w?"), "{spelled}");
    // every example in a hint is itself a schedule
    for text in [
        "",
        "every day",
        "nightly",
        "every 5 hours keep 7d",
        "every 2 weeks keep 7d",
        "@monthly",
        "hourly at",
        "daily at",
        "weekly on",
        "monthly on",
        "yearly on",
    ] {
        let hint = hint(text);
        let example = hint.split('"').nth(1).unwrap();
        assert!(
            Schedule::parse(example, &TimeZone::UTC).is_ok() || example.starts_with("keep "),
            "{text:?}: {hint}"
        );
    }
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let warnings = |text| {
        let found: Vec<String> = schedule(text)
            .warnings()
            .iter()
            .map(ScheduleWarning::to_string)
            .collect();
        found.join("; ")
    };
    assert_eq!(
        warnings(
            "hourly keep 24h, daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo, yearly keep 7y"
        ),
        ""
    );
    assert_eq!(warnings("hourly keep 24, daily keep 7, weekly keep forever"), "");
    assert_eq!(
        warnings("daily keep 12h"),
        "daily backups are kept 12h, and deleted before the next one is made"
    );
    assert_eq!(
        warnings("daily keep 30d, weekly keep 4w"),
        "weekly backups are kept no longer than daily backups, so they add nothing"
    );
    assert_eq!(
        warnings("daily keep 35, weekly keep 5"),
        "weekly backups are kept no longer than daily backups, so they add nothing"
    );
    assert_eq!(
        warnings("every 6 hours keep 3h"),
        "backups every 6 hours are kept 3h, and deleted before the next one is made"
    );
    assert_eq!(
        warnings("hourly keep 7d, every 6 hours keep 3d"),
        "backups every 6 hours are kept no longer than hourly backups, so they add nothing"
    );
    // what is made as often adds moments
    assert_eq!(warnings("daily at 02:30 keep 7d, daily at 14:30 keep 3d"), "");
}

#[test]
fn frequencies_are_written_in_words() {
    for (text, expected) in [
        ("every hour keep 1d", "hourly at :00 keep 1d"),
        ("every 60 minutes keep 1d", "hourly at :00 keep 1d"),
        ("every day at 02:30 keep 7d", "daily at 02:30 keep 7d"),
        ("every 24 hours at 02:30 keep 7d", "daily at 02:30 keep 7d"),
        ("Every Week keep 5w", "weekly on sunday at 00:00 keep 5w"),
        ("every month on last keep 1y", "monthly on last at 00:00 keep 1y"),
        ("every year keep 7y", "yearly on 01-01 at 00:00 keep 7y"),
        ("every 6 hours keep 7d", "every 6 hours at 00:00 keep 7d"),
        ("every 6 hours at 02:30 keep 28", "every 6 hours at 02:30 keep 28"),
        ("every 6 hours at :30 keep 7d", "every 6 hours at 00:30 keep 7d"),
        ("every 15 minutes keep 1d", "every 15 minutes at :00 keep 1d"),
        (
            "weekly keep 5w, every 6 hours keep 7d, hourly at :15 keep 24h",
            "hourly at :15 keep 24h, every 6 hours at 00:15 keep 7d, weekly on sunday at 00:15 keep 5w",
        ),
        (
            "daily at 14:30 keep 3d, daily at 02:30 keep 7d, weekly keep 5w",
            "daily at 02:30 keep 7d, daily at 14:30 keep 3d, weekly on sunday at 14:30 keep 5w",
        ),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
    let missing = faults("daily keep 7d every 6 hours keep 7d");
    assert_eq!(
        missing,
        r#"in "daily keep 7d every 6 hours keep 7d": "every" is not understood"#
    );
    assert_eq!(
        hint("daily keep 7d every 6 hours keep 7d"),
        r#"put a comma before "every""#
    );
}
