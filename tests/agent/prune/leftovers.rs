//! What runs that died left behind goes after a day, where it is ours beyond doubt; everything that may be more stays.

use aws_sdk_s3::primitives::ByteStream;

use crate::{
    prune::past::{Bytes, Made, Past},
    prune::scene::Scene,
    stage::OTHER_KEY,
    testbed::Tagging,
};

/// The archive of a run that died before it wrote its record, so many hours ago.
fn orphan(scene: &Scene, past: Past, hours_ago: i64) -> Made {
    let Bytes {
        made, archive, tags, ..
    } = past.bytes();
    scene.write(&made.archive, &archive, &tags, hours_ago);
    made
}

/// One good backup of an hour ago, so that what is older was left behind.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.put(Past::good(1, "7d"));
    scene
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// Begins an upload and sends one part, unless told not to; its id.
fn begin(scene: &Scene, key: &str, part: bool) -> String {
    runtime().block_on(async {
        let client = scene.bucket.client();
        let begun = client.create_multipart_upload().bucket("testbed").key(key);
        let id = begun.send().await.unwrap().upload_id.unwrap();
        if part {
            let part = client.upload_part().bucket("testbed").key(key);
            let part = part.upload_id(&id).part_number(1);
            let body = ByteStream::from_static(b"a part");
            part.body(body).send().await.unwrap();
        }
        id
    })
}

fn uploads(scene: &Scene) -> Vec<String> {
    let uploads = scene.bucket.uploads_under_way().into_iter();
    uploads.map(|upload| upload.key).collect()
}

#[test]
fn an_archive_without_a_record_goes_after_a_day() {
    let scene = scene();
    let old = orphan(&scene, Past::good(30, "7d"), 25);
    let young = orphan(&scene, Past::good(29, "7d"), 23);
    assert_eq!(scene.kept(&old.archive), None);
    let kept = scene.kept(&young.archive);
    assert_eq!(kept.as_deref(), Some("less than a day old"));
    assert_eq!(scene.pruned(), [format!("removed {}", old.archive)]);
}

/// By its name it began in the future, or just now: whatever its date of writing is, it is not left behind.
#[test]
fn an_archive_is_as_young_as_its_name_says() {
    let scene = scene();
    for hours in [2, 23] {
        orphan(&scene, Past::good(hours, "1h"), 2000);
    }
    scene.deletes_nothing(0);
}

/// Nothing so small takes a day: no newer backup is needed to tell that its run has ended.
#[test]
fn the_archive_of_a_run_that_died_goes_though_nothing_came_after_it() {
    let scene = Scene::new();
    scene.put(Past::good(60, "7d"));
    let complete = orphan(&scene, Past::good(50, "7d"), 50);
    assert_eq!(scene.pruned(), [format!("removed {}", complete.archive)]);
}

#[test]
fn an_archive_whose_record_is_not_listed_yet_stays() {
    let scene = scene();
    let made = scene.put(Past::good(48, "7d"));
    let record = scene.bucket.read(&made.record).unwrap();
    scene.bucket.delete(&made.record);
    assert_eq!(scene.kept(&made.archive), None);
    // it comes while the prune is at work
    scene.bucket.inject(
        crate::testbed::Rule::on("GetObjectTagging").key(&made.archive),
        crate::testbed::Fault::Delay { millis: 1500 },
    );
    let before = scene.bucket.snapshot();
    let agent = scene.agent();
    let running = agent.spawn(["prune", "--json"]);
    crate::stage::wait_until("it looks at the archive", || {
        let calls = scene.bucket.calls();
        let looks = calls.iter().filter(|call| call.operation == "GetObjectTagging");
        looks.count() > 1
    });
    scene.bucket.write(&made.record, record);
    running.wait().success();
    let changes = before.changes(&scene.bucket.snapshot());
    assert_eq!(changes, [format!("added {}", made.record)]);
}

