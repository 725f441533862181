//! Tests in a process of their own: a process can't change its own environment, and the AWS SDK takes the way to a
//! bucket only from there.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use super::S3Server;

/// Set in the new process: the path of the AWS SDK's configuration file.
const CONFIG: &str = "PGCOFFER_TEST_AWS_CONFIG";

/// Runs the test `name` (with its modules) in a new process that has its own AWS configuration file and no other
/// variables of AWS.
///
/// In the new process it returns the path of that file, which the test writes. In the outer process it returns `None`
/// once the new one has ended, and fails if the test failed or didn't run.
#[track_caller]
pub fn own_process(name: &str, environment: &[(String, String)]) -> Option<PathBuf> {
    if let Some(config) = std::env::var_os(CONFIG) {
        return Some(config.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let mut process = this_test(name);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        process.env_remove(name);
    }
    process
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env(CONFIG, &config)
        .env("AWS_CONFIG_FILE", &config)
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    passes(name, process);
    None
}

/// Runs the test `name` (with its modules) in a new process that also has these variables, and fails if it fails or
/// doesn't run.
#[track_caller]
pub fn with_variables(name: &str, variables: &[(&str, impl AsRef<OsStr>)]) {
    let mut process = this_test(name);
    process.envs(variables.iter().map(|(name, value)| (name, value)));
    passes(name, process);
}

/// Writes a configuration file for the AWS SDK that leads to this server.
pub fn write_aws_config(file: &Path, server: &S3Server) {
    let (access, secret) = server.credentials();
    let text = format!(
        "[default]\nregion = us-east-1\naws_access_key_id = {access}\naws_secret_access_key = {secret}\nendpoint_url = \
         {}\n",
        server.endpoint()
    );
    std::fs::write(file, text).unwrap();
}

fn this_test(name: &str) -> Command {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args([name, "--exact", "--nocapture"]);
    process
}

#[track_caller]
#[allow(
    clippy::print_stderr,
    reason = "what the new process said belongs to this test's output"
)]
fn passes(name: &str, mut process: Command) {
    let output = process.output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    eprintln!("{stderr}");
    assert!(output.status.success(), "{name}: {stdout}");
    assert!(stdout.contains("1 passed"), "{name} did not run: {stdout}");
}
