//! What is left to do, once everything is written.

use pgcoffer::{
    plain_http::{is_this_machine, leads_to_this_machine},
    postgres::DatabaseUrl,
    setup::{Form, url_variable},
    store::Location,
    text::shell_word,
};

use super::Draft;
use crate::cli::{
    output, screen,
    width::{columns, wrapped},
};

impl Draft {
    pub(super) fn say_what_is_left(&self, form: Form) {
        self.warn_of_this_machine(form);
        let file = self.args.write.as_ref().map(|path| path.display().to_string());
        let mut left: Vec<String> = Vec::new();
        if let Some(sheet) = self.args.sheets.first() {
            left.push(format!(
                "Print {} or store it away from this machine, then delete it.",
                sheet.display()
            ));
        }
        if form == Form::Heroku && self.setup.app.is_none() {
            let place = file.as_deref().map_or("the commands", |file| file);
            left.push(format!(
                "Replace YOUR-APP in {place} by the name of the Heroku app that is to run pgcoffer."
            ));
        }
        left.push(how_to_set(form, file.as_deref()));
        if self.setup.text("AWS_ACCESS_KEY_ID").is_none() || form == Form::Toml {
            left.push(
                "Give pgcoffer credentials for the bucket where it runs: AWS_ACCESS_KEY_ID and \
                AWS_SECRET_ACCESS_KEY, or a role."
                    .to_owned(),
            );
        }
        let bucket = self.setup.text("PGCOFFER_BUCKET").unwrap_or_default();
        left.push(format!(
            "Let these credentials do no more than they must: `pgcoffer policy --bucket {}` prints the IAM policy.",
            shell_word(bucket)
        ));
        left.push(how_to_run(form).to_owned());
        if form != Form::Heroku {
            left.push(
                "Take the first backup: `pgcoffer backup`, then `pgcoffer list`. `pgcoffer status` tells a monitor \
                when one is late."
                    .to_owned(),
            );
        }
        left.push(
            "Have it proven that they come back: `pgcoffer drill`; PGCOFFER_DRILL=\"weekly on sunday at 04:00\" has \
             `tick` do it every week."
                .to_owned(),
        );
        left.push(self.about_copies());
        let columns = columns(std::io::stderr());
        let mut text = String::from("\nWhat is left to do:\n");
        for (n, item) in left.iter().enumerate() {
            let line = format!("  {}. {item}\n", n + 1);
            text.push_str(&wrapped(&line, 3, columns));
        }
        if !self.quiet {
            output::note(&text);
        }
    }
}

impl Draft {
    /// What is left to do for copies elsewhere, or how to begin with them.
    pub(super) fn about_copies(&self) -> String {
        let places: Vec<String> = self.setup.places().iter().map(|(name, _)| name.to_string()).collect();
        match places.is_empty() {
            true => "Keep a copy elsewhere, in case the bucket is lost: PGCOFFER_COPY_<NAME>_URL names another S3 \
                     service, a server by SFTP or a folder; `pgcoffer check` tries it, and `pgcoffer copy` fills it."
                .to_owned(),
            false => format!(
                "Once there is a backup, run `pgcoffer copy`: it fills {}, and begins a folder that is new. From then \
                 on every backup is copied when it is made.",
                places.join(" and ")
            ),
        }
    }

    /// What is on this machine is not where the settings go.
    fn warn_of_this_machine(&self, form: Form) {
        let place = match form {
            Form::Heroku => "dyno",
            Form::Env => "container",
            Form::Kubernetes => "pod",
            Form::Dotenv | Form::Toml | Form::Shell => return,
        };
        let mut here: Vec<String> = Vec::new();
        for label in self.labels() {
            let variable = url_variable(&label);
            let url = self.setup.text(&variable).map(DatabaseUrl::parse);
            if let Some(Ok(url)) = url
                && url.is_local()
                && !self.setup.attachments.contains_key(&label)
            {
                here.push(format!("{variable} ({})", url.host()));
            }
        }
        for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
            if self.setup.text(name).is_some_and(leads_to_this_machine) {
                here.push(name.to_owned());
            }
        }
        here.extend(self.places_here());
        if !here.is_empty() {
            let here = here.join(", ");
            let warning =
                format!("warning: from a {place} these lead to the {place} itself, and not to this machine: {here}");
            screen::message(&warning);
        }
    }
}

impl Draft {
    /// Settings of places that lead to this machine: folders, servers and services on it, and files of keys.
    fn places_here(&self) -> Vec<String> {
        let mut here = Vec::new();
        for (name, url) in self.setup.places() {
            let location = Location::parse(url).ok();
            let is_here = match &location {
                Some(Location::Folder(_)) => true,
                Some(Location::Server(server)) => is_this_machine(&server.host),
                _ => false,
            };
            if is_here {
                here.push(format!("{}_URL", name.settings()));
            }
            for (variable, value) in self.setup.settings_of_place(&name) {
                let is_file = variable.ends_with("_SSH_KEY") && !value.contains("-----BEGIN ")
                    || variable.ends_with("_HOST_KEY") && value.starts_with('/');
                if is_file || variable.ends_with("_ENDPOINT_URL") && leads_to_this_machine(value) {
                    here.push(variable.to_owned());
                }
            }
        }
        here
    }
}

fn how_to_set(form: Form, file: Option<&str>) -> String {
    let name = shell_word(file.unwrap_or(form.file_name()));
    let how = match form {
        Form::Heroku => {
            format!(
                "run `sh {name}`, which sets up everything from the app to the first backup, then delete it; \
                 `pgcoffer init --heroku APP` without --output does the same and asks before each command"
            )
        }
        Form::Env => format!("set them by `docker run --env-file {name} …`"),
        Form::Dotenv => {
            format!("name {name} as env_file of Docker Compose or EnvironmentFile of systemd")
        }
        Form::Toml => format!("put {name} where pgcoffer runs, as pgcoffer.toml in its folder or named by --config"),
        Form::Kubernetes => {
            format!("`kubectl apply -f {name}`; it holds secrets and belongs into no repository")
        }
        Form::Shell => format!("read them into the shell that runs pgcoffer: `. ./{name}`"),
    };
    match file {
        Some(_) => format!("The settings: {how}."),
        None => format!("The settings: save what is printed as {name}, then {how}."),
    }
}

fn how_to_run(form: Form) -> &'static str {
    match form {
        Form::Heroku => {
            "Add a job to Heroku Scheduler, which only its web page can do: `pgcoffer tick`, every hour. The script \
             says how to open it."
        }
        Form::Kubernetes => "The CronJob runs `pgcoffer tick` every hour; see that its image can be pulled.",
        Form::Shell | Form::Dotenv => {
            // cron's PATH has neither /usr/local/bin nor a person's own folders
            "Have `pgcoffer tick` run every hour, by a systemd timer or by cron: `crontab -e`, and the line `7 * * * * set \
             -a; . /path/to/the-settings && /path/to/pgcoffer tick -q`, with both paths in full. It does what is due and \
             nothing else."
        }
        _ => "Have `pgcoffer tick` run every hour, by cron or a systemd timer; it does what is due and nothing else.",
    }
}
