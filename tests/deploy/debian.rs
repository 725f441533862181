//! The documented ways onto a Debian machine, followed on a fresh one.

use std::fs;

use crate::{
    machine::Machine,
    release::{KEY_URL, PUBLIC_URL, Server, new_key, packed, run},
    testbed::{Cluster, S3Server, project},
};

fn page(name: &str) -> String {
    fs::read_to_string(project().join("docs/deploy").join(name)).unwrap()
}

/// Every block of a page that begins with this fence, one after the other.
fn blocks(page: &str, fence: &str) -> String {
    let begins = format!("```{fence}\n");
    let parts = page.split(&begins).skip(1);
    let blocks: String = parts.map(|part| part.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "no block that says {fence}");
    blocks
}

/// The page's way to install it, with the release on this server; the reader is root here, who needs no sudo.
fn installation(name: &str, server: &Server) -> String {
    let commands = blocks(&page(name), "sh needs=release");
    assert!(commands.contains(PUBLIC_URL), "{name} downloads no release");
    assert!(commands.contains(KEY_URL), "{name} downloads no key");
    let key = format!("{}/release-key.pem", server.url);
    let commands = commands.replace(KEY_URL, &key).replace(PUBLIC_URL, &server.url);
    format!("sudo() {{ \"$@\"; }}; cd /root\n{commands}\n")
}

/// The page's way to set it up, with the database and the credentials that there are.
fn set_up(name: &str, machine: &Machine) -> String {
    let set = |wanted: &str| machine.variable(wanted).to_owned();
    blocks(&page(name), "sh needs=root")
        .replace(
            "postgres://user:password@host:5432/dbname",
            &set("PGCOFFER_DB_MAIN_URL"),
        )
        .replace(
            "aws_access_key_id = …",
            &format!("aws_access_key_id = {}", set("AWS_ACCESS_KEY_ID")),
        )
        .replace("read -rs URL && ", "")
        .replace("<<<\"$URL\"", &format!("<<<'{}'", set("PGCOFFER_DB_MAIN_URL")))
        .replace(
            "read -rs SECRET && ",
            &format!("SECRET={} && ", set("AWS_SECRET_ACCESS_KEY")),
        )
}

