use super::moments;

#[test]
fn a_date_that_never_was_shares_the_backup_of_the_next() {
    assert_eq!(
        moments(
            "daily at 02:30 keep 7d",
            "Pacific/Apia",
            "2011-12-28T20:00Z",
            "2012-01-01T00:00Z"
        ),
        ["12-29 02:30 -10:00", "12-31 02:30 +14:00", "01-01 02:30 +14:00"]
    );
    // 30 December 2011 was a Friday
    for clause in ["weekly on friday", "monthly on 30", "yearly on 12-30"] {
        assert_eq!(
            moments(
                &format!("{clause} at 02:30 keep 7d"),
                "Pacific/Apia",
                "2011-12-25T00:00Z",
                "2012-01-03T00:00Z"
            ),
            ["12-31 02:30 +14:00"],
            "{clause}"
        );
    }
}

#[test]
fn short_months_and_common_years_take_their_last_day() {
    let of = |text, from, to| moments(text, "UTC", from, to);
    assert_eq!(
        of("monthly on last keep 7d", "2028-01-01T00:00Z", "2028-05-01T00:00Z"),
        [
            "01-31 00:00 +00:00",
            "02-29 00:00 +00:00",
            "03-31 00:00 +00:00",
            "04-30 00:00 +00:00"
        ]
    );
    assert_eq!(
        of("monthly on 30 keep 7d", "2027-01-01T00:00Z", "2027-04-01T00:00Z"),
        ["01-30 00:00 +00:00", "02-28 00:00 +00:00", "03-30 00:00 +00:00"]
    );
    assert_eq!(
        of("yearly on 29 feb keep 7y", "2027-01-01T00:00Z", "2029-01-01T00:00Z"),
        ["02-28 00:00 +00:00", "02-29 00:00 +00:00"]
    );
}

#[test]
fn weeks_are_counted_before_1970_too() {
    assert_eq!(
        moments("weekly on tue keep 7d", "UTC", "1969-12-22T00:00Z", "1970-01-07T00:00Z"),
        ["12-23 00:00 +00:00", "12-30 00:00 +00:00", "01-06 00:00 +00:00"]
    );
}
