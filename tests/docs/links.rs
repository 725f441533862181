//! Links between pages: the file and the heading must be there.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use regex::Regex;

use crate::{page::Page, testbed::project};

static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\]\(([^()\s]+)(?: "[^"]*")?\)|^\[[^\]]+\]: (\S+)"#).unwrap());

/// Links of a page that lead nowhere.
pub(crate) fn faults(page: &Page, pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in &page.prose {
        for found in LINK.captures_iter(line) {
            let target = found.get(1).or(found.get(2)).unwrap().as_str();
            if let Some(fault) = fault(page, target, pages) {
                faults.push(format!("{}: {target}: {fault}", page.at(*number)));
            }
        }
    }
    faults
}

fn fault(page: &Page, target: &str, pages: &[Page]) -> Option<&'static str> {
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
fn normal(path: &Path) -> std::path::PathBuf {
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
        "# A\n[a](#a) [b](#b) [c](nothing.md) [d](../README.md) [e](https://x.org/y)",
    );
    let faults = faults(&page, &[Page::parse("docs/x.md".into(), "# A")]);
    assert_eq!(faults.len(), 2, "{faults:?}");
}