#[test]
fn archives_without_records_stay_where_anything_is_in_doubt() {
    let scene = scene();
    let held = orphan(&scene, Past::good(72, "1h"), 48);
    let mut tags = scene.bucket.tags(&held.archive).unwrap();
    tags.push(("pgcoffer:hold".into(), "by hand".into()));
    let set = |key: &str, tags: &[(String, String)]| {
        let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        scene.bucket.set_tags(key, &tags);
    };
    set(&held.archive, &tags);
    let bare = orphan(&scene, Past::good(71, "1h"), 48);
    set(&bare.archive, &[]);
    let others = orphan(&scene, Past::good(70, "1h"), 48);
    let mut tags = scene.bucket.tags(&others.archive).unwrap();
    tags[0].1 = "0123456789abcdef".into();
    set(&others.archive, &tags);
    let flipped = orphan(&scene, Past::good(69, "1h"), 48);
    let mut bytes = scene.bucket.read(&flipped.archive).unwrap();
    bytes[60] ^= 1;
    scene.bucket.write(&flipped.archive, bytes);
    scene.age(&flipped.archive, 48);
    let empty = orphan(&scene, Past::good(68, "1h"), 48);
    scene.bucket.write(&empty.archive, Vec::new());
    scene.age(&empty.archive, 48);
    let cold = orphan(&scene, Past::good(67, "1h"), 48);
    scene.bucket.cool(&cold.archive, "DEEP_ARCHIVE");
    for (made, words) in [
        (&held, "its tags hold it"),
        (&bare, "its tags are missing"),
        (&others, "its tags are not ours"),
        (&flipped, "does not prove it ours"),
        (&empty, "does not prove it ours"),
        (&cold, "in cold storage"),
    ] {
        let kept = scene.kept(&made.archive).unwrap_or_default();
        assert!(kept.contains(words), "{words}: {kept:?}");
    }
    scene.deletes_nothing(0);
}

#[test]
fn archives_without_records_stay_while_the_newest_run_is_not_good() {
    let scene = Scene::new();
    scene.put(Past::good(3, "7d"));
    let left = orphan(&scene, Past::good(72, "1h"), 48);
    scene.put(Past::failed(1));
    let kept = scene.kept(&left.archive);
    assert_eq!(kept.as_deref(), Some("the newest run is not good"));
    scene.deletes_nothing(0);
}

#[test]
fn a_failed_run_that_left_its_archive_loses_it_after_a_day_and_keeps_its_record() {
    let scene = scene();
    let failed = scene.put(Past::failed(48));
    let Bytes { archive, tags, .. } = Past::good(48, "30d").bytes();
    scene.write(&failed.archive, &archive, &tags, 48);
    assert_eq!(scene.pruned(), [format!("removed {}", failed.archive)]);
}

#[test]
fn without_tags_an_archive_without_a_record_proves_itself_by_its_header() {
    let scene = scene();
    scene.bucket.behave(|b| b.tagging = Tagging::NotImplemented);
    let ours = orphan(&scene, Past::good(72, "1h"), 48);
    let junk = orphan(&scene, Past::good(71, "1h"), 48);
    scene.bucket.write(&junk.archive, b"junk".to_vec());
    scene.age(&junk.archive, 48);
    orphan(&scene, Past::good(70, "1h").by(OTHER_KEY), 48);
    assert_eq!(scene.pruned(), [format!("removed {}", ours.archive)]);
}

/// A record that somebody deleted by hand: the hold that stands beside it goes on holding what is left.
#[test]
fn a_mark_that_holds_keeps_its_archive_and_stays_itself() {
    let scene = scene();
    let made = scene.put(Past::good(72, "1h"));
    scene.bucket.set_tags(&made.archive, &[]);
    scene.bucket.behave(|b| b.tagging = Tagging::NotImplemented);
    scene.run(["hold", &made.id, "--reason", "audit"]).success();
    scene.bucket.delete(&made.record);
    scene.age(&made.mark, 48);
    // prune after prune
    for _ in 0..3 {
        scene.deletes_nothing(0);
    }
    assert!(scene.kept(&made.mark).is_some());
}

