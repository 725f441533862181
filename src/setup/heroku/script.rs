//! The whole set-up as one script for a shell, from the app to the first backup. It can be run again: what is there
//! already stays.

use zeroize::Zeroizing;

use super::{Attachment, BUILDPACKS, CREDENTIAL, SCHEDULER_JOB, commands, config_vars, grants};
use crate::{
    backup::Label,
    setup::Setup,
    text::{escaped, shell_word},
};

/// The app's source: names and contents of its files.
pub const SOURCE: [(&str, &str); 2] = [
    ("Aptfile", include_str!("../../../Aptfile")),
    ("Procfile", include_str!("../../../Procfile")),
];

/// The script.
pub(in crate::setup) fn script(setup: &Setup) -> Zeroizing<String> {
    let app = setup.app.as_deref().unwrap_or("YOUR-APP");
    let mut text = Zeroizing::new(format!(
        "# Sets up pgcoffer in the Heroku app {app}, from the app to the first backup. Run it with sh, not line by line.\n\
         # It can be run again: what is there already stays. It holds secrets: delete it afterwards.\n\
         set -eu\n\
         work=$(mktemp -d)\n\
         trap 'rm -rf \"$work\"' EXIT\n\n",
        app = escaped(app)
    ));
    let is_inside = setup.attachments.values().any(|database| database.owner == app);
    match is_inside {
        true => text.push_str(
            "# This app has code of its own: add the buildpacks and deploy, as \"Inside your app\" in docs/heroku.md \
             has it.\n\n",
        ),
        false => text.push_str(&build(setup, app)),
    }
    text.push_str("echo 'Setting the config vars'\n");
    text.push_str(&config_vars::request(setup, app));
    for (label, database) in &setup.attachments {
        text.push_str(&attachment(app, label, database));
    }
    text.push_str(&first_run(setup, app));
    text
}

/// The app, with its buildpacks and what they build.
fn build(setup: &Setup, app: &str) -> String {
    let word = shell_word(app);
    let mut text = format!(
        "heroku config -a {word} >/dev/null 2>&1 ||\n  {}\n",
        commands::create_app(app, &setup.home)
    );
    for buildpack in BUILDPACKS {
        let name = buildpack.rsplit('/').next().unwrap_or(buildpack);
        let name = name.split('#').next().unwrap_or(name);
        text.push_str(&format!(
            "heroku buildpacks -a {word} | grep -q {name} ||\n  {}\n",
            commands::add_buildpack(app, buildpack)
        ));
    }
    for (name, content) in SOURCE {
        text.push_str(&format!("cat >\"$work/{name}\" <<'END'\n{content}END\n"));
    }
    let commit = commands::commit();
    let push = commands::push(app);
    text.push_str(&format!(
        "(\n  cd \"$work\"\n  git init --quiet\n  git add {}\n  {commit}\n  {push}\n)\n\n",
        SOURCE.map(|(name, _)| name).join(" ")
    ));
    text
}

/// One database: its credential, the attachment, and the rights.
fn attachment(app: &str, label: &Label, database: &Attachment) -> String {
    let mut text = String::from("\n");
    if database.has_credentials() {
        let url = commands::credential_url(database);
        text.push_str(&format!(
            "{url} >/dev/null 2>&1 ||\n  {}\n\
             tries=0\n\
             until {url} >/dev/null 2>&1; do\n  \
               tries=$((tries + 1))\n  \
               [ \"$tries\" -le 60 ] || {{ echo 'the credential {CREDENTIAL} is not active yet: run this script again \
             later' >&2; exit 1; }}\n  \
               echo 'Waiting until the credential {CREDENTIAL} is active'\n  \
               sleep 5\n\
             done\n",
            commands::create_credential(database)
        ));
    }
    text.push_str(&format!(
        "heroku config:get {}_URL -a {} | grep -q . ||\n  {}\n",
        commands::attachment_name(label),
        shell_word(app),
        commands::attach(app, label, database)
    ));
    if database.has_credentials() {
        let file = format!("\"$work/grants-{label}.sql\"");
        text.push_str(&format!("{} >{file}\n", commands::print_grants(app, label)));
        // whoever can change the app can change what its dynos print
        text.push_str(&grants::guard(&file));
        if database.is_reached_by_dynos_alone() {
            text.push_str(&format!(
                "echo 'Only dynos reach this database. Run this SQL in a dyno, as docs/heroku.md has it for Shield \
                 plans'\ncat {file}\n"
            ));
        } else {
            let run = commands::run_sql(database, "FILE").to_string();
            let run = run.strip_suffix("FILE").unwrap_or(&run);
            text.push_str(&format!("{run}{file}\n"));
        }
    }
    text
}

/// Scheduler, check, the first backups, and what only a web page can do.
fn first_run(setup: &Setup, app: &str) -> String {
    let mut text = format!(
        "\nheroku addons -a {} | grep -q scheduler ||\n  {}\n{}\n",
        shell_word(app),
        commands::add_scheduler(app),
        commands::in_dyno(app, "pgcoffer check")
    );
    for label in setup.labels() {
        for verb in ["backup", "verify --database"] {
            let command = format!("pgcoffer {verb} {label}");
            text.push_str(&format!("{}\n", commands::in_dyno(app, &command)));
        }
    }
    text.push_str(&format!(
        "\necho 'One thing only the web page can do: a job that runs every hour. This opens it:'\n\
         echo {}\n\
         echo 'Choose \"Create job\", \"Every hour at...\", and paste this as the command:'\n\
         echo '  {SCHEDULER_JOB}'\n",
        shell_word(&format!("  {}", commands::open_scheduler(app)))
    ));
    text
}
