//! Files of settings that somebody else could have written.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use crate::stage::{KEY, SMALL, Stage};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_others_may_write_does_not_count_and_says_so() {
    let stage = Stage::backed_up(SMALL);
    let (file, key) = (stage.file("pgcoffer.toml"), stage.file("key"));
    fs::write(&file, "keep_last = 4\n").unwrap();
    fs::write(&key, KEY).unwrap();
    mode(&file, 0o644);
    let listed = stage.run(["list"]).success();
    let place = fs::canonicalize(&file).unwrap();
    let said = format!("settings from {}", place.display());
    assert!(listed.stderr.contains(&said), "{}", listed.stderr);
    mode(&file, 0o666);
    let refused = stage.run(["list"]).ended_with(2);
    assert!(
        refused.stderr.contains("pgcoffer.toml: it does not count: "),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("hint: chmod go-w "), "{}", refused.stderr);
    // a pipe of somebody else's is not waited for
    fs::remove_file(&file).unwrap();
    let mut pipe = std::process::Command::new("mkfifo");
    assert!(pipe.args(["-m", "666"]).arg(&file).status().unwrap().success());
    stage.run(["list"]).ended_with(2);
    fs::remove_file(&file).unwrap();
    fs::write(&file, "keep_last = 4\n").unwrap();
    mode(&file, 0o666);
    // what is to be typed is one word, whatever the file is called
    let odd = stage.file("a b;touch x");
    fs::write(&odd, "keep_last = 4\n").unwrap();
    mode(&odd, 0o666);
    let refused = stage.run(["list", "--config", odd.to_str().unwrap()]).ended_with(2);
    let cure = format!("hint: chmod go-w '{}'", fs::canonicalize(&odd).unwrap().display());
    assert!(refused.stderr.contains(&cure), "{}", refused.stderr);
    // named by a flag it is no better
    let named = ["list", "--config", file.to_str().unwrap()];
    stage.run(named).ended_with(2);
    fs::remove_file(&file).unwrap();

    // a folder in which everybody may put it
    let shared = stage.file("shared");
    fs::create_dir(&shared).unwrap();
    let link = shared.join("pgcoffer.toml");
    fs::write(stage.file("other.toml"), "keep_last = 4\n").unwrap();
    symlink(stage.file("other.toml"), &link).unwrap();
    let agent = stage.agent().current_dir(&shared);
    mode(&shared, 0o755);
    agent.run(["list"]).success();
    mode(&shared, 0o777);
    let refused = agent.run(["list"]).ended_with(2);
    assert!(refused.stderr.contains("may write the folder"), "{}", refused.stderr);
    fs::remove_file(&link).unwrap();
    agent.run(["list"]).success();

    let agent = stage.agent().without("PGCOFFER_KEY").env("PGCOFFER_KEY_FILE", &key);
    mode(&key, 0o600);
    let quiet = agent.run(["list"]).success();
    assert!(!quiet.stderr.contains("WARN"), "{}", quiet.stderr);
    mode(&key, 0o644);
    let warned = agent.run(["list"]).success();
    assert!(
        warned.stderr.contains("everybody on this machine may read it"),
        "{}",
        warned.stderr
    );
    mode(&key, 0o660);
    let refused = agent.run(["list"]).ended_with(2);
    assert!(refused.stderr.contains("PGCOFFER_KEY_FILE"), "{}", refused.stderr);
    stage.assert_no_secret(&refused, &[]);
}

#[test]
fn a_pipe_and_an_empty_device_are_files_too() {
    let stage = Stage::backed_up(SMALL);
    fs::write(stage.file("pgcoffer.toml"), "nonsense").unwrap();
    stage.run(["list"]).ended_with(2);
    stage.run(["list", "--config", "/dev/null"]).success();
    let agent = stage.agent().without("PGCOFFER_KEY");
    let binary = crate::testbed::binary();
    let script = r#"exec "$0" list --config <(echo keep_last = 5) 3<"$1""#;
    fs::write(stage.file("key"), KEY).unwrap();
    mode(&stage.file("key"), 0o600);
    let mut bash = agent
        .env("PGCOFFER_KEY_FILE", "/dev/fd/3")
        .command("bash", ["-c", script]);
    let output = bash.arg(binary).arg(stage.file("key")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("settings from /proc/"), "{said}");
}
