use super::*;

/// Whoever is tired reads the hint alone: it speaks of what was typed, and repeats none of it.
#[test]
fn each_slip_has_a_hint_of_its_own() {
    for (text, words) in [
        (
            "postgres://u:pa@ss@h/d",
            "write each @ except the one before the host as %40",
        ),
        (
            "postgres://u:se/cret@h/d",
            "write a / in the user or the password as %2F",
        ),
        ("postgres://u:100%@h/d", "write a literal % as %25"),
        ("postgres://u:p@h:54x2/d", "write the port as a number"),
        ("postgres://u:p@::1:5432/d", "[::1]:5432"),
        ("postgres://u:p@h /d", "write a space in a name or a password as %20"),
        ("postgres://u:p@h/d&sslmode=require", "the first parameter follows a ?"),
        ("postgres://u:p@h/d?sslmod=require", "did you mean sslmode?"),
        ("postgres://u:p@h/d?sslmode=on", "set sslmode= to one of disable"),
        ("postgres://u:p@h/d?schema=public", "only libpq's parameters"),
        ("postgres:/u:p@h/d", "a colon and two slashes"),
        ("jdbc:postgresql://h/d", "JDBC has its own form"),
        ("mysql://u:p@h/d", "only PostgreSQL can be backed up"),
        ("$DATABASE_URL", "a variable that was not replaced by its value"),
        ("postgres://h/d", "pgcoffer has no default user"),
        ("postgres://u:p@h/d?service=x", "neither PGSERVICEFILE nor"),
    ] {
        let fault = DatabaseUrl::parse(text).unwrap_err();
        let hint = fault.hint();
        assert!(hint.contains(words), "{text}: {fault}: {hint}");
    }
}

#[test]
fn what_only_looks_like_a_slip_is_taken() {
    for (text, database) in [
        ("postgres://u:p@h/d&b", "d&b"),
        ("postgres://u:p@h/d%26sslmode=require", "d&sslmode=require"),
        ("postgres://u:p:q@h/d", "d"),
        ("postgres://u:p@1/d", "d"),
        ("postgres://u:p@[::1],h/d", "d"),
    ] {
        let text = format!("{text}?allow_plaintext=yes");
        assert_eq!(parse(&text).database(), database, "{text}");
    }
}
