use jiff::Timestamp;
use pgcoffer::store::{AskedForThaw, Locked, Speed};

use crate::place::Place;

pub(crate) async fn the_place_is_reachable(place: Place) {
    place.store.check_reachable().await.unwrap();
    place.put("x/y", "y").await;
    place.store.check_reachable().await.unwrap();
}

pub(crate) async fn the_place_tells_the_time(place: Place) {
    place.keys("").await;
    let asked = place.store.ask_time().await.unwrap();
    let told = place.store.service_time().unwrap();
    for time in [asked, told] {
        let apart = Timestamp::now().duration_since(time);
        assert!(apart.as_secs().abs() < 60, "{apart:#}");
    }
    place.assert_nothing_is_left().await;
}

/// Nothing that a place lacks is an error to those who would use it.
pub(crate) async fn missing_capabilities_are_no_errors(place: Place) {
    let object = place.put("x", "x").await;
    let (store, key) = (&place.store, object.key.as_str());
    let tags = [("a".to_owned(), "b".to_owned())];
    let set = store.set_tags(key, &tags).await.unwrap();
    let shown = store.tags(key).await.unwrap();
    assert_eq!(set, store.capabilities().tags);
    assert_eq!(shown, set.then(|| tags.to_vec()));
    assert!(!store.locks() && !store.writes_only());
    assert_eq!(store.locked(key).await.unwrap(), Locked::default());
    assert!(store.is_readable(&object).await.unwrap());
    let capabilities = store.capabilities();
    match store.s3() {
        Some(_) => assert!(capabilities.parts_max.is_some() && store.folder().is_none()),
        None => {
            assert!(!capabilities.lifecycle_rules && !capabilities.cold_classes && !capabilities.locks);
            assert_eq!(store.is_versioned().await, Some(false));
            let asked = store.ask_for_thaw(key, Some(1), Speed::Bulk).await.unwrap();
            assert_eq!(asked, AskedForThaw::Needless);
            let refused = store.s3_to("show the lifecycle rules", "do without").err().unwrap();
            assert_eq!(refused.hint().as_deref(), Some("do without"));
        }
    }
}
