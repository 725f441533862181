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
