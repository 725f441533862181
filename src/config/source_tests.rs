use std::{
    fs,
    os::unix::{ffi::OsStringExt as _, fs::PermissionsExt as _},
    path::PathBuf,
};

use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A folder with a `pgcoffer.toml` and whatever else a test puts there.
struct Scene {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Scene {
    fn with(toml: impl AsRef<[u8]>) -> Self {
        let scene = Self {
            folder: tempfile::tempdir().unwrap(),
            sources: Sources::default(),
        };
        scene.put("pgcoffer.toml", toml);
        let file = ConfigFile::IfThere(scene.path("pgcoffer.toml"));
        scene.reading(file)
    }

    fn reading(mut self, file: ConfigFile) -> Self {
        self.sources.file = file;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn var(mut self, name: &str, value: impl Into<std::ffi::OsString>) -> Self {
        self.sources.vars.push((name.into(), value.into()));
        self
    }

    fn read(&self) -> Result<Config> {
        Config::read(&Settings::gather(self.sources.clone()))
    }

    /// What is told, with the folder's own name left out.
    fn told(&self) -> String {
        let folder = format!("{}/", self.folder.path().display());
        self.read().unwrap_err().to_string().replace(&folder, "")
    }
}

#[test]
fn every_variable_can_stand_in_the_file_nested_as_one_likes() {
    let scene = Scene::with(format!(
        "bucket = 's3://bucket/p'\nkey = '{KEY}'\nkeep_last = 5\ns3_path_style = true\n\
         schedule = ['hourly keep 24h', 'daily at 02:30 keep 7d']\nstorage.class = 'standard_ia'\n\
         [db.main]\nurl = 'postgres://u@localhost/main'\n[db.big_shop]\nurl = 'postgres://u@localhost/shop'\nschedule \
         = 'off'\n"
    ));
    let config = scene.read().unwrap();
    assert_eq!(config.databases.len(), 2);
    assert_eq!(config.keep_last.get(), 5);
    assert!(config.store.path_style && config.secret.is_some());
    assert_eq!(config.store.storage_class.as_deref(), Some("STANDARD_IA"));
    let main = config.database(Some("main")).unwrap();
    assert_eq!(main.schedule.as_ref().unwrap().clauses().len(), 2);
    assert!(config.database(Some("big_shop")).unwrap().unscheduled);
}

#[test]
fn a_flag_is_over_a_variable_over_the_file() {
    let scene = Scene::with("bucket = 's3://from-file'\nkeep_last = 7");
    assert_eq!(
        scene.read().unwrap().location.unwrap().bucket().unwrap().bucket,
        "from-file"
    );
    let mut scene = scene.var("PGCOFFER_BUCKET", "s3://from-variable");
    let config = scene.read().unwrap();
    assert_eq!(config.location.unwrap().bucket().unwrap().bucket, "from-variable");
    assert_eq!(config.keep_last.get(), 7);
    let flag = ("--bucket", "PGCOFFER_BUCKET", "s3://from-flag".to_owned());
    scene.sources.flags.push(flag);
    assert_eq!(
        scene.read().unwrap().location.unwrap().bucket().unwrap().bucket,
        "from-flag"
    );
    scene.sources.flags[0].2 = "nonsense".to_owned();
    assert!(scene.told().starts_with("--bucket: "), "{}", scene.told());
}

#[test]
fn what_is_overridden_may_be_wrong_and_an_empty_value_overrides_nothing() {
    let scene = Scene::with("key_file = 'not-there'\nbucket = 'nonsense'\ntimezone = ''")
        .var("PGCOFFER_KEY", KEY)
        .var("PGCOFFER_BUCKET", "s3://bucket");
    assert!(scene.read().unwrap().secret.is_some());
    let scene = Scene::with("bucket = 's3://bucket'").var("PGCOFFER_BUCKET", "");
    assert_eq!(
        scene.read().unwrap().location.unwrap().bucket().unwrap().bucket,
        "bucket"
    );
}

#[test]
fn a_file_may_hold_any_setting() {
    let scene = Scene::with("old_keys_file = 'old'\n[db.main]\nurl_file = 'url'");
    // beside the file that names it
    scene.put("url", "postgres://u:p%40@localhost/main\r\n");
    scene.put(
        "old",
        format!("{KEY}@2026-11-01\n{}@2026-11-01\n", KEY.replace("00", "aa")),
    );
    let key = scene.put("key", format!("\u{feff}{KEY}\n"));
    let scene = scene.var("PGCOFFER_KEY_FILE", key);
    let config = scene.read().unwrap();
    assert_eq!((config.databases.len(), config.old_keys.len()), (1, 2));
    assert!(config.secret.is_some());
}

#[test]
fn every_mistake_is_told_with_its_file_line_and_key() {
    for (toml, words) in [
        (
            "buket = 's3://b'",
            "pgcoffer.toml:1: buket (PGCOFFER_BUKET): this version has no such setting\nhint: did you mean \
             PGCOFFER_BUCKET?",
        ),
        (
            "\n\nkeep_last = 0",
            "pgcoffer.toml:3: keep_last (PGCOFFER_KEEP_LAST): \"0\" is not a whole number from 1 on",
        ),
        ("keep_last = 2.5", "\"2.5\" is not a whole number"),
        (
            "[db.main]\nurl = 'mysql://u:hunter2@h/x'",
            "pgcoffer.toml:2: db.main.url (PGCOFFER_DB_MAIN_URL): it does not begin with postgres://",
        ),
        (
            "[db.main]\nulr = 'x'",
            "pgcoffer.toml:2: db.main.ulr (PGCOFFER_DB_MAIN_ULR): ",
        ),
        ("[db.ma-in]\nurl = 'x'", "can't be a database's label"),
        (
            "[[db]]\nurl = 'x'",
            "pgcoffer.toml:1: db: this can't be a setting's value",
        ),
        ("old_keys = [['hunter2']]", "pgcoffer.toml:1: old_keys: this can't be"),
        (
            "PGCOFFER_KEY = 'hunter2'",
            "names stand here without PGCOFFER_\nhint: call it key",
        ),
        ("Key = 'hunter2'", "names stand here in lower case\nhint: call it key"),
        (
            "[aws]\naccess_key_id = 'hunter2'",
            "pgcoffer.toml:2: aws.access_key_id: credentials, region and endpoint",
        ),
        ("region = 'eu'", "are not read from this file"),
        ("key = 'hunter2", "pgcoffer.toml:1: this is not TOML: "),
        ("key = hunter2", "pgcoffer.toml:1: this is not TOML: "),
        (
            "a = 1\nkey = 'x'\nkey = 'hunter2'",
            "pgcoffer.toml:3: this is not TOML: ",
        ),
        (
            "key = 'hunter2'",
            "pgcoffer.toml:1: key (PGCOFFER_KEY): not a usable key",
        ),
        (
            "db_main_url = 'postgres://u@h/x'\n[db.main]\nurl = 'postgres://u@h/x'",
            "says the same setting as well",
        ),
        (
            "key_file = 'not-there'",
            "pgcoffer.toml:1: key_file (PGCOFFER_KEY_FILE, not-there): can't read it: there is no such file",
        ),
        (
            "passphrase = 'unwound-cosigner-plank-dizzy-refurbish-atop-halogen'\nkey = 'x'",
            "pgcoffer.toml:2: key",
        ),
        ("config = 'x.toml'", "this version has no such setting"),
    ] {
        let told = Scene::with(toml).told();
        assert!(told.contains(words), "{toml}\n=> {told}");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(told.contains("hint: "), "{told}");
    }
}

#[test]
fn a_file_that_can_not_be_had_is_told() {
    let named = |scene: Scene, name: &str| {
        let path = scene.path(name);
        let by = "--config";
        scene.reading(ConfigFile::Named { path, by }).told()
    };
    let told = named(Scene::with(""), "other.toml");
    assert!(
        told.contains("--config (other.toml): can't read it: there is no such file"),
        "{told}"
    );
    let told = named(Scene::with(""), "");
    assert!(told.contains("it is a folder"), "{told}");
    let told = Scene::with(b"a = 'x'\nb = '\xff'").told();
    assert!(told.contains("pgcoffer.toml: it is not valid UTF-8 (line 2)"), "{told}");
    let told = Scene::with(vec![b'#'; 2 << 20]).told();
    assert!(told.contains("more than 1024 KiB"), "{told}");
    for empty in ["", "\n# nothing\n", "\u{feff}"] {
        assert!(Scene::with(empty).read().is_ok(), "{empty:?}");
    }
}

#[test]
fn a_variable_and_its_file_together_are_a_fault_and_so_are_wrong_files() {
    let scene = Scene::with("");
    let path = scene.put("key", KEY);
    let told = scene.var("PGCOFFER_KEY", KEY).var("PGCOFFER_KEY_FILE", path).told();
    assert!(
        told.contains("PGCOFFER_KEY: PGCOFFER_KEY_FILE (key) says the same setting as well"),
        "{told}"
    );
    for (text, words) in [
        ("\n", "the file is empty"),
        ("hunter2\n", "PGCOFFER_KEY_FILE (key): not a usable key"),
    ] {
        let scene = Scene::with("");
        let path = scene.put("key", text);
        let told = scene.var("PGCOFFER_KEY_FILE", path).told();
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("hunter2"));
    }
    let scene = Scene::with("");
    let folder = scene.folder.path().to_owned();
    let told = scene
        .var("PGCOFFER_DB_MAIN_URL_FILE", folder)
        .var("PGCOFFER_DB_MAIN_KEY", KEY)
        .told();
    assert!(told.contains("PGCOFFER_DB_MAIN_URL_FILE"), "{told}");
    // the url's fault alone: its key is no stray
    assert!(!told.contains("settings are wrong"), "{told}");
}

#[test]
fn the_environment_has_mistakes_of_its_own() {
    let told = Scene::with("").var("pgcoffer_Key", KEY).told();
    assert!(told.contains("call it PGCOFFER_KEY"), "{told}");
    let bytes = std::ffi::OsString::from_vec(b"hunter2\xff".to_vec());
    let told = Scene::with("").var("PGCOFFER_PASSPHRASE", bytes).told();
    assert!(
        told.contains("PGCOFFER_PASSPHRASE: its value is not valid UTF-8") && !told.contains("hunter2"),
        "{told}"
    );
    let told = Scene::with("").var("PGCOFFER_KEEY_FILE", "/not/there").told();
    assert!(told.contains("did you mean PGCOFFER_KEY_FILE?"), "{told}");
    // what Kubernetes sets for a service that is called pgcoffer
    let scene = Scene::with("")
        .var("PGCOFFER_SERVICE_HOST", "10.0.0.1")
        .var("PGCOFFER_PORT", "tcp://10.0.0.1:9187");
    assert!(scene.read().is_ok());
}

#[test]
fn quotes_that_are_part_of_a_value_are_told_of() {
    let told = Scene::with("").var("PGCOFFER_KEY", format!("\"{KEY}\"")).told();
    assert!(told.contains("quotes stand around it") && !told.contains(KEY), "{told}");
    let told = Scene::with("bucket = \"'s3://b'\"\na = 1\n").told();
    assert!(
        told.contains("pgcoffer.toml:1: bucket") && told.contains("write the value without them"),
        "{told}"
    );
    // in the order of the file
    assert!(told.find("toml:1") < told.find("toml:2"), "{told}");
}

#[test]
fn secrets_that_everybody_may_read_are_warned_of() {
    let scene = Scene::with(format!("key = '{KEY}'"));
    let warnings = |scene: &Scene| Settings::gather(scene.sources.clone()).warnings().to_vec();
    assert_eq!(warnings(&scene), [""; 0]);
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(scene.path("pgcoffer.toml"), open.clone()).unwrap();
    let told = warnings(&scene);
    assert!(
        told[0].contains("PGCOFFER_KEY") && told[0].contains("chmod 600"),
        "{told:?}"
    );
    scene.put("pgcoffer.toml", "bucket = 's3://bucket'\nkey_file = 'x'");
    fs::set_permissions(scene.path("pgcoffer.toml"), open).unwrap();
    assert_eq!(warnings(&scene), [""; 0]);
}
