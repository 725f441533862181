//! A folder in a bucket's stead: every command works there, or says in words why it doesn't.

use std::{fs, path::PathBuf};

use crate::{
    output::goldens::assert_said,
    prune::past::{Bytes, Made, Past},
    serve::clock::serve,
    stage::{KEY, Stage, restore_args},
    testbed::{Agent, Outcome},
    tick::past::calm,
};

/// A database, a folder, and an agent that knows nothing of AWS.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn of(stage: Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("nas")).unwrap();
        Self { stage, folder }
    }

    pub(crate) fn small() -> Self {
        Self::of(Stage::small())
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join("nas").join(below)
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.folder.path().join("nas").display())
    }

    /// Without a pinned repository, so that it may begin one.
    pub(crate) fn agent(&self) -> Agent {
        Agent::new()
            .database(self.stage.cluster, &self.stage.database)
            .env("PGCOFFER_KEY", KEY)
            .env("PGCOFFER_BUCKET", self.url())
            .current_dir(self.folder.path())
    }

    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.agent().run(args)
    }

    pub(crate) fn back_up(&self) -> String {
        let record = self.run(["backup", "--json"]).success().json();
        record["id"].as_str().unwrap().to_owned()
    }

    /// Paths below the folder, of plain files and all else.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                match fs::symlink_metadata(&path).unwrap().is_dir() {
                    true => folders.push(path),
                    false => all.push(path.strip_prefix(self.path("")).unwrap().display().to_string()),
                }
            }
        }
        all.retain(|path| path != ".pgcoffer.lock");
        all.sort();
        all
    }

    pub(crate) fn files_of(&self, part: &str) -> Vec<String> {
        let files = self.files().into_iter();
        files.filter(|path| path.contains(part)).collect()
    }

    /// Makes a file look as if it had been written so many hours ago.
    pub(crate) fn age(&self, below: &str, hours: u64) {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600);
        let file = fs::File::options().write(true).open(self.path(below)).unwrap();
        file.set_modified(then).unwrap();
    }

    /// Puts a backup of the past there.
    fn put(&self, past: Past) -> Made {
        let Bytes {
            made,
            archive,
            details,
            record,
            ..
        } = past.bytes();
        for (key, bytes) in [
            (&made.archive, archive),
            (&made.details, details),
            (&made.record, record),
        ] {
            let path = key.strip_prefix("backups/").unwrap();
            fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
            fs::write(self.path(path), bytes).unwrap();
            self.age(path, u64::try_from(past.hours_ago.max(25)).unwrap());
        }
        made
    }
}

#[test]
fn a_backup_lives_its_whole_life_in_a_folder() {
    let scene = Scene::of(Stage::shop(None));
    let id = scene.back_up();
    let url = scene.url();
    let shown = scene.run(["show", &id]).success();
    let archive = scene.files_of("main/archives/");
    assert_eq!(archive.len(), 1);
    assert!(
        shown.text().contains(&format!("{url}/{}", archive[0])),
        "{}",
        shown.text()
    );
    assert!(scene.run(["list"]).success().text().contains(&id));
    scene.run(["status"]).success();
    scene.run(["verify", &id]).success();
    scene.run(["get", &id, "-o", "out.dump", "-q"]).success();
    scene.run(["get", &id, "--sealed", "-o", "out.pgc", "-q"]).success();
    let sealed = fs::read(scene.folder.path().join("out.pgc")).unwrap();
    assert!(sealed == fs::read(scene.path(&archive[0])).unwrap());
    scene.run(["open", "out.pgc", "-o", "again.dump"]).success();
    let target = scene.stage.target();
    scene.run(restore_args(&target)).success();
    assert_eq!(
        scene.stage.content(&target.name),
        scene.stage.content(&scene.stage.database)
    );
    scene.run(["hold", &id, "--reason", "audit"]).success();
    let plan = scene.run(["prune", "--dry-run", "--json"]).success();
    assert!(plan.text().contains("audit"), "{}", plan.text());
    scene.run(["release", &id]).success();
    scene.run(["prune"]).success();
    // which repository it is can be pinned from now on
    let repository = scene.run(["repository"]).success();
    let pinned = scene.agent().env("PGCOFFER_REPOSITORY", repository.text().trim());
    pinned.run(["backup"]).success();
    assert_eq!(scene.files_of("/records/").len(), 2);
    assert_eq!(scene.files_of(".part"), [""; 0]);
}

