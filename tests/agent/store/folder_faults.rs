//! What befalls a folder in the middle of things: kills, a disk that is full, and what others put there.

use std::{fs, os::unix::fs::symlink, process::Command};

use crate::{
    backup::kills::BACKUP,
    output::goldens::assert_said,
    stage::{Stage, wait_until},
    store::folder::Scene,
    testbed::binary,
};

/// Every archive under its own name is whole, with a record or without.
#[track_caller]
fn assert_all_whole(scene: &Scene) {
    for archive in scene.files_of("main/archives/") {
        if archive.ends_with(".part") {
            continue;
        }
        let file = scene.path(&archive);
        scene.run(["open", file.to_str().unwrap(), "-o", "left.dump"]).success();
        fs::remove_file(scene.folder.path().join("left.dump")).unwrap();
    }
    let records = scene.run(["list", "--json"]).success().json();
    let records = records["backups"].as_array().unwrap().iter();
    for record in records.filter(|record| record["status"] == "succeeded") {
        scene.run(["verify", record["id"].as_str().unwrap()]).success();
    }
}

#[test]
fn killed_at_any_moment_it_leaves_whole_backups_or_leftovers_that_prune_removes() {
    let scene = Scene::of(Stage::bulky());
    let whole = scene.run(BACKUP).success().elapsed;
    for n in 1..12 {
        let running = scene.agent().spawn(BACKUP);
        std::thread::sleep(whole.mul_f64(f64::from(n) / 12.0));
        drop(running);
    }
    // and once while it writes for sure
    let before = scene.files_of(".part").len();
    let running = scene.agent().spawn(BACKUP);
    wait_until("an archive is being written", || scene.files_of(".part").len() > before);
    drop(running);
    assert_all_whole(&scene);
    fs::write(scene.path("main/archives/of-others"), "of others").unwrap();
    let left = scene.files_of(".part");
    assert!(!left.is_empty());
    let shown = scene.run(["prune", "--dry-run"]).success();
    assert!(shown.text().contains("less than a day old"), "{}", shown.text());
    for path in &left {
        scene.age(path, 30);
    }
    scene.run(["prune"]).success();
    assert_eq!(scene.files_of(".part"), [""; 0]);
    fs::remove_file(scene.path("main/archives/of-others")).unwrap();
    assert_eq!(failed(&scene), 0, "a killed run leaves no record");
    scene.run(BACKUP).success();
    assert_all_whole(&scene);
}

#[test]
fn asked_to_end_it_takes_its_half_file_with_it() {
    let scene = Scene::of(Stage::bulky());
    // the repository stands, so that what is written next is the archive
    scene.run(BACKUP).success();
    let running = scene.agent().spawn(BACKUP);
    wait_until("an archive is being written", || !scene.files_of(".part").is_empty());
    running.signal("TERM");
    running.wait();
    assert_eq!(scene.files_of(".part"), [""; 0]);
    assert_eq!(
        scene.files_of("main/archives/").len(),
        scene.files_of("main/details/").len() - failed(&scene)
    );
}

/// How many runs left a record of failure.
fn failed(scene: &Scene) -> usize {
    let records = scene.run(["list", "--json"]).success().json();
    let records = records["backups"].as_array().unwrap().iter();
    records.filter(|record| record["status"] == "failed").count()
}

/// The limit of a process stands for a disk that is full: no more than 4 MB go into any file.
#[test]
fn a_file_that_can_grow_no_more_is_no_backup_and_says_why() {
    let scene = Scene::of(Stage::bulky());
    let script = "ulimit -f 8192; exec \"$@\"";
    let args = ["-c", script, "sh"].map(str::to_owned).into_iter();
    let args = args
        .chain([binary().display().to_string()])
        .chain(BACKUP.map(str::to_owned));
    let output = scene.agent().command("sh", args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains("hint: a file can't be as large there") && said.contains("ulimit"),
        "{said}"
    );
    assert_eq!(scene.files_of("main/archives/"), [""; 0]);
    assert_eq!(failed(&scene), 1);
    scene.run(BACKUP).success();
    assert_all_whole(&scene);
}

/// Somebody puts links and pipes in the place of archive, details, record and mark.
#[test]
fn what_is_planted_is_neither_followed_nor_waited_for() {
    let scene = Scene::small();
    let id = scene.back_up();
    let kept = scene.folder.path().join("kept");
    for part in ["main/archives/", "main/details/", "main/records/"] {
        let path = scene.path(&scene.files_of(part)[0]);
        fs::rename(&path, &kept).unwrap();
        for plant in ["link", "pipe"] {
            match plant {
                "link" => symlink(&kept, &path).unwrap(),
                _ => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
            }
            for args in [
                vec!["list"],
                vec!["status"],
                vec!["verify", &id],
                vec!["prune"],
                vec!["hold", &id],
            ] {
                let command = args[0];
                let outcome = scene.run(args);
                let may = command != "verify" || part == "main/details/";
                assert!(
                    outcome.code() != 0 || may,
                    "{command} {part} {plant}: {}",
                    outcome.text()
                );
            }
            assert!(!fs::symlink_metadata(&path).unwrap().is_file(), "{part} {plant}");
            fs::remove_file(&path).unwrap();
        }
        fs::rename(&kept, &path).unwrap();
        scene.run(["release", &id]);
        scene.run(["verify", &id]).success();
    }
    // a folder that leads elsewhere
    let elsewhere = scene.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(scene.path("main"), scene.path("away")).unwrap();
    symlink(&elsewhere, scene.path("main")).unwrap();
    let outcome = scene.run(["backup"]).ended_with(4);
    assert_said(&outcome, &["is a link", "move it away"]);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

/// Bytes of the middle are changed, and the file's date is not: only reading all of it tells.
#[test]
fn what_is_changed_behind_its_back_is_found() {
    let scene = Scene::of(Stage::bulky());
    let id = scene.run(BACKUP.into_iter().chain(["--json"])).success().json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = scene.path(&scene.files_of("main/archives/")[0]);
    let dated = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let listed = scene.run(["list"]);
    assert!(listed.text().contains("another object"), "{}", listed.text());
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(dated).unwrap();
    scene.run(["verify", &id]).ended_with(5);
    let target = scene.stage.target();
    scene.run(crate::stage::restore_args(&target)).ended_with(5);
}
