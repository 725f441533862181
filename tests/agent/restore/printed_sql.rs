//! SQL that is printed for somebody to run, given to the real `psql` as he would: whatever owner, role, schema, table,
//! sequence or database are called, no command of a shell runs, nothing else than the SQL meant is carried out, and it
//! works.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    stage::{SMALL, Stage, unique},
    testbed::{Agent, Cluster},
};

/// Names that leave a comment, a string or a line where these are put together carelessly. `CANARY` is a file that they
/// would make. `#` is filled up to the 63 bytes that a name can have.
const NAMES: &[&str] = &[
    "a\n\\! touch CANARY\n",
    "b\r\n\\! touch CANARY\r\n--",
    "c'; \\! touch CANARY",
    "d\"; \\! touch CANARY",
    "$pgcoffer$; \\! touch CANARY",
    "$$ e \\g |touch CANARY",
    "`touch CANARY` $(touch CANARY)",
    "*/ g /*\n\\copy x to CANARY",
    "\u{2028}\u{2029}\u{85}\\! touch CANARY",
    "\u{1b}[2J\u{202e}h\u{7}\\! touch CANARY",
    ":i :'i' :\"i\" \\! touch CANARY",
    "\\",
    "\\'",
    "ends in a backslash\\",
    "k\u{1} %I %s {} {0}",
    "ROLE KINDS",
    // in Shift-JIS the last byte is the first half of a character, and swallows a quote
    "\u{c1}\u{c0}",
    "user",
    "Grüße 表 🐘",
    "##",
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Each name, short enough for PostgreSQL. The canary is one letter in a folder of its own, where all of it is run.
fn names() -> Vec<String> {
    let fitting = NAMES.iter().map(|name| {
        let mut name = name.replace("CANARY", "y");
        if name == "##" {
            name = "é".repeat(31) + "x";
        }
        assert!(name.len() <= 63, "{name:?}");
        name
    });
    fitting.collect()
}

/// Runs a script as somebody who trusts it, in a folder in which nothing may come to be.
fn run(folder: &Path, url: &str, script: &str, encoding: &str) -> Result<String, String> {
    let mut psql = Command::new("psql");
    psql.args(["-X", url])
        .current_dir(folder)
        .env("PGCLIENTENCODING", encoding)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = psql.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert!(left.is_empty(), "a command of the shell ran: {left:?}\n{script}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() && !said.contains("ERROR") {
        true => Ok(said),
        false => Err(said),
    }
}

fn agent(stage: &Stage, url: &str) -> Agent {
    stage.agent().env("PGCOFFER_DB_MAIN_URL", url)
}

#[track_caller]
fn assert_plain(script: &str) {
    let strange = script
        .chars()
        .find(|c| !c.is_ascii() && *c != '…' || c.is_control() && *c != '\n');
    assert_eq!(strange, None, "{script}");
}

#[test]
fn hostile_names_do_harm_if_they_are_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::shared(None);
    let script = format!("-- Lets role {} read\n", "a\n\\! touch y\n");
    let mut psql = Command::new("psql");
    psql.args(["-X", &cluster.url("postgres")])
        .current_dir(folder.path())
        .stdin(Stdio::piped());
    let mut child = psql.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait().unwrap();
    assert!(folder.path().join("y").exists());
}

#[test]
fn printed_sql_is_safe_and_works_for_every_name() {
    let stage = Stage::of(SMALL);
    let cluster = stage.cluster;
    let folder = tempfile::tempdir().unwrap();
    let names = names();
    let mut comments: Option<String> = None;
    // one database with everything of each name, and that is called so itself
    for (at, name) in names.iter().enumerate() {
        let suffix = format!("{at}");
        let short = |prefix: &str| {
            let mut text = format!("{prefix}{suffix}{name}");
            while text.len() > 63 {
                text.pop();
            }
            text
        };
        let (owner, reader, database) = (short("o"), short("r"), short("d"));
        cluster.psql("postgres", &format!("CREATE ROLE {} LOGIN", quoted(&owner)));
        let made = format!(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0",
            quoted(&database),
            quoted(&owner)
        );
        cluster.psql("postgres", &made);
        let (owner, schema) = (quoted(&owner), quoted(name));
        let setup = format!(
            "SET SESSION AUTHORIZATION {owner}; CREATE SCHEMA {schema}; CREATE TABLE {schema}.{schema} (id int);
             CREATE SEQUENCE {schema}.{}; SELECT lo_from_bytea(0, 'x'); ALTER TABLE {schema}.{schema} ENABLE ROW LEVEL \
                 SECURITY;",
            quoted(&short("s"))
        );
        cluster.psql(&database, &setup);

        let superuser = cluster.url(&database);
        let outcome = agent(&stage, &superuser)
            .run(["check", "--fix-sql", "--role", &reader])
            .success();
        let script = outcome.text();
        assert_plain(script);
        let own: Vec<&str> = script.lines().filter(|line| line.starts_with("--")).collect();
        let same = comments.get_or_insert_with(|| own.join("\n"));
        assert_eq!(*same, own.join("\n"), "a name stands in a comment");
        for encoding in ["UTF8", "SJIS"] {
            run(folder.path(), &superuser, script, encoding)
                .unwrap_or_else(|error| panic!("{name:?}: {error}\n{script}"));
        }
        // a policy is a superuser's to lift, and the script says so without a name
        assert!(script.contains("BYPASSRLS"), "{script}");

        // the hints of a run that lacks every right: one of another role than the script was about
        let poor = short("p");
        cluster.psql("postgres", &format!("CREATE ROLE {} LOGIN", quoted(&poor)));
        let url = cluster.url_as(&poor, None, &database);
        let refused = agent(&stage, &url).run(["backup"]).ended_with(3);
        assert!(
            !refused.stderr.contains('\u{1b}') && !refused.stderr.contains('\u{202e}'),
            "{:?}",
            refused.stderr
        );
        let between = |begin: &str, end: &str| {
            let rest = refused.stderr.split_once(begin);
            let found = rest.and_then(|(_, rest)| Some(rest.split_once(end)?.0.to_owned()));
            found.unwrap_or_else(|| panic!("{}", refused.stderr))
        };
        let grants = between("or a superuser: ", " And for row-level security");
        let policies = between("BYPASSRLS itself: ", " Or, if the provider");
        let statements = format!("{grants} {policies}");
        run(folder.path(), &superuser, &format!("{statements}\n"), "UTF8")
            .unwrap_or_else(|error| panic!("{name:?}: {error}\n{statements}"));
        agent(&stage, &url).run(["backup"]).success();
    }
}

/// A hint is for people: with thousands of tables it names some and counts the rest.
#[test]
fn hints_stay_short_however_many_objects_there_are() {
    let stage = Stage::of(SMALL);
    let poor = unique("poor");
    let many = format!(
        "create role {poor} login; create table many (id int) partition by range (id);
         do $$ begin for n in 1..3000 loop execute format('create table a_partition_with_quite_a_long_name_%s \
             partition of many for values from (%s) to (%s)', n, n, n + 1); end loop; end $$;"
    );
    stage.cluster.psql(&stage.database, &many);
    let url = stage.cluster.url_as(&poor, None, &stage.database);
    let outcome = agent(&stage, &url).run(["backup"]).ended_with(3);
    assert!(
        outcome.stderr.contains("more, which `pgcoffer check --fix-sql` prints"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.len() < 4000, "{} bytes", outcome.stderr.len());
    let outcome = agent(&stage, &url).run(["check"]);
    assert!(outcome.text().len() < 12_000, "{} bytes", outcome.text().len());
}
