//! Mail against a real server: TLS from the first byte or STARTTLS, never less.

use crate::{
    notify::channels::misconfigured,
    notify::normalized::told,
    output::goldens::{assert_golden, assert_said},
    stage::wait_until,
    testbed::{Agent, MailServer, Security},
};

const LOGIN: (&str, &str) = ("backups@acme.test", "sm:tp S3cret@");
/// The same, percent-encoded.
const ENCODED: &str = "backups%40acme.test:sm%3Atp%20S3cret%40";

fn agent(server: &MailServer, scheme: &str, login: &str) -> Agent {
    let at = if login.is_empty() { "" } else { "@" };
    misconfigured()
        .env("SSL_CERT_FILE", server.authority())
        .env(
            "PGCOFFER_SMTP_URL",
            format!("{scheme}://{login}{at}localhost:{}", server.port()),
        )
        .env("PGCOFFER_EMAIL_FROM", "pgcoffer <backups@acme.test>")
        .env("PGCOFFER_EMAIL_TO", "ann@acme.test, Bob Ångström <bob@acme.test>")
}

#[test]
fn mail_arrives_over_both_kinds_of_tls() {
    for (security, scheme) in [(Security::Implicit, "smtps"), (Security::Starttls, "smtp")] {
        let server = MailServer::start(security, Some(LOGIN), &[]);
        let outcome = agent(&server, scheme, ENCODED).run(["tick"]).ended_with(2);
        assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
        wait_until("the mail", || !server.heard().is_empty());
        let heard = server.heard();
        assert_eq!(heard.len(), 1, "{heard:#?}");
        let mail = &heard[0];
        assert_eq!(mail["user"], LOGIN.0);
        assert_eq!(mail["hello"], "acme.test");
        assert_eq!(mail["to"], serde_json::json!(["ann@acme.test", "bob@acme.test"]));
        let headers = &mail["headers"];
        assert_eq!(headers["auto-submitted"], "auto-generated");
        assert_eq!(headers["to"], "ann@acme.test, Bob Ångström <bob@acme.test>");
        assert!(headers["message-id"].is_string() && headers["date"].is_string());
        let text = format!(
            "Subject: {}\n\n{}",
            headers["subject"].as_str().unwrap(),
            mail["body"].as_str().unwrap()
        );
        assert_golden("notice-settings-mail", &told(&text.replace("\r\n", "\n")));
    }
}

#[test]
fn nothing_is_sent_where_starttls_was_stripped() {
    let server = MailServer::start(Security::Plain, None, &[]);
    let outcome = agent(&server, "smtp", "").run(["tick"]).ended_with(2);
    assert_said(
        &outcome,
        &[
            "by mail (localhost)",
            "localhost offers no STARTTLS",
            "write smtps in place of smtp",
        ],
    );
    assert!(!outcome.stderr.contains("certificate"), "{}", outcome.stderr);
    assert!(server.heard().is_empty());
}

#[test]
fn a_server_that_offers_no_login_is_told_as_one() {
    let server = MailServer::start(Security::Mute, None, &[]);
    let outcome = agent(&server, "smtps", ENCODED).run(["tick"]).ended_with(2);
    assert_said(
        &outcome,
        &[
            "localhost offers no login that is spoken here",
            "leave user and password out of PGCOFFER_SMTP_URL",
        ],
    );
    assert!(!outcome.stderr.contains("certificate"), "{}", outcome.stderr);
    assert!(server.heard().is_empty());
}

#[test]
fn a_server_that_begins_without_tls_is_told_as_one() {
    let server = MailServer::start(Security::Starttls, None, &[]);
    let outcome = agent(&server, "smtps", "").run(["tick"]).ended_with(2);
    assert_said(
        &outcome,
        &["there is no secure connection to localhost", "smtp STARTTLS (587)"],
    );
    assert!(server.heard().is_empty());
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (server, other) = (
        MailServer::start(Security::Implicit, None, &[]),
        MailServer::start(Security::Implicit, None, &[]),
    );
    let agent = agent(&server, "smtps", "").env("SSL_CERT_FILE", other.authority());
    let outcome = agent.run(["tick"]).ended_with(2);
    assert_said(
        &outcome,
        &["there is no secure connection to localhost", "SSL_CERT_FILE"],
    );
    assert!(server.heard().is_empty());
}

#[test]
fn a_wrong_login_is_told_without_it() {
    let server = MailServer::start(Security::Implicit, Some(LOGIN), &[]);
    let outcome = agent(&server, "smtps", "backups%40acme.test:wr0ngPassword")
        .run(["tick"])
        .ended_with(2);
    assert_said(
        &outcome,
        &[
            "localhost refuses the mail: ",
            "check user and password in PGCOFFER_SMTP_URL",
        ],
    );
    assert!(!outcome.stderr.contains("wr0ngPassword"), "{}", outcome.stderr);
    assert!(server.heard().is_empty());
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_told() {
    let passing = MailServer::start(Security::Implicit, None, &["451 later", "421 too busy"]);
    let outcome = agent(&passing, "smtps", "").run(["tick"]).ended_with(2);
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    let heard = passing.heard();
    assert_eq!(heard.len(), 3, "{heard:#?}");
    // one message, whichever attempt arrived
    assert!(
        heard
            .iter()
            .all(|one| one["headers"]["message-id"] == heard[0]["headers"]["message-id"])
    );

    // refused for both, and for each
    let refusing = MailServer::start(Security::Implicit, None, &["554 5.7.1 no spam here"; 3]);
    let outcome = agent(&refusing, "smtps", "").run(["tick"]).ended_with(2);
    assert_said(&outcome, &["refuses the mail: ", "no spam here", "PGCOFFER_EMAIL_FROM"]);
    assert_eq!(refusing.heard().len(), 3);
}

#[test]
fn one_who_is_refused_keeps_nobody_else_from_mail() {
    let server = MailServer::start(Security::Implicit, None, &[]);
    let agent = agent(&server, "smtps", "").env("PGCOFFER_EMAIL_TO", "gone@acme.test, ann@acme.test");
    let outcome = agent.run(["tick"]).ended_with(2);
    assert_said(&outcome, &["by mail (localhost) to gone@acme.test", "no such mailbox"]);
    let heard = server.heard();
    assert_eq!(heard.len(), 1, "{heard:#?}");
    assert_eq!(heard[0]["to"], serde_json::json!(["ann@acme.test"]));
}