#[test]
fn a_mark_that_holds_nothing_goes_with_what_is_left() {
    let scene = scene();
    let made = scene.put(Past::good(72, "1h"));
    scene.run(["hold", &made.id, "--reason", "audit"]).success();
    scene.run(["release", &made.id]).success();
    scene.bucket.delete(&made.record);
    scene.age(&made.mark, 48);
    let gone = [&made.archive, &made.mark].map(|key| format!("removed {key}"));
    assert_eq!(scene.pruned(), gone);
}

/// A run that died between its details and its record, or a prune that died in the middle.
#[test]
fn details_without_a_record_go_after_a_day_unless_somebody_may_want_them() {
    let scene = scene();
    let left = |hours, held: bool, age: i64| {
        let made = scene.put(Past::good(hours, "1h"));
        if held {
            scene.run(["hold", &made.id, "--reason", "x"]).success();
        }
        scene.bucket.delete(&made.record);
        scene.bucket.delete(&made.archive);
        scene
            .bucket
            .write(&made.details, scene.bucket.read(&made.details).unwrap());
        scene.age(&made.details, age);
        made
    };
    // they are looked for where something is deleted
    let expired = scene.put(Past::good(73, "1h"));
    let old = left(72, false, 25);
    let (young, held) = (left(71, false, 23), left(70, true, 48));
    assert!(scene.kept(&held.details).unwrap().contains("held"));
    assert_eq!(scene.kept(&young.details).unwrap(), "less than a day old");
    let mut gone = expired.removed();
    gone.push(format!("removed {}", old.details));
    gone.sort();
    assert_eq!(scene.pruned(), gone);
    // beside an archive that may be all there is they stay as long as that
    let scene = self::scene();
    let both = scene.put(Past::good(72, "1h"));
    scene.bucket.delete(&both.record);
    scene
        .bucket
        .write(&both.archive, scene.bucket.read(&both.archive).unwrap());
    scene.age(&both.archive, 2);
    assert_eq!(scene.kept(&both.details).unwrap(), "its archive stands still");
    assert_eq!(scene.pruned(), [""; 0]);
    scene.age(&both.archive, 72);
    assert_eq!(scene.pruned(), [format!("removed {}", both.archive)]);
    // by itself it waits for company
    assert_eq!(scene.pruned(), [""; 0]);
    let expired = scene.put(Past::good(73, "1h"));
    let mut gone = expired.removed();
    gone.push(format!("removed {}", both.details));
    gone.sort();
    assert_eq!(scene.pruned(), gone);
}

#[test]
fn a_mark_without_anything_goes_after_a_day_unless_it_can_not_be_read() {
    let scene = scene();
    let marked = |hours| {
        let made = scene.put(Past::good(hours, "1h"));
        scene.run(["hold", &made.id, "--reason", "audit"]).success();
        scene.run(["release", &made.id]).success();
        for key in made.keys() {
            scene.bucket.delete(key);
        }
        scene.age(&made.mark, 25);
        made
    };
    let (old, young, junk) = (marked(72), marked(71), marked(70));
    scene.bucket.write(&young.mark, scene.bucket.read(&young.mark).unwrap());
    scene.bucket.write(&junk.mark, b"junk".to_vec());
    scene.age(&junk.mark, 48);
    assert_eq!(scene.pruned(), [format!("removed {}", old.mark)]);
}

