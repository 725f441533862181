//! A file uses its own floor's folder and lower floors only: the table of allowed edges, checked against every
//! `crate::…`.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Modules below all floors.
const BELOW_ALL: [&str; 6] = ["text", "panics", "cause", "redact", "exit_status", "retry"];

/// Each module of the library, and those it may mention; those of `BELOW_ALL` every one may.
const ALLOWED: &[(&str, &[&str])] = &[
    ("plain_http", &[]),
    ("text", &[]),
    ("panics", &[]),
    ("cause", &[]),
    ("exit_status", &[]),
    ("redact", &[]),
    ("retry", &[]),
    ("xml", &[]),
    ("archive", &[]),
    ("compress", &[]),
    ("seal", &[]),
    ("backup", &["archive", "seal"]),
    ("schedule", &["backup"]),
    ("retention", &["backup"]),
    ("anomaly", &["archive", "backup"]),
    ("lifecycle", &["backup", "xml"]),
    ("rights", &["plain_http"]),
    ("readme", &[]),
    ("store", &["plain_http", "rights", "xml"]),
    ("postgres", &[]),
    ("notify", &["backup", "plain_http", "readme"]),
    (
        "error",
        &[
            "archive",
            "backup",
            "compress",
            "lifecycle",
            "postgres",
            "seal",
            "store",
        ],
    ),
    (
        "catalog",
        &[
            "anomaly",
            "backup",
            "compress",
            "error",
            "retention",
            "schedule",
            "seal",
            "store",
        ],
    ),
    ("pipeline", &["archive", "compress", "error", "seal", "store"]),
    (
        "operation",
        &[
            "anomaly",
            "archive",
            "backup",
            "catalog",
            "compress",
            "error",
            "lifecycle",
            "pipeline",
            "postgres",
            "readme",
            "retention",
            "rights",
            "schedule",
            "seal",
            "store",
        ],
    ),
    ("heroku", &[]),
    ("metrics", &["backup", "operation"]),
    ("web", &["metrics", "operation"]),
    (
        "config",
        &[
            "backup",
            "catalog",
            "compress",
            "error",
            "heroku",
            "lifecycle",
            "notify",
            "plain_http",
            "postgres",
            "rights",
            "schedule",
            "seal",
            "store",
            "web",
        ],
    ),
    (
        "agent",
        &[
            "backup",
            "catalog",
            "config",
            "error",
            "lifecycle",
            "metrics",
            "notify",
            "operation",
            "postgres",
            "retention",
            "rights",
            "schedule",
            "seal",
            "store",
        ],
    ),
    (
        "serve",
        &[
            "agent",
            "backup",
            "catalog",
            "config",
            "error",
            "heroku",
            "metrics",
            "operation",
            "schedule",
            "web",
        ],
    ),
    ("setup", &["backup", "readme", "schedule"]),
];

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

/// Modules that a text mentions: `crate::name`, `crate::{a::…, b}`.
fn mentioned(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            found.extend(first_names(list));
        } else {
            found.push(name(rest));
        }
    }
    found
}

/// The first path segment of each item of a braced list.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut at_start, mut names) = (0, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if c.is_whitespace() => {}
            _ if at_start => {
                names.push(name(&list[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
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
    for (own, others) in [("s3", ["store::file", "Folder"]), ("file", ["store::s3", "S3("])] {
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
    ("catalog", &["CatalogEntry", "Doubt", "Listing"]),
    ("heroku", &[]),
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

/// Every path that begins with `root`, with the lists of `use` spelled out.
fn paths(text: &str, root: &str) -> Vec<Vec<String>> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for rest in code.split(root).skip(1) {
        expand(rest, &mut Vec::new(), &mut found);
    }
    found
}

/// Reads one tree of `use`, and gives what follows it.
fn expand<'t>(text: &'t str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            match rest.strip_prefix('}') {
                Some(behind) => return behind,
                None if rest.is_empty() => return rest,
                None => rest = expand(rest, prefix, found),
            }
        }
    }
    let segment = name(text);
    let rest = &text[segment.len()..];
    // a macro or a glob: nothing that is checked here
    if segment.is_empty() {
        return rest.get(1..).unwrap_or_default();
    }
    prefix.push(segment);
    let rest = match rest.strip_prefix("::") {
        Some(inner) => expand(inner, prefix, found),
        None => {
            found.push(prefix.clone());
            // what it is renamed to
            let renamed = rest.trim_start().strip_prefix("as ");
            renamed.map_or(rest, |renamed| &renamed[name(renamed.trim_start()).len()..])
        }
    };
    prefix.pop();
    rest
}

#[test]
fn paths_are_spelled_out() {
    let text = "use pgcoffer::{\n    a::{self, b, c::d},\n    e as _,\n    f,\n};\nlet x = pgcoffer::g::h::from;";
    let paths: Vec<String> = paths(text, "pgcoffer::").iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["a::self", "a::b", "a::c::d", "e", "f", "g::h::from"]);
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
fn mentions_are_found_in_every_form() {
    let text = "use crate::{\n    a::{b, c},\n    d,\n};\n// crate::no\nlet x = crate::e::f;";
    assert_eq!(mentioned(text), ["a", "d", "e"]);
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
    let harmless = [".is_terminal()", ".stdout(std::io::stderr())", "columns("];
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
