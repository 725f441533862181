//! Links between pages: the file and the heading must be there, on GitHub and in the book.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;

use crate::{page::Page, testbed::project};

static LINK: LazyLock<Regex> = LazyLock::new(|| {
    let ways = [
        r#"\]\(([^()\s]+)(?: "[^"]*")?\)"#,
        r"^\[[^\]]+\]: (\S+)",
        r#"<(?:a|img|source)\b[^>]*\b(?:href|src|srcset)="([^"]+)""#,
    ];
    Regex::new(&ways.join("|")).unwrap()
});

/// The public address of the source, as the book's settings have it.
static REPOSITORY: LazyLock<String> = LazyLock::new(|| {
    let text = std::fs::read_to_string(project().join("book.toml")).unwrap();
    let book: toml::Table = text.parse().unwrap();
    book["output"]["html"]["git-repository-url"]
        .as_str()
        .unwrap()
        .to_owned()
});

/// Links of a page that lead nowhere.
pub(crate) fn faults(page: &Page, pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in &page.prose {
        for found in LINK.captures_iter(line) {
            let target = found.iter().skip(1).flatten().next().unwrap().as_str();
            if let Some(fault) = fault(page, target, pages) {
                faults.push(format!("{}: {target}: {fault}", page.at(*number)));
            }
        }
    }
    faults
}

fn fault(page: &Page, target: &str, pages: &[Page]) -> Option<&'static str> {
    if let Some(rest) = target.strip_prefix(REPOSITORY.as_str()) {
        return source_fault(rest, pages);
    }
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        page.path.clone()
    } else {
        normal(&page.path.parent().unwrap().join(file))
    };
    if !file.is_empty() && !project().join(&path).exists() {
        return Some("there is no such file");
    }
    if page.path.starts_with("docs") && !path.starts_with("docs") {
        return Some("the book has only docs: write the address of the file in the repository");
    }
    anchor_fault(&path, anchor, pages)
}

/// What is wrong with a link into the repository's source, behind the repository's address.
fn source_fault(rest: &str, pages: &[Page]) -> Option<&'static str> {
    let is_folder = rest.starts_with("/tree/main/");
    let path = rest.strip_prefix("/tree/main/").or(rest.strip_prefix("/blob/main/"))?;
    let (file, anchor) = path.split_once('#').unwrap_or((path, ""));
    let there = project().join(file);
    if !there.exists() {
        return Some("the repository has no such file");
    }
    if there.is_dir() != is_folder {
        return Some("GitHub shows a folder at tree/main and a file at blob/main");
    }
    anchor_fault(Path::new(file), anchor, pages)
}

fn anchor_fault(path: &Path, anchor: &str, pages: &[Page]) -> Option<&'static str> {
    if anchor.is_empty() {
        return None;
    }
    let Some(other) = pages.iter().find(|page| page.path == path) else {
        return Some("anchors lead into pages only");
    };
    let known = anchors(other).iter().any(|known| known == anchor);
    (!known).then_some("there is no such heading")
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut parts = Vec::new();
    for part in path.components() {
        match part.as_os_str().to_str() {
            Some("..") => _ = parts.pop(),
            Some(".") => {}
            _ => parts.push(part),
        }
    }
    parts.iter().collect()
}

/// The anchors that GitHub gives to a page's headings.
fn anchors(page: &Page) -> Vec<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut anchors = Vec::new();
    for (_, line) in &page.prose {
        let text = line.trim_start_matches('#');
        if text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let anchor = slug(text.trim());
        let count = seen.entry(anchor.clone()).or_default();
        anchors.push(if *count == 0 {
            anchor
        } else {
            format!("{anchor}-{count}")
        });
        *count += 1;
    }
    anchors
}

/// As GitHub makes them: letters, digits, `-` and `_`, in lower case, with `-` for each space.
fn slug(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn headings_get_the_anchors_that_github_gives_them() {
    assert_eq!(
        slug("Heroku is up, the database is gone"),
        "heroku-is-up-the-database-is-gone"
    );
    assert_eq!(slug("`status --json`: what's late?"), "status---json-whats-late");
    let page = Page::parse("x.md".into(), "# A\n## A\n```text\n# B\n```\n#no\n");
    assert_eq!(anchors(&page), ["a", "a-1"]);
}

#[test]
fn a_link_to_nothing_is_a_fault() {
    let page = Page::parse(
        "docs/x.md".into(),
        "# A\n[a](#a) [b](#b) [c](nothing.md) [d](index.md) [e](https://x.org/y)",
    );
    let faults = faults(&page, &[Page::parse("docs/x.md".into(), "# A")]);
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn a_link_out_of_the_book_is_a_fault_unless_it_names_the_repository() {
    let source = REPOSITORY.as_str();
    for (link, is_right) in [
        ("../README.md".to_owned(), false),
        ("../packaging/systemd".to_owned(), false),
        (format!("{source}/blob/main/README.md"), true),
        (format!("{source}/blob/main/README.md#a"), true),
        (format!("{source}/blob/main/README.md#b"), false),
        (format!("{source}/tree/main/packaging/systemd"), true),
        (format!("{source}/blob/main/packaging/systemd"), false),
        (format!("{source}/tree/main/README.md"), false),
        (format!("{source}/blob/main/nothing.md"), false),
        (format!("{source}/releases"), true),
    ] {
        let page = Page::parse("docs/x.md".into(), &format!("[a]({link})"));
        let faults = faults(&page, &[Page::parse("README.md".into(), "# A")]);
        assert_eq!(faults.is_empty(), is_right, "{link}: {faults:?}");
    }
    let picture = Page::parse("README.md".into(), r#"<img src="docs/nothing.svg" alt="x">"#);
    assert_eq!(faults(&picture, &[]).len(), 1);
    // the pages at the top are no part of the book
    let readme = Page::parse("README.md".into(), "[a](packaging/systemd) [b](docs/index.md)");
    assert_eq!(faults(&readme, &[]), [""; 0]);
}
