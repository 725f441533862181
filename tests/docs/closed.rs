//! The line of docs/recovery.md that picks statements out of a dump for a person to run: a dump holds what strangers
//! wrote.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// What the page's filter lets through.
fn passed(lines: &str) -> Vec<String> {
    let page = std::fs::read_to_string(crate::testbed::project().join("docs/recovery.md")).unwrap();
    let line = page.lines().find(|line| line.contains("> closed.sql"));
    let filter = line.unwrap().split_once(" | ").unwrap().1;
    let filter = filter.split_once(" > closed.sql").unwrap().0;
    let mut child = Command::new("sh")
        .args(["-c", filter])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn only_plain_statements_are_picked_out_of_a_dump() {
    let plain = [
        "REVOKE ALL ON FUNCTION app.secret(integer, text[]) FROM PUBLIC;",
        "REVOKE USAGE ON SCHEMA \"My Schema\" FROM PUBLIC;",
        "REVOKE ALL ON TYPE public.mood_2 FROM PUBLIC;",
    ];
    assert_eq!(passed(&plain.join("\n")), plain);
    for planted in [
        r"REVOKE ALL ON FUNCTION f() \! touch pwned FROM PUBLIC;",
        r"REVOKE x \gexec FROM PUBLIC;",
        "REVOKE a FROM b; ALTER ROLE c SUPERUSER; REVOKE a FROM PUBLIC;",
        "REVOKE $$ FROM PUBLIC;",
        "REVOKE ' FROM PUBLIC;",
        "REVOKE :'x' FROM PUBLIC;",
        "REVOKE `id` FROM PUBLIC;",
        "REVOKE ALL ON TABLE a FROM PUBLIC; -- ",
        "REVOKE -- FROM PUBLIC;",
        "REVOKE /* FROM PUBLIC;",
        " REVOKE ALL ON TABLE a FROM PUBLIC;",
    ] {
        assert_eq!(passed(&format!("{planted}\n")), [""; 0], "{planted}");
    }
}
