//! What a set-up on Heroku consists of, and what of it is still to be done.

use pgcoffer::{
    backup::Label,
    setup::{
        Setup,
        heroku::{BUILDPACKS, commands},
    },
};

use super::OnHeroku;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HerokuStep {
    App,
    Buildpack(&'static str),
    Build,
    ConfigVars,
    Credential(Label),
    Attach(Label),
    Grants(Label),
    Scheduler,
    Check,
    Backup(Label),
    Verify(Label),
}

impl HerokuStep {
    /// Its purpose.
    pub(super) fn title(&self) -> String {
        match self {
            Self::App => "make the app".to_owned(),
            Self::Buildpack(buildpack) if buildpack.contains("pgcoffer") => "add the buildpack of pgcoffer".to_owned(),
            Self::Buildpack(_) => "add the buildpack that brings PostgreSQL's clients".to_owned(),
            Self::Build => "bring two files, Aptfile and Procfile, to Heroku, which builds the app".to_owned(),
            Self::ConfigVars => "set the config vars".to_owned(),
            Self::Credential(label) => format!("make a credential for {label}, and wait until it is active"),
            Self::Attach(label) => format!("attach the database of {label}"),
            Self::Grants(label) => format!("let the credential read everything in {label}, and change nothing"),
            Self::Scheduler => "add Heroku Scheduler".to_owned(),
            Self::Check => "try everything in a dyno".to_owned(),
            Self::Backup(label) => format!("take a first backup of {label}"),
            Self::Verify(label) => format!("read that backup of {label} back and verify it"),
        }
    }

    /// The commands, as they are run.
    pub(super) fn commands(&self, setup: &Setup, app: &str) -> Vec<String> {
        let of = |label: &Label| setup.attachments.get(label);
        let one = |command: commands::CommandLine| vec![command.to_string()];
        match self {
            Self::App => one(commands::create_app(app, &setup.home)),
            Self::Buildpack(buildpack) => one(commands::add_buildpack(app, buildpack)),
            Self::Build => vec![commands::push(app)],
            Self::ConfigVars => vec![format!("PATCH https://api.heroku.com/apps/{app}/config-vars")],
            Self::Credential(label) => of(label)
                .map(|database| commands::create_credential(database).to_string())
                .into_iter()
                .collect(),
            Self::Attach(label) => of(label)
                .map(|database| commands::attach(app, label, database).to_string())
                .into_iter()
                .collect(),
            Self::Grants(label) => of(label).map_or_else(Vec::new, |database| {
                let file = format!("grants-{label}.sql");
                vec![
                    format!("{} > {file}", commands::print_grants(app, label)),
                    commands::run_sql(database, &file).to_string(),
                ]
            }),
            Self::Scheduler => one(commands::add_scheduler(app)),
            Self::Check => one(commands::in_dyno(app, "pgcoffer check")),
            Self::Backup(label) => one(commands::in_dyno(app, &format!("pgcoffer backup {label}"))),
            Self::Verify(label) => one(commands::in_dyno(app, &format!("pgcoffer verify --database {label}"))),
        }
    }
}

/// The steps that are still to be done, in order. `backed_up` are the databases of which the bucket has a good backup.
pub(super) fn missing(setup: &Setup, found: &OnHeroku, backed_up: &[Label]) -> Vec<HerokuStep> {
    let mut steps = Vec::new();
    if found.app.is_none() {
        steps.push(HerokuStep::App);
    }
    if !found.has_code_of_its_own() {
        for buildpack in BUILDPACKS {
            let name = buildpack.split('#').next().unwrap_or(buildpack);
            if !found.has_buildpack(name.rsplit("github.com/").next().unwrap_or(name)) {
                steps.push(HerokuStep::Buildpack(buildpack));
            }
        }
        if found.process_types.is_none() {
            steps.push(HerokuStep::Build);
        }
    }
    if !differing(setup, found).is_empty() {
        steps.push(HerokuStep::ConfigVars);
    }
    for (label, database) in &setup.attachments {
        let attached = found.attachment(&commands::attachment_name(label));
        if attached.is_none() {
            steps.extend(
                database
                    .has_credentials()
                    .then(|| HerokuStep::Credential(label.clone())),
            );
            steps.push(HerokuStep::Attach(label.clone()));
        }
        // attached by the owner's credential, it may do everything already
        let by_credential = attached.map_or(database.has_credentials(), |attached| attached.credential.is_some());
        if by_credential && !backed_up.contains(label) {
            steps.push(HerokuStep::Grants(label.clone()));
        }
    }
    if !found.has_scheduler() {
        steps.push(HerokuStep::Scheduler);
    }
    let without: Vec<Label> = setup
        .labels()
        .into_iter()
        .filter(|label| !backed_up.contains(label))
        .collect();
    if !without.is_empty() || !steps.is_empty() {
        steps.push(HerokuStep::Check);
    }
    for label in without {
        steps.push(HerokuStep::Backup(label.clone()));
        steps.push(HerokuStep::Verify(label));
    }
    steps
}

/// The config vars that the app lacks, or has otherwise.
pub(super) fn differing<'a>(setup: &'a Setup, found: &OnHeroku) -> Vec<(&'a str, &'a str)> {
    let wanted = setup.config_vars();
    wanted
        .filter(|(name, value)| found.vars.get(*name).is_none_or(|set| set.as_str() != *value))
        .collect()
}
