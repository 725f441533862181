use pgcoffer::store::Kind;

use super::{assert_kind, etag};
use crate::place::Place;

pub(crate) async fn only_what_was_looked_at_is_deleted(place: Place) {
    let first = place.put("main/archives/daily/x", "first").await;
    let neighbour = place.put("main/archives/daily/xx", "neighbour").await;
    place.replace(&first, "other").await.unwrap();
    assert_kind(place.store.delete(&first.key, Some(etag(&first))).await, Kind::Changed);
    assert_eq!(place.content("main/archives/daily/x").await, "other");
    let second = place.look("main/archives/daily/x").await;
    place.store.delete(&first.key, Some(etag(&second))).await.unwrap();
    assert_eq!(place.keys("").await, [neighbour.key.as_str()]);
    // once more, and what has no tag is deleted whatever it is
    place.store.delete(&first.key, Some(etag(&second))).await.unwrap();
    place.store.delete(&neighbour.key, None).await.unwrap();
    place.assert_nothing_is_left().await;
}

pub(crate) async fn deleting_a_missing_object_is_no_error(place: Place) {
    let key = place.key("never/was/there");
    place.store.delete(&key, None).await.unwrap();
    place
        .store
        .delete(&key, Some("\"00000000000000000000000000000000\""))
        .await
        .unwrap();
    place.assert_nothing_is_left().await;
}

pub(crate) async fn what_is_written_anew_is_another_object(place: Place) {
    let first = place.put("x", "same").await;
    place.store.delete(&first.key, Some(etag(&first))).await.unwrap();
    let second = place.put("x", "else").await;
    assert_ne!(etag(&first), etag(&second));
    assert_kind(place.store.delete(&first.key, Some(etag(&first))).await, Kind::Changed);
    assert_kind(
        place.store.read_range(&first.key, 0..4, first.etag.as_deref()).await,
        Kind::Changed,
    );
    assert_eq!(place.content("x").await, "else");
}
