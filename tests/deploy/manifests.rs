//! Manifests, workflows and platforms' files: read by other people's programs.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::testbed::{Agent, INSTALL_HINT, project};

/// A program of the test bed's Python.
pub(crate) fn tool(name: &str) -> Command {
    let path = project().join(".testbed/packaging/bin").join(name);
    assert!(path.exists(), "no {name}: {INSTALL_HINT}");
    let mut command = Command::new(path);
    // The linters come from packages; none is to look for a newer one or to ask a server.
    command.env("NO_COLOR", "1").current_dir(project());
    command
}

/// Fails unless it ends well on this input; what it printed.
#[track_caller]
pub(crate) fn feed(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{stdout}{stderr}\n{input}");
    stdout
}

/// Every document of a YAML text, by a YAML reader that isn't ours.
#[track_caller]
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    const READ: &str = "import json, sys, yaml; json.dump([d for d in yaml.safe_load_all(sys.stdin) if d], sys.stdout)";
    let json = feed(tool("python").args(["-c", READ]), yaml);
    serde_json::from_str(&json).unwrap()
}

/// The Kubernetes project's own schemas, of the oldest version that is supported and of the newest; strict: unknown
/// fields are faults.
#[track_caller]
pub(crate) fn assert_kubernetes_takes(yaml: &str) {
    for version in ["1.25", "1.37"] {
        let mut validate = tool("kubernetes-validate");
        feed(validate.args(["--strict", "-k", version, "/dev/stdin"]), yaml);
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(project().join(path)).unwrap()
}

#[test]
fn kubernetes_takes_the_manifests() {
    for name in ["secret", "cronjob", "serve"] {
        assert_kubernetes_takes(&read(format!("packaging/kubernetes/{name}.yaml")));
    }
}

/// What the linter of schemas finds: a test of the test.
#[test]
fn kubernetes_refuses_a_manifest_with_a_typing_error() {
    let good = read("packaging/kubernetes/cronjob.yaml");
    for (right, wrong) in [
        ("concurrencyPolicy", "concurencyPolicy"),
        ("runAsNonRoot: true", "runAsNonRoot: \"yes\""),
        ("backoffLimit: 0", "backoffLimit: none"),
    ] {
        let bad = good.replace(right, wrong);
        assert_ne!(bad, good);
        let mut validate = tool("kubernetes-validate");
        validate.args(["--strict", "-k", "1.37", "/dev/stdin"]);
        validate
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = validate.spawn().unwrap();
        child.stdin.take().unwrap().write_all(bad.as_bytes()).unwrap();
        assert!(!child.wait().unwrap().success(), "{wrong}");
    }
}

/// All that the pods of a workload have in common: who may do nothing else can't be made to.
#[track_caller]
pub(crate) fn assert_closed(pod: &Value) {
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    for container in pod["containers"].as_array().unwrap() {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"]["drop"][0], "ALL");
        assert_eq!(container["resources"]["limits"]["memory"], "512Mi");
    }
}

#[test]
fn the_manifests_pods_may_do_little() {
    let pods = [
        ("cronjob", "/spec/jobTemplate/spec/template/spec"),
        ("serve", "/spec/template/spec"),
    ];
    for (name, path) in pods {
        let all = documents(&read(format!("packaging/kubernetes/{name}.yaml")));
        let pods: Vec<_> = all.iter().filter_map(|d| d.pointer(path)).collect();
        assert_eq!(pods.len(), 1);
        assert_closed(pods[0]);
    }
}

#[test]
fn workflows_and_other_yaml_have_no_faults() {
    let mut lint = tool("yamllint");
    lint.args(["--strict", "-d", "{extends: default, rules: {line-length: {max: 140}, document-start: disable, truthy: {check-keys: false}, braces: {max-spaces-inside: 1}, comments: {min-spaces-from-content: 1}}}"]);
    lint.args([".github", "heroku.yml", "packaging/aws", "packaging/github-action"]);
    lint.args(["packaging/kubernetes", "packaging/render"]);
    lint.args([
        "packaging/helm/pgcoffer/Chart.yaml",
        "packaging/helm/pgcoffer/values.yaml",
    ]);
    feed(&mut lint, "");
    feed(
        tool("zizmor").args(["--offline", "--no-progress", "--persona", "regular", ".github"]),
        "",
    );
}

/// Whatever names a version names this one: an old one would be installed for ever.
#[test]
fn every_file_names_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let named = [
        (
            "packaging/heroku/Dockerfile",
            format!("ghcr.io/pgcoffer/pgcoffer:{version}\n"),
        ),
        (
            "packaging/kubernetes/cronjob.yaml",
            format!("ghcr.io/pgcoffer/pgcoffer:{version}\n"),
        ),
        (
            "packaging/kubernetes/serve.yaml",
            format!("ghcr.io/pgcoffer/pgcoffer:{version}\n"),
        ),
        (
            "packaging/fly/fly.toml",
            format!("ghcr.io/pgcoffer/pgcoffer:{version}\""),
        ),
        (
            "packaging/render/render.yaml",
            format!("ghcr.io/pgcoffer/pgcoffer:{version}\n"),
        ),
        (
            "packaging/helm/pgcoffer/Chart.yaml",
            format!("\nversion: {version}\nappVersion: \"{version}\"\n"),
        ),
        ("project.toml", format!("/v{version}/pgcoffer_{version}-1_arm64.deb\"")),
        ("app.json", format!("/heroku-buildpack-pgcoffer#v{version}\"")),
        ("docs/heroku.md", format!("/heroku-buildpack-pgcoffer#v{version} ")),
        (
            "packaging/heroku/buildpack/bin/compile",
            format!("/heroku-buildpack-pgcoffer#v{version}\""),
        ),
        ("README.md", format!("/download/v{version}/")),
        ("docs/aws.md", format!("/download/v{version}/")),
        ("docs/aws.md", format!(".amazonaws.com/v{version}/pgcoffer-aws.yaml")),
        ("docs/aws.md", format!("?ref=v{version}\"\n")),
        ("docs/getting-started.md", format!("/download/v{version}/")),
        ("docs/deploy/plain.md", format!("/download/v{version}/")),
        ("docs/deploy/systemd.md", format!("/download/v{version}/")),
    ];
    for (file, wanted) in named {
        assert!(read(file).contains(&wanted), "{file} has no {wanted:?}");
    }
}

