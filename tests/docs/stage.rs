//! What a page finds: a PostgreSQL server with the sample shop, an empty bucket, and variables that name them.

use std::path::{Path, PathBuf};

use pgcoffer::seal::MasterKey;

use crate::{
    page::Page,
    testbed::{Cluster, INSTALL_HINT, S3Server, binary, project},
};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SHOP: &str = include_str!("../../examples/sample-database/shop.sql");

/// One server for pages that come one after the other.
#[derive(Debug)]
pub(crate) struct Stage {
    cluster: Cluster,
}

/// What one page has for itself.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) bucket: S3Server,
    /// The page's folder, and beside it what the reader doesn't see.
    pub(crate) folder: tempfile::TempDir,
    pub(crate) backstage: tempfile::TempDir,
    port: u16,
}

impl Stage {
    pub(crate) fn start() -> Self {
        let cluster = Cluster::start(None);
        cluster.create_database("sample");
        cluster.psql("sample", &format!("\\set scale 0.01\n{SHOP}"));
        Self { cluster }
    }

    /// Everything as it was before the first page.
    pub(crate) fn set(&self) -> Scene {
        let databases = "select format('drop database %I with (force);', datname) from pg_database
            where datname not in ('postgres', 'sample', 'template0', 'template1')";
        let roles = "select format('drop role %I;', rolname) from pg_roles
            where rolname <> 'postgres' and rolname not like 'pg\\_%'";
        for list in [databases, roles] {
            for statement in self.cluster.psql("postgres", list).lines() {
                self.cluster.psql("postgres", statement);
            }
        }
        self.cluster.psql("postgres", "create database shop template sample");
        Scene {
            bucket: S3Server::start(),
            folder: tempfile::tempdir().unwrap(),
            backstage: tempfile::tempdir().unwrap(),
            port: self.cluster.port(),
        }
    }

    /// The folder of the server's client programs.
    fn bin(&self) -> &Path {
        self.cluster.bin()
    }

    /// The variables of a page's shell.
    pub(crate) fn variables(&self, page: &Page, scene: &Scene) -> Vec<(String, String)> {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let programs = binary().parent().unwrap().to_owned();
        let mut variables = vec![
            (
                "PATH",
                format!(
                    "{}:{}:{}",
                    path(&programs),
                    path(self.bin()),
                    std::env::var("PATH").unwrap()
                ),
            ),
            ("HOME", path(scene.backstage.path())),
            ("USER", "reader".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("COLUMNS", "400".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGPORT", scene.port.to_string()),
            ("PGUSER", "postgres".to_owned()),
            ("DOCS_OUT", path(scene.backstage.path())),
            ("DOCS_PLAYED", path(&project().join("tests/docs/played"))),
            ("DOCS_TESTBED", path(&testbed_folder())),
            ("DOCS_DATABASE_URL", self.cluster.url("shop")),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<Vec<_>>();
        let mut given = scene.bucket.env();
        given.push(("PGCOFFER_KEY".to_owned(), KEY.to_owned()));
        given.push(("PGCOFFER_DB_MAIN_URL".to_owned(), self.cluster.url("shop")));
        for (name, value) in &given {
            variables.push((format!("DOCS_GIVEN_{name}"), value.clone()));
        }
        // Where the test server is, nobody can know of himself.
        let always = ["AWS_ENDPOINT_URL_S3", "PGCOFFER_S3_PATH_STYLE"];
        given.retain(|(name, _)| !page.starts_from_nothing || always.contains(&name.as_str()));
        variables.extend(given);
        variables
    }
}

/// Where `install.sh` has put what the played programs need.
fn testbed_folder() -> PathBuf {
    let folder = project().join(".testbed");
    for file in [
        "heroku/oclif.manifest.json",
        "awscli/bin/aws",
        "attestations/bin/python",
    ] {
        assert!(folder.join(file).exists(), "no .testbed/{file}: {INSTALL_HINT}");
    }
    folder
}

impl Scene {
    /// Puts the test's own values in the place of what pages write for the reader's.
    pub(crate) fn resolve(&self, text: &str) -> String {
        let typed: Vec<String> = text.split('\n').map(typed).collect();
        let text = &typed.join("\n");
        let (access, secret) = self.bucket.credentials();
        let key = MasterKey::parse(KEY).unwrap().encode().to_string();
        [
            ("user:password@host:5432", format!("postgres@127.0.0.1:{}", self.port)),
            ("user@host:5432", format!("postgres@127.0.0.1:{}", self.port)),
            ("@host:5432", format!("@127.0.0.1:{}", self.port)),
            ("s3://your-bucket", format!("s3://{}", self.bucket.bucket())),
            ("PGCOFFER-KEY-1…", key),
            ("AWS_ACCESS_KEY_ID=…", format!("AWS_ACCESS_KEY_ID={access}")),
            ("AWS_SECRET_ACCESS_KEY=…", format!("AWS_SECRET_ACCESS_KEY={secret}")),
        ]
        .iter()
        .fold(text.to_owned(), |text, (shown, meant)| text.replace(shown, meant))
    }
}

/// A line that asks for a secret, as if the reader had typed what stands behind the `#`: `read -rs NAME && export NAME
/// # VALUE`.
fn typed(line: &str) -> String {
    let parts = || {
        let (before, value) = line.split_once("   # ")?;
        let (indent, rest) = before.split_once("read -rs ")?;
        let (name, then) = rest.split_once(" && ")?;
        Some(format!("{indent}{name}={value} && {}", then.trim_end()))
    };
    parts().unwrap_or_else(|| line.to_owned())
}
