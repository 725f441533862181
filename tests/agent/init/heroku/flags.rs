//! What is refused before anything is changed on Heroku.

use serde_json::json;

use super::{
    api::App,
    scene::{ADD_ON, APP, HerokuScene, OWNER},
};

#[track_caller]
fn refused(scene: &HerokuScene, arguments: &[&str], words: &[&str]) {
    let outcome = scene.with_bucket().run(arguments).ended_with(2);
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is not in: {}", outcome.stderr);
    }
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    assert_eq!(scene.heroku.cloud.lock().unwrap().changes, [""; 0]);
}

#[test]
fn what_would_be_wrong_is_refused_before_anything_is_changed() {
    let scene = HerokuScene::new("standard-0");
    let set = |name: &str, app: App| scene.heroku.cloud.lock().unwrap().apps.insert(name.to_owned(), app);
    let init = |app: &'static str| {
        let from = ["--heroku-from", OWNER, "--database", "main=heroku:DATABASE_URL"];
        ["init", "--heroku", app, "--yes", "--key-stored", "--sheet", "s.txt"]
            .into_iter()
            .chain(from)
            .collect::<Vec<_>>()
    };
    refused(&scene, &init("Shop_Backups"), &["can't be the name of a Heroku app"]);
    refused(
        &scene,
        &["init", "--heroku", APP],
        &["nobody can be asked here", "--yes", "--output heroku"],
    );
    scene.heroku.cloud.lock().unwrap().others.push("taken".to_owned());
    refused(
        &scene,
        &init("taken"),
        &["belongs to somebody else", "choose another name"],
    );
    let web = App {
        process_types: Some(json!({ "web": "bin/rails server" })),
        ..App::default()
    };
    set("has-code", web);
    refused(
        &scene,
        &init("has-code"),
        &["has code of its own", "would take its place"],
    );
    let ruby = App {
        buildpacks: vec!["heroku/ruby".to_owned()],
        ..App::default()
    };
    set("never-built", ruby);
    refused(&scene, &init("never-built"), &["has code of its own"]);
    let fir = App {
        stack: "cnb".to_owned(),
        ..App::default()
    };
    set("on-fir", fir);
    refused(&scene, &init("on-fir"), &["Fir generation"]);
    let mut container = App {
        stack: "container".to_owned(),
        ..App::default()
    };
    container.vars.insert("SECRET".to_owned(), "x".to_owned());
    set("prod-container", container);
    refused(&scene, &init("prod-container"), &["runs images of its own"]);
    let image = App {
        has_image: true,
        ..App::default()
    };
    set("has-image", image);
    refused(&scene, &init("has-image"), &["has code of its own"]);
    for app in ["prod-container", "has-image"] {
        let undo = scene.with_bucket().run(["init", "--undo", "--heroku", app]).success();
        assert!(!undo.text().contains("apps:destroy"), "{}", undo.text());
    }
    for road in [&["--output", "heroku"][..], &["--undo"], &["--yes"]] {
        let bad = [&["init", "--heroku", "x\ntouch y\n"], road].concat();
        refused(&scene, &bad, &["can't be the name of a Heroku app"]);
    }
    let from = ["init", "--heroku", APP, "--heroku-from", "a'b", "--output", "heroku"];
    refused(&scene, &from, &["can't be the name of a Heroku app"]);
    let unknown = [
        "init",
        "--heroku",
        APP,
        "--yes",
        "--heroku-from",
        "no-such",
        "--database",
        "main=heroku:X",
    ];
    refused(&scene, &unknown, &["there is no Heroku app no-such"]);
    let unknown = [
        "init",
        "--heroku",
        APP,
        "--yes",
        "--heroku-from",
        OWNER,
        "--database",
        "main=heroku:X",
    ];
    refused(
        &scene,
        &unknown,
        &["there is no Heroku Postgres database X in shop", ADD_ON],
    );
    // the app that owns the database runs something else
    refused(
        &scene,
        &[
            "init",
            "--heroku",
            OWNER,
            "--yes",
            "--key-stored",
            "--sheet",
            "s.txt",
            "--database",
            "main=heroku:DATABASE_URL",
        ],
        &["belongs to shop itself"],
    );
    // a key on Heroku is never replaced unseen
    let mut with_key = App::default();
    with_key
        .vars
        .insert("PGCOFFER_KEY".to_owned(), crate::stage::KEY.to_owned());
    set(APP, with_key);
    std::fs::write(scene.work().join("key"), crate::stage::OTHER_KEY).unwrap();
    refused(
        &scene,
        &[&init(APP)[..], &["--key-file", "key"]].concat(),
        &["PGCOFFER_KEY of shop-backups is another one"],
    );
    // no login
    let bare = scene.with_bucket().without("HEROKU_API_KEY");
    let outcome = bare.run(init(APP)).ended_with(2);
    assert!(outcome.stderr.contains("heroku login"), "{}", outcome.stderr);
    let nowhere = scene
        .with_bucket()
        .env("HEROKU_HOST", "https://heroku.com.evil.example");
    let outcome = nowhere.run(init(APP)).ended_with(2);
    assert!(outcome.stderr.contains("which is not Heroku"), "{}", outcome.stderr);
    let missing = scene.with_bucket().env("PATH", "/usr/bin:/bin");
    let outcome = missing.run(init(APP)).ended_with(2);
    assert!(outcome.stderr.contains("install the Heroku CLI"), "{}", outcome.stderr);
}

/// What is run, and where a new app goes, by plan and place of the app that owns the database.
#[test]
fn a_plan_and_a_place_decide_on_the_commands() {
    let scene = HerokuScene::new("essential-1");
    let place = App {
        space: Some("vault".to_owned()),
        team: Some("acme".to_owned()),
        ..App::default()
    };
    let home = |app: App| scene.heroku.cloud.lock().unwrap().apps.insert(OWNER.to_owned(), app);
    home(place);
    let script = |plan: &str| {
        scene.heroku.cloud.lock().unwrap().add_ons.get_mut(ADD_ON).unwrap().plan = format!("heroku-postgresql:{plan}");
        let mut flags = scene.flags();
        flags.extend(["--no-check", "--output", "heroku", "--sheet", "s.txt"].map(str::to_owned));
        let text = scene.with_bucket().run(flags).success().text().to_owned();
        std::fs::remove_file(scene.work().join("s.txt")).unwrap();
        std::fs::remove_file(scene.work().join("restore-by-hand.md")).unwrap();
        text
    };
    let essential = script("essential-1");
    assert!(
        essential.contains("heroku apps:create shop-backups --stack heroku-24 --no-remote --space vault\n"),
        "{essential}"
    );
    assert!(
        !essential.contains("pg:credentials") && !essential.contains("pg:psql"),
        "{essential}"
    );
    assert!(essential.contains(&format!(
        "heroku addons:attach {ADD_ON} --as PGCOFFER_DB_MAIN -a shop-backups\n"
    )));
    home(App {
        team: Some("acme".to_owned()),
        region: "eu".to_owned(),
        ..App::default()
    });
    let standard = script("standard-0");
    assert!(standard.contains("--no-remote --team acme --region eu\n"), "{standard}");
    assert!(standard.contains(&format!(
        "heroku pg:credentials:create {ADD_ON} --name pgcoffer -a shop\n"
    )));
    let shield = script("shield-0");
    assert!(
        shield.contains("Only dynos reach this database") && !shield.contains("pg:psql"),
        "{shield}"
    );
    let advanced = script("advanced");
    assert!(
        advanced.contains("heroku data:pg:credentials:create")
            && advanced.contains("heroku data:pg:attachments:create")
    );
}
