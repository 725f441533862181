//! What kinds of blocks there are, and what is done with each.

use std::{collections::BTreeMap, fmt};

use crate::page::{Block, Page};

/// Blocks with these needs are run, with programs of the test's own for what is somebody's.
const PLAYED: &[&str] = &["aws", "heroku"];

/// Blocks with these are not run: their syntax is checked.
const NOT_RUN: &[&str] = &[
    "account",
    "browser",
    "build",
    "docker",
    "fly",
    "helm",
    "internet",
    "kubernetes",
    "railway",
    "release",
    "render",
    "root",
    "systemd",
    "terminal",
];

/// Kinds that are only shown.
const SHOWN: &[&str] = &["crontab", "dockerfile", "header", "ini", "python", "text"];

/// Kinds that are parsed.
const PARSED: &[&str] = &["json", "toml", "xml", "yaml"];

/// What is done with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// Run in the page's shell.
    Run,
    /// Run with the test's own `heroku` or `aws`.
    Played,
    /// Not run for what it needs: looked at.
    LookedAt,
    /// Put into a file of the page's folder.
    Written,
    /// Parsed.
    Parsed,
    /// Neither.
    Shown,
}

impl Block {
    pub(crate) fn is_command(&self) -> bool {
        ["sh", "console", "sql"].contains(&self.kind.as_str())
    }

    /// What is done with it; none where nobody knows.
    pub(crate) fn fate(&self) -> Option<Fate> {
        let kind = self.kind.as_str();
        if self.file.is_some() {
            return Some(Fate::Written);
        }
        match self.needs.as_deref() {
            None if self.is_command() => Some(Fate::Run),
            None if PARSED.contains(&kind) => Some(Fate::Parsed),
            None if SHOWN.contains(&kind) => Some(Fate::Shown),
            Some(needs) if self.is_command() && PLAYED.contains(&needs) => Some(Fate::Played),
            Some(needs) if self.is_command() && NOT_RUN.contains(&needs) => Some(Fate::LookedAt),
            _ => None,
        }
    }
}

/// What these need the suite makes for itself elsewhere: a release on a server of its own, a pseudo-terminal.
const ELSEWHERE: &[&str] = &["build", "release", "terminal"];

/// What a page says that shows blocks which nothing here can run.
const SAYS_SO: &str = "Not run by our tests: needs ";

fn is_beyond_us(block: &Block) -> bool {
    let needs = block.needs.as_deref().unwrap_or_default();
    block.fate() == Some(Fate::LookedAt) && !ELSEWHERE.contains(&needs)
}

/// Blocks that don't say what they are, or say it wrongly.
pub(crate) fn faults(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    let says_so = page.prose.iter().any(|(_, line)| line.starts_with(SAYS_SO));
    if let Some(block) = page.blocks.iter().find(|block| is_beyond_us(block))
        && !says_so
    {
        let at = page.at(block.line);
        faults.push(format!("{at}: no test can run this: the page has to say {SAYS_SO:?}…"));
    }
    for block in &page.blocks {
        let at = page.at(block.line);
        if !block.unknown.is_empty() {
            faults.push(format!("{at}: what is {:?}?", block.unknown.join(" ")));
        }
        if block.fate().is_none() {
            faults.push(format!(
                "{at}: a block of kind {:?} with needs {:?}: see CONTRIBUTING.md for those that there are",
                block.kind,
                block.needs.as_deref().unwrap_or("nothing")
            ));
        }
        if block.kind == "console" && !block.lines.iter().any(|line| line.starts_with("$ ")) {
            faults.push(format!("{at}: a console block without a line that begins with `$ `"));
        }
        if block.status.is_some() && block.kind != "console" {
            faults.push(format!("{at}: only console blocks have a status"));
        }
    }
    faults
}

/// How many blocks there are, by what is done with them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    fates: BTreeMap<Fate, usize>,
    needs: BTreeMap<String, usize>,
    hidden: usize,
    pages: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, page: &Page) {
        self.pages += 1;
        for block in &page.blocks {
            if let Some(fate) = block.fate() {
                *self.fates.entry(fate).or_default() += 1;
            }
            if let Some(needs) = &block.needs {
                *self.needs.entry(needs.clone()).or_default() += 1;
            }
            self.hidden += usize::from(block.is_hidden);
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |fate| self.fates.get(&fate).copied().unwrap_or_default();
        write!(
            f,
            "{} pages: {} blocks run ({} of them unseen by readers), {} run with a played heroku or aws, {} looked at, \
             {} written to files, {} parsed, {} shown; needs: {:?}",
            self.pages,
            of(Fate::Run),
            self.hidden,
            of(Fate::Played),
            of(Fate::LookedAt),
            of(Fate::Written),
            of(Fate::Parsed),
            of(Fate::Shown),
            self.needs
        )
    }
}
