//! Settings as `init` writes them, read by who reads them in earnest, and a backup taken with what comes out.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::testbed::{Agent, Cluster, ClusterOptions, Hearer, INSTALL_HINT, S3Server, project};

/// Everything that some reader takes for something else.
const NASTY: &str = r#"p'a"s$s\w`o!r d%41#;&|<>{}é水=,"#;

type Vars = BTreeMap<String, String>;
type Reader = fn(&Agent, &str) -> Vars;

/// A database that asks for that password, a bucket, and a passphrase of the same kind.
struct Nasty {
    cluster: Cluster,
    bucket: S3Server,
    folder: tempfile::TempDir,
}

impl Nasty {
    fn new() -> Self {
        let options = ClusterOptions {
            password: Some(NASTY.to_owned()),
            ..ClusterOptions::default()
        };
        let cluster = Cluster::start_with(options);
        cluster.create_database("shop");
        cluster.psql("shop", "create table people as select 1 as id");
        Self {
            cluster,
            bucket: S3Server::start(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The settings of an agent, without a key.
    fn agent(&self, url: &str) -> Agent {
        let agent = Agent::new().s3(&self.bucket).current_dir(self.folder.path());
        agent
            .env("PGCOFFER_DB_MAIN_URL", url)
            .env("PGCOFFER_PG_BIN", self.cluster.bin())
    }

    /// As few characters percent-encoded as can be.
    fn url(&self) -> String {
        let password = NASTY.replace('%', "%25").replace(' ', "%20").replace('#', "%23");
        format!("postgres://postgres:{password}@127.0.0.1:{}/shop", self.cluster.port())
    }
}

fn written(agent: &Agent, form: &str) -> String {
    agent
        .run(["init", "--no-check", "--quiet", "--output", form])
        .success()
        .text()
        .to_owned()
}

/// A backup with these settings and no other works.
fn backs_up(vars: &Vars, folder: &Path) {
    let agent = Agent::new().current_dir(folder).envs(vars.clone());
    agent.run(["backup", "--json"]).success();
}

#[test]
fn every_form_is_read_as_it_was_meant() {
    let nasty = Nasty::new();
    let passphrase = format!("V7#pQ2!xL9mR4&tZ6*w {NASTY}");
    let agent = nasty.agent(&nasty.url()).env("PGCOFFER_PASSPHRASE", &passphrase);
    let read: [(&str, Reader); 4] = [
        ("shell", by_sh),
        ("env", by_docker),
        ("kubernetes", by_yaml),
        ("heroku", by_heroku),
    ];
    for (form, reader) in read {
        let vars = reader(&agent, &written(&agent, form));
        assert_eq!(vars["PGCOFFER_PASSPHRASE"], passphrase, "{form}");
        assert_eq!(vars["PGCOFFER_DB_MAIN_URL"], nasty.url(), "{form}");
        assert!(vars["PGCOFFER_SCHEDULE"].contains("daily at 02:30"), "{form}");
        backs_up(&vars, nasty.folder.path());
    }
    // what readers of .env files would read differently is refused, and a value that they agree on is not
    let refused = agent.run(["init", "--no-check", "--output", "dotenv"]).ended_with(2);
    assert!(
        refused.stderr.contains("_FILE") && !refused.stderr.contains(NASTY),
        "{}",
        refused.stderr
    );
    let url = nasty.url().replace('\'', "%27");
    let agent = nasty
        .agent(&url)
        .env("PGCOFFER_PASSPHRASE", passphrase.replace('\'', "").replace('\\', "/"));
    // another passphrase, another place
    let place = format!("s3://{}/dotenv", nasty.bucket.bucket());
    let agent = agent.env("PGCOFFER_BUCKET", place);
    let vars = by_dotenv(&agent, &written(&agent, "dotenv"));
    assert_eq!(vars["PGCOFFER_DB_MAIN_URL"], url);
    backs_up(&vars, nasty.folder.path());
}

#[test]
fn pgcoffer_toml_is_read_by_ourselves() {
    let nasty = Nasty::new();
    let agent = nasty
        .agent(&nasty.url())
        .env("PGCOFFER_PASSPHRASE", format!("V7#pQ2!xL9mR4&tZ6*w {NASTY}"));
    let agent = agent
        .env("PGCOFFER_DB_BIG_SHOP_URL", nasty.url())
        .env("PGCOFFER_DB_BIG_SHOP_SCHEDULE", "off");
    let toml = written(&agent, "toml");
    assert!(
        toml.contains("[db.big_shop]\nschedule = \"off\"\nurl = ") && !toml.contains("AWS_SECRET_ACCESS_KEY ="),
        "{toml}"
    );
    fs::write(nasty.folder.path().join("pgcoffer.toml"), toml).unwrap();
    let of_aws = nasty
        .bucket
        .env()
        .into_iter()
        .filter(|(name, _)| name.starts_with("AWS_"));
    let agent = Agent::new().envs(of_aws).current_dir(nasty.folder.path());
    agent.run(["backup", "main"]).success();
    agent.run(["backup", "big_shop"]).success();
}

pub(crate) fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What a shell has set once it has read the file.
fn by_sh(agent: &Agent, text: &str) -> Vars {
    exported("sh", &["-c", "eval \"$SETTINGS\"; exec env -0"], text, agent)
}

/// What Heroku's API would have been sent: the part of the script that sets config vars, run by a shell, with a `heroku`
/// that has nothing but a token, and the real curl. `heroku/script.rs` runs the whole of it.
fn by_heroku(agent: &Agent, text: &str) -> Vars {
    let api = Hearer::start();
    let (_, text) = text.split_once("echo 'Setting the config vars'\n").unwrap();
    let (text, _) = text.split_once("\nEND\n").unwrap();
    let text = format!("{text}\nEND\n");
    let text = text.replace("https://api.heroku.com", &api.url(""));
    let program = "heroku() { [ \"$1\" != auth:token ] || echo t0ken; }; eval \"$SETTINGS\"";
    exported("sh", &["-c", program], &text, agent);
    let sent = api.only();
    assert_eq!(
        (sent.method.as_str(), sent.path.as_str()),
        ("PATCH", "/apps/YOUR-APP/config-vars")
    );
    assert_eq!(sent.headers["authorization"], "Bearer t0ken");
    serde_json::from_value(sent.json()).unwrap()
}

/// What everybody on a machine can see of the commands for Heroku: names, and no value that is secret.
#[test]
fn commands_for_heroku_show_no_secret_in_their_arguments() {
    let nasty = Nasty::new();
    let agent = nasty
        .agent(&nasty.url())
        .env("PGCOFFER_PASSPHRASE", "correct horse battery staple zebra");
    let commands = written(&agent, "heroku");
    // what stands between the first line and END is curl's standard input
    let (arguments, input) = commands.split_once("--config -\n").unwrap();
    let (input, after) = input.split_once("\nEND\n").unwrap();
    for secret in ["zebra", "AWS_SECRET_ACCESS_KEY", "PGCOFFER_DB_MAIN_URL"] {
        assert!(input.contains(secret) && !arguments.contains(secret) && !after.contains(secret));
    }
}

/// As systemd reads an `EnvironmentFile=`, and every shell: single quotes are literal.
fn by_dotenv(agent: &Agent, text: &str) -> Vars {
    let mine = exported("sh", &["-c", "set -a; eval \"$SETTINGS\"; exec env -0"], text, agent);
    let program = "import sys, json
vars = {}
for line in sys.stdin.read().splitlines():
    name, value = line.split('=', 1)
    assert value[0] == value[-1] and value[0] in '\\'\"', line
    vars[name] = value[1:-1]
print(json.dumps(vars))";
    let theirs: Vars = serde_json::from_slice(&python(program, text)).unwrap();
    for (name, value) in &theirs {
        assert_eq!(mine.get(name), Some(value), "{name}");
    }
    theirs
}

/// By Docker's rules: <https://github.com/docker/cli/blob/master/pkg/kvfile/kvfile.go>
fn by_docker(_: &Agent, text: &str) -> Vars {
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once('=').unwrap())
        .inspect(|(name, _)| assert!(!name.contains(char::is_whitespace)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// By the parser that nearly everybody has; the CronJob takes its settings from the Secret, and nothing else.
fn by_yaml(_: &Agent, text: &str) -> Vars {
    let program = "import sys, json, yaml
secret, job = yaml.safe_load_all(sys.stdin.buffer.read().decode())
assert (secret['kind'], job['kind'], job['apiVersion']) == ('Secret', 'CronJob', 'batch/v1')
pod = job['spec']['jobTemplate']['spec']['template']['spec']
assert pod['containers'][0]['envFrom'] == [{'secretRef': {'name': secret['metadata']['name']}}]
shipped = list(yaml.safe_load_all(open(sys.argv[1])))[-1]['spec']['jobTemplate']['spec']['template']['spec']
for field in ('args', 'command'):
    assert pod['containers'][0].get(field) == shipped['containers'][0].get(field), field
print(json.dumps(secret['stringData']))";
    serde_json::from_slice(&python(program, text)).unwrap()
}

fn python(program: &str, input: &str) -> Vec<u8> {
    let python = project().join(".testbed/localstack/bin/python");
    let mut child = Command::new(&python)
        .args(["-c", program])
        .arg(project().join("packaging/kubernetes/cronjob.yaml"))
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: {INSTALL_HINT}", python.display()));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Variables, each ended by a zero byte, that a program prints which has the text in `SETTINGS`; those of the agent's
/// own environment are not among it.
fn exported(program: &str, args: &[&str], text: &str, _: &Agent) -> Vars {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SETTINGS", text);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| name.starts_with("PGCOFFER_") || name.starts_with("AWS_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn a_login_by_iam_that_is_set_belongs_to_the_database_that_an_argument_names() {
    let bucket = S3Server::start();
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new()
        .s3(&bucket)
        .current_dir(folder.path())
        .env("PGCOFFER_DB_MAIN_AUTH", "aws-iam")
        .env(
            "THE_URL",
            "postgres://backup@127.0.0.1/shop?sslmode=verify-full&sslrootcert=system",
        );
    let arguments = |database: &'static str| {
        let fixed = ["--yes", "--no-check", "--key-stored", "--output", "dotenv", "--sheet"];
        let sheet = if database.ends_with("THE_URL") {
            "one.txt"
        } else {
            "other.txt"
        };
        let named = ["init", "--database", database];
        let all = named.into_iter().chain(fixed).chain([sheet]);
        all.collect::<Vec<_>>()
    };
    for database in [
        "main=env:THE_URL",
        "main=postgres://backup@127.0.0.1/shop?sslmode=verify-full&sslrootcert=system",
    ] {
        let settings = agent.run(arguments(database)).success();
        let settings = settings.text();
        for line in ["PGCOFFER_DB_MAIN_AUTH=", "PGCOFFER_DB_MAIN_URL="] {
            assert!(settings.contains(line), "{settings}");
        }
    }
    // one of a database that nobody names is refused as ever
    let refused = agent.run(arguments("shop=env:THE_URL")).ended_with(2);
    assert!(
        refused
            .stderr
            .contains("PGCOFFER_DB_MAIN_AUTH: it is the login of a database that isn't configured"),
        "{}",
        refused.stderr
    );
}