/// By design it has no tags: that is no news at each backup.
#[test]
fn a_backup_into_a_folder_warns_of_no_tags() {
    let scene = Scene::small();
    let outcome = scene.run(["backup"]).success();
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    assert!(!said.contains("tags"), "{said}");
    let shown = scene.run(["show", "latest", "--json"]).success().json();
    assert_eq!(shown["warnings"].as_array().map(Vec::len), Some(0), "{shown:#}");
}

#[test]
fn its_schedule_is_kept_and_watched() {
    let scene = Scene::small();
    let agent = scene.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    agent.run(["tick"]).success();
    agent.run(["tick"]).success();
    assert_eq!(scene.files_of("/records/").len(), 1);
    agent.run(["status"]).success();
    let serving = serve(&agent);
    serving.wait_for_ticks(1);
    assert_eq!(
        serving.metric("pgcoffer_backups{database=\"main\"}").unwrap_or(1.0),
        1.0
    );
    serving.end();
    assert_eq!(scene.files_of("/records/").len(), 1);
}

#[test]
fn check_tries_all_that_the_contract_promises() {
    let scene = Scene::small();
    let checked = scene.run(["check"]).success();
    for words in [
        "the folder is there",
        "an existing object is not overwritten",
        "an object that has changed since it was looked at is not deleted",
        "no tags, locks, versions, lifecycle rules",
        "none yet: the first backup creates one",
    ] {
        assert!(checked.text().contains(words), "{words}: {}", checked.text());
    }
    assert_eq!(scene.files(), ["README.txt", "restore-by-hand.md"]);
    scene.back_up();
    let checked = scene.run(["check", "--json"]).success();
    assert!(checked.text().contains("opens with this key"), "{}", checked.text());
    let gone = scene.agent().env("PGCOFFER_BUCKET", format!("{}/none", scene.url()));
    let failed = gone.run(["check"]).ended_with(8);
    assert!(failed.text().contains("there is no such folder"), "{}", failed.text());
}

/// What is S3's alone ends with 2 and says what does the same here.
#[test]
fn what_a_folder_has_not_is_said_in_words() {
    let scene = Scene::small();
    for (args, words) in [
        (vec!["lifecycle", "show"], ["S3's alone", "prune"]),
        (vec!["lifecycle", "plan"], ["S3's alone", "prune"]),
        (vec!["lifecycle", "apply"], ["S3's alone", "prune"]),
        (vec!["policy"], ["S3's alone", "chown"]),
        (vec!["init", "--output", "env"], ["is a folder", "docs/folder.md"]),
    ] {
        let outcome = scene.run(args).ended_with(2);
        assert_said(&outcome, &words);
    }
    for (name, value) in [
        ("PGCOFFER_LOCK", "governance"),
        ("PGCOFFER_STORAGE_CLASS", "GLACIER_IR"),
        ("PGCOFFER_SSE", "AES256"),
        ("PGCOFFER_ACL", "bucket-owner-full-control"),
    ] {
        let outcome = scene.agent().env(name, value).run(["backup"]).ended_with(2);
        assert_said(&outcome, &[name, "unset", "S3"]);
    }
    let drop_box = scene.agent().key(KEY).env("PGCOFFER_MODE", "drop-box");
    assert_said(&drop_box.run(["backup"]).ended_with(2), &["PGCOFFER_MODE", "unset"]);
    let bad = scene.agent().env("PGCOFFER_BUCKET", "file://nas/backups");
    assert_said(&bad.run(["list"]).ended_with(2), &["file:///path/to/folder"]);
    assert_eq!(scene.files(), [""; 0]);
}