/// What comes next for somebody new: a key, a first backup, and a look at it.
const FIRST_CONTACT: &str = "
    PGCOFFER_KEY=$(pgcoffer keygen)
    export PGCOFFER_KEY
    pgcoffer backup
    pgcoffer list
    pgcoffer verify
    man_page=$(zcat -f \"$(ls /usr/share/man/man1/pgcoffer.1* /usr/local/share/man/man1/pgcoffer.1* 2>/dev/null)\")
    [[ $man_page == *pgcoffer* ]]
";

/// What systemd would start, with the settings that it would give it: secrets as credentials, the rest from the
/// package's file.
const AS_THE_SERVICE: &str = r#"
    unit=/usr/lib/systemd/system/pgcoffer.service secrets=/etc/pgcoffer/secrets
    sed -i "s|^PGCOFFER_BUCKET=$|&$PGCOFFER_BUCKET/service|; s|^AWS_REGION=$|&$AWS_REGION|" /etc/pgcoffer/pgcoffer.env
    for name in $(sed -n 's/^LoadCredential=\(.*\):.*/\1/p' "$unit"); do test -s "$secrets/$name"; done
    mapfile -t given < <(grep -v '^#' /etc/pgcoffer/pgcoffer.env; sed -n "s|%d|$secrets|; s/^Environment=//p" "$unit")
    start=$(sed -n 's/^ExecStart=//p' "$unit")
    env -i "${given[@]}" AWS_ENDPOINT_URL_S3="$AWS_ENDPOINT_URL_S3" PGCOFFER_S3_PATH_STYLE="$PGCOFFER_S3_PATH_STYLE" $start
"#;

/// The page's line for cron, as cron runs it: by that user, with hardly any environment.
fn as_cron(page: &str) -> String {
    let line = blocks(page, "crontab");
    let (user, command) = line
        .trim()
        .strip_prefix("*/10 * * * * ")
        .and_then(|rest| rest.split_once(' '))
        .unwrap();
    format!(
        "\nsetpriv --reuid {user} --regid {user} --init-groups env -i HOME=/ PATH=/usr/bin:/bin sh -c '{command} \
         --json'\n"
    )
}

#[test]
fn the_plain_installation_leads_to_a_first_backup_and_to_cron() {
    let (cluster, bucket, server) = (Cluster::start(None), S3Server::start(), Server::of_release());
    cluster.psql(
        "postgres",
        "create table people (id int); insert into people select generate_series(1, 1000)",
    );
    let machine = Machine::new()
        .envs(bucket.env())
        .env("PGCOFFER_SCHEDULE", "daily at 02:30 keep 7d")
        .env("PGCOFFER_DB_MAIN_URL", &cluster.url("postgres"));
    let settings = "(export -p | grep -E ' (AWS|PGCOFFER)_' | sed 's/^declare -x //') >pgcoffer.env\n";
    let script = installation("plain.md", &server)
        + FIRST_CONTACT
        + settings
        + &set_up("plain.md", &machine)
        + &as_cron(&page("plain.md"));
    let said = run(&mut machine.command(&script));
    assert!(said.contains("Backed up main as "), "{said}");
    assert!(said.contains(" 1,000 rows as dumped"), "{said}");
    // the first backup was asked for, and serves no period: the day's own is due
    assert!(said.contains("\"outcome\": \"done\""), "{said}");
}

/// The sum is checked by the documented commands themselves.
#[test]
fn the_plain_installation_stops_at_a_wrong_checksum() {
    let server = Server::of_release();
    let name = crate::release::archive_name();
    let mut other = fs::read(packed().join(&name)).unwrap();
    *other.last_mut().unwrap() ^= 1;
    server.put(&name, other);
    let script = installation("plain.md", &server);
    let output = Machine::new().command(&script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("did NOT match"), "{said}");
}

/// Who replaces the files of a release replaces its checksums too.
#[test]
fn no_documented_installation_takes_checksums_that_another_key_signed() {
    let (server, own_key) = (Server::of_release(), tempfile::tempdir().unwrap());
    new_key(own_key.path());
    let files = fs::read_dir(packed()).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let mut content = fs::read(entry.path()).unwrap();
        *content.last_mut().unwrap() ^= 1;
        (entry.file_name().into_string().unwrap(), content)
    });
    server.release(&files.collect::<Vec<_>>(), own_key.path());
    for page in ["plain.md", "systemd.md", "../getting-started.md", "../../README.md"] {
        let script = installation(page, &server) + "\ncommand -v pgcoffer && echo IT IS THERE\n";
        let output = Machine::new().command(&script).output().unwrap();
        let said = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
        let said = said.concat();
        assert!(
            said.contains("Verification Failure") || said.contains("Verification failure"),
            "{page}: {said}"
        );
        assert!(!said.contains("IT IS THERE"), "{page}: {said}");
    }
}

#[test]
fn the_debian_package_leads_to_a_first_backup_and_to_units_that_hold() {
    let (cluster, bucket, server) = (Cluster::start(None), S3Server::start(), Server::of_release());
    let machine = Machine::new()
        .envs(bucket.env())
        .env("PGCOFFER_DB_MAIN_URL", &cluster.url("postgres"));
    // The rest of that page needs a running systemd. What can be had without one: the units are sound, and as closed as
    // they say.
    let units = "
        systemd-analyze verify pgcoffer.service pgcoffer.timer
        systemd-analyze security --offline=true --threshold=15 pgcoffer.service >/dev/null
        ! systemctl is-enabled pgcoffer.timer
        dpkg --status pgcoffer | grep -q '^ /etc/pgcoffer/pgcoffer.env '
        bash -c '. /usr/share/bash-completion/completions/pgcoffer; COMP_LINE=\"pgcoffer rest\" COMP_POINT=13; _pgcoffer; test \"$COMPREPLY\" = restore'
        test \"$(ls /usr/share/man/man1/pgcoffer-restore.1* /usr/share/man/man1/pgcoffer-lifecycle-plan.1* | wc -l)\" = 2
        apt-get remove -y pgcoffer
        test -e /etc/pgcoffer/pgcoffer.env -a ! -e /usr/bin/pgcoffer
    ";
    let script =
        installation("systemd.md", &server) + FIRST_CONTACT + &set_up("systemd.md", &machine) + AS_THE_SERVICE + units;
    let said = run(&mut machine.command(&script));
    assert!(said.contains("Backed up main as "), "{said}");
    assert!(said.contains("main: backed up (daily, weekly, monthly) as "), "{said}");
}
