//! The page that asks before something is done: what it will do, and what has to be typed.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    Page,
    parts::{form_token, moment_text},
};
use crate::{
    backup::{BackupId, Label},
    dashboard::{access::Visitor, forms::ActForm, site::Site},
};

/// What a page that asks says.
struct Asking {
    title: String,
    /// What will happen, in sentences.
    will: &'static [&'static str],
    /// The word on the button.
    word: &'static str,
    /// Whether something is lost.
    is_dangerous: bool,
    fields: Markup,
}

/// The page that asks; none where there is nothing of this name to do. `said`: why the form was not taken.
pub(in crate::dashboard) fn ask(
    site: &Site,
    visitor: &Visitor,
    form: &ActForm,
    said: Option<&str>,
) -> Option<Response> {
    let asking = asking(site, form)?;
    let page = Page {
        site,
        visitor: Some(visitor),
        title: &asking.title,
        refresh: None,
    };
    let back = match (form.database.as_str(), form.id.as_str()) {
        ("", _) => "/".to_owned(),
        (database, "") => format!("/databases/{database}"),
        (database, id) => format!("/databases/{database}/backups/{id}"),
    };
    Some(page.answer(&html! {
        section.card.narrow {
            h1 { (asking.title) }
            @if let Some(said) = said { p role="alert" { strong { (said) } } }
            @for sentence in asking.will { p { (sentence) } }
            form method="post" action="/act" {
                (form_token(visitor))
                input type="hidden" name="what" value=(form.what);
                input type="hidden" name="database" value=(form.database);
                input type="hidden" name="id" value=(form.id);
                (asking.fields)
                div.acts {
                    button type="submit" class=(if asking.is_dangerous { "danger" } else { "primary" }) { (asking.word) }
                    a.button href=(back) { "Cancel" }
                }
            }
            p.small.soft { "It is done in the name of " (visitor.name) "." }
        }
    }))
}

fn asking(site: &Site, form: &ActForm) -> Option<Asking> {
    // text of the address stands on no page that asks
    let label = match form.what.as_str() {
        "test-notice" => None,
        _ => Some(Label::parse(&form.database).ok()?),
    };
    let database = &label.as_ref().map_or_else(String::new, ToString::to_string);
    let of = match BackupId::parse(&form.id) {
        Ok(id) => format!("{database}, {}", moment_text(site, id.time())),
        Err(_) => database.clone(),
    };
    let plain = |title: String, will: &'static [&'static str], word: &'static str| Asking {
        title,
        will,
        word,
        is_dangerous: false,
        fields: html! {},
    };
    Some(match form.what.as_str() {
        "back-up" => plain(
            format!("Back up {database} now"),
            &[
                "pg_dump reads the whole database. Nobody who uses it waits for that, and it takes some load.",
                "The backup is kept as long as PGCOFFER_RETAIN_MANUAL says, 90 days if that is not set.",
            ],
            "Back up now",
        ),
        "drill" => plain(
            format!("Test a restore of {of}"),
            &[
                "The backup is restored into a scratch database where PGCOFFER_SCRATCH_URL says, compared with what was \
                 dumped, and removed again. The database itself is not touched.",
                "The result is kept in the bucket, with a certificate.",
            ],
            "Test a restore",
        ),
        "verify" => plain(
            format!("Read back {of}"),
            &["Every byte is read from the bucket and checked. Nothing is changed. Traffic out of a bucket may cost."],
            "Read it back",
        ),
        "release" => plain(
            format!("Release {of}"),
            &["From then on its retention counts again."],
            "Release",
        ),
        "accept" => plain(
            format!("Accept {of}"),
            &["It looked wrong beside those before it. Accepted, it counts as right, and nobody is told of it again."],
            "Accept",
        ),
        "test-notice" => plain(
            "Send a test notice".to_owned(),
            &["Every channel that is set gets a message which says that it is a test."],
            "Send",
        ),
        "hold" => Asking {
            fields: html! {
                div.field {
                    label for="reason" { "Why" }
                    p.hint #reason-hint { "Whoever looks at it later reads this." }
                    input #reason name="reason" required maxlength="200" value=(form.reason) aria-describedby="reason-hint";
                }
            },
            ..plain(
                format!("Hold {of}"),
                &["It is kept whatever its retention says, until somebody releases it."],
                "Hold",
            )
        },
        "retain" => Asking {
            fields: html! {
                div.field {
                    label for="retention" { "How long, from its beginning on" }
                    p.hint #retention-hint { "Such as 7d, 5w, 12mo, 7y or forever." }
                    input #retention name="retention" required maxlength="20" value=(form.retention) aria-describedby="retention-hint" autocapitalize="none";
                }
            },
            ..plain(
                format!("Keep {of}"),
                &["A prune deletes it when that time is over, and not before."],
                "Keep it so long",
            )
        },
        "delete" => Asking {
            is_dangerous: true,
            fields: html! {
                div.field {
                    label for="typed" { "Type " strong { (database) } " to delete it" }
                    input #typed name="typed" required maxlength="63" autocomplete="off" autocapitalize="none" spellcheck="false";
                }
            },
            ..plain(
                format!("Delete {of}"),
                &[
                    "This backup is gone then, and nothing brings it back. The last good backup, and what \
                     PGCOFFER_KEEP_LAST keeps, is never deleted from here.",
                ],
                "Delete it for good",
            )
        },
        _ => return None,
    })
}
