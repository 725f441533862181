//! The user that a server runs as. PostgreSQL refuses to be root's.

use std::process::Stdio;

use super::LocalServerFault;
use crate::postgres::error::Error;

/// The user that a server runs as.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerUser {
    /// The user's and the group's number, if it is not the agent's own.
    pub(super) other: Option<(u32, u32)>,
}

/// The user that owns nothing.
const NOBODY: &str = "nobody";
const USERS: &str = "/etc/passwd";

impl ServerUser {
    /// The agent's own user; for root, `nobody`.
    pub(super) fn find() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let users = std::fs::read_to_string(USERS).unwrap_or_default();
        match ids(&users, NOBODY) {
            Some(ids) => Ok(Self { other: Some(ids) }),
            None => Err(LocalServerFault::NoUser.into()),
        }
    }

    /// The number of the agent's own user, if the system knows no name for it. `id` asks whatever the system asks, not
    /// only `/etc/passwd`.
    pub(super) async fn without_name(self) -> Option<u32> {
        if self.other.is_some() {
            return None;
        }
        let uid = rustix::process::geteuid().as_raw();
        let mut id = tokio::process::Command::new("id");
        id.args(["-un", &uid.to_string()]);
        id.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = id.kill_on_drop(true).status().await.ok()?;
        (!status.success()).then_some(uid)
    }
}

/// The numbers of a user and its group, as passwd(5) has them.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok().filter(|uid| *uid != 0)?;
    Some((uid, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::ids;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\nnobody2:x:7:7::/:/bin/false\nnobody:x:65534:65533:n:/:/bin/false\n";
        assert_eq!(ids(users, "nobody"), Some((65_534, 65_533)));
        // never root under another name
        assert_eq!(ids("nobody:x:0:0::/:/bin/sh", "nobody"), None);
        assert_eq!(ids("nobody", "nobody"), None);
        assert_eq!(ids("", "nobody"), None);
    }
}
