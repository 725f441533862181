//! A copy from one place to another: every MAC is checked on the way, and nothing is decrypted.

use pgcoffer::{
    Error,
    pipeline::{Budget, Progress},
    seal,
    store::{Attributes, PartPlan, Store, Stored},
};

use crate::scene::{Scene, Taken, place, staged};

const COPY: &str = "second/copy.pgc";

#[test]
fn a_copy_is_the_same_object_and_a_verification() {
    staged("copies::a_copy_is_the_same_object_and_a_verification", copies);
}

async fn copies(scene: Scene) {
    let taken = scene.take("copies");
    let second = place(&scene.bucket, "second").await;
    let stored = copy(&scene, &taken, &second).await.unwrap();
    let good = scene.bucket.read(&taken.key).unwrap();
    assert_eq!(stored.sha256, taken.sha256);
    assert!(scene.bucket.read(COPY).unwrap() == good);
    scene.bucket.delete(COPY);

    // a byte in the header, in each part of frames in the middle, and in the last one
    let header_len = scene.open(&taken.key).await.unwrap().header_bytes().len();
    let frame = |index| usize::try_from(seal::frame_range(header_len, 256 << 10, index).start).unwrap();
    let places = [
        20,
        header_len - 2,
        frame(0),
        frame(1) + 16,
        frame(9) - 1,
        frame(9) + 77,
        good.len() - 1,
    ];
    for at in places {
        let mut object = good.clone();
        object[at] ^= 1;
        scene.bucket.write(&taken.key, object);
        let copied = copy(&scene, &taken, &second).await;
        assert!(matches!(&copied, Err(Error::Seal { .. })), "byte {at}: {copied:?}");
        second.settle().await;
        assert!(scene.bucket.read(COPY).is_none(), "byte {at}");
        assert!(scene.bucket.uploads_under_way().is_empty(), "byte {at}");
    }
}

/// From the bucket to another place, in bounded memory.
async fn copy(scene: &Scene, taken: &Taken, to: &Store) -> pgcoffer::Result<Stored> {
    let archive = scene.open(&taken.key).await?;
    let plan = PartPlan::for_expected(archive.sealed_bytes(), 10_000);
    let mut upload = to.begin_upload(COPY, plan, &Attributes::default()).await?;
    upload.write(archive.header_bytes()).await?;
    let mut frames = archive.sealed_frames(&Budget::new(None), &Progress::default());
    while let Some(sealed) = frames.next().await? {
        upload.write(&sealed).await?;
        frames.recycle(sealed);
    }
    Ok(upload.complete().await?)
}
