use super::*;

#[test]
fn a_backup_under_way_serves_who_would_find_it_just_made() {
    let of = |label: &str, minutes: Option<i64>| {
        Act::BackUp(Label::parse(label).unwrap(), minutes.map(SignedDuration::from_mins))
    };
    let (asked, age) = (of("main", Some(10)), SignedDuration::from_mins);
    assert!(of("main", Some(10)).serves(&asked, age(9)));
    assert!(of("main", None).serves(&asked, age(9)));
    // it began too long ago
    assert!(!of("main", None).serves(&asked, age(10)));
    // it may come to a backup of an hour ago
    assert!(!of("main", Some(60)).serves(&asked, age(0)));
    assert!(!of("other", None).serves(&asked, age(0)));
    // who asks for one in any case gets one of his own
    assert!(!of("main", None).serves(&of("main", None), age(0)));
    assert!(!Act::TestNotice.serves(&asked, age(0)) && !Act::TestNotice.serves(&Act::TestNotice, age(0)));
}

#[test]
fn an_end_that_is_over_already_is_typed_like_a_deletion() {
    let now = "2026-11-27T07:00:00Z".parse().unwrap();
    let form = |retention: &str, typed: &str| ActForm {
        what: "retain".to_owned(),
        database: "main".to_owned(),
        id: "20261120T070000Z-aaaaaaaaaaaa".to_owned(),
        retention: retention.to_owned(),
        typed: typed.to_owned(),
        ..ActForm::default()
    };
    for (retention, is_over) in [
        ("1h", true),
        ("7d", true),
        ("8d", false),
        ("forever", false),
        ("12mo", false),
    ] {
        assert_eq!(Act::read(&form(retention, ""), now).is_err(), is_over, "{retention}");
        assert_eq!(
            Act::read(&form(retention, "mian"), now).is_err(),
            is_over,
            "{retention}"
        );
        assert!(Act::read(&form(retention, "main"), now).is_ok(), "{retention}");
    }
    assert!(Act::read(&form("a while", "main"), now).is_err());
}
