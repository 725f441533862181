//! `init --undo`: what a set-up has made, each with the command that removes it. Nothing is removed here, and no command
//! of the list removes a backup.

use std::{fs, path::Path};

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
use zeroize::Zeroizing;

use super::{
    InitArgs, OF_AWS,
    finish::SHEET_NAME,
    heroku::{HerokuLogin, OnHeroku, unavailable},
};
use crate::cli::{global::Global, screen};

/// The most files of the folder that are looked at.
const ENTRIES_MAX: usize = 1000;
/// No file of ours is longer: a sheet has a code for each key.
const BYTES_MAX: u64 = 1 << 20;
/// What no file but a recovery sheet has in it.
const SHEET_MARKS: [&str; 2] = [
    "PGCOFFER RECOVERY SHEET\n=======================\n",
    "<title>pgcoffer recovery sheet</title>",
];

/// What settings with a secret have in them; the last two are those of a file in TOML.
const SECRETS: [&str; 4] = ["PGCOFFER_KEY", "PGCOFFER_PASSPHRASE", "\nkey = \"", "\npassphrase = \""];

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
    if args.heroku.is_none() {
        text.push_str(
            "\nOnly this folder was looked at: a sheet or a file of settings that went to another folder is not in the \
             list.\n",
        );
    }
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

/// Files of this folder that `init` has made: known by what is in them, whatever they are called, or by the name that
/// `init` proposes.
fn in_this_folder() -> Vec<Made> {
    let mut names: Vec<String> = fs::read_dir(".")
        .into_iter()
        .flatten()
        .flatten()
        .take(ENTRIES_MAX)
        // a name that isn't UTF-8 was given to none of ours
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names.iter().filter_map(|name| made_here(name)).collect()
}

/// What a file is, if it is ours.
fn made_here(name: &str) -> Option<Made> {
    // what a link leads to is somewhere else, and a pipe has no end
    let is_small_file = |meta: fs::Metadata| meta.is_file() && meta.len() <= BYTES_MAX;
    if !Path::new(name).symlink_metadata().is_ok_and(is_small_file) {
        return None;
    }
    let bytes = Zeroizing::new(fs::read(name).unwrap_or_default());
    let text = String::from_utf8_lossy(&bytes);
    let removed = |what: &str| Made {
        what: format!("{what}: {name}"),
        command: Some(format!("rm {}", shell_word(name))),
    };
    let is_sheet = SHEET_MARKS.iter().any(|mark| text.contains(mark));
    let is_settings = ["PGCOFFER_BUCKET=", "PGCOFFER_BUCKET:", "bucket = \"s3://"];
    let is_settings = is_settings.iter().any(|setting| text.contains(setting));
    if name == SHEET_NAME || is_sheet {
        Some(removed("a recovery sheet, which holds the key"))
    } else if name == BY_HAND_NAME {
        Some(removed("how to restore without pgcoffer"))
    } else if Form::ALL.iter().any(|form| form.file_name() == name) {
        Some(removed("settings, which hold secrets"))
    } else if is_settings && SECRETS.iter().any(|secret| text.contains(secret)) {
        // it may have settings of other programs too
        Some(Made {
            what: format!("{name}, which has settings of pgcoffer and secrets in it: look at it before you remove it"),
            command: None,
        })
    } else {
        None
    }
}
