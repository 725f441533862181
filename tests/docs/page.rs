//! A page of Markdown as the test sees it: fenced blocks with their lines, headings, and the running text between them.

use std::path::PathBuf;

use crate::testbed::project;

/// One page.
#[derive(Debug)]
pub(crate) struct Page {
    /// From the project's folder.
    pub(crate) path: PathBuf,
    pub(crate) blocks: Vec<Block>,
    /// Lines outside of blocks, with their numbers from 1.
    pub(crate) prose: Vec<(usize, String)>,
    /// Its reader has set up nothing yet.
    pub(crate) starts_from_nothing: bool,
}

/// One fenced block, or a comment that is run as one.
#[derive(Debug)]
pub(crate) struct Block {
    /// The number of the line that opens it, from 1.
    pub(crate) line: usize,
    pub(crate) kind: String,
    pub(crate) needs: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) status: Option<i32>,
    /// What is said behind the language and is none of these.
    pub(crate) unknown: Vec<String>,
    pub(crate) is_hidden: bool,
    pub(crate) lines: Vec<String>,
}

/// What ends the block that is being read.
enum End {
    Fence(String),
    Comment,
}

impl Page {
    /// Reads a page of the project.
    pub(crate) fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(project().join(&path)).unwrap();
        Self::parse(path, &text)
    }

    /// Takes a page apart.
    pub(crate) fn parse(path: PathBuf, text: &str) -> Self {
        let mut page = Self {
            path,
            blocks: Vec::new(),
            prose: Vec::new(),
            starts_from_nothing: false,
        };
        let mut open: Option<(End, usize)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            match &open {
                Some((end, indent)) if end.is_at(line) => {
                    assert!(*indent < 100);
                    open = None;
                }
                Some((_, indent)) => {
                    let block = page.blocks.last_mut().unwrap();
                    block.lines.push(without_indent(line, *indent));
                }
                None => open = page.take(number, line),
            }
        }
        assert!(open.is_none(), "{}: a block has no end", page.path.display());
        page
    }

    /// A line outside of blocks, which may open one.
    fn take(&mut self, number: usize, line: &str) -> Option<(End, usize)> {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if trimmed == "<!-- starts from nothing -->" {
            self.starts_from_nothing = true;
        }
        if let Some(info) = trimmed.strip_prefix("<!-- sh") {
            let mut block = Block::new(number, &format!("sh{info}"));
            block.is_hidden = true;
            self.blocks.push(block);
            return Some((End::Comment, indent));
        }
        let ticks = trimmed.chars().take_while(|&c| c == '`').count();
        if ticks < 3 || trimmed[ticks..].contains('`') {
            self.prose.push((number, line.to_owned()));
            return None;
        }
        self.blocks.push(Block::new(number, &trimmed[ticks..]));
        Some((End::Fence("`".repeat(ticks)), indent))
    }

    /// The page's name and a line of it, as failures begin.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

impl End {
    fn is_at(&self, line: &str) -> bool {
        let line = line.trim();
        match self {
            // CommonMark: as many as opened it, or more
            Self::Fence(ticks) => line.starts_with(ticks.as_str()) && line.chars().all(|c| c == '`'),
            Self::Comment => line == "-->",
        }
    }
}

impl Block {
    fn new(line: usize, info: &str) -> Self {
        let mut words = info.split_whitespace();
        let mut block = Self {
            line,
            kind: words.next().unwrap_or_default().to_owned(),
            needs: None,
            file: None,
            status: None,
            unknown: Vec::new(),
            is_hidden: false,
            lines: Vec::new(),
        };
        for word in words {
            match word.split_once('=') {
                Some(("needs", what)) => block.needs = Some(what.to_owned()),
                Some(("file", name)) => block.file = Some(name.to_owned()),
                Some(("status", status)) if status.parse::<u8>().is_ok() => {
                    block.status = status.parse().ok();
                }
                _ => block.unknown.push(word.to_owned()),
            }
        }
        block
    }

    /// The text inside.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

fn without_indent(line: &str, indent: usize) -> String {
    let blank = line.len() - line.trim_start_matches(' ').len();
    line[blank.min(indent)..].to_owned()
}

#[test]
fn blocks_are_found_with_their_lines() {
    let page = Page::parse(
        "x.md".into(),
        "# T\n\n1. a\n\n   ```sh needs=aws odd\n   b \\\n     c\n   ```\n\n<!-- sh\nd\n-->\n````text\n```\n````\nend",
    );
    let [first, hidden, text] = &page.blocks[..] else {
        panic!("{page:#?}")
    };
    assert_eq!((first.line, first.kind.as_str()), (5, "sh"));
    assert_eq!(first.needs.as_deref(), Some("aws"));
    assert_eq!(first.unknown, ["odd"]);
    assert_eq!(first.lines, ["b \\", "  c"]);
    assert!(hidden.is_hidden && hidden.line == 10);
    assert_eq!(text.lines, ["```"]);
    assert_eq!(page.prose.last().unwrap(), &(16, "end".to_owned()));
}
