//! Passwords that SASLprep refuses or changes: a server made its secret by its own rules, and the session and libpq
//! have to get in.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pgcoffer::postgres::{DatabaseUrl, Session};

use crate::connecting::secured;
use crate::scene::{connect, dump, url};

/// Each of another kind; the first ones are named in public reports.
const PASSWORDS: &[&str] = &[
    "line\nbreak",
    "car\riage",
    "be\u{7}ll and \u{1b}[31m",
    "ünd be\u{7}ll",
    "🔑 key",
    "mark\u{200f}ed",
    "bidi\u{202e}override",
    "latin אב",
    "אב",
    "אב1",
    "1אב",
    // assigned after Unicode 3.2
    "\u{1d4c1}etter",
    "ნ\u{10fd}",
    "🥲",
    // prohibited as they stand, not in their normal form, and the other way round
    "a\u{340}",
    "\u{2126}hm",
    // mapped to nothing, to a blank, to others
    "\u{ad}",
    "soft\u{ad}hyphen",
    "zero\u{200b}width",
    "no\u{a0}break",
    "\u{3000}",
    "ﬁ ligature",
    "\u{2168}",
    "e\u{301}",
    "ａｂｃ",
    // private, a noncharacter, tagging, the last one
    "\u{e000}",
    "\u{fdd0}",
    "\u{e0041}",
    "\u{10ffff}",
    // plain ASCII, with what a URL and a shell take for their own
    " blank ",
    "%41+&=#?:@/\\'\"`$(x)",
];

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Names that would have to be escaped, if they stood anywhere where that counts.
const ROLES: &[&str] = &["odd, röle=🔑", "latin אב", "n=x,r=y"];

#[tokio::test]
async fn every_password_that_a_server_accepts_logs_in() {
    let cluster = secured();
    let as_role =
        |role: &str, password: &str| -> DatabaseUrl { url(&cluster.url_as(role, Some(password), "postgres")) };
    for role in ROLES {
        let sql = format!(r#"CREATE ROLE "{role}" LOGIN SUPERUSER PASSWORD 'first'"#);
        cluster.psql("postgres", &sql);
        connect(&as_role(role, "first")).await.close().await;
    }
    let role = ROLES[0];
    for password in PASSWORDS {
        let sql = format!(r#"ALTER ROLE "{role}" PASSWORD {}"#, literal(password));
        cluster.psql("postgres", &sql);
        connect(&as_role(role, password)).await.close().await;
        let wrong = Session::connect(&as_role(role, &format!("{password}x"))).await;
        let shown = format!("{:?}", wrong.err());
        assert!(shown.contains("Auth"), "{password:?}: {shown}");
        let is_word = password.trim().chars().count() > 3;
        assert!(
            !is_word || !(shown.contains(&encode(password)) || shown.contains(password.trim())),
            "{shown}"
        );
    }
    // and a child, by libpq itself
    let last = as_role(role, PASSWORDS[PASSWORDS.len() - 1]);
    assert!(!dump(&cluster, &last).await.unwrap().is_empty());
}
