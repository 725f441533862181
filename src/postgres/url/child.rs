//! How a child process takes an address and a login: by variables, which nobody else can read, and by its arguments
//! what may be read by all.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use super::parameters::IN_CONNINFO;
use super::{CONNECT_TIMEOUT, DatabaseUrl, Host, PARAMETERS};
use crate::redact::SecretText;

/// Seconds of silence after which a child's connection is probed. Routers forget an idle connection after as little
/// as 350 s (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html>), and a
/// restore that builds an index is silent for longer.
const KEEPALIVES_IDLE: &str = "60";

/// A file that can't exist: its parent is no folder.
const NO_FILE: &str = "/dev/null/none";

/// What libpq takes by a file alone, if it is not to stand among the arguments. It is gone with this.
#[derive(Debug)]
pub(in crate::postgres) struct ChildFile(tempfile::NamedTempFile);

impl DatabaseUrl {
    /// The variables by which a child process takes this address and login; libpq's own ones must be out of its way.
    pub fn child_env(&self) -> Vec<(&'static str, SecretText)> {
        let mut env = vec![
            ("PGHOST", self.host().to_owned()),
            ("PGPORT", self.port().to_string()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
            ("PGSSLMODE", self.effective_ssl_mode().as_str().to_owned()),
            // Kerberos would encrypt without the certificates that sslmode speaks of.
            ("PGGSSENCMODE", "disable".to_owned()),
            // The URL is the only source of the password: our own session knows no ~/.pgpass either.
            ("PGPASSFILE", NO_FILE.to_owned()),
            // and none of the files in ~/.postgresql
            ("PGSSLCERT", NO_FILE.to_owned()),
            ("PGSSLKEY", NO_FILE.to_owned()),
            ("PGSSLCRL", NO_FILE.to_owned()),
            ("PGAPPNAME", self.application().to_owned()),
            ("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT.as_secs().to_string()),
        ];
        if let (Some(address), Host::Tcp(_)) = (self.address(), &self.place().host) {
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

    /// The connection string that may stand among a child's arguments: the database's name, and what libpq takes by
    /// no variable. `pg_restore` connects only if it's given one.
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

    /// The file for a child where one is needed: the passphrase of the client's key, which libpq takes by no variable.
    pub(in crate::postgres) fn child_file(&self) -> io::Result<Option<ChildFile>> {
        let Some(passphrase) = self.parameter("sslpassword") else {
            return Ok(None);
        };
        let mut file = tempfile::Builder::new()
            .prefix("pgcoffer-")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile()?;
        write!(file, "[{SERVICE}]\nsslpassword={passphrase}\n")?;
        file.flush()?;
        Ok(Some(ChildFile(file)))
    }
}

/// The name under which a child finds it.
const SERVICE: &str = "pgcoffer";

impl ChildFile {
    /// The variables that name it.
    pub(in crate::postgres) fn env(&self) -> [(&'static str, String); 2] {
        [
            ("PGSERVICEFILE", self.0.path().display().to_string()),
            ("PGSERVICE", SERVICE.to_owned()),
        ]
    }
}

/// Quotes a value of a connection string.
///
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE>
fn quote_conninfo(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}
