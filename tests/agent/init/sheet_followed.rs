//! The recovery sheet in the hands of somebody who has nothing else. Its commands are typed as they stand there, into a
//! shell without any setting, and the keys as they are printed to be typed.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    stage::{KEY, OTHER_KEY, Stage, Target},
    testbed::{Agent, REPOSITORY, binary, other_date},
};

const THIRD_KEY: &str = "e00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// What a person sees on a sheet, on paper or on a page.
struct Paper {
    /// names and what stands behind them, line by line
    fields: Vec<(String, String)>,
    /// commands of the part "Restore with pgcoffer"
    commands: Vec<String>,
}

impl Paper {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        match path.extension().unwrap() == "html" {
            true => Self::of_page(&text),
            false => Self::of_text(&text),
        }
    }

    fn of_text(text: &str) -> Self {
        let (above, below) = text.split_once("RESTORE WITH PGCOFFER").unwrap();
        let (below, _) = below.split_once("RESTORE WITHOUT PGCOFFER").unwrap();
        // all values begin where this one does
        let access = above.lines().find(|line| line.starts_with("Bucket access")).unwrap();
        let column = access.find(" ask ").unwrap() + 1;
        let first = above
            .lines()
            .position(|line| line.contains("PGCOFFER-KEY-1") || line.starts_with("Passphrase"));
        // it is also the last one
        let last = above.lines().position(|line| line == access).unwrap();
        let fields = above.lines().take(last + 1).skip(first.unwrap());
        let fields = fields.filter(|line| !line.is_empty());
        let commands = below.lines().filter_map(|line| line.strip_prefix("    "));
        Self {
            fields: fields
                .map(|line| (line[..column].trim().to_owned(), line[column..].to_owned()))
                .collect(),
            commands: commands.map(str::to_owned).collect(),
        }
    }

    fn of_page(page: &str) -> Self {
        let inside = |text: &str, element: &str| -> Vec<String> {
            let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
            let parts = text.split(&begin).skip(1);
            parts.map(|part| shown(part.split_once(&end).unwrap().0)).collect()
        };
        let fields = inside(page, "th").into_iter().zip(inside(page, "td"));
        let commands = inside(page, "pre").swap_remove(0);
        Self {
            fields: fields.collect(),
            commands: commands.lines().map(str::to_owned).collect(),
        }
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        let fields = self.fields.iter().enumerate();
        let found = fields.filter(move |(_, (found, _))| found.to_lowercase() == name.to_lowercase());
        found.map(|(at, _)| at)
    }

    /// A key in the groups that are printed to be typed, both lines on one; a passphrase as it stands there.
    fn typed(&self, at: usize) -> String {
        let behind = self.fields[at + 1..].iter();
        let groups: Vec<_> = behind
            .take_while(|(name, _)| name == "To be typed" || name.is_empty())
            .map(|(_, value)| value.trim())
            .collect();
        match groups.is_empty() {
            true => self.fields[at].1.clone(),
            false => groups.join(" "),
        }
    }

    /// What is typed where a `read` waits: what the comment behind it names.
    fn answer(&self, comment: &str, target: &Target, secret: &str) -> String {
        let what = comment.split(',').next().unwrap().trim();
        let what = ["the ", "each "].into_iter().find_map(|start| what.strip_prefix(start));
        let all: Vec<String> = what
            .into_iter()
            .flat_map(|what| self.named(what))
            .map(|at| self.typed(at))
            .collect();
        match (all.is_empty(), comment.starts_with("postgres://")) {
            (false, _) => all.join(", "),
            (true, true) => target.url.clone(),
            (true, false) => {
                assert_eq!(comment, "", "nothing on the sheet is called so");
                secret.to_owned()
            }
        }
    }
}

/// Text of a page as a browser shows it.
fn shown(html: &str) -> String {
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    pairs
        .iter()
        .fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A folder with both kinds of sheet.
struct Desk<'a> {
    stage: &'a Stage,
    folder: tempfile::TempDir,
}

