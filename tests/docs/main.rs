//! The documentation, run: every command block of every page in a shell, on a real PostgreSQL and the test bed's S3
//! server, and every link followed. CONTRIBUTING.md has the conventions.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and says how much it ran"
)]

#[path = "../testbed/mod.rs"]
mod testbed;

mod closed;
mod console;
mod data;
mod generated;
mod kinds;
mod links;
mod mentions;
mod page;
mod recordings;
mod script;
mod secrets;
mod session;
mod stage;
mod summary;

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use kinds::Counts;
use page::Page;
use stage::Stage;
use testbed::project;

/// Shells that run pages side by side, each with a PostgreSQL of its own: most of a page's time is waiting.
const WORKERS: usize = 2;

/// Every page that a reader may be sent to, in a fixed order.
fn pages() -> Vec<Page> {
    let mut paths = vec![
        PathBuf::from("README.md"),
        PathBuf::from("CONTRIBUTING.md"),
        PathBuf::from("CHANGELOG.md"),
    ];
    paths.extend(below(Path::new("docs")));
    let pages: Vec<Page> = paths.into_iter().map(Page::read).collect();
    assert!(pages.len() > 8, "the pages are not where they were");
    pages
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(project().join(folder)).unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        if project().join(&path).is_dir() {
            found.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every command that `--help` lists has its place on the page of commands.
#[test]
fn every_command_stands_on_the_page_of_commands() {
    let help = std::process::Command::new(testbed::binary())
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    // a description that goes on is indented further
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    assert!(names.len() > 15, "{names:?}");
    let page = std::fs::read_to_string(project().join("docs/commands.md")).unwrap();
    let headings: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
    let has_a_place = |name: &&&str| headings.iter().any(|line| line.contains(&format!("`{name}")));
    let without: Vec<&&str> = names.iter().filter(|name| !has_a_place(name)).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_block_runs() {
    let only = std::env::var("PGCOFFER_TEST_PAGE").unwrap_or_default();
    let pages: Vec<Page> = pages()
        .into_iter()
        .filter(|page| page.path.to_str().unwrap().contains(&only))
        .collect();
    assert!(!pages.is_empty(), "no page is called {only}");
    let (queue, told) = (Mutex::new(pages.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(pages.len()) {
            scope.spawn(|| {
                let stage = Stage::start();
                loop {
                    let Some(page) = queue.lock().unwrap().next() else {
                        break;
                    };
                    let faults = session::run(&stage, page);
                    told.lock().unwrap().extend(faults);
                }
            });
        }
    });
    let mut counts = Counts::default();
    for page in &pages {
        counts.add(page);
    }
    eprintln!("{counts}");
    assert_none(&told.into_inner().unwrap());
}

#[test]
fn every_block_says_what_it_is() {
    let faults: Vec<_> = pages().iter().flat_map(kinds::faults).collect();
    assert_none(&faults);
}

#[test]
fn no_secret_stands_in_an_argument_or_in_a_history() {
    assert_none(&secrets::faults(&pages()));
}

#[test]
fn every_piece_of_data_parses() {
    assert_none(&data::faults(&pages()));
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let faults: Vec<_> = pages.iter().flat_map(|page| links::faults(page, &pages)).collect();
    assert_none(&faults);
}

#[test]
fn every_page_stands_in_the_books_table_of_contents() {
    let pages = pages();
    let summary = pages.iter().find(|page| page.path.ends_with("SUMMARY.md")).unwrap();
    assert_none(&summary::faults(summary, &pages));
}

/// docs/heroku.md goes on where the button ends, so both must have it, and lead to this repository's app.json.
#[test]
fn the_button_is_where_readers_look_for_it() {
    let app: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(project().join("app.json")).unwrap()).unwrap();
    let button = format!(
        "[![Deploy](https://www.herokucdn.com/deploy/button.svg)](https://www.heroku.com/deploy?template={})",
        app["repository"].as_str().unwrap()
    );
    for page in ["README.md", "docs/heroku.md"] {
        let text = std::fs::read_to_string(project().join(page)).unwrap();
        assert!(text.lines().any(|line| line == button), "{page}");
    }
}

#[test]
fn every_command_mentioned_has_these_options() {
    assert_none(&mentions::faults(&pages()));
}
