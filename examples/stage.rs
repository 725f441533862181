//! A stage for benchmarks and for trying things out: a throwaway PostgreSQL with the sample shop in database `shop`,
//! the tests' S3 server, a key, and in their midst the command that is given.
//!
//! ```text
//! cargo run --release --example stage -- [--scale N] [--discard] COMMAND ARGUMENT…
//! ```
//!
//! `--scale 20` makes a database of some 1.7 GB. `--discard` has the S3 server keep only the sizes of archives, so that
//! twenty gigabytes can go into it.

#![allow(clippy::unwrap_used, reason = "a program to be looked at, which may panic")]

#[path = "../tests/testbed/mod.rs"]
mod testbed;

use std::process::{Command, ExitCode};

use testbed::{Cluster, S3Server, project};

/// Any key will do here.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn main() -> ExitCode {
    let (mut scale, mut discard) = ("1".to_owned(), false);
    let mut arguments = std::env::args().skip(1);
    let program = loop {
        match arguments.next().as_deref() {
            Some("--scale") => scale = arguments.next().expect("--scale takes a number"),
            Some("--discard") => discard = true,
            Some(program) => break program.to_owned(),
            None => panic!("usage: stage [--scale N] [--discard] COMMAND ARGUMENT…"),
        }
    };
    let (cluster, s3) = (Cluster::start(None), S3Server::start());
    if discard {
        s3.behave(|b| b.discard_keys_with = Some("/archives/".to_owned()));
    }
    cluster.create_database("shop");
    let mut psql = cluster.client("psql");
    psql.args(["--no-psqlrc", "--quiet", "--set", &format!("scale={scale}")]);
    psql.arg("--file")
        .arg(project().join("examples/sample-database/shop.sql"))
        .arg(cluster.url("shop"));
    assert!(psql.status().unwrap().success(), "no sample database");

    let status = Command::new(program)
        .args(arguments)
        .envs(s3.env())
        .env("PGCOFFER_DB_MAIN_URL", cluster.url("shop"))
        .env("PGCOFFER_PG_BIN", cluster.bin())
        .env("PGCOFFER_KEY", KEY)
        .status()
        .unwrap();
    u8::try_from(status.code().unwrap_or(1)).unwrap_or(1).into()
}
