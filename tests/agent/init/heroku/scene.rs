//! An app with a database on a real server, a bucket, and a user who has the Heroku CLI and nothing else.

use std::{fs, path::Path};

use super::api::{AddOn, App, Cloud, FakeHeroku, TOKEN};
use crate::{
    stage::SMALL,
    testbed::{Agent, Cluster, INSTALL_HINT, S3Server, project},
};

/// The app whose database is backed up, and its add-on.
pub(super) const OWNER: &str = "shop";
pub(super) const ADD_ON: &str = "postgresql-rigid-12345";
/// The app that is set up.
pub(super) const APP: &str = "shop-backups";

pub(super) struct HerokuScene {
    pub(super) cluster: Cluster,
    pub(super) bucket: S3Server,
    pub(super) folder: tempfile::TempDir,
    pub(super) heroku: FakeHeroku,
}

impl HerokuScene {
    /// With a database of this plan, such as `standard-0`.
    pub(super) fn new(plan: &str) -> Self {
        let cluster = Cluster::start(None);
        cluster.create_database("shop");
        cluster.psql("shop", SMALL);
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "git", "work"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let role_maker = cluster.url("shop");
        let mut cloud = Cloud {
            repositories: folder.path().join("git"),
            make_role: Some(Box::new(move |role| {
                let sql = format!("create role {role} login");
                let made = std::process::Command::new("psql")
                    .args(["-qc", &sql, &role_maker])
                    .status();
                assert!(made.unwrap().success());
            })),
            ..Cloud::default()
        };
        cloud.apps.insert(OWNER.to_owned(), App::default());
        cloud.add_ons.insert(
            ADD_ON.to_owned(),
            AddOn {
                plan: format!("heroku-postgresql:{plan}"),
                app: OWNER.to_owned(),
                variable: "DATABASE_URL".to_owned(),
                url: format!("postgres://ROLE@localhost:{}/shop", cluster.port()),
            },
        );
        let attachment = ("DATABASE".to_owned(), OWNER.to_owned(), ADD_ON.to_owned(), None);
        cloud.attachments.push(attachment);
        Self {
            cluster,
            bucket: S3Server::start(),
            folder,
            heroku: FakeHeroku::start(cloud),
        }
    }

    /// The folder that `init` writes into.
    pub(super) fn work(&self) -> std::path::PathBuf {
        self.folder.path().join("work")
    }

    /// The user's computer: the CLI with a login, and git, which finds Heroku's repositories in a folder.
    pub(super) fn computer(&self) -> Agent {
        let cli = project().join(".testbed/heroku-cli/bin");
        assert!(cli.join("heroku").exists(), "no Heroku CLI: {INSTALL_HINT}");
        let url = self.heroku.url();
        let repositories = format!("url.file://{}/.insteadOf", self.folder.path().join("git").display());
        Agent::new()
            .env("PATH", with_folder(&cli))
            .env("HOME", self.folder.path().join("home"))
            .env("HEROKU_API_KEY", TOKEN)
            .env("HEROKU_HOST", &url)
            .env("HEROKU_DATA_HOST", "127.0.0.1")
            .env("HEROKU_BUILDPACK_REGISTRY_URL", &url)
            .env("HEROKU_PARTICLEBOARD_URL", &url)
            .env("DISABLE_TELEMETRY", "true")
            .env("HEROKU_DISABLE_AUTOUPDATE", "1")
            .env("NODE_EXTRA_CA_CERTS", self.heroku.dynos.authority())
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", repositories)
            .env("GIT_CONFIG_VALUE_0", "https://git.heroku.com/")
            .current_dir(self.work())
    }

    /// The same with the bucket and its credentials in the environment.
    pub(super) fn with_bucket(&self) -> Agent {
        self.computer().s3(&self.bucket)
    }

    /// Everything by flags.
    pub(super) fn flags(&self) -> Vec<String> {
        let flags = [
            "init",
            "--heroku",
            APP,
            "--heroku-from",
            OWNER,
            "--database",
            "main=heroku:DATABASE_URL",
            "--yes",
            "--key-stored",
        ];
        flags.map(str::to_owned).to_vec()
    }

    /// A fresh sheet for each run, since none is written over.
    pub(super) fn flags_with_sheet(&self, name: &str) -> Vec<String> {
        let mut flags = self.flags();
        flags.extend(["--sheet".to_owned(), name.to_owned()]);
        flags
    }
}

/// `PATH` with this folder first.
pub(super) fn with_folder(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}