impl<'a> Desk<'a> {
    fn new(stage: &'a Stage) -> Self {
        Self {
            stage,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Sheets as `init` writes them, and the settings that it writes beside them.
    fn written(&self, agent: &Agent, more: &[&str]) -> Vec<(String, String)> {
        let args = ["init", "--yes", "--no-check", "--output", "env", "--write", "new.env"];
        let sheets = ["--sheet", "sheet.txt", "--sheet", "sheet.html"];
        for name in ["new.env", "sheet.txt", "sheet.html"] {
            // of an earlier round
            let _ = fs::remove_file(self.folder.path().join(name));
        }
        let agent = agent.clone().current_dir(self.folder.path());
        agent.run(args.iter().chain(&sheets).chain(more)).success();
        let settings = fs::read_to_string(self.folder.path().join("new.env")).unwrap();
        let lines = settings.lines().map(|line| line.split_once('=').unwrap());
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn papers(&self) -> [Paper; 2] {
        ["sheet.txt", "sheet.html"].map(|name| Paper::read(&self.folder.path().join(name)))
    }

    /// Types the sheet's commands, for this backup of this database, and looks at what came back.
    fn follow(&self, paper: &Paper, label: &str, id: &str) {
        let target = self.stage.target();
        let (access, secret) = self.stage.bucket.credentials();
        let mut typed = String::new();
        let mut script = String::from("set -e\n");
        for command in &paper.commands {
            let (code, comment) = command.split_once('#').unwrap_or((command, ""));
            if code.starts_with("read -rs ") {
                typed += &(paper.answer(comment.trim(), &target, secret) + "\n");
            }
            let code = code
                .replace(
                    "read -r AWS_ACCESS_KEY_ID && export AWS_ACCESS_KEY_ID",
                    &format!("export AWS_ACCESS_KEY_ID={access}"),
                )
                .replace("--confirm NAME", &format!("--confirm {}", target.name))
                .replace("restore latest", &format!("restore {id}"));
            let code = match code.split_once("--database ") {
                Some((before, after)) => {
                    let printed = after.split(' ').next().unwrap();
                    // another one is said to go likewise
                    let known = paper
                        .commands
                        .iter()
                        .any(|line| line.contains(&format!("--database {label}")));
                    assert!(known, "{label}: {:?}", paper.commands);
                    format!("{before}--database {label}{}", &after[printed.len()..])
                }
                None => code,
            };
            script += &(code + "\n");
        }
        let said = self.shell(&script, &typed);
        assert!(said.contains("Restored"), "{said}");
        let rows = self.stage.cluster.psql(&target.name, "select count(*) from people");
        assert_eq!(rows, "500", "{said}");
    }

    /// Bash, without any setting.
    fn shell(&self, script: &str, typed: &str) -> String {
        let folder = binary().parent().unwrap().to_owned();
        let path = format!(
            "{}:{}:{}",
            folder.display(),
            self.stage.cluster.bin().display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-c", script])
            .env_clear()
            .envs(other_date())
            .env("PATH", path)
            .env("HOME", "/nonexistent")
            .env("LANG", "C.UTF-8")
            .current_dir(self.folder.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(output.status.success(), "{script}\n{said}");
        said
    }

    /// Opens a sealed archive by the page that lies beside the sheet, with what is typed where it asks.
    fn open_by_hand(&self, sealed: &Path, typed: &str) {
        let page = fs::read_to_string(self.folder.path().join("restore-by-hand.md")).unwrap();
        let (_, script) = page.split_once("```python file=open_sealed.py\n").unwrap();
        fs::write(
            self.folder.path().join("open_sealed.py"),
            script.split_once("```").unwrap().0,
        )
        .unwrap();
        // in a session of its own there is no terminal, so that it reads what it is given
        let script = format!(
            "rm -f payload; setsid --wait python3 open_sealed.py '{}' payload && test -s payload",
            sealed.display()
        );
        self.shell(&script, &format!("{typed}\n"));
    }

    /// A backup's archive, as any S3 client fetches it.
    fn fetched(&self, agent: &Agent, label: &str, id: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{id}.pgc"));
        agent
            .run([
                "get",
                id,
                "--database",
                label,
                "--sealed",
                "-q",
                "-o",
                file.to_str().unwrap(),
            ])
            .success();
        file
    }
}

fn back_up(agent: &Agent, label: &str) -> String {
    let record = agent.run(["backup", label, "--json"]).success().json();
    record["id"].as_str().unwrap().to_owned()
}

#[test]
fn after_two_rotations_every_backup_comes_back() {
    let stage = Stage::small();
    let desk = Desk::new(&stage);
    let settings = |vars: &[(String, String)]| {
        let agent = Agent::new().env("PGCOFFER_PG_BIN", stage.cluster.bin());
        agent.envs(vars.iter().cloned())
    };
    let mut agent = stage.agent();
    let mut ids = vec![back_up(&agent, "main")];
    for _ in 0..2 {
        let vars = desk.written(&agent, &["--new-key", "--key-stored"]);
        agent = settings(&vars);
        // before the new key has made any, and after
        for paper in desk.papers() {
            desk.follow(&paper, "main", "latest");
        }
        ids.push(back_up(&agent, "main"));
    }
    for paper in desk.papers() {
        for id in &ids {
            desk.follow(&paper, "main", id);
        }
        // what is in use first, then the newest of the earlier ones
        let keys: Vec<usize> = paper.named("key").chain(paper.named("old key")).collect();
        assert_eq!(keys.len(), 3);
        for (key, id) in keys.into_iter().zip(ids.iter().rev()) {
            let sealed = desk.fetched(&agent, "main", id);
            desk.open_by_hand(&sealed, &paper.fields[key].1);
            desk.open_by_hand(&sealed, &paper.typed(key));
            fs::remove_file(sealed).unwrap();
        }
    }
}

#[test]
fn a_database_with_keys_of_its_own_comes_back_by_them() {
    let stage = Stage::small();
    let desk = Desk::new(&stage);
    let url = stage.cluster.url(&stage.database);
    let agent = stage.agent().database_url("hdb", &url);
    let before = agent.clone().env("PGCOFFER_DB_HDB_KEY", THIRD_KEY);
    let old = back_up(&before, "hdb");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let agent = agent
        .env("PGCOFFER_DB_HDB_KEY", OTHER_KEY)
        .env("PGCOFFER_DB_HDB_OLD_KEYS", format!("{THIRD_KEY}@{today}"));
    let (new, main) = (back_up(&agent, "hdb"), back_up(&agent, "main"));
    desk.written(&agent, &[]);
    for paper in desk.papers() {
        for (label, id) in [("hdb", &old), ("hdb", &new), ("main", &main)] {
            desk.follow(&paper, label, id);
        }
        for (name, label, id) in [
            ("Key", "main", &main),
            ("Key of hdb", "hdb", &new),
            ("Old key of hdb", "hdb", &old),
        ] {
            let key = paper.named(name).next().unwrap();
            let sealed = desk.fetched(&agent, label, id);
            desk.open_by_hand(&sealed, &paper.fields[key].1);
            desk.open_by_hand(&sealed, &paper.typed(key));
            fs::remove_file(sealed).unwrap();
        }
    }
    // no common key at all
    let own = agent.clone().without("PGCOFFER_KEY").without("PGCOFFER_DB_MAIN_URL");
    desk.written(&own, &[]);
    for paper in desk.papers() {
        assert_eq!(paper.named("key").count(), 0);
        desk.follow(&paper, "hdb", &old);
        desk.follow(&paper, "hdb", "latest");
    }
}

#[test]
fn a_passphrase_is_asked_for_by_its_name() {
    let stage = Stage::small();
    let desk = Desk::new(&stage);
    let words = Agent::new().run(["keygen", "--words", "--json"]).success().json();
    let words = words["passphrase"].as_str().unwrap();
    let old = back_up(&stage.agent(), "main");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let agent = stage
        .agent()
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_REPOSITORY", REPOSITORY)
        .env("PGCOFFER_PASSPHRASE", words);
    let new = back_up(&agent, "main");
    // alone, and beside the key that it took the place of
    desk.written(&agent, &[]);
    for name in ["sheet.txt", "sheet.html"] {
        let sheet = fs::read_to_string(desk.folder.path().join(name))
            .unwrap()
            .replace('\n', " ");
        assert!(sheet.contains("Without the passphrase nobody"), "{sheet}");
        assert!(sheet.contains("python3, zstd and argon2"), "{sheet}");
        assert!(
            !sheet.contains("the key nobody") && !sheet.contains("PGCOFFER_KEY"),
            "{sheet}"
        );
        let paper = Paper::read(&desk.folder.path().join(name));
        desk.follow(&paper, "main", "latest");
    }
    let both = agent.env("PGCOFFER_OLD_KEYS", format!("{KEY}@{today}"));
    desk.written(&both, &[]);
    for paper in desk.papers() {
        desk.follow(&paper, "main", &old);
        desk.follow(&paper, "main", &new);
        for (name, id) in [("passphrase", &new), ("old key", &old)] {
            let secret = paper.named(name).next().unwrap();
            let sealed = desk.fetched(&both, "main", id);
            desk.open_by_hand(&sealed, &paper.fields[secret].1);
            desk.open_by_hand(&sealed, &paper.typed(secret));
            fs::remove_file(sealed).unwrap();
        }
    }
}
