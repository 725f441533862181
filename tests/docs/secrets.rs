//! Secrets on pages: none stands in the arguments of a program, which every user of a machine can read, nor in a line
//! that a shell keeps in its history.

use std::sync::LazyLock;

use regex::Regex;

use crate::page::{Block, Page};

/// What looks like a secret that somebody writes out, and not like a variable or a command that gives one.
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    let written = [
        // the placeholder of a key
        r"PGCOFFER-KEY-1",
        // a URL with a password
        r"://[^\s/:@'$]+:[^\s/@$]+@",
        // a setting whose name says what it is
        r"(?:KEY|KEYS|SECRET|PASSWORD|PASSPHRASE|TOKEN)=['\x22]?[^\s'\x22$%]",
        // SQL
        r"(?i)password\s+'",
        // ways to hand any of them over
        r"--from-literal",
        r"fly secrets set",
        r"\bcurl\b.*https://hc-ping",
        r"config:set\b.*(?:_KEY|_SECRET|_TOKEN|_URL|_PASSPHRASE)=",
        r"openssl\b.*\s-(?:K|pass|passin)\b",
    ];
    Regex::new(&written.join("|")).unwrap()
});

/// Commands on pages that a secret stands in.
pub(crate) fn faults(pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    for page in pages {
        // what the reader doesn't see is the test's own
        for block in page.blocks.iter().filter(|block| !block.is_hidden) {
            let found = lines(block).filter(|(_, line)| holds_secret(line));
            faults.extend(found.map(|(number, line)| format!("{}: {line}", page.at(number))));
        }
    }
    faults
}

/// The lines of commands; lines of a file that is written are not commands.
fn lines(block: &Block) -> impl Iterator<Item = (usize, &str)> {
    let is_command = matches!(block.kind.as_str(), "sh" | "console" | "crontab");
    let lines = (block.line + 1..).zip(block.lines.iter().map(String::as_str));
    lines.filter(move |(_, line)| {
        is_command && block.file.is_none() && (block.kind != "console" || line.starts_with('$'))
    })
}

fn holds_secret(line: &str) -> bool {
    // what has to be typed stands in the comment behind the question, or the editor, for it
    let asks = |before: &str| before.contains("read -rs ") || before.starts_with("heroku config:edit ");
    let command = match line.split_once("   # ") {
        Some((before, _)) if asks(before) => before,
        _ => line,
    };
    SECRET.is_match(command)
}

#[test]
fn a_secret_is_known_by_what_it_looks_like() {
    for bad in [
        "export PGCOFFER_KEY=PGCOFFER-KEY-1…",
        "heroku config:set PGCOFFER_KEY=… -a x",
        "psql postgres://user:password@host:5432/shop --command 'select 1'",
        "export AWS_SECRET_ACCESS_KEY=…",
        "kubectl create secret generic x --from-literal=key=value",
        "psql --command \"alter role x password 'y'\"",
        "openssl enc -d -aes-256-cbc -K 00",
    ] {
        assert!(holds_secret(bad), "{bad}");
    }
    for good in [
        "read -rs PGCOFFER_KEY && export PGCOFFER_KEY   # PGCOFFER-KEY-1…",
        "export PGCOFFER_KEY=\"$(cat key)\"",
        "psql postgres://user@host:5432/shop",
        "PGCOFFER_DB_MAIN_URL=$OWNER_URL pgcoffer check",
        "heroku config:edit -a x   # add a line: PGCOFFER_KEY=…",
        "pgcoffer init --key-stored --database main=env:OWNER_URL",
    ] {
        assert!(!holds_secret(good), "{good}");
    }
}