#[test]
fn an_upload_of_ours_goes_after_a_day_without_a_part() {
    let scene = scene();
    let [silent, young, busy, theirs] = [72, 71, 70, 69].map(|hours| {
        let past = Past::good(hours, "7d");
        let past = if hours == 69 { past.by(OTHER_KEY) } else { past };
        past.bytes().made.archive
    });
    let others = "backups/main/archives/daily/photos.zip".to_owned();
    let beside = "other/program".to_owned();
    for key in [&silent, &young, &busy, &theirs, &others, &beside] {
        begin(&scene, key, *key == busy);
        scene.age(key, if *key == young { 23 } else { 30 });
    }
    let kept = |key: &str| scene.kept(key).unwrap_or_default();
    assert_eq!(kept(&young), "less than a day old");
    assert_eq!(kept(&busy), "parts arrive still");
    assert_eq!(scene.kept(&silent), None);
    let text = scene.run(["prune"]).success();
    assert!(text.text().contains(&format!("{silent}: deleted")), "{}", text.text());
    let mut left = [young, busy, theirs, others, beside];
    left.sort();
    let mut uploads = uploads(&scene);
    uploads.sort();
    assert_eq!(uploads, left);
    assert_eq!(scene.bucket.count("AbortMultipartUpload"), 1);
}

/// A lost answer to CreateMultipartUpload leaves one behind under the very key of a good archive.
#[test]
fn an_upload_beside_the_good_archive_of_its_key_goes_alone() {
    let (scene, _) = Scene::with_one_expired();
    let made = scene.put(Past::good(40, "7d"));
    begin(&scene, &made.archive, false);
    scene.age(&made.archive, 40);
    let outcome = scene.run(["prune"]).success();
    assert!(!outcome.text().contains("NOT DELETED"), "{}", outcome.text());
    assert_eq!(uploads(&scene), [""; 0]);
    scene.run(["verify", &made.id]).success();
}

#[test]
fn an_upload_that_was_said_to_be_aborted_and_was_not_is_told_of() {
    let scene = scene();
    let left = Past::good(72, "7d").bytes().made.archive;
    begin(&scene, &left, false);
    scene.age(&left, 48);
    // "no content", and nothing is done
    let lie = crate::testbed::Fault::Refuse { status: 204, code: "" };
    let rule = crate::testbed::Rule::on("AbortMultipartUpload").always();
    scene.bucket.inject(rule, lie);
    let outcome = scene.run(["prune"]).ended_with(4);
    assert!(outcome.text().contains("still under way"), "{}", outcome.text());
    assert_eq!(uploads(&scene), [left]);
}

#[test]
fn a_service_that_lists_no_uploads_is_pruned_all_the_same() {
    for (status, code) in [(501, "NotImplemented"), (403, "AccessDenied")] {
        let (scene, old) = Scene::with_one_expired();
        let refuse = crate::testbed::Fault::Refuse { status, code };
        let rule = crate::testbed::Rule::on("ListMultipartUploads").always();
        scene.bucket.inject(rule, refuse);
        assert_eq!(scene.pruned(), old.removed());
    }
}

#[test]
fn a_record_of_a_failure_goes_after_a_month() {
    let scene = scene();
    let old = scene.put(Past::failed(31 * 24));
    let young = scene.put(Past::failed(29 * 24));
    assert_eq!(scene.verdict(&young).1, "failed_lately");
    let gone = [&old.details, &old.record].map(|key| format!("removed {key}"));
    assert_eq!(scene.pruned(), gone);
}

/// Somebody's lifecycle rule has taken the records: the archives are all there is, and open without them.
#[test]
fn archives_whose_records_were_deleted_by_others_stay() {
    for (good, lost) in [(0, 1), (3, 11)] {
        let scene = Scene::new();
        for n in 0..good {
            scene.put(Past::good(1 + n, "7d"));
        }
        let archives: Vec<Made> = (0..lost)
            .map(|n| orphan(&scene, Past::good(50 + n, "1h"), 50))
            .collect();
        scene.deletes_nothing(0);
        let why = scene.kept(&archives[0].archive).unwrap();
        assert!(why.contains("record") || why.contains("no backup"), "{why}");
    }
}
