//! The Homebrew formula, as a release fills it.

use std::{fs, process::Command};

use crate::{
    release::{PUBLIC_URL, VERSION, run},
    testbed::project,
};

const PLATFORMS: [&str; 4] = ["aarch64-macos", "x86_64-macos", "aarch64-linux", "x86_64-linux"];

#[test]
fn the_formula_names_each_archive_with_its_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let archive = |platform: &str| format!("pgcoffer-{VERSION}-{platform}.tar.gz");
    for platform in PLATFORMS {
        fs::write(folder.path().join(archive(platform)), platform).unwrap();
    }
    let mut fill = Command::new(project().join("packaging/package.sh"));
    run(fill.arg("--formula").arg(folder.path()));
    let formula = fs::read_to_string(folder.path().join("pgcoffer.rb")).unwrap();
    let is_open = ["@VERSION", "@SHA256"].iter().any(|open| formula.contains(open));
    assert!(!is_open && formula.starts_with("class Pgcoffer"), "{formula}");
    assert!(formula.contains(&format!("  version \"{VERSION}\"\n")));
    for platform in PLATFORMS {
        let name = archive(platform);
        let sums = run(Command::new("sha256sum").arg(folder.path().join(&name)));
        let sum = sums.split(' ').next().unwrap();
        let wanted = format!("url \"{PUBLIC_URL}/{name}\"\n      sha256 \"{sum}\"\n");
        assert!(formula.contains(&wanted), "{wanted}{formula}");
    }
}

/// A release that lacks a machine's archive has no formula that would fail there.
#[test]
fn there_is_no_formula_without_all_archives() {
    let folder = tempfile::tempdir().unwrap();
    let mut fill = Command::new(project().join("packaging/package.sh"));
    let output = fill.arg("--formula").arg(folder.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(!folder.path().join("pgcoffer.rb").exists());
}
