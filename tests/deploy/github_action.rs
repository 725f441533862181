//! The GitHub Action's installation, from a server of releases.

use std::{path::Path, process::Command};

use crate::{
    manifests::{documents, feed, tool},
    release::{Server, VERSION, new_key, release_key, run},
    testbed::project,
};

const ACTION: &str = "packaging/github-action";

fn install(server: &Server, key: &Path, folder: &Path) -> Command {
    let mut install = Command::new(project().join(ACTION).join("install.sh"));
    install
        .arg(&server.url)
        .arg(key.join("public.pem"))
        .arg(VERSION)
        .arg(folder);
    install
}

#[test]
fn the_action_installs_what_the_release_key_has_signed() {
    let (server, folder) = (Server::of_release(), tempfile::tempdir().unwrap());
    run(&mut install(&server, release_key(), folder.path()));
    let version = run(Command::new(folder.path().join("pgcoffer")).arg("--version"));
    assert_eq!(version.trim(), format!("pgcoffer {VERSION}"));
}

#[test]
fn the_action_installs_nothing_that_another_key_has_signed() {
    let (server, folder, other) = (
        Server::of_release(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    new_key(other.path());
    let output = install(&server, other.path(), folder.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(!folder.path().join("pgcoffer").exists());
}

/// A file that was replaced behind the signed checksums.
#[test]
fn the_action_installs_nothing_that_was_replaced() {
    let (server, folder) = (Server::of_release(), tempfile::tempdir().unwrap());
    server.put(&crate::release::archive_name(), b"another file".to_vec());
    let output = install(&server, release_key(), folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is not the file whose checksum was signed"), "{said}");
    assert!(!folder.path().join("pgcoffer").exists());
}

/// Workflows on pages give it inputs that it has.
#[test]
fn documented_workflows_give_the_action_what_it_takes() {
    let text = std::fs::read_to_string(project().join(ACTION).join("action.yml")).unwrap();
    let inputs = documents(&text)[0]["inputs"].clone();
    let page = std::fs::read_to_string(project().join("docs/github-actions.md")).unwrap();
    let mut seen = 0;
    for block in page.split("```yaml").skip(1) {
        let (_, yaml) = block.split("```").next().unwrap().split_once('\n').unwrap();
        for job in documents(yaml)[0]["jobs"].as_object().unwrap().values() {
            for step in job["steps"].as_array().unwrap() {
                let uses = step["uses"].as_str().unwrap_or_default();
                if !uses.starts_with("pgcoffer/pgcoffer/packaging/github-action@") {
                    continue;
                }
                assert!(uses.ends_with(&format!("@v{VERSION}")), "{uses}");
                seen += 1;
                for input in step["with"].as_object().into_iter().flat_map(|with| with.keys()) {
                    assert!(inputs.get(input).is_some(), "{input}");
                }
            }
        }
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn the_actions_linter_finds_nothing() {
    feed(
        tool("zizmor").args(["--offline", "--no-progress", "--persona", "regular", ACTION]),
        "",
    );
}