/// A share that isn't mounted must not be mistaken for a new place.
#[test]
fn what_is_not_mounted_is_not_filled() {
    let scene = Scene::small();
    let (nas, away) = (scene.path(""), scene.folder.path().join("away"));
    let id = scene.back_up();
    let repository = scene.run(["repository"]).success().text().trim().to_owned();
    // the folder is on the share, and goes with it
    fs::rename(&nas, &away).unwrap();
    for command in ["backup", "list", "status", "prune"] {
        let outcome = scene.run([command]);
        assert_ne!(outcome.code(), 0, "{command}: {}", outcome.stderr);
        assert_said(&outcome, &["there is no such folder", "mount"]);
    }
    assert!(!nas.exists());
    // the share is mounted right there, and its place is empty
    fs::create_dir(&nas).unwrap();
    let pinned = scene.agent().env("PGCOFFER_REPOSITORY", &repository);
    let refused = pinned.run(["backup"]).ended_with(2);
    assert_said(&refused, &[&repository, "mount what belongs there"]);
    let schedule = calm("daily at HH:MM keep 7d");
    assert_ne!(
        pinned.clone().env("PGCOFFER_SCHEDULE", schedule).run(["tick"]).code(),
        0
    );
    assert_eq!(scene.files(), [""; 0]);
    fs::remove_dir_all(&nas).unwrap();
    fs::rename(&away, &nas).unwrap();
    pinned.run(["verify", &id]).success();
    pinned.run(["backup"]).success();
}

/// What is deleted, what is left of runs that died, and what nobody may touch.
#[test]
fn prune_deletes_what_has_run_out_and_nothing_else() {
    let scene = Scene::small();
    let old = scene.put(Past::good(48, "1h"));
    let kept = scene.put(Past::good(1, "7d"));
    let below = |key: &str| key.strip_prefix("backups/").unwrap().to_owned();
    // leftovers of ours, old and young, and what only looks like it
    let dead = below(&scene.put(Past::good(60, "1h")).archive);
    for part in ["/records/", "/details/"] {
        let id = dead.rsplit('/').next().unwrap().to_owned();
        fs::remove_file(scene.path(&format!("main{part}{id}"))).unwrap();
    }
    let (folder, name) = dead.rsplit_once('/').unwrap();
    let left = format!("{folder}/.{name}.0123456789abcdef.part");
    let young = format!("{folder}/.{name}.fedcba9876543210.part");
    let of_record = format!("main/records/.{name}.0123456789abcdef.part");
    fs::rename(scene.path(&dead), scene.path(&left)).unwrap();
    fs::write(scene.path(&young), "young").unwrap();
    fs::write(scene.path(&of_record), "record").unwrap();
    scene.age(&left, 30);
    scene.age(&of_record, 30);
    let foreign = [
        "README",
        "main/README",
        "main/records/.stranger.0123456789abcdef.part",
        "main/archives/daily/stranger.pgc",
        "main/archives/daily/.hidden",
        "other/archives/daily/stranger.pgc",
        "lost+found/x",
    ];
    for path in foreign {
        fs::create_dir_all(scene.path(path).parent().unwrap()).unwrap();
        fs::write(scene.path(path), "of others").unwrap();
        scene.age(path, 1000);
    }
    std::os::unix::fs::symlink(scene.folder.path(), scene.path("main/archives/daily/link.pgc")).unwrap();
    let before = scene.files();
    scene.agent().env("PGCOFFER_KEEP_LAST", "1").run(["prune"]).success();
    let gone: Vec<String> = before
        .into_iter()
        .filter(|path| !scene.files().contains(path))
        .collect();
    let mut wanted = vec![
        below(&old.archive),
        below(&old.details),
        below(&old.record),
        left,
        of_record,
    ];
    wanted.sort();
    assert_eq!(gone, wanted);
    assert!(scene.path(&young).exists() && scene.path(&below(&kept.archive)).exists());
    for path in foreign {
        assert_eq!(fs::read(scene.path(path)).unwrap(), b"of others");
    }
}
