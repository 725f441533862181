//! Which bucket, and by which credentials.

use pgcoffer::{Result, plain_http::HttpHosts, store::Location};

use super::{Draft, OF_AWS, journal::Asked, usage};

/// Variables by which the AWS SDK finds credentials without a key.
const OTHER_CREDENTIALS: [&str; 4] = [
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

impl Draft {
    pub(super) fn bucket(&mut self) -> Asked<()> {
        self.step(2, "Bucket");
        self.take_flags();
        if self.carries_out() && self.vars.contains_key("AWS_SESSION_TOKEN") {
            self.terminal
                .say("   The credentials in the environment end within hours: a dyno needs others.");
            self.drop_access();
        }
        loop {
            self.ask_until_it_works()?;
            if !self.say_what_is_there()? {
                break;
            }
        }
        if self.vars.contains_key("AWS_SESSION_TOKEN") {
            // temporary credentials end within hours, and would be set for good
            self.setup.variables.remove("AWS_ACCESS_KEY_ID");
            self.setup.variables.remove("AWS_SECRET_ACCESS_KEY");
        }
        Ok(())
    }

    fn take_flags(&mut self) {
        let region = self.args.region.take();
        let endpoint = self.args.endpoint_url.take();
        for (name, value) in [("AWS_REGION", region), ("AWS_ENDPOINT_URL_S3", endpoint)] {
            if let Some(value) = value {
                self.setup.set(name, value);
            }
        }
        if self.args.path_style {
            self.setup.set("PGCOFFER_S3_PATH_STYLE", "true");
        }
    }

    /// Asks for what is missing and tries it at once, until it works or the user keeps it as it is.
    fn ask_until_it_works(&mut self) -> Asked<()> {
        loop {
            let typed = self.ask_bucket()?;
            if !self.terminal.asks {
                return Ok(());
            }
            let typed = self.ask_service()? || typed;
            let typed = self.ask_credentials()? || typed;
            if !typed || self.args.no_check {
                return Ok(());
            }
            loop {
                self.terminal
                    .say("   Trying it: a small object is written, read and deleted again; README.txt and restore-by-hand.md stay there.");
                let trial = self.bucket_trial()?;
                let begin_at = usize::from(trial.has_no_bucket());
                if self.works(trial.asking_again()) {
                    return Ok(());
                }
                let choices = [
                    "try again, once it is mended",
                    "name another bucket",
                    "give other credentials, another region or service",
                    "keep it as it is; backups will fail until it is mended",
                ];
                let question = "   This bucket doesn't work yet";
                match self.terminal.choose_from(question, &choices, begin_at)? {
                    0 => {}
                    1 => {
                        self.setup.variables.remove("PGCOFFER_BUCKET");
                        break;
                    }
                    2 => {
                        self.drop_access();
                        break;
                    }
                    _ => return Ok(()),
                }
            }
        }
    }

    /// Forgets everything that leads to the bucket, whether it was typed or found.
    pub(super) fn drop_access(&mut self) {
        for name in OF_AWS.into_iter().chain(super::trial::BESIDE) {
            self.setup.variables.remove(name);
            self.vars.remove(name);
            self.dropped.push(name);
        }
        self.setup.variables.remove("PGCOFFER_S3_PATH_STYLE");
    }

    /// Whether something was typed.
    fn ask_bucket(&mut self) -> Asked<bool> {
        if let Some(bucket) = self.setup.text("PGCOFFER_BUCKET") {
            self.terminal.say(&format!("   {bucket}"));
            return Ok(false);
        }
        if !self.terminal.asks {
            return Err(usage("no bucket is named", "give --bucket s3://bucket/prefix").into());
        }
        self.terminal
            .say("   It must exist: make it with your provider; private, and best with versioning.");
        let check = |text: &str| {
            let location = Location::parse(text).map_err(|e| match e.hint() {
                Some(hint) => format!("{}: {hint}", e.why),
                None => e.why,
            })?;
            check_is_bucket(&location).map_err(|e| match e.hint() {
                Some(hint) => format!("{e}: {hint}"),
                None => e.to_string(),
            })
        };
        let bucket = self
            .terminal
            .text("   The bucket, as s3://bucket/prefix", None, check)?;
        self.note_answer("--bucket", &bucket);
        self.setup.set("PGCOFFER_BUCKET", bucket);
        Ok(true)
    }

    /// Region and service; whether something was typed.
    fn ask_service(&mut self) -> Asked<bool> {
        let mut typed = false;
        if self.setup.text("AWS_REGION").is_none() {
            // a dyno has no ~/.aws
            let (question, default) = match self.carries_out() {
                true => ("   Its region, such as eu-central-1", None),
                false => ("   Its region, such as eu-central-1; Enter if ~/.aws says it", Some("")),
            };
            let region = self.terminal.text(question, default, fits)?;
            typed |= self.set_unless_empty("AWS_REGION", "--region", region);
        }
        let has_endpoint = |name| self.setup.text(name).is_some();
        if has_endpoint("AWS_ENDPOINT_URL_S3") || has_endpoint("AWS_ENDPOINT_URL") {
            return Ok(typed);
        }
        let endpoint = self.ask_endpoint()?;
        if self.set_unless_empty("AWS_ENDPOINT_URL_S3", "--endpoint-url", endpoint) {
            typed = true;
            let question = "   Does it want the bucket's name in the path? Most but AWS do.";
            if self.terminal.confirm(question, true)? {
                self.note_answer("--path-style", "");
                self.setup.set("PGCOFFER_S3_PATH_STYLE", "true");
            }
        }
        Ok(typed)
    }

    /// The address of an S3 service; empty for AWS.
    pub(super) fn ask_endpoint(&self) -> Asked<String> {
        let allowed = self.setup.text("PGCOFFER_ALLOW_HTTP").unwrap_or_default();
        let allowed = HttpHosts::parse(allowed).unwrap_or_default();
        let check = |text: &str| match text.is_empty() || text.starts_with("https://") || text.starts_with("http://") {
            true => fits(text).and_then(|()| allowed.check(text).map_err(|why| why.to_string())),
            false => Err("it begins with https://".to_owned()),
        };
        let question = "   Its service, such as https://s3.example.com; Enter for AWS";
        self.terminal.text(question, Some(""), check)
    }

    /// Whether something was typed.
    fn ask_credentials(&mut self) -> Asked<bool> {
        let others = OTHER_CREDENTIALS.iter().any(|name| self.vars.contains_key(*name));
        // credentials that were asked for anew are asked for, whatever a profile says
        let others = others && self.dropped.is_empty() && !self.carries_out();
        if others || self.setup.text("AWS_ACCESS_KEY_ID").is_some() {
            return Ok(false);
        }
        let (question, default) = match self.carries_out() {
            true => ("   Access key id", None),
            false => ("   Access key id; Enter if ~/.aws or a role has credentials", Some("")),
        };
        let id = self.terminal.text(question, default, fits)?;
        if id.is_empty() {
            return Ok(false);
        }
        let secret = self.terminal.hidden("   Secret access key", false, fits)?;
        self.setup.set("AWS_ACCESS_KEY_ID", id);
        self.setup.set("AWS_SECRET_ACCESS_KEY", secret.as_str());
        Ok(true)
    }

    fn set_unless_empty(&mut self, name: &str, flag: &'static str, value: String) -> bool {
        if value.is_empty() {
            return false;
        }
        self.note_answer(flag, &value);
        self.setup.set(name, value);
        true
    }
}

/// The form, the recovery sheet and the policy that come out are about a bucket.
pub(super) fn check_is_bucket(location: &Location) -> Result<()> {
    match location.bucket() {
        Some(_) => Ok(()),
        None => Err(usage(
            format!("{location} is a folder, and `init` sets up buckets on S3 alone"),
            "make the key with `pgcoffer keygen`, set PGCOFFER_BUCKET, PGCOFFER_KEY and PGCOFFER_DB_MAIN_URL as \
             docs/folder.md says, and have `pgcoffer check` try them",
        )),
    }
}

pub(super) fn fits(text: &str) -> std::result::Result<(), String> {
    match text.contains(char::is_whitespace) {
        true => Err("there is a space in it".to_owned()),
        false => Ok(()),
    }
}
