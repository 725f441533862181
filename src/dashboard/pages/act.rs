//! The page that asks before something is done: what it will do, and what has to be typed.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    Page,
    parts::{act_button, form_token, moment_text},
};
use crate::{
    agent::ShownBackup,
    backup::{BackupId, Label},
    dashboard::{
        access::Visitor,
        act::ends_before,
        forms::ActForm,
        shown::{Answer, Seen},
        site::Site,
    },
};

/// What a page that asks says.
struct Asking {
    title: String,
    /// What will happen, in sentences.
    will: Vec<String>,
    /// The word on the button.
    word: &'static str,
    /// Whether something is lost.
    is_dangerous: bool,
    fields: Markup,
    /// Where it would be refused: what leads on, in the place of the button.
    instead: Option<Markup>,
}

/// The page that asks; none where there is nothing of this name to do. `seen`: what the bucket has of the backup, where
/// that matters. `said`: why the form was not taken.
pub(in crate::dashboard) fn ask(
    site: &Site,
    visitor: &Visitor,
    (form, seen): (&ActForm, &Seen),
    said: Option<&str>,
) -> Option<Response> {
    let known = seen.answer.as_ref().and_then(|(answer, _)| match &**answer {
        Answer::Backup(known) => Some(&known.shown),
        _ => None,
    });
    let asking = asking(site, form, known)?;
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
            @if let Some(instead) = asking.instead {
                div.acts { (instead) a.button href=(back) { "Cancel" } }
            } @else { form method="post" action="/act" {
                (form_token(visitor))
                input type="hidden" name="what" value=(form.what);
                input type="hidden" name="database" value=(form.database);
                input type="hidden" name="id" value=(form.id);
                (asking.fields)
                div.acts {
                    button type="submit" class=(if asking.is_dangerous { "danger" } else { "primary" }) { (asking.word) }
                    a.button href=(back) { "Cancel" }
                }
            } }
            p.small.soft { "It is done in the name of " (visitor.name) "." }
        }
    }))
}

fn asking(site: &Site, form: &ActForm, known: Option<&ShownBackup>) -> Option<Asking> {
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
    let plain = |title: String, will: &[&str], word: &'static str| Asking {
        title,
        will: will.iter().map(ToString::to_string).collect(),
        word,
        is_dangerous: false,
        fields: html! {},
        instead: None,
    };
    Some(match form.what.as_str() {
        "back-up" => plain(
            format!("Back up {database} now"),
            &[
                "pg_dump reads the whole database. Nobody who uses it waits for that, and it takes some load.",
                &kept_if_made_now(site),
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
        "retain" => retain(
            site,
            (form, database.as_str()),
            plain(format!("Keep {of}"), &[], "Keep it so long"),
            known,
        ),
        "delete" => delete(
            (form, database.as_str()),
            plain(format!("Delete {of}"), &[], "Delete it for good"),
            known,
        ),
        _ => return None,
    })
}

/// How long a backup is kept that is made now.
fn kept_if_made_now(site: &Site) -> String {
    match site.retain_manual.expires(site.clock.now()) {
        Some(end) => format!(
            "It is kept until {}, as PGCOFFER_RETAIN_MANUAL says.",
            moment_text(site, end)
        ),
        None => format!("It is kept {}, as PGCOFFER_RETAIN_MANUAL says.", site.retain_manual),
    }
}

/// What says that somebody means this very database.
fn typed_field(database: &str, to: &str) -> Markup {
    html! {
        div.field {
            label for="typed" { "Type " strong { (database) } " to " (to) }
            input #typed name="typed" required maxlength="63" autocomplete="off" autocapitalize="none" spellcheck="false";
        }
    }
}

/// How long it is kept now, and the field for another end. One that is over already is asked for like a deletion.
fn retain(site: &Site, (form, database): (&ActForm, &str), plain: Asking, known: Option<&ShownBackup>) -> Asking {
    let now = known.map(|known| match known.record.kept(known.mark.as_ref()) {
        (_, Some(end)) => format!("Now it is kept until {}.", moment_text(site, end)),
        (retention, None) => format!("Now it is kept {retention}."),
    });
    let is_over = ends_before(form, site.clock.now());
    let mut will: Vec<String> = now.into_iter().collect();
    will.push(match is_over {
        true => "With that end, which is over already, the next prune deletes it.".to_owned(),
        false => "A prune deletes it when the time that you choose is over, and not before.".to_owned(),
    });
    Asking {
        will,
        is_dangerous: is_over,
        fields: html! {
            div.field {
                label for="retention" { "How long, from its beginning on" }
                p.hint #retention-hint { "Such as 7d, 5w, 12mo, 7y or forever." }
                input #retention name="retention" required maxlength="20" value=(form.retention) aria-describedby="retention-hint" autocapitalize="none";
            }
            @if is_over { (typed_field(database, "have it deleted by the next prune")) }
        },
        ..plain
    }
}

/// What would be refused is said before somebody types, with what leads on.
fn delete((form, database): (&ActForm, &str), plain: Asking, known: Option<&ShownBackup>) -> Asking {
    let mark = known.and_then(|known| known.mark.as_ref());
    if let Some(hold) = mark.and_then(|mark| mark.hold.as_ref()) {
        let query = format!("what=release&database={database}&id={}", form.id);
        return Asking {
            will: vec![format!(
                "It is held {hold}. What is held is not deleted: release it first."
            )],
            instead: Some(act_button("Release", &query, true)),
            ..plain
        };
    }
    let gone = "This backup is gone then, and nothing brings it back. The last good backup, and what PGCOFFER_KEEP_LAST \
                keeps, is never deleted from here.";
    Asking {
        will: vec![gone.to_owned()],
        is_dangerous: true,
        fields: typed_field(database, "delete it"),
        ..plain
    }
}
