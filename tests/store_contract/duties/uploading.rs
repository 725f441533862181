use std::{future::poll_fn, task::Poll};

use bytes::Bytes;
use futures_util::future::join_all;
use pgcoffer::store::{Attributes, Error, Kind, PartPlan, Stored, TagsKept, Unfinished, Upload};
use sha2::{Digest as _, Sha256};

use super::{assert_kind, pattern};
use crate::place::Place;

/// S3 takes no smaller parts but the last.
const PART: u64 = 5 << 20;
const ARCHIVE: &str = "main/archives/daily/x.pgc";

impl Place {
    async fn begin(&self, below: &str) -> Upload {
        let plan = PartPlan::of_part_bytes(PART, self.store.parts_max());
        let upload = self
            .store
            .begin_upload(&self.key(below), plan, &Attributes::default())
            .await;
        upload.unwrap()
    }

    /// Goes on with an upload, or begins one that is kept.
    async fn resume(&self, below: &str) -> Upload {
        let plan = PartPlan::of_part_bytes(PART, self.store.parts_max());
        let upload = self
            .store
            .resume_upload(&self.key(below), plan, &Attributes::default())
            .await;
        upload.unwrap()
    }

    /// An upload that is dropped once the place has received something of it.
    async fn stop(&self, below: &str, bytes: &[u8]) {
        let mut upload = self.resume(below).await;
        upload.write(bytes).await.unwrap();
        let sent = async {
            while upload.sent_bytes() < PART {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), sent)
            .await
            .unwrap();
        drop(upload);
        self.store.settle().await;
    }

    async fn upload(&self, below: &str, body: &[u8]) -> Result<Stored, Error> {
        let mut upload = self.begin(below).await;
        upload.write(body).await?;
        upload.complete().await
    }

