//! The book's table of contents: mdBook builds the pages that stand in it, and no others.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use regex::Regex;

use crate::{page::Page, testbed::project};

static ENTRY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(?: *- )?\[[^\]]+\]\(([^)#]+)\)$").unwrap());

/// Pages of the folder `docs` that don't stand in this table of contents, or stand in it twice; entries without a page.
pub(crate) fn faults(summary: &Page, pages: &[Page]) -> Vec<String> {
    let mut entries = BTreeMap::<String, usize>::new();
    for (_, line) in &summary.prose {
        if let Some(entry) = ENTRY.captures(line) {
            *entries.entry(entry[1].to_owned()).or_default() += 1;
        }
    }
    let of_book = pages.iter().filter_map(|page| page.path.strip_prefix("docs").ok());
    let of_book: Vec<&str> = of_book
        .filter(|path| *path != Path::new("SUMMARY.md"))
        .map(|path| path.to_str().unwrap())
        .collect();
    let mut faults: Vec<String> = of_book
        .iter()
        .filter(|page| !entries.contains_key(**page))
        .map(|page| format!("docs/{page} doesn't stand in docs/SUMMARY.md"))
        .collect();
    for (entry, times) in entries {
        if times > 1 {
            faults.push(format!("docs/SUMMARY.md: {entry} stands there {times} times"));
        }
        if !of_book.contains(&entry.as_str()) {
            faults.push(format!("docs/SUMMARY.md: there is no page {entry}"));
        }
    }
    faults
}

/// The settings of the book name the folder that this test looks at.
#[test]
fn the_book_is_made_of_docs() {
    let text = std::fs::read_to_string(project().join("book.toml")).unwrap();
    let book: toml::Table = text.parse().unwrap();
    assert_eq!(book["book"]["src"].as_str(), Some("docs"));
}

#[test]
fn a_page_that_is_forgotten_and_an_entry_without_a_page_are_faults() {
    let page = |path: &str, text: &str| Page::parse(path.into(), text);
    let summary = page(
        "docs/SUMMARY.md",
        "# Summary\n\n[a](a.md)\n- [b](deploy/b.md)\n  - [a](a.md)\n- [d](d.md)\n",
    );
    let pages = [
        page("docs/a.md", ""),
        page("docs/deploy/b.md", ""),
        page("docs/c.md", ""),
        page("README.md", ""),
    ];
    let faults = faults(&summary, &pages);
    assert_eq!(faults.len(), 3, "{faults:?}");
    for name in ["docs/c.md", "a.md stands there 2", "no page d.md"] {
        assert!(faults.iter().any(|fault| fault.contains(name)), "{name}: {faults:?}");
    }
}
