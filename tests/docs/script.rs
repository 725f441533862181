//! A page as a bash script whose lines have the page's own numbers, so that what bash says of a line is true of the
//! page.

use crate::{
    kinds::Fate,
    page::{Block, Page},
};

/// The script, and the files that it wants beside it, by name.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: String,
    pub(crate) files: Vec<(String, String)>,
}

/// One `$ command` of a console block, and what stands below it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) shown: Vec<String>,
    /// The status that it has to end with; none: 0, or any other where an error is shown.
    pub(crate) status: Option<i32>,
}

/// Where a block's output goes, by the line that opens it.
pub(crate) fn output_name(line: usize) -> String {
    format!("{line}.out")
}

impl Script {
    /// Everything on the page that is run, with placeholders put right by `resolve`.
    pub(crate) fn of(page: &Page, resolve: &dyn Fn(&str) -> String) -> Self {
        let mut script = Lines::default();
        let mut files = Vec::new();
        for block in &page.blocks {
            let file = format!("{}.file", block.line);
            let kind = block.kind.as_str();
            match (block.fate(), kind) {
                (Some(Fate::Written), _) => script.put(block.line, &copying(block)),
                (Some(Fate::Run | Fate::Played), "sql") => script.put(
                    block.line,
                    &format!("{} {PSQL} --file \"$DOCS_OUT/{file}\"", opening(block)),
                ),
                (Some(Fate::Run | Fate::Played), _) => {
                    script.put(block.line, &opening(block));
                    script.put_commands(block, resolve);
                    script.put(block.line + 1 + block.lines.len(), closing(block));
                    continue;
                }
                _ => continue,
            }
            // psql, too, is to tell the page's own lines
            let above = if kind == "sql" && block.file.is_none() {
                block.line
            } else {
                0
            };
            files.push((file, "\n".repeat(above) + &resolve(&block.text())));
        }
        Self {
            text: script.0.join("\n") + "\n",
            files,
        }
    }

    /// What is not run, for its syntax alone.
    pub(crate) fn looked_at(page: &Page, resolve: &dyn Fn(&str) -> String) -> String {
        let mut script = Lines::default();
        let blocks = page.blocks.iter().filter(|block| block.kind != "sql");
        for block in blocks.filter(|block| block.fate() == Some(Fate::LookedAt)) {
            if block.kind == "console" {
                for exchange in exchanges(block) {
                    script.put(exchange.line, &resolve(&exchange.command));
                }
                continue;
            }
            for (number, line) in (block.line + 1..).zip(resolve(&block.text()).lines()) {
                script.put(number, line);
            }
        }
        script.0.join("\n") + "\n"
    }
}

/// How SQL of a page is run.
const PSQL: &str = "psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname shop";

/// A block that is to be a file of the page's folder.
fn copying(block: &Block) -> String {
    let name = block.file.as_deref().unwrap_or_default();
    format!(
        "mkdir -p \"$(dirname '{name}')\"; cp \"$DOCS_OUT/{}.file\" '{name}'",
        block.line
    )
}

fn opening(block: &Block) -> String {
    let path = match block.needs.as_deref() {
        Some(needs) => format!("PATH=\"$DOCS_PLAYED/{needs}:$PATH\"; "),
        None => String::new(),
    };
    format!("{path}exec >\"$DOCS_OUT/{}\" 2>&1;", output_name(block.line))
}

fn closing(block: &Block) -> &'static str {
    match block.needs.as_deref() {
        Some("heroku") => "PATH=${PATH#\"$DOCS_PLAYED/heroku:\"}",
        Some(_) => "PATH=${PATH#\"$DOCS_PLAYED/aws:\"}",
        None => ":",
    }
}

/// The commands of a console block.
pub(crate) fn exchanges(block: &Block) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    for (number, line) in (block.line + 1..).zip(&block.lines) {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Exchange {
                line: number,
                command: command.to_owned(),
                shown: Vec::new(),
                status: None,
            });
            continue;
        }
        let Some(last) = found.last_mut() else {
            continue;
        };
        match line.strip_prefix("> ") {
            Some(more) if last.shown.is_empty() => last.command += &format!("\n{more}"),
            _ => last.shown.push(line.clone()),
        }
    }
    if let Some(last) = found.last_mut() {
        last.status = block.status;
    }
    found
}

impl Exchange {
    /// Runs it in the page's shell, and keeps what it prints and how it ends.
    fn in_bash(&self, resolve: &dyn Fn(&str) -> String) -> String {
        let command = resolve(&self.command).replace('\'', r"'\''");
        let out = format!("\"$DOCS_OUT/{}", self.line);
        format!(
            "DOCS_STATUS=0; eval '{command}' >{out}.stdout\" 2>{out}.stderr\" || DOCS_STATUS=$?; echo $DOCS_STATUS \
             >{out}.status\""
        )
    }
}

/// Lines at given numbers, with empty ones between them.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    /// A block's commands at their own lines.
    fn put_commands(&mut self, block: &Block, resolve: &dyn Fn(&str) -> String) {
        if block.kind == "console" {
            for exchange in exchanges(block) {
                self.put(exchange.line, &exchange.in_bash(resolve));
            }
            return;
        }
        for (number, line) in (block.line + 1..).zip(resolve(&block.text()).lines()) {
            self.put(number, line);
        }
    }

    fn put(&mut self, number: usize, text: &str) {
        let lines = text.lines().count().max(1);
        if self.0.len() < number - 1 + lines {
            self.0.resize(number - 1 + lines, String::new());
        }
        for (at, line) in (number - 1..).zip(text.lines()) {
            self.0[at] = line.to_owned();
        }
    }
}

#[test]
fn lines_keep_their_numbers() {
    let page = Page::parse(
        "x.md".into(),
        "# T\n\n```sh\na\nb\n```\n\n```console\n$ c \\\n> d\nout\n```\n",
    );
    let script = Script::of(&page, &str::to_owned);
    let lines: Vec<_> = script.text.lines().collect();
    assert_eq!(lines[3..5], ["a", "b"]);
    assert!(lines[8].starts_with("DOCS_STATUS=0; eval 'c \\") && lines[9].starts_with("d' >"));
    let shown = &exchanges(&page.blocks[1])[0].shown;
    assert_eq!(shown, &["out"]);
}
