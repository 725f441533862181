//! The recovery sheet, read as a person reads it.

use std::fs;

use crate::{
    output::goldens::assert_golden,
    stage::{KEY, Stage},
    testbed::Agent,
};

#[test]
fn the_sheet_alone_brings_a_backup_back() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    let args = [
        "init",
        "--no-check",
        "--output",
        "env",
        "--write",
        "x.env",
        "--sheet",
        "sheet.txt",
        "--sheet",
        "sheet.html",
    ];
    agent.run(args).success();
    stage.back_up();
    let sheet = fs::read_to_string(folder.path().join("sheet.txt")).unwrap();
    // as a person reads it: a name, and what stands behind it
    let field = |name: &str| -> Vec<&str> {
        let lines = sheet.lines().filter_map(|line| line.strip_prefix(name));
        lines.filter(|rest| rest.starts_with("  ")).map(str::trim).collect()
    };
    let settings = field("Setting").into_iter().map(|line| line.split_once('=').unwrap());
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let target = stage.target();
    let credentials = stage.bucket.env().into_iter().filter(|(name, _)| name.contains("KEY"));
    let agent = Agent::new()
        .envs(settings)
        .envs(credentials)
        .key(field("Key")[0])
        .env("PGCOFFER_BUCKET", field("Bucket")[0]);
    // the same key, typed by its groups, is read as well
    let typed = sheet.split_once("To be typed").unwrap().1;
    let typed: Vec<&str> = typed.trim_start().lines().take(2).map(str::trim).collect();
    Agent::new()
        .key(&typed.join(" "))
        .env("PGCOFFER_BUCKET", "s3://testbed/backups")
        .envs(stage.bucket.env())
        .run(["show", "latest", "--database", "main"])
        .success();
    let label = field("Database")[0].split_whitespace().next().unwrap();
    let restore = [
        "restore",
        "latest",
        "--database",
        label,
        "--confirm",
        &target.name,
        "--to",
        &target.url,
    ];
    agent.run(["list"]).success();
    agent.run(restore).success();
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from people"), "500");
    let same_every_day = sheet
        .replace(&stage.bucket.endpoint(), "http://S3")
        .replace(&stage.cluster.port().to_string(), "PORT")
        .replace(&stage.database, "shop")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        .replace(field("Written")[0].split(' ').next().unwrap(), "DATE");
    assert_golden("init-sheet", &same_every_day);
    let page = fs::read_to_string(folder.path().join("sheet.html")).unwrap();
    for text in [field("Key")[0], field("Bucket")[0], "restore-by-hand.md"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("http://") || page.matches("src=").count() == 0);
    assert_ne!(KEY, field("Key")[0], "the sheet's key bears a checksum");
    assert!(
        fs::read_to_string(folder.path().join("restore-by-hand.md"))
            .unwrap()
            .contains("open_sealed.py")
    );
}
