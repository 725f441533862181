//! One object to several places at once: a slow one is left out, and the others are complete.

use std::{num::NonZeroU64, time::Duration};

use bytes::Bytes;
use pgcoffer::{
    pipeline::{RateLimit, SideUploads},
    store::{Attributes, PartPlan},
};

use crate::scene::{Scene, staged};

#[test]
fn a_place_that_falls_behind_is_left_out_and_keeps_no_other() {
    staged(
        "beside::a_place_that_falls_behind_is_left_out_and_keeps_no_other",
        one_slow,
    );
}

async fn one_slow(scene: Scene) {
    let begin = async |key: &str| {
        let plan = PartPlan::of_part_bytes(8 << 20, 10_000);
        Ok(scene
            .store
            .begin_upload(key, plan, &Attributes::default())
            .await
            .unwrap())
    };
    let slow = RateLimit::new(NonZeroU64::new(64 << 10));
    let uploads = [(begin("slow").await, slow), (begin("fast").await, RateLimit::default())];
    let mut uploads = SideUploads::new(uploads, Duration::from_secs(3));
    let group = Bytes::from(vec![7; 1 << 20]);
    let began = std::time::Instant::now();
    for _ in 0..20 {
        uploads.write(&group).await;
    }
    // 20 MiB at that rate take more than five minutes
    assert!(began.elapsed() < Duration::from_secs(60));
    let mut completed = uploads.complete().await.into_iter();
    let error = completed.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("so slowly"), "{error}");
    assert_eq!(completed.next().unwrap().unwrap().bytes, 20 << 20);
    scene.store.settle().await;
    assert!(scene.store.head("slow").await.unwrap().is_none());
    assert_eq!(scene.store.head("fast").await.unwrap().unwrap().bytes, 20 << 20);
    assert_eq!(scene.bucket.uploads_under_way().len(), 0);
}
