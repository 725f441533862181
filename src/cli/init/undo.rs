//! `init --undo`: what a set-up has made, each with the command that removes it. Nothing is removed here, and no command
//! of the list removes a backup.

use std::path::Path;

use pgcoffer::{
    Result,
    readme::BY_HAND_NAME,
    setup::{
        Form, attached_label,
        heroku::{Attachment, BUILDPACKS, CREDENTIAL, commands},
    },
    text::shell_word,
};
use serde_json::json;
use tokio::runtime::Handle;

use super::{
    InitArgs, OF_AWS,
    finish::SHEET_NAME,
    heroku::{HerokuLogin, OnHeroku, unavailable},
};
use crate::cli::{global::Global, screen};

/// Something that was made, and the command that removes it.
struct Made {
    what: String,
    /// None: it may be somebody else's.
    command: Option<String>,
}

/// Lists what was made.
///
/// # Errors
/// Where Heroku can't be asked.
pub(super) fn run(global: &Global, args: &InitArgs, runtime: &Handle) -> Result<()> {
    let (made, bucket) = match &args.heroku {
        Some(app) => on_heroku(app, runtime)?,
        None => (in_this_folder(), None),
    };
    if global.json {
        let made = made
            .iter()
            .map(|one| json!({ "what": one.what, "command": one.command }));
        return screen::print_json(&json!({ "made": made.collect::<Vec<_>>(), "bucket": bucket }));
    }
    if made.is_empty() {
        let place = match &args.heroku {
            Some(app) => format!("for {app} on Heroku"),
            None => "in this folder (on Heroku: --heroku APP)".to_owned(),
        };
        return screen::print(format!("There is nothing of `pgcoffer init` {place}.\n"));
    }
    let mut text = String::from("Made by `pgcoffer init`, with the commands that remove it. Nothing was removed.\n");
    for (n, one) in made.iter().enumerate() {
        text.push_str(&format!("\n{:>2}. {}\n", n + 1, one.what));
        if let Some(command) = &one.command {
            text.push_str(&format!("      {command}\n"));
        }
    }
    let place = bucket.map_or_else(|| "the bucket".to_owned(), |bucket| shell_word(&bucket));
    text.push_str(&format!(
        "\nNone of these deletes a backup: those in {place} stay, and without the key nobody can read them. Have a copy of \
         the key before you remove the last place that holds it.\n"
    ));
    screen::print(text)
}

/// What stands on Heroku, in the order in which it can be removed.
fn on_heroku(app: &str, runtime: &Handle) -> Result<(Vec<Made>, Option<String>)> {
    let found = OnHeroku::look_by(HerokuLogin::of_the_cli(runtime)?, app)?;
    if found.app.is_none() {
        return Ok((Vec::new(), None));
    }
    let mut made = Vec::new();
    let (mut attachments, mut credentials): (Vec<Made>, Vec<Made>) = (Vec::new(), Vec::new());
    for attachment in &found.attachments {
        let Some(label) = attached_label(&attachment.name) else {
            continue;
        };
        attachments.push(Made {
            what: format!(
                "the attachment {} of the database {}",
                attachment.name, attachment.add_on
            ),
            command: Some(commands::detach(app, &label).to_string()),
        });
        if attachment.credential.as_deref() != Some(CREDENTIAL) {
            continue;
        }
        let add_on = found.login.wait(found.login.account().add_on(&attachment.add_on));
        if let Some(add_on) = add_on.map_err(|error| unavailable(&error))? {
            let database = Attachment {
                add_on: add_on.name,
                owner: add_on.app,
                plan: add_on.plan,
            };
            let command = Some(commands::destroy_credential(&database).to_string());
            if !credentials.iter().any(|one| one.command == command) {
                credentials.push(Made {
                    what: format!("the credential {CREDENTIAL} in {}, with its rights", database.add_on),
                    command,
                });
            }
        }
    }
    made.extend(attachments);
    made.extend(credentials);
    if found.has_scheduler() {
        made.push(Made {
            what: "Heroku Scheduler with all its jobs".to_owned(),
            command: Some(commands::destroy_scheduler(app).to_string()),
        });
    }
    made.extend(app_itself(&found));
    let bucket = found
        .vars
        .get("PGCOFFER_BUCKET")
        .map(|bucket| bucket.as_str().to_owned());
    Ok((made, bucket))
}

/// An app that runs nothing but pgcoffer goes as a whole; of any other one, only what was added.
fn app_itself(found: &OnHeroku) -> Vec<Made> {
    let app = found.name.as_str();
    if found.is_all_ours() {
        return vec![Made {
            what: format!("the app {app} with all its config vars, the key among them"),
            command: Some(commands::destroy_app(app).to_string()),
        }];
    }
    let mut made = Vec::new();
    let ours = found.vars.keys().map(String::as_str);
    let ours = ours.filter(|name| name.starts_with("PGCOFFER_") || OF_AWS.contains(name));
    let attached = |name: &&str| !found.attachments.iter().any(|one| format!("{}_URL", one.name) == *name);
    let ours: Vec<&str> = ours.filter(attached).collect();
    if !ours.is_empty() {
        made.push(Made {
            what: "the config vars, the key among them; AWS's may be the app's own".to_owned(),
            command: Some(commands::unset_config(app, ours).to_string()),
        });
    }
    for buildpack in BUILDPACKS.iter().filter(|name| name.contains("pgcoffer")) {
        let name = buildpack.split('#').next().unwrap_or(buildpack);
        if let Some(url) = found.buildpacks.iter().find(|url| url.contains(name)) {
            made.push(Made {
                what: "the buildpack of pgcoffer".to_owned(),
                command: Some(commands::remove_buildpack(app, url).to_string()),
            });
        }
    }
    if !found.has_code_of_its_own() {
        made.push(Made {
            what: format!("the app {app}, not certainly: it may hold what is not of pgcoffer, so look at it first"),
            command: None,
        });
    }
    made
}

/// Files that have the names which `init` proposes.
fn in_this_folder() -> Vec<Made> {
    let forms = Form::ALL.iter().map(|form| form.file_name());
    let names = [SHEET_NAME, BY_HAND_NAME].into_iter().chain(forms);
    let there = names.filter(|name| Path::new(name).is_file());
    there
        .map(|name| Made {
            what: match name {
                SHEET_NAME => "the recovery sheet, which holds the key".to_owned(),
                BY_HAND_NAME => "how to restore without pgcoffer".to_owned(),
                _ => "settings, which hold secrets".to_owned(),
            },
            command: Some(format!("rm {name}")),
        })
        .collect()
}
