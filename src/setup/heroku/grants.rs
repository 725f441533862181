//! The only SQL that a set-up takes from a dyno: what `check --fix-sql` prints for the credential.
//!
//! Whoever can change the app can change what its dynos print, and the database's owner runs it by psql, which obeys
//! backslash commands. So each line has to be one of these forms, which grant nothing but reading, and to the
//! credential alone. `crate::postgres` writes each statement on one line of printable ASCII.

use crate::text::escaped;

/// What psql is told first.
const FIRST: &str = "\\set ON_ERROR_STOP on";

/// The forms of lines: `<name>` is a quoted name, `<n>` a number, and all else stands as it is.
const FORMS: [&str; 23] = [
    "BEGIN;",
    "COMMIT;",
    "SET LOCAL search_path = pg_catalog, pg_temp;",
    r#"DO E'BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) ''pgcoffer'') THEN CREATE ROLE "pgcoffer" LOGIN; END IF; END';"#,
    r#"GRANT CONNECT ON DATABASE <name> TO "pgcoffer";"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''GRANT CONNECT ON DATABASE '', pg_catalog.quote_ident(pg_catalog.current_database()), E'' TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"GRANT USAGE ON SCHEMA <name> TO "pgcoffer";"#,
    r#"GRANT SELECT ON TABLE <name>.<name> TO "pgcoffer";"#,
    r#"GRANT SELECT ON SEQUENCE <name>.<name> TO "pgcoffer";"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''GRANT USAGE ON SCHEMA '', <n>::pg_catalog.oid::pg_catalog.regnamespace, E'' TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''GRANT SELECT ON TABLE '', <n>::pg_catalog.oid::pg_catalog.regclass, E'' TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''GRANT SELECT ON SEQUENCE '', <n>::pg_catalog.oid::pg_catalog.regclass, E'' TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"ALTER DEFAULT PRIVILEGES FOR ROLE <name> GRANT USAGE ON SCHEMAS TO "pgcoffer";"#,
    r#"ALTER DEFAULT PRIVILEGES FOR ROLE <name> GRANT SELECT ON TABLES TO "pgcoffer";"#,
    r#"ALTER DEFAULT PRIVILEGES FOR ROLE <name> GRANT SELECT ON SEQUENCES TO "pgcoffer";"#,
    r#"ALTER DEFAULT PRIVILEGES FOR ROLE <name> GRANT SELECT ON LARGE OBJECTS TO "pgcoffer";"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''ALTER DEFAULT PRIVILEGES FOR ROLE '', <n>::pg_catalog.oid::pg_catalog.regrole, E'' GRANT USAGE ON SCHEMAS TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''ALTER DEFAULT PRIVILEGES FOR ROLE '', <n>::pg_catalog.oid::pg_catalog.regrole, E'' GRANT SELECT ON TABLES TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''ALTER DEFAULT PRIVILEGES FOR ROLE '', <n>::pg_catalog.oid::pg_catalog.regrole, E'' GRANT SELECT ON SEQUENCES TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"DO E'BEGIN EXECUTE pg_catalog.concat(''ALTER DEFAULT PRIVILEGES FOR ROLE '', <n>::pg_catalog.oid::pg_catalog.regrole, E'' GRANT SELECT ON LARGE OBJECTS TO \\u0022pgcoffer\\u0022''); END';"#,
    r#"DO E'DECLARE o pg_catalog.oid; BEGIN FOR o IN SELECT m.oid FROM pg_catalog.pg_largeobject_metadata AS m WHERE pg_catalog.pg_has_role(m.lomowner, ''USAGE'') LOOP EXECUTE pg_catalog.concat(''GRANT SELECT ON LARGE OBJECT '', o, E'' TO \\u0022pgcoffer\\u0022''); END LOOP; END';"#,
    r#"DO E'BEGIN ALTER ROLE "pgcoffer" BYPASSRLS; EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING ''row-level security still hides rows of <n> table from the role, and pg_dump refuses that'' USING HINT = E''A superuser can grant it BYPASSRLS. If there is none, back up as the owner of these tables\\u003A pgcoffer check prints how.''; END';"#,
    r#"DO E'BEGIN ALTER ROLE "pgcoffer" BYPASSRLS; EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING ''row-level security still hides rows of <n> tables from the role, and pg_dump refuses that'' USING HINT = E''A superuser can grant it BYPASSRLS. If there is none, back up as the owner of these tables\\u003A pgcoffer check prints how.''; END';"#,
];

/// The statements of what a dyno printed, without comments, as psql may run them.
///
/// # Errors
/// The first line that none of the forms has: its number, and its text as a terminal may show it.
pub fn checked_grants(printed: &str) -> Result<String, String> {
    let mut sql = format!("{FIRST}\n");
    let mut lines = printed.lines().enumerate();
    match lines.next() {
        Some((_, FIRST)) => {}
        first => return Err(refusal(1, first.map_or("", |(_, line)| line))),
    }
    for (n, line) in lines {
        let is_comment = line.starts_with("--") && line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if line.is_empty() || is_comment {
            continue;
        }
        if !FORMS.iter().any(|form| has_form(line, form)) {
            return Err(refusal(n + 1, line));
        }
        sql.push_str(line);
        sql.push('\n');
    }
    Ok(sql)
}

fn refusal(number: usize, line: &str) -> String {
    let start: String = line.chars().take(200).collect();
    format!("line {number}: {}", escaped(&start))
}

