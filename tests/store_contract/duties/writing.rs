use std::{future::poll_fn, task::Poll};

use futures_util::future::join_all;
use pgcoffer::store::{Claim, Kind, TagsKept};

use super::{assert_kind, etag, pattern};
use crate::place::Place;

pub(crate) async fn no_object_is_overwritten(place: Place) {
    let before = place.put("main/records/x", "first").await;
    assert_kind(place.put_new("main/records/x", "other").await, Kind::Exists);
    assert_kind(place.put_new("main/records/x", "first").await, Kind::Exists);
    assert_eq!(place.content("main/records/x").await, "first");
    assert_eq!(etag(&place.look("main/records/x").await), etag(&before));
}

pub(crate) async fn one_of_many_writers_succeeds(place: Place) {
    let writers = (0..12).map(|n| {
        let place = place.clone();
        async move { (n, place.put_new("contested", pattern(1_000 + n)).await) }
    });
    let all = join_all(writers).await;
    let place_has_conditions = place.store.capabilities().conditions;
    let winners: Vec<usize> = all
        .iter()
        .filter(|(_, result)| result.is_ok())
        .map(|(n, _)| *n)
        .collect();
    let bytes = place.content("contested").await.len();
    // where the place knows no conditions the last of those that looked at once wins, whole
    assert!(winners.iter().any(|n| bytes == 1_000 + n), "{winners:?} {bytes}");
    assert!(winners.len() == 1 || !place_has_conditions, "{winners:?}");
    for (_, result) in all.into_iter().filter(|(_, result)| result.is_err()) {
        assert_kind(result, Kind::Exists);
    }
}

pub(crate) async fn only_what_was_looked_at_is_replaced(place: Place) {
    let first = place.put("x", "first").await;
    place.replace(&first, "other").await.unwrap();
    assert_eq!(place.content("x").await, "other");
    assert_kind(place.replace(&first, "third").await, Kind::Exists);
    assert_eq!(place.content("x").await, "other");
    let second = place.look("x").await;
    place.store.delete(&first.key, None).await.unwrap();
    let gone = place.replace(&second, "third").await.unwrap_err();
    assert!(matches!(gone.kind, Kind::Exists | Kind::NotFound), "{gone}");
    place.assert_nothing_is_left().await;
}

pub(crate) async fn each_replacement_has_another_tag(place: Place) {
    let mut now = place.put("x", "0000").await;
    let mut seen = vec![now.etag.clone()];
    for n in 1..20 {
        place.replace(&now, format!("{n:04}")).await.unwrap();
        now = place.look("x").await;
        assert!(!seen.contains(&now.etag), "{:?} again, as number {n}", now.etag);
        seen.push(now.etag.clone());
    }
}

pub(crate) async fn a_name_is_taken_once(place: Place) {
    let claim = |n: usize| {
        let (store, key) = (place.store.clone(), place.key("main/turns/daily/x"));
        async move { store.claim(&key, format!("by {n}").into()).await }
    };
    let first = claim(0).await;
    if let Err(error) = first {
        assert_eq!(error.kind, Kind::Unsupported, "{error}");
        assert!(!place.store.capabilities().conditions || place.store.s3().is_some());
        return;
    }
    assert_eq!(first.unwrap(), Claim::Taken);
    for held in join_all((1..8).map(claim)).await {
        assert_eq!(held.unwrap(), Claim::Held);
    }
    assert_eq!(place.content("main/turns/daily/x").await, "by 0");
}

pub(crate) async fn a_cancelled_write_is_complete_or_absent(place: Place) {
    let body = pattern(300_000);
    for n in 0..20 {
        let below = format!("main/records/{n}");
        let mut write = Box::pin(place.put_new(&below, body.clone()));
        // begun, and dropped at once or a little later
        for _ in 0..n {
            let done: Option<Result<TagsKept, _>> = poll_fn(|context| {
                Poll::Ready(match write.as_mut().poll(context) {
                    Poll::Ready(done) => Some(done),
                    Poll::Pending => None,
                })
            })
            .await;
            if done.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
    }
    place.store.settle().await;
    for object in place.store.list(&place.key("main/records/")).await.unwrap() {
        assert_eq!(object.bytes, 300_000);
        assert!(place.store.read(&object.key, 300_000).await.unwrap() == body);
    }
    assert_eq!(place.store.unfinished(&place.key("")).await.unwrap(), Some(Vec::new()));
}
