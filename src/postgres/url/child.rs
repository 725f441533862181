//! How a child process gets its address and login: secrets by environment variables, which other users can't read, and
//! the rest by arguments, which everybody can read.

use std::io::{self, Write as _};

use super::parameters::IN_CONNINFO;
use super::{CONNECT_TIMEOUT, DatabaseUrl, Host, PARAMETERS};
use crate::{postgres::child_file::ChildFile, redact::SecretText};

/// The seconds of silence after which a child's connection is probed. Routers drop an idle connection after as little
/// as 350 s (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html>), and a restore
/// that builds an index is silent for longer.
const KEEPALIVES_IDLE: &str = "60";

/// A file that can't exist: its parent is not a folder.
const NO_FILE: &str = "/dev/null/none";

/// A file for what libpq reads only from a file or an argument, if it must not be an argument.
#[derive(Debug)]
pub(in crate::postgres) struct ServiceFile(ChildFile);

impl DatabaseUrl {
    /// The environment variables that give a child process this address and login. The child must not inherit libpq's
    /// own variables.
    pub fn child_env(&self) -> Vec<(&'static str, SecretText)> {
        let mut env = vec![
            ("PGHOST", self.host().to_owned()),
            ("PGPORT", self.port().to_string()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
            ("PGSSLMODE", self.effective_ssl_mode().as_str().to_owned()),
            // Kerberos would encrypt without the certificates that sslmode is about.
            ("PGGSSENCMODE", "disable".to_owned()),
            // The URL is the only source of the password: the agent's own session doesn't read ~/.pgpass either.
            ("PGPASSFILE", NO_FILE.to_owned()),
            // and no files in ~/.postgresql
            ("PGSSLCERT", NO_FILE.to_owned()),
            ("PGSSLKEY", NO_FILE.to_owned()),
            ("PGSSLCRL", NO_FILE.to_owned()),
            ("PGAPPNAME", self.application().to_owned()),
            ("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT.as_secs().to_string()),
        ];
        if let (Some(address), Host::Tcp(_)) = (self.address(), &self.first_host().host) {
            env.push(("PGHOSTADDR", address.to_string()));
        }
        for parameter in PARAMETERS {
            let value = self.parameters.get(parameter.name);
            if let (Some(variable), Some(value)) = (parameter.variable, value) {
                env.retain(|(set, _)| *set != variable);
                env.push((variable, value.clone()));
            }
        }
        if let Some(file) = self.root_certificates() {
            env.retain(|(set, _)| *set != "PGSSLROOTCERT");
            env.push(("PGSSLROOTCERT", file.to_owned()));
        }
        if !env.iter().any(|(set, _)| *set == "PGSSLROOTCERT") {
            env.push(("PGSSLROOTCERT", NO_FILE.to_owned()));
        }
        let mut env: Vec<_> = env
            .into_iter()
            .map(|(name, value)| (name, SecretText::new(value)))
            .collect();
        env.extend(self.password.clone().map(|password| ("PGPASSWORD", password)));
        env
    }

    /// The connection string for a child's arguments: the database's name, and what libpq reads from no variable.
    /// `pg_restore` connects only if it gets one.
    pub(in crate::postgres) fn child_conninfo(&self) -> String {
        let mut conninfo = format!("dbname={}", quote_conninfo(&self.database));
        for name in IN_CONNINFO {
            let default = (*name == "keepalives_idle").then_some(KEEPALIVES_IDLE);
            if let Some(value) = self.parameter(name).or(default) {
                conninfo.push_str(&format!(" {name}={}", quote_conninfo(value)));
            }
        }
        conninfo
    }

    /// The file for a child process, if it needs one: for the passphrase of the client's key, which libpq reads from no
    /// variable.
    pub(in crate::postgres) fn service_file(&self) -> io::Result<Option<ServiceFile>> {
        let Some(passphrase) = self.parameter("sslpassword") else {
            return Ok(None);
        };
        let file = ChildFile::new()?;
        write!(file.file(), "[{SERVICE}]\nsslpassword={passphrase}\n")?;
        Ok(Some(ServiceFile(file)))
    }
}

/// The name of the service in that file.
const SERVICE: &str = "pgcoffer";

impl ServiceFile {
    /// The environment variables that name the file and the service.
    pub(in crate::postgres) fn env(&self) -> [(&'static str, String); 2] {
        [
            ("PGSERVICEFILE", self.0.path().display().to_string()),
            ("PGSERVICE", SERVICE.to_owned()),
        ]
    }
}

/// Quotes a value for a connection string.
///
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE>
fn quote_conninfo(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}
