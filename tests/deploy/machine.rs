//! A fresh machine of this distribution, thrown away after use.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::testbed::{INSTALL_HINT, project};

/// A machine to run something on, once: what it changed is gone afterwards. Its network is this machine's own.
pub(crate) struct Machine {
    shared: Vec<(PathBuf, &'static str)>,
    env: Vec<(String, String)>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        Self {
            shared: Vec::new(),
            env: Vec::new(),
        }
        .env("PATH", path)
        .env("HOME", "/root")
        .env("LANG", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
    }

    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub(crate) fn envs(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        variables
            .into_iter()
            .fold(self, |machine, (name, value)| machine.env(&name, &value))
    }

    /// What a variable of it was set to.
    pub(crate) fn variable(&self, wanted: &str) -> &str {
        let found = self.env.iter().find(|(name, _)| name == wanted);
        &found.unwrap_or_else(|| panic!("{wanted} is not set")).1
    }

    /// Lets it see this folder there.
    #[must_use]
    pub(crate) fn sharing(mut self, folder: &Path, inside: &'static str) -> Self {
        self.shared.push((folder.to_owned(), inside));
        self
    }

    /// The command that runs this script on it as root; with this program's arguments, where it is to become another's.
    pub(crate) fn command(&self, script: &str) -> Command {
        let tree = project().join(".testbed/debian/tree");
        assert!(tree.exists(), "no fresh Debian: {INSTALL_HINT}");
        let mut command = as_root("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child"])
            .arg(project().join("tests/deploy/machine.sh"))
            .arg(tree.canonicalize().unwrap());
        for (folder, inside) in &self.shared {
            command.arg(format!("{}:{inside}", folder.display()));
        }
        command.args(["--", "/usr/bin/env", "-i"]);
        command.args(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        command.args(["/bin/bash", "-euo", "pipefail", "-c", script]);
        command
    }
}

/// A command that runs as root, as the test bed's installation does where it has to.
pub(crate) fn as_root(program: &str) -> Command {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
