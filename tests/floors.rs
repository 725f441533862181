//! A file uses its own floor's folder and lower floors only: the table of allowed edges, checked against every
//! `crate::…`.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

#[path = "floors/table.rs"]
mod table;
#[path = "floors/uses.rs"]
mod uses;

use table::{ALLOWED, BELOW_ALL};
use uses::{mentioned, paths};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// The module that a file belongs to; none for the crate's own page and the binary.
fn module(file: &Path, src: &Path) -> Option<String> {
    let first = file.strip_prefix(src).unwrap().iter().next().unwrap().to_str().unwrap();
    let name = first.trim_end_matches(".rs");
    (!["lib", "main", "cli"].contains(&name)).then(|| name.to_owned())
}

#[test]
fn every_file_keeps_to_its_floor() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in sources(&src) {
        let Some(module) = module(&file, &src) else {
            continue;
        };
        let allowed = ALLOWED.iter().find(|(name, _)| *name == module);
        let Some((_, allowed)) = allowed else {
            faults.push(format!(
                "{}: the module {module} stands on no floor: add it to the table",
                file.display()
            ));
            continue;
        };
        for other in mentioned(&fs::read_to_string(&file).unwrap()) {
            let is_below_all = BELOW_ALL.contains(&other.as_str());
            if other != module && !is_below_all && !allowed.contains(&other.as_str()) {
                faults.push(format!("{}: {module} must not use {other}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Places for backups know the contract and not each other; what no other has is reached by `Store` alone.
#[test]
fn a_place_for_backups_knows_no_other() {
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    for (own, others) in [
        ("s3", ["store::file", "Folder", "Sftp"]),
        ("file", ["store::s3", "S3(", "Sftp"]),
        ("sftp", ["store::file::", "Folder(", "S3("]),
    ] {
        let files = sources(&places.join(own));
        assert!(files.len() > 5, "{own}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let knows = others.iter().find(|other| line.contains(**other));
                assert!(knows.is_none(), "{}: {line}", file.display());
            }
        }
    }
}

/// What the command line may mention of the doors and of the catalog: types of values that the agent takes and gives.
/// Everything else it asks of the agent.
const TYPES_IN_CLI: [(&str, &[&str]); 8] = [
    (
        "catalog",
        &[
            "CatalogEntry",
            "Doubt",
            "ListedCopies",
            "ListedRuns",
            "Listing",
            "NearbyPlace",
        ],
    ),
    // the app that `init` sets up: there are no settings yet, so there is no agent to ask
    (
        "heroku",
        &[
            "API",
            "ApiKey",
            "Error",
            "ErrorKind",
            "HerokuAccount",
            "HerokuAddOn",
            "HerokuApp",
            "HerokuAttachment",
            "Result",
            "self",
        ],
    ),
    ("metrics", &[]),
    ("notify", &[]),
    // to read the target of a restore, and databases that `init` is told of
    ("postgres", &["DatabaseUrl", "Error"]),
    ("store", &["Location"]),
    ("web", &[]),
    ("anomaly", &[]),
];

#[test]
fn the_command_line_asks_the_agent_alone() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for file in sources(&src.join("cli")) {
        for path in paths(&fs::read_to_string(&file).unwrap(), "pgcoffer::") {
            let Some((_, allowed)) = TYPES_IN_CLI.iter().find(|(module, _)| *module == path[0]) else {
                continue;
            };
            // a module that is itself imported hides what is used of it
            let name = path.get(1).map_or("self", String::as_str);
            let is_error_of_url = path[0] == "postgres" && name == "self";
            if !allowed.contains(&name) && !is_error_of_url {
                faults.push(format!("{}: {}", file.display(), path.join("::")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// No module uses one that uses it, by whatever way round.
#[test]
fn there_are_no_circles() {
    let uses = |module: &str| {
        let found = ALLOWED.iter().find(|(name, _)| *name == module);
        found.map_or(&[][..], |(_, used)| *used)
    };
    for (module, _) in ALLOWED {
        let (mut reached, mut next) = (Vec::new(), vec![*module]);
        while let Some(one) = next.pop() {
            for used in uses(one) {
                assert_ne!(used, module, "{module} uses itself by way of {one}");
                if !reached.contains(used) {
                    reached.push(used);
                    next.push(used);
                }
            }
        }
    }
}

#[test]
fn the_library_does_not_print_exit_or_read_the_environment() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        if module(&file, &src).is_none() {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for forbidden in ["println!", "eprintln!", "process::exit", "env::var", "env::args"] {
            assert!(!text.contains(forbidden), "{}: {forbidden}", file.display());
        }
    }
}

/// Each medium has one way out, which escapes what passes: nobody else writes to standard output or error.
#[test]
fn nothing_prints_but_by_the_way_out_of_its_medium() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    // who may, and what it is that they write
    let ways_out = [
        "cli/screen.rs",        // results, notes, questions
        "cli/log.rs",           // the log
        "cli/watch.rs",         // the progress bar: figures alone
        "cli/init/terminal.rs", // prompts, and a key on the other screen
        "operation/get.rs",     // the bytes of a dump, never to a terminal
    ];
    let harmless = [".is_terminal()", ".stdout(std::io::stderr())", "columns(", "fstat("];
    for file in sources(&src) {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap();
        if ways_out.contains(&path) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (n, line) in text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let line = &format!(" {}", line.trim_start());
            let writes = [
                " stdout()",
                ":stdout()",
                " stderr()",
                ":stderr()",
                "print!(",
                "println!(",
                "dbg!(",
            ]
            .iter()
            .any(|way| line.contains(way));
            let is_harmless = is_comment || harmless.iter().any(|use_of| line.contains(use_of));
            assert!(!writes || is_harmless, "{path}:{}: {line}", n + 1);
        }
    }
}

/// The version of Rust that README promises is the one that Cargo asks for, and that is tried and released with.
#[test]
fn one_version_of_rust_is_asked_for() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let wanted = wanted.unwrap().trim_matches('"');
    let readme = fs::read_to_string(project.join("README.md")).unwrap();
    assert!(readme.contains(&format!("with Rust {wanted} and")), "{wanted}");
    for workflow in ["ci.yml", "release.yml"] {
        let text = fs::read_to_string(project.join(".github/workflows").join(workflow)).unwrap();
        let versions: Vec<&str> = text
            .split("rustup toolchain install ")
            .skip(1)
            .filter_map(|rest| rest.split_whitespace().next())
            .collect();
        assert!(!versions.is_empty(), "{workflow}");
        assert!(
            versions.iter().all(|version| *version == format!("{wanted}.0")),
            "{workflow}: {versions:?}"
        );
        // each is installed by one line and used by another
        assert_eq!(text.matches(wanted).count(), 2 * versions.len(), "{workflow}");
    }
}
