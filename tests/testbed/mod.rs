//! The test bed: throwaway PostgreSQL clusters, S3 servers that misbehave to order, and the built binary run against
//! them.
//!
//! Test binaries and examples include it with `mod testbed;` or `#[path]`. Nothing here skips a test: what is missing
//! on the machine is a panic that names `tests/testbed/install.sh`.
//!
//! Every child process ends with the process that started it, also when that one is killed: each has a standard input
//! that it reads to the end before it stops.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    missing_docs,
    clippy::unwrap_used,
    reason = "shared by test binaries and examples, each of which uses a part of it"
)]

mod agent;
mod certificates;
mod heap;
mod hearer;
mod localstack;
mod mail;
mod own_process;
mod pooler;
mod postgres;
mod relay;
mod s3;
mod sealed;
mod sftp_server;
mod sshd;
mod terminal;
mod tls;

pub use agent::{Agent, Outcome, Running, binary, other_date};
pub use certificates::{certificates, openssl, tls_server};
pub use heap::{Heap, Manner};
pub use hearer::{Answer, Heard, Hearer, healthchecks, slack};
pub use localstack::{LocalBucket, LocalStack};
pub use mail::{MailServer, Security, python};
pub use own_process::{own_process, with_variables, write_aws_config};
pub use pooler::Pooler;
pub use postgres::{Cluster, ClusterOptions};
pub use relay::{Direction, Relay, Wire};
pub use s3::{
    Behaviour, Call, CarriedOut, ConditionalWrites, Fault, Lifecycle, LifecycleAction, Listing, Needed, OldVersion,
    Rule, S3Server, Snapshot, Stored, Tagging, UnderWay, Want, Writing, client,
};
pub use sealed::{REPOSITORY, identity, repository, sealed, sealed_details, sealed_payload};

pub use sftp_server::{PASSWORD, SftpBehaviour, SftpServer};
pub use sshd::{Sshd, SshdOptions};
pub use terminal::Terminal;
pub use tls::TlsFront;

use std::path::{Path, PathBuf};

/// The project's top folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a test says when a program that it needs is not there.
pub const INSTALL_HINT: &str = "run `make test`, or tests/testbed/install.sh once";

/// Where children of this process keep their files: a folder that other users may enter, since servers may run as one.
/// `run.sh` names one in memory where there is room.
pub fn temporary_root() -> PathBuf {
    if let Some(folder) = std::env::var_os("PGCOFFER_TEST_FILES") {
        PathBuf::from(folder)
    } else if is_root() {
        PathBuf::from("/tmp")
    } else {
        std::env::temp_dir()
    }
}

/// Whether this process is root's; the owner of `/proc/self` is the effective user.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}