fn has_form(line: &str, form: &str) -> bool {
    let (mut line, mut form) = (line, form);
    while let Some(at) = form.find('<') {
        let Some(rest) = line.strip_prefix(&form[..at]) else {
            return false;
        };
        let (hole, length) = match form[at..].starts_with("<name>") {
            true => ("<name>", name_length(rest)),
            false => ("<n>", rest.bytes().take_while(u8::is_ascii_digit).count()),
        };
        if length == 0 {
            return false;
        }
        (line, form) = (&rest[length..], &form[at + hole.len()..]);
    }
    line == form
}

/// The length of the quoted name at the beginning; 0 if there is none.
fn name_length(text: &str) -> usize {
    let (open, escapes) = match text.starts_with("U&\"") {
        true => (3, true),
        false => (usize::from(text.starts_with('"')), false),
    };
    let Some(length) = text[open..].find('"').filter(|length| open > 0 && *length > 0) else {
        return 0;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c) || (escapes && "\\+".contains(c));
    match text[open..open + length].chars().all(plain) {
        true => open + length + 1,
        false => 0,
    }
}

/// The lines that a shell runs to check what is in `file`, a word of the shell; it ends there if anything else is.
pub(super) fn guard(file: &str) -> String {
    let mut text = String::from("cat >\"$work/forms\" <<'END'\n^$\n--[ -~]*\n");
    for form in FORMS {
        text.push_str(&pattern(form));
        text.push('\n');
    }
    text.push_str("END\n");
    text.push_str(&format!(
        "if [ \"$(head -n 1 {file})\" != '{FIRST}' ] ||\n  \
           tail -n +2 {file} | LC_ALL=C tr '\\000' '\\001' | LC_ALL=C grep -Evx -f \"$work/forms\" | cat -v | grep . >&2; then\n  \
           echo 'the dyno printed something else than the grants of pgcoffer, and nothing of it was run: see who can \
         change the app' >&2\n  \
           exit 1\n\
         fi\n"
    ));
    text
}

/// A form as an extended regular expression.
fn pattern(form: &str) -> String {
    let mut text = String::new();
    for c in form.chars() {
        if "\\.[](){}*+?^$|".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text.replace("<name>", r#"(U&"[A-Za-z0-9_.\+-]+"|"[A-Za-z0-9_.-]+")"#)
        .replace("<n>", "[0-9]+")
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    const GOOD: &str = "\\set ON_ERROR_STOP on\n-- words; \\! of no effect\nBEGIN;\n\nGRANT SELECT ON TABLE \
                        \"public\".U&\"B\\00FC\" TO \"pgcoffer\";\nALTER DEFAULT PRIVILEGES FOR ROLE \"ann\" GRANT \
                        SELECT ON TABLES TO \"pgcoffer\";\nCOMMIT;\n";

    /// Each is refused by this program and by the script's shell.
    #[test]
    fn what_is_no_grant_of_ours_is_refused_here_and_by_the_shell() {
        assert!(checked_grants(GOOD).is_ok());
        assert!(shell_takes(GOOD));
        for bad in [
            "\\! touch x",
            " \\! touch x",
            "GRANT x TO y; \\! touch x",
            "GRANT USAGE ON SCHEMA \"a\" TO \"pgcoffer\"; \\! touch x",
            "GRANT USAGE ON SCHEMA \"a\" TO \"eve\";",
            "GRANT USAGE ON SCHEMA \"a\n\\! touch x\n\" TO \"pgcoffer\";",
            "GRANT USAGE ON SCHEMA \"a\" TO \"pgcoffer\" WITH GRANT OPTION;",
            "COPY (SELECT 1) TO PROGRAM 'touch x';",
            "ALTER ROLE \"pgcoffer\" SUPERUSER;",
            "GRANT \"owner\" TO \"pgcoffer\";",
            "DO E'BEGIN ALTER ROLE \"pgcoffer\" BYPASSRLS; END';",
            "GRANT USAGE ON SCHEMA :`touch x` TO \"pgcoffer\";",
            "-- a\r\\! touch x",
            "\\set ON_ERROR_STOP on",
            "GRANT USAGE ON SCHEMA \"ü\" TO \"pgcoffer\";",
            "GRANT USAGE ON SCHEMA \"a\\\" TO \"pgcoffer\";",
            "COMMIT;\0",
        ] {
            let text = format!("{GOOD}{bad}\n");
            assert!(checked_grants(&text).is_err(), "{bad}");
            assert!(!shell_takes(&text), "{bad}");
        }
        for other in ["", "BEGIN;\n", &format!("\n{GOOD}")] {
            assert!(checked_grants(other).is_err() && !shell_takes(other), "{other}");
        }
    }

    #[test]
    fn every_form_is_taken_here_and_by_the_shell() {
        let lines = FORMS.map(|form| form.replace("<name>", "U&\"\\+01F418a\"").replace("<n>", "12"));
        let text = format!("{FIRST}\n{}\n", lines.join("\n"));
        assert_eq!(checked_grants(&text).unwrap(), text);
        assert!(shell_takes(&text));
    }

    fn shell_takes(text: &str) -> bool {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.sql"), text).unwrap();
        let script = format!("set -eu\n{}", guard("\"$work/x.sql\""));
        let ended = Command::new("sh")
            .args(["-c", &script])
            .env("work", folder.path())
            .output();
        ended.unwrap().status.success()
    }
}
