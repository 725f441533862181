//! Commands that pages mention, in running text and in blocks that are not run: pgcoffer must know their options.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
    sync::LazyLock,
};

use regex::Regex;

use crate::{kinds::Fate, page::Page, testbed::binary};

static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("`(pgcoffer [^`]+)`").unwrap());

/// A command in a script, up to what the shell takes for itself.
static COMMAND: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:^|[\s;&|(])(pgcoffer [a-z][^|;&><#)]*)").unwrap());

/// Mentions that pgcoffer refuses for a name that it doesn't know.
pub(crate) fn faults(pages: &[Page]) -> Vec<String> {
    let mut mentions = BTreeMap::<String, String>::new();
    for page in pages {
        for (at, command) in of(page) {
            mentions.entry(command).or_insert(at);
        }
    }
    assert!(mentions.len() > 3, "{mentions:?}");
    mentions
        .iter()
        .filter_map(|(command, at)| Some(format!("{at}: `{command}`: {}", refusal(command)?)))
        .collect()
}

/// The commands that a page mentions, each with its place.
fn of(page: &Page) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (number, line) in &page.prose {
        for code in CODE.captures_iter(line) {
            found.push((page.at(*number), code[1].to_owned()));
        }
    }
    let not_run = page.blocks.iter().filter(|block| block.fate() == Some(Fate::LookedAt));
    for block in not_run.filter(|block| block.kind != "sql") {
        for (number, line) in (block.line + 1..).zip(&block.lines) {
            for command in COMMAND.captures_iter(line) {
                let command = command[1].trim_end_matches(['\\', '"', '\'']).trim();
                // elsewhere the word is a user's or a package's name
                let verb = command.split_whitespace().nth(1).unwrap_or_default();
                if !verb.chars().all(|c| c.is_ascii_lowercase()) {
                    continue;
                }
                found.push((page.at(number), command.to_owned()));
            }
        }
    }
    found
}

/// With `--help` behind it nothing is done, and yet every name before it is looked at.
fn refusal(command: &str) -> Option<String> {
    let words: Vec<&str> = command
        .split_whitespace()
        .skip(1)
        .map(|word| word.trim_matches(['"', '\'', '[', ']']))
        // forms such as `full|drop-box`, `…`
        .filter(|word| !word.is_empty() && !word.contains(['|', '…']))
        .collect();
    // `pgcoffer COMMAND` is any
    if words
        .first()
        .is_some_and(|word| word.chars().all(|c| c.is_ascii_uppercase()))
    {
        return None;
    }
    // `help` takes the name of a command alone, and does nothing anyway
    let asks = words.first() != Some(&"help");
    let Output { status, stderr, .. } = Command::new(binary())
        .args(&words)
        .args(asks.then_some("--help"))
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&stderr);
    let unknown = ["has no option -", "there is no command"];
    let refused = !status.success() && unknown.iter().any(|what| said.contains(what));
    refused.then(|| said.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn an_option_that_is_not_there_is_a_fault() {
    let text = "`pgcoffer list --json` `pgcoffer lists` `pgcoffer list --jason` `pgcoffer restore ID --to URL …`\n\
        ```sh needs=root\nsudo -u x pgcoffer tick --no-prunes && pgcoffer status\ninstall -g pgcoffer pgcoffer.env \
        x\n```\n";
    let page = Page::parse("x.md".into(), text);
    let refused: Vec<_> = of(&page)
        .into_iter()
        .filter(|(_, command)| refusal(command).is_some())
        .collect();
    let lines: Vec<_> = refused
        .iter()
        .map(|(at, command)| (at.as_str(), command.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            ("x.md:1", "pgcoffer lists"),
            ("x.md:1", "pgcoffer list --jason"),
            ("x.md:3", "pgcoffer tick --no-prunes")
        ]
    );
}
