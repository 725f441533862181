//! A folder on a server as a place for backups: `sftp://user@host:port/path`, over SSH.

mod host_keys;
mod options;

pub use self::{
    host_keys::HostKeys,
    options::{SftpOptions, SshKeySource},
};
