//! A backup and a restore from nothing: `make demo`.
//!
//! Makes a throwaway PostgreSQL server with a sample shop in it and an S3 server in this process, then does with the
//! real `pgcoffer` what its user would do, and in the end compares the restored database with the first one by
//! PostgreSQL's own means. Ends with 1 where they differ. `demo 0.1` makes a tenth of the rows.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program to be looked at, which may panic"
)]

#[path = "../tests/testbed/mod.rs"]
mod testbed;

use std::io::IsTerminal as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use testbed::{Cluster, S3Server, binary, project};

/// What a user has: a database, a bucket, and the variables that name them.
struct Demo {
    cluster: Cluster,
    s3: S3Server,
    variables: Vec<(String, String)>,
}

fn main() -> ExitCode {
    let scale = std::env::args().nth(1).unwrap_or_else(|| "1".to_owned());
    if !scale.parse::<f64>().is_ok_and(|scale| scale > 0.0) {
        println!("usage: demo [SCALE]\n\nSCALE is how many rows the sample shop gets: 1 as it is, 0.1 a tenth");
        let asked = ["-h", "--help"].contains(&scale.as_str());
        return ExitCode::from(if asked { 0 } else { 2 });
    }
    let mut demo = Demo::prepare(&scale);
    let done = demo.back_up() && demo.look_into_the_bucket() && demo.go_by_a_schedule() && demo.restore();
    let same = done && demo.compare();
    if same {
        demo.say_what_next();
    }
    if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Demo {
    fn prepare(scale: &str) -> Self {
        heading("A database and a bucket, made for this demo and gone at its end");
        let began = Instant::now();
        let (cluster, s3) = (Cluster::start(None), S3Server::start());
        cluster.create_database("shop");
        let mut psql = cluster.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set", &format!("scale={scale}"), "--file"]);
        psql.arg(project().join("examples/sample-database/shop.sql"))
            .arg(cluster.url("shop"));
        assert!(
            psql.status().unwrap().success(),
            "the sample database could not be made"
        );
        let version = cluster.psql("shop", "show server_version");
        let size = cluster.psql("shop", "select pg_size_pretty(pg_database_size('shop'))");
        println!(
            "PostgreSQL {version} with a sample shop of {size} ({:.0} s)",
            began.elapsed().as_secs_f64()
        );
        println!("an S3 server at {}, empty", s3.endpoint());
        let mut variables = vec![("PGCOFFER_DB_SHOP_URL".to_owned(), cluster.url("shop"))];
        variables.extend(s3.env());
        println!();
        for (name, value) in &variables {
            println!("{} export {name}={value}", prompt());
        }
        Self { cluster, s3, variables }
    }

    fn back_up(&mut self) -> bool {
        heading("A key, and a backup under it");
        println!("{} export PGCOFFER_KEY=$(pgcoffer keygen)", prompt());
        let output = self.pgcoffer(&["keygen"]).output().unwrap();
        let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        println!("PGCOFFER_KEY is now {key}");
        self.variables.push(("PGCOFFER_KEY".to_owned(), key));
        output.status.success()
            && self.run(&["backup"])
            && self.run(&["list"])
            && self.run_in_short(&["show", "latest"])
    }

    fn look_into_the_bucket(&self) -> bool {
        heading("What stands in the bucket: nothing that can be read without the key");
        let objects = self.s3.objects();
        for object in &objects {
            println!("{:>12}  {}", grouped(object.size_bytes), object.key);
        }
        let Some(archive) = objects.iter().find(|object| object.key.contains("/archives/")) else {
            return false;
        };
        let bytes = self.s3.read(&archive.key).unwrap();
        println!("\nThe archive is a header, then noise:");
        let mut shown = 0;
        for line in bytes
            .split(|&byte| byte == b'\n')
            .take_while(|line| !line.starts_with(b"mac "))
        {
            println!("    {}", shorten(&String::from_utf8_lossy(line), 100));
            shown += line.len() + 1;
        }
        let noise: String = bytes[shown..]
            .iter()
            .skip(64)
            .take(24)
            .map(|byte| format!("{byte:02x} "))
            .collect();
        println!("    mac …\n    {noise}…");
        let secret = b"example.org";
        let found = bytes.windows(secret.len()).filter(|window| window == secret).count();
        println!("Times that a customer's \"example.org\" is found in it: {found}");
        found == 0
    }

    fn go_by_a_schedule(&mut self) -> bool {
        heading("From now on by a schedule: what is due is done once, what has run out would go");
        let schedule = "hourly keep 24h, daily at 02:30 keep 7d, monthly on 1 keep 12mo";
        println!("{} export PGCOFFER_SCHEDULE='{schedule}'", prompt());
        self.variables
            .push(("PGCOFFER_SCHEDULE".to_owned(), schedule.to_owned()));
        self.run(&["tick"]) && self.run(&["tick"]) && self.run(&["status"]) && self.run(&["prune", "--dry-run"])
    }

    fn restore(&self) -> bool {
        heading("Is it whole, and does it come back?");
        self.cluster.create_database("shop_again");
        let target = self.cluster.url("shop_again");
        self.run(&["verify", "latest"]) && self.run(&["restore", "latest", "--to", &target, "--confirm", "shop_again"])
    }

    /// Has PostgreSQL count and hash both databases, table by table.
    fn compare(&self) -> bool {
        heading("The restored database against the first one, as PostgreSQL sees them");
        let [before, after] = ["shop", "shop_again"].map(|database| self.contents(database));
        for line in &before {
            let same = after.contains(line);
            if !same || line.contains("shop.orders_2026_0") || line.contains('"') || line.starts_with("large") {
                println!("{} {}", if same { "same   " } else { "DIFFERS" }, shorten(line, 90));
            }
        }
        println!("…");
        for line in after.iter().filter(|line| !before.contains(line)) {
            println!("only in the restored one: {line}");
        }
        let same = before == after && before.len() > 30;
        let verdict = if same { "no difference" } else { "THEY DIFFER" };
        println!(
            "{} tables, sequences and kinds of definitions compared: {}",
            before.len(),
            bold(verdict)
        );
        same
    }

    fn contents(&self, database: &str) -> Vec<String> {
        let sql = std::fs::read_to_string(project().join("examples/sample-database/compare.sql")).unwrap();
        let mut lines = Vec::<String>::new();
        for line in self.cluster.psql(database, &sql).lines() {
            // One table has a line break in its name.
            match lines
                .last_mut()
                .filter(|last| last.starts_with('"') && last.matches('"').count() % 2 == 1)
            {
                Some(last) => *last = format!("{last} {line}"),
                None => lines.push(line.to_owned()),
            }
        }
        lines
    }

    fn say_what_next(&self) {
        heading("Your own database");
        println!(
            "export PGCOFFER_DB_MAIN_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE\n\
             export PGCOFFER_BUCKET=s3://YOUR-BUCKET/backups AWS_REGION=… AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…\n\
             export PGCOFFER_KEY=$({0} keygen)      # keep a copy of it away from this machine\n\
             {0} backup\n\n\
             This one is a debug build: good for a trial, slower than the one that step 1 of README installs.",
            binary()
                .strip_prefix(std::env::current_dir().unwrap_or_default())
                .unwrap_or(&binary())
                .display()
        );
    }

    fn pgcoffer(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        let kept = ["PATH", "TERM", "LANG", "NO_COLOR"].map(|name| (name, std::env::var_os(name)));
        command
            .env_clear()
            .envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
        command
            .env("PGCOFFER_PG_BIN", self.cluster.bin())
            .envs(self.variables.iter().cloned())
            .args(arguments);
        command
    }

    /// Runs a command as typed, with its output as a user sees it.
    fn run(&self, arguments: &[&str]) -> bool {
        println!("\n{} pgcoffer {}", prompt(), arguments.join(" "));
        ended_well(self.pgcoffer(arguments).status().unwrap())
    }

    /// The same for one with long output: shows its beginning.
    fn run_in_short(&self, arguments: &[&str]) -> bool {
        println!("\n{} pgcoffer {}", prompt(), arguments.join(" "));
        let output = self
            .pgcoffer(arguments)
            .stderr(std::process::Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().take(28).for_each(|line| println!("{line}"));
        let more = text.lines().count().saturating_sub(28);
        if more > 0 {
            println!("… and {more} more lines");
        }
        ended_well(output.status)
    }
}

fn ended_well(status: std::process::ExitStatus) -> bool {
    if !status.success() {
        println!("ended with {status}");
    }
    status.success()
}

fn heading(text: &str) {
    println!("\n{}", bold(&format!("── {text} ──")));
}

fn prompt() -> String {
    bold("$")
}

fn bold(text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some() || !std::io::stdout().is_terminal();
    if plain {
        text.to_owned()
    } else {
        format!("\x1b[1m{text}\x1b[0m")
    }
}

fn shorten(text: &str, most: usize) -> String {
    let start: String = text.chars().take(most).collect();
    if start.len() < text.len() { start + "…" } else { start }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    groups.join(",")
}
