//! What the build takes from others is named by what it is, never by a name that its owner can put something else
//! under.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::testbed::project;

/// This project's own image. It can't be named by its digest before there is one: a release says the digest, and the
/// pages say that it is to be used.
const OWN: &str = "ghcr.io/pgcoffer/pgcoffer:";

/// Files of the repository, by git's own list.
fn files() -> Vec<PathBuf> {
    let mut list = std::process::Command::new("git");
    let listed = list.args(["ls-files", "-z"]).current_dir(project());
    let listed = String::from_utf8(listed.output().unwrap().stdout).unwrap();
    let files: Vec<PathBuf> = listed.split('\0').map(PathBuf::from).collect();
    assert!(files.len() > 100);
    files
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(project().join(path)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// What is wrong with an action's name, such as `actions/checkout@SHA # v7`.
fn fault_of_action(named: &str) -> Option<&'static str> {
    let (action, comment) = named.split_once(" #").unwrap_or((named, ""));
    let pin = action.trim().rsplit_once('@').map(|(_, pin)| pin);
    match pin {
        _ if action.trim().starts_with("./") => None,
        Some(pin) if is_hex(pin, 40) && comment.trim().starts_with('v') => None,
        Some(pin) if is_hex(pin, 40) => Some("no version behind it, which a proposal to update it goes by"),
        _ => Some("not a commit"),
    }
}

/// What is wrong with an image's name, such as `debian:bookworm-slim@sha256:…`.
fn fault_of_image(named: &str) -> Option<&'static str> {
    let image = named.trim().trim_matches(['"', '\'']);
    let digest = image.rsplit_once("@sha256:").map(|(_, digest)| digest);
    match digest {
        Some(digest) if is_hex(digest, 64) => None,
        _ if image.starts_with(OWN) => None,
        _ => Some("not a digest"),
    }
}

/// The image that a line of a Dockerfile takes, where it takes one and not an earlier stage.
fn image_of_dockerfile<'a>(line: &'a str, stages: &[String]) -> Option<&'a str> {
    let line = line.trim();
    if let Some(frontend) = line.strip_prefix('#').map(str::trim_start) {
        return frontend
            .strip_prefix("syntax")
            .and_then(|rest| rest.trim_start().strip_prefix('='))
            .map(str::trim);
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let copied = words.iter().find_map(|word| word.strip_prefix("--from="));
    let named = match words.first()?.to_ascii_uppercase().as_str() {
        "FROM" => words.iter().skip(1).find(|word| !word.starts_with("--")).copied(),
        _ => copied,
    };
    named.filter(|image| !stages.iter().any(|stage| stage == image) && image.parse::<u8>().is_err())
}

/// The names of stages of a Dockerfile.
fn stages(lines: &[String]) -> Vec<String> {
    let named = lines.iter().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.eq_ignore_ascii_case("as"))?;
        words[0].eq_ignore_ascii_case("from").then(|| words[at + 1].to_owned())
    });
    named.collect()
}

fn faults() -> Vec<String> {
    let (mut faults, mut seen) = (Vec::new(), 0);
    for path in files() {
        let name = path.to_string_lossy().into_owned();
        let is_dockerfile = name.ends_with("Dockerfile");
        let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
        if !is_dockerfile && !is_yaml {
            continue;
        }
        let lines = lines(&path);
        let stages = stages(&lines);
        for (at, line) in lines.iter().enumerate() {
            let entry = line.trim().trim_start_matches("- ");
            let fault = if is_dockerfile {
                image_of_dockerfile(line, &stages).map(fault_of_image)
            } else if let Some(action) = entry.strip_prefix("uses: ") {
                Some(fault_of_action(action))
            } else {
                let image = entry.strip_prefix("image: ").or(entry.strip_prefix("url: "));
                let image = image.filter(|image| image.contains(':') && !image.contains("://"));
                image.filter(|image| !image.contains("{{")).map(fault_of_image)
            };
            seen += usize::from(fault.is_some());
            faults.extend(
                fault
                    .flatten()
                    .map(|fault| format!("{name}:{}: {line}: {fault}", at + 1)),
            );
        }
    }
    assert!(seen > 20, "{seen}");
    faults
}

#[test]
fn actions_and_images_are_named_by_what_they_are() {
    assert_eq!(faults(), [""; 0]);
}

/// Programs that are installed on the way are of one version.
#[test]
fn installed_programs_have_a_version() {
    for path in files() {
        let name = path.to_string_lossy();
        if !(name.starts_with(".github/") || name.ends_with("Dockerfile") || name.ends_with("install.sh")) {
            continue;
        }
        for line in lines(&path) {
            let Some((_, rest)) = line.split_once("cargo install") else {
                continue;
            };
            let programs = rest.split_whitespace().filter(|word| word.starts_with("cargo-"));
            for program in programs {
                assert!(program.contains('@'), "{name}: {line}");
            }
        }
    }
}

#[test]
fn a_name_that_can_be_moved_is_found() {
    let sha = "3d3c42e5aac5ba805825da76410c181273ba90b1";
    for bad in [
        "actions/checkout@v7",
        "actions/checkout",
        "actions/checkout@main # v7.0.1",
        &format!("actions/checkout@{sha}"),
        &format!("actions/checkout@{} # v7", &sha[..12]),
    ] {
        assert!(fault_of_action(bad).is_some(), "{bad}");
    }
    assert_eq!(fault_of_action(&format!("actions/checkout@{sha} # v7.0.1")), None);
    for bad in [
        "debian",
        "debian:bookworm-slim",
        "ghcr.io/pgcoffer/other:1",
        "debian@sha256:abc",
        "evil.example/ghcr.io/pgcoffer/pgcoffer:0.1.0",
    ] {
        assert!(fault_of_image(bad).is_some(), "{bad}");
    }
    let file: Vec<String> = [
        "FROM --platform=x debian:12 AS base",
        "from base",
        "COPY --from=base a b",
        "COPY --from=busybox a b",
        "# syntax = docker/dockerfile:1",
        "# a comment",
    ]
    .map(str::to_owned)
    .into();
    let stages = stages(&file);
    let images: Vec<_> = file
        .iter()
        .filter_map(|line| image_of_dockerfile(line, &stages))
        .collect();
    assert_eq!(images, ["debian:12", "busybox", "docker/dockerfile:1"]);
}