/// By PostgreSQL's published fingerprint: <https://wiki.postgresql.org/wiki/Apt>
#[test]
fn the_key_of_postgresqls_repository_is_the_published_one() {
    const FINGERPRINT: &str = "B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8";
    let project_toml: toml::Table = read("project.toml").parse().unwrap();
    let source = &project_toml["com"]["heroku"]["buildpacks"]["deb-packages"]["sources"][0];
    let home = tempfile::tempdir().unwrap();
    let mut gpg = Command::new("gpg");
    gpg.args(["--batch", "--show-keys", "--with-colons", "--homedir"]);
    let shown = feed(gpg.arg(home.path()), source["signed_by"].as_str().unwrap());
    let fingerprints: Vec<_> = shown.lines().filter(|l| l.starts_with("fpr:")).collect();
    assert_eq!(fingerprints, [format!("fpr:::::::::{FINGERPRINT}:")]);
    assert!(read("Dockerfile").contains(FINGERPRINT));
}

/// A drill on a server of pgcoffer's own needs the server of the database's version, where its client comes along.
#[test]
fn image_and_slug_bring_the_server_of_each_client() {
    let majors = |text: &str, before: &str| -> BTreeSet<String> {
        let found = text.match_indices(before).map(|(at, _)| &text[at + before.len()..]);
        let majors = found.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        majors.filter(|major| !major.is_empty()).collect()
    };
    let image = read("Dockerfile");
    let default = image
        .lines()
        .find_map(|line| line.strip_prefix("ARG POSTGRESQL_SERVERS=\""));
    let default = default.unwrap().trim_end_matches('"');
    let servers: BTreeSet<String> = default.split(' ').map(str::to_owned).collect();
    assert_eq!(servers, majors(&image, "postgresql-client-"));
    for (file, text) in [("Aptfile", read("Aptfile")), ("docs/heroku.md", read("docs/heroku.md"))] {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains(' '));
        let lines = lines.collect::<Vec<_>>().join("\n");
        assert_eq!(majors(&lines, "postgresql-"), servers, "{file}");
    }
    // none is left by an option, and none starts by itself
    assert!(image.contains("if [ -n \"$POSTGRESQL_SERVERS\" ]"), "{image}");
    assert!(image.contains("create_main_cluster = false"), "{image}");
}