    async fn unfinished(&self) -> Vec<Unfinished> {
        self.store.unfinished(&self.key("main/")).await.unwrap().unwrap()
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

pub(crate) async fn a_large_object_arrives_as_it_was_sent(place: Place) {
    let body = pattern(23 << 20 | 12_345);
    let mut upload = place.begin(ARCHIVE).await;
    let (mut rest, mut size, mut sent) = (body.clone(), 1, 0);
    while !rest.is_empty() {
        let piece = rest.split_to(size.min(rest.len()));
        upload.write(&piece).await.unwrap();
        assert!(upload.sent_bytes() >= sent);
        sent = upload.sent_bytes();
        size = size * 3 % 1_000_003 + 1;
    }
    let stored = upload.complete().await.unwrap();
    let object = place.look(ARCHIVE).await;
    assert_eq!((stored.bytes, object.bytes), (body.len() as u64, body.len() as u64));
    assert_eq!((stored.etag, stored.unconfirmed), (object.etag.clone(), false));
    assert_eq!((stored.sha256, stored.tags), (hex(&body), TagsKept::Yes));
    let bytes = body.len() as u64;
    let (first, second) = (0..bytes / 2, bytes / 2..bytes);
    let first = place
        .store
        .read_range(&object.key, first, object.etag.as_deref())
        .await
        .unwrap();
    let second = place
        .store
        .read_range(&object.key, second, object.etag.as_deref())
        .await
        .unwrap();
    assert!([first, second].concat() == body);
    assert_eq!(place.unfinished().await, []);
}

pub(crate) async fn an_empty_upload_is_an_object(place: Place) {
    let stored = place.upload(ARCHIVE, b"").await.unwrap();
    assert_eq!((stored.bytes, stored.sha256), (0, hex(b"")));
    assert_eq!(place.look(ARCHIVE).await.bytes, 0);
    assert_eq!(place.content(ARCHIVE).await, "");
}

pub(crate) async fn there_is_no_object_before_the_end(place: Place) {
    let mut upload = place.begin(ARCHIVE).await;
    upload.write(&pattern(12 << 20)).await.unwrap();
    assert!(!place.is_there(ARCHIVE).await);
    assert_eq!(place.keys("").await, [""; 0]);
    assert_eq!(place.store.folders(&place.key("")).await.unwrap(), [""; 0]);
    let under_way = place.unfinished().await;
    assert_eq!(under_way.len(), 1);
    assert_eq!(under_way[0].key, place.key(ARCHIVE));
    place.store.newest_part(&under_way[0]).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(place.keys("").await, [place.key(ARCHIVE)]);
    assert_eq!(place.unfinished().await, []);
}

pub(crate) async fn an_upload_overwrites_nothing(place: Place) {
    let mut upload = place.begin(ARCHIVE).await;
    upload.write(&pattern(6 << 20)).await.unwrap();
    place.put(ARCHIVE, "first").await;
    assert_kind(upload.complete().await, Kind::Exists);
    assert_eq!(place.content(ARCHIVE).await, "first");
    assert_eq!(place.keys("").await, [place.key(ARCHIVE)]);
    place.store.settle().await;
    assert_eq!(place.unfinished().await, []);
}

pub(crate) async fn one_of_many_uploads_succeeds(place: Place) {
    let uploads = (0..4).map(|n| {
        let place = place.clone();
        async move { (n, place.upload(ARCHIVE, &pattern((6 << 20) + n)).await) }
    });
    let all = join_all(uploads).await;
    let place_has_conditions = place.store.capabilities().conditions;
    let bytes = place.look(ARCHIVE).await.bytes;
    let winners: Vec<u64> = all
        .iter()
        .filter_map(|(_, stored)| Some(stored.as_ref().ok()?.bytes))
        .collect();
    assert!(winners.contains(&bytes), "{winners:?} {bytes}");
    assert!(winners.len() == 1 || !place_has_conditions, "{winners:?}");
    for (_, stored) in all.into_iter().filter(|(_, stored)| stored.is_err()) {
        // where there are no conditions, one may find another's object at its end
        let error = stored.unwrap_err();
        assert!(error.kind == Kind::Exists || !place_has_conditions, "{error}");
    }
    place.store.settle().await;
    assert_eq!(place.unfinished().await, []);
}

pub(crate) async fn a_dropped_upload_leaves_nothing(place: Place) {
    for bytes in [0, 1, 6 << 20, 16 << 20] {
        let mut upload = place.begin(ARCHIVE).await;
        upload.write(&pattern(bytes)).await.unwrap();
        drop(upload);
        place.assert_nothing_is_left().await;
    }
    // and in the midst of its end
    let mut upload = place.begin(ARCHIVE).await;
    upload.write(&pattern(6 << 20)).await.unwrap();
    let mut end = Box::pin(upload.complete());
    let pending = poll_fn(|context| Poll::Ready(end.as_mut().poll(context).is_pending())).await;
    drop(end);
    place.store.settle().await;
    let objects = place.store.list(&place.key("")).await.unwrap();
    // it may have been made all the same, whole
    assert!(objects.iter().all(|object| object.bytes == 6 << 20) || !pending);
    assert_eq!(place.unfinished().await, []);
}

pub(crate) async fn an_upload_of_the_same_bytes_goes_on(place: Place) {
    let body = pattern(23 << 20 | 12_345);
    for stopped_at in [11 << 20, 17 << 20] {
        place.stop(ARCHIVE, &body[..stopped_at]).await;
        assert!(!place.is_there(ARCHIVE).await);
    }
    let mut upload = place.resume(ARCHIVE).await;
    upload.write(&body).await.unwrap();
    let stored = upload.complete().await.unwrap();
    assert_eq!((stored.bytes, stored.sha256), (body.len() as u64, hex(&body)));
    assert!(place.content(ARCHIVE).await == body);
    assert_eq!(place.unfinished().await, []);
}

/// Whatever was kept, the object has the bytes that were written last; or there is none, and the next upload succeeds.
pub(crate) async fn what_was_kept_of_other_bytes_becomes_no_object(place: Place) {
    let body = pattern(17 << 20);
    let mut other = body.to_vec();
    other[3 << 20] ^= 1;
    place.stop(ARCHIVE, &other).await;
    let mut upload = place.resume(ARCHIVE).await;
    upload.write(&body).await.unwrap();
    if let Err(error) = upload.complete().await {
        assert_eq!(error.kind, Kind::Mismatch, "{error}");
        place.assert_nothing_is_left().await;
        let mut upload = place.resume(ARCHIVE).await;
        upload.write(&body).await.unwrap();
        upload.complete().await.unwrap();
    }
    assert!(place.content(ARCHIVE).await == body);
    place.store.settle().await;
    assert_eq!(place.unfinished().await, []);
}

pub(crate) async fn what_is_discarded_is_not_kept(place: Place) {
    let mut upload = place.resume(ARCHIVE).await;
    upload.write(&pattern(12 << 20)).await.unwrap();
    upload.discard();
    drop(upload);
    place.assert_nothing_is_left().await;
}

pub(crate) async fn a_cancelled_beginning_leaves_nothing(place: Place) {
    for n in 0..10 {
        let mut begin = Box::pin(place.begin(ARCHIVE));
        for _ in 0..=n {
            let is_ready = poll_fn(|context| Poll::Ready(begin.as_mut().poll(context).is_ready())).await;
            if is_ready {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(begin);
    }
    place.assert_nothing_is_left().await;
}

pub(crate) async fn what_was_left_behind_is_found_and_aborted(place: Place) {
    let mut upload = place.begin(ARCHIVE).await;
    upload.write(&pattern(12 << 20)).await.unwrap();
    place.put("other/archives/daily/x.pgc", "of others").await;
    let neighbour = place.begin("other/archives/daily/y.pgc").await;
    let left = place.unfinished().await;
    assert_eq!(left.len(), 1);
    let began = left[0].began.unwrap();
    assert!(jiff::Timestamp::now().duration_since(began).as_secs().abs() < 60);
    place.store.abort(&left[0]).await.unwrap();
    assert_eq!(place.unfinished().await, []);
    place.store.abort(&left[0]).await.unwrap();
    assert_kind(place.store.newest_part(&left[0]).await, Kind::NotFound);
    let others = place.store.unfinished(&place.key("other/")).await.unwrap().unwrap();
    assert_eq!(others.len(), 1);
    drop((upload, neighbour));
    place.store.settle().await;
    assert_eq!(place.content("other/archives/daily/x.pgc").await, "of others");
}

pub(crate) async fn aborting_does_not_change_the_object(place: Place) {
    let upload = place.begin(ARCHIVE).await;
    place.put(ARCHIVE, "there already").await;
    let left = place.unfinished().await;
    place.store.abort(&left[0]).await.unwrap();
    drop(upload);
    place.store.settle().await;
    assert_eq!(place.content(ARCHIVE).await, "there already");
    // a name that was never an upload's
    let made_up = Unfinished {
        upload_id: "x.pgc".to_owned(),
        ..left[0].clone()
    };
    // a service may refuse a name that it never gave; nothing is deleted by it
    let _ = place.store.abort(&made_up).await;
    assert_eq!(place.content(ARCHIVE).await, Bytes::from_static(b"there already"));
}

pub(crate) async fn an_upload_aborted_by_others_is_not_completed(place: Place) {
    let mut upload = place.begin(ARCHIVE).await;
    upload.write(&pattern(100)).await.unwrap();
    let left = place.unfinished().await;
    place.store.abort(&left[0]).await.unwrap();
    assert_kind(upload.complete().await, Kind::NotFound);
    place.assert_nothing_is_left().await;
}
