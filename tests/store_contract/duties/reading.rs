use pgcoffer::store::Kind;

use super::{assert_kind, etag, pattern};
use crate::place::Place;

pub(crate) async fn nothing_is_there_before_it_is_written(place: Place) {
    let (store, key) = (&place.store, place.key("main/records/x.pgc"));
    assert_eq!(store.head(&key).await.unwrap(), None);
    assert_kind(store.read(&key, 10).await, Kind::NotFound);
    assert_kind(store.read_first(&key, 10).await, Kind::NotFound);
    assert_kind(store.read_range(&key, 0..1, None).await, Kind::NotFound);
    assert_eq!(place.keys("").await, [""; 0]);
    assert_eq!(place.keys("main/records/").await, [""; 0]);
    assert_eq!(store.folders(&place.key("")).await.unwrap(), [""; 0]);
    assert_eq!(store.unfinished(&place.key("")).await.unwrap(), Some(Vec::new()));
}

pub(crate) async fn what_is_written_is_read(place: Place) {
    let body = pattern(10_000);
    let object = place.put("main/records/x.pgc", body.clone()).await;
    assert_eq!(object.key, place.key("main/records/x.pgc"));
    assert_eq!(object.bytes, 10_000);
    assert!(!etag(&object).is_empty());
    let age = jiff::Timestamp::now().duration_since(object.modified.unwrap());
    assert!(age.as_secs().abs() < 60, "{age:#}");
    assert_eq!(place.content("main/records/x.pgc").await, body);
    // what a list shows is what a look shows, whenever
    let listed = place.store.list(&place.key("main/")).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].bytes, etag(&listed[0]), listed[0].modified.is_some()),
        (10_000, etag(&object), true)
    );
    assert!(place.store.is_readable(&object).await.unwrap());
}

pub(crate) async fn a_range_is_complete_or_an_error(place: Place) {
    let body = pattern(100_000);
    let object = place.put("x", body.clone()).await;
    let (store, key) = (&place.store, &object.key);
    for range in [
        0..1,
        0..100_000,
        99_999..100_000,
        4_000..70_000,
        7..7,
        0..0,
        100_000..100_000,
    ] {
        for tag in [None, Some(etag(&object))] {
            let read = store.read_range(key, range.clone(), tag).await.unwrap();
            let wanted = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            assert!(read == body.slice(wanted), "{range:?}");
        }
    }
    for range in [99_999..100_001, 100_000..100_001, 200_000..200_010] {
        let error = store.read_range(key, range.clone(), None).await.unwrap_err();
        let is_of_the_range = !matches!(error.kind, Kind::NotFound | Kind::Changed | Kind::Denied);
        assert!(is_of_the_range, "{range:?}: {error}");
    }
}

pub(crate) async fn reading_takes_no_more_memory_than_allowed(place: Place) {
    let body = pattern(5_000);
    let object = place.put("x", body.clone()).await;
    assert_eq!(place.store.read(&object.key, 5_000).await.unwrap(), body);
    assert_eq!(place.store.read_first(&object.key, 5_001).await.unwrap(), body);
    assert_kind(place.store.read(&object.key, 4_999).await, Kind::Other);
    assert_kind(place.store.read(&object.key, 0).await, Kind::Other);
}

pub(crate) async fn another_object_is_not_read_for_the_one_looked_at(place: Place) {
    let before = place.put("x", pattern(1_000)).await;
    let other = pattern(1_008).slice(8..);
    place.replace(&before, other.clone()).await.unwrap();
    let read = place.store.read_range(&before.key, 0..10, before.etag.as_deref()).await;
    assert_kind(read, Kind::Changed);
    let after = place.look("x").await;
    let read = place.store.read_range(&before.key, 0..10, after.etag.as_deref()).await;
    assert_eq!(read.unwrap(), other.slice(..10));
}

pub(crate) async fn an_object_that_shrank_is_not_read_for_the_one_looked_at(place: Place) {
    let before = place.put("x", pattern(1_000)).await;
    place.replace(&before, pattern(10)).await.unwrap();
    let read = place
        .store
        .read_range(&before.key, 0..1_000, before.etag.as_deref())
        .await;
    assert_kind(read, Kind::Changed);
    assert!(place.store.read_range(&before.key, 0..1_000, None).await.is_err());
    assert_eq!(place.content("x").await, pattern(10));
}

pub(crate) async fn an_empty_object_is_one(place: Place) {
    let object = place.put("main/turns/x", "").await;
    assert_eq!(object.bytes, 0);
    assert_eq!(place.content("main/turns/x").await, "");
    assert_eq!(
        place
            .store
            .read_range(&object.key, 0..0, object.etag.as_deref())
            .await
            .unwrap(),
        ""
    );
    assert!(place.store.is_readable(&object).await.unwrap());
    assert_eq!(place.keys("main/").await, [object.key]);
}

pub(crate) async fn odd_keys_are_keys(place: Place) {
    let long = "n".repeat(200);
    let odd = [
        "a b",
        "a+b",
        "a%20b",
        "100%",
        "ä",
        "語",
        "🗄",
        "a&b=c",
        "a~b",
        "it's",
        "quo\"te",
        "<a>",
        "semi;colon",
        "#",
        "?",
        ".hidden",
        "..dots",
        "dots..",
        "-dash",
        "UPPER",
        "back\\slash",
        "[x]*",
        "tab\there",
        &long,
    ];
    for name in odd {
        let body = format!("this is {name}");
        place.put(&format!("odd/{name}/{name}.pgc"), body.clone()).await;
        assert_eq!(place.content(&format!("odd/{name}/{name}.pgc")).await, body);
    }
    let mut wanted: Vec<String> = odd
        .iter()
        .map(|name| place.key(&format!("odd/{name}/{name}.pgc")))
        .collect();
    wanted.sort();
    assert_eq!(place.keys("odd/").await, wanted);
    let mut names: Vec<&str> = odd.to_vec();
    names.sort_unstable();
    assert_eq!(place.store.folders(&place.key("odd/")).await.unwrap(), names);
    for name in odd {
        let key = place.key(&format!("odd/{name}/{name}.pgc"));
        place.store.delete(&key, None).await.unwrap();
    }
    assert_eq!(place.keys("").await, [""; 0]);
}