/// Shell scripts that others run.
#[test]
fn scripts_have_no_faults() {
    let mut scripts: Vec<PathBuf> = ["compile", "detect", "release"]
        .map(|name| PathBuf::from("packaging/heroku/buildpack/bin").join(name))
        .into();
    scripts.push("packaging/package.sh".into());
    scripts.push("packaging/sign.sh".into());
    scripts.push("packaging/github-action/install.sh".into());
    scripts.push("packaging/github-action/postgresql.sh".into());
    scripts.push("tests/deploy/machine.sh".into());
    scripts.push("tests/testbed/install.sh".into());
    let mut shellcheck = Command::new("shellcheck");
    feed(shellcheck.args(scripts).current_dir(project()), "");
}

/// The image's build sees a part of the repository: what Cargo and the sources themselves ask for is among it.
#[test]
fn the_images_build_sees_what_it_needs() {
    let context = tempfile::tempdir().unwrap();
    let ignore = read(".dockerignore");
    for line in read("Dockerfile").lines() {
        let Some(paths) = line.strip_prefix("COPY ").filter(|l| !l.starts_with("--")) else {
            continue;
        };
        for path in paths.split(' ').rev().skip(1) {
            assert!(ignore.contains(&format!("!{path}\n")), "{path} is kept out");
            let mut copy = Command::new("cp");
            copy.args(["--parents", "-r", path]).arg(context.path());
            feed(copy.current_dir(project()), "");
        }
    }
    let mut metadata = Command::new("cargo");
    metadata.args(["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    feed(metadata.current_dir(context.path()), "");
    for (file, included) in included(&context.path().join("src")) {
        assert!(included.exists(), "{} includes {}", file.display(), included.display());
    }
}

/// Files that sources take in as they are, but for tests.
fn included(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(included(&path));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for part in text.split("include_str!(\"").skip(1) {
            let name = part.split('"').next().unwrap();
            found.push((path.clone(), folder.join(name)));
        }
    }
    found
}

/// Settings in platforms' files, as the agent would find them there.
#[test]
fn the_agent_knows_every_setting_of_the_platforms_files() {
    let fly: toml::Table = read("packaging/fly/fly.toml").parse().unwrap();
    let mut settings: Vec<(String, String)> = fly["env"]
        .as_table()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let render = documents(&read("packaging/render/render.yaml"));
    for variable in render[0]["services"][0]["envVars"].as_array().unwrap() {
        if let Some(value) = variable["value"].as_str() {
            settings.push((variable["key"].as_str().unwrap().to_owned(), value.to_owned()));
        }
    }
    let manifest = documents(&read("packaging/kubernetes/cronjob.yaml"));
    for (name, value) in manifest[0]["data"].as_object().unwrap() {
        settings.push((name.clone(), value.as_str().unwrap().to_owned()));
    }
    let railway: Value = serde_json::from_str(&read("packaging/railway/railway.json")).unwrap();
    assert_eq!(railway["deploy"]["startCommand"], "pgcoffer tick");
    assert!(settings.len() > 10, "{settings:?}");
    let agent = Agent::new().envs(settings).env("PGCOFFER_KEY", "5a".repeat(32));
    let empty = tempfile::NamedTempFile::new().unwrap();
    // an empty file is no archive: 5, once the settings have been read
    agent
        .run(["open", empty.path().to_str().unwrap(), "-o", "/dev/null"])
        .ended_with(5);
}
