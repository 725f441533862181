//! A folder on a server that is reached by SFTP.

use std::fmt;

/// The port of SSH.
const PORT: u16 = 22;
/// The longest path, in bytes. With the longest key below it, it stays within the limit of system calls.
const PATH_BYTES_MAX: usize = 2048;
/// The longest name of a user or a host, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// A folder on a server: `sftp://user@host:port/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpLocation {
    /// The name of the account on the server.
    pub user: String,
    /// A name or an address. An IPv6 address has no brackets here.
    pub host: String,
    /// The port, 22 if none is named.
    pub port: u16,
    /// The folder as the server is asked for it: an absolute path, or one from the folder in which a login starts,
    /// which is written `/~/path`. Empty for that folder itself. Without a slash at its end.
    pub path: String,
}

impl SftpLocation {
    /// Reads `user@host:port/path`, the part behind `sftp://`.
    ///
    /// # Errors
    /// What is wrong with it. The text itself isn't repeated, since a password may stand in it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (server, path) = text.split_once('/').unwrap_or((text, ""));
        let (user, server) = server
            .rsplit_once('@')
            .ok_or("it should name the user: sftp://user@host/path")?;
        if user.contains(':') {
            return Err("it should contain no password, as addresses are shown");
        }
        if !is_name(user, |b| {
            b.is_ascii_alphanumeric() || b"._-+@$\\".contains(&b) || b >= 0x80
        }) {
            return Err("the user's name should have letters, digits and . _ - + @");
        }
        let (host, port) = host_and_port(server)?;
        Ok(Self {
            user: user.to_owned(),
            host: host.to_owned(),
            port,
            path: folder(path)?,
        })
    }

    /// Whether the path begins where a login starts.
    #[must_use]
    pub fn is_from_home(&self) -> bool {
        !self.path.starts_with('/')
    }

    /// Another folder on the same server, with steps as [`Location::steps`](super::Location::steps) returns them.
    pub(super) fn at(&self, steps: &str) -> Result<Self, &'static str> {
        let start = if self.is_from_home() { "~/" } else { "" };
        Ok(Self {
            path: folder(&format!("{start}{steps}"))?,
            ..self.clone()
        })
    }

    /// The host as it is written beside a port.
    #[must_use]
    pub fn written_host(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        }
    }

    /// The object's name in messages.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        format!("{self}/{key}")
    }
}

fn is_name(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.starts_with('-') && text.bytes().all(allowed)
}

/// Reads `host`, `host:port`, `[address]` and `[address]:port`.
fn host_and_port(server: &str) -> Result<(&str, u16), &'static str> {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("the address should end with ]")?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("an IPv6 address should stand between [ and ]");
            }
            (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")))
        }
        None => match server.split_once(':') {
            Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
            None => (server, Some("")),
        },
    };
    let port = match port.ok_or("a port should stand behind the colon")? {
        "" => PORT,
        port => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or("the port should be a number up to 65535")?,
    };
    let is_address = host.contains(':');
    match is_address || is_name(host, |b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        true => Ok((host, port)),
        false => Err("the host should be a name or an address"),
    }
}

/// Reads the path behind the host. Nothing is percent-decoded.
fn folder(path: &str) -> Result<String, &'static str> {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err(
            "it should name a folder: sftp://user@host/path, or sftp://user@host/~/path from where a login starts",
        );
    }
    let (path, start) = match path.strip_prefix('~') {
        Some("") => return Ok(String::new()),
        Some(below) => (
            below
                .strip_prefix('/')
                .ok_or("~ alone stands for the folder where a login starts")?,
            "",
        ),
        None => (path, "/"),
    };
    if path.split('/').any(|step| ["", ".", ".."].contains(&step)) {
        return Err("the path should be written out: without //, . and ..");
    }
    if path.chars().any(char::is_control) || path.len() > PATH_BYTES_MAX {
        return Err("the path should have no control characters, and 2048 bytes at the most");
    }
    Ok(format!("{start}{path}"))
}

impl fmt::Display for SftpLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sftp://{}@{}", self.user, self.written_host())?;
        if self.port != PORT {
            write!(f, ":{}", self.port)?;
        }
        match self.is_from_home() {
            true if self.path.is_empty() => f.write_str("/~"),
            true => write!(f, "/~/{}", self.path),
            false => f.write_str(&self.path),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for (text, user, host, port, path) in [
            ("me@nas/backups", "me", "nas", 22, "/backups"),
            ("me@nas:2222/srv/my backups/", "me", "nas", 2222, "/srv/my backups"),
            (
                "u1-sub@u1.your-storagebox.de:23/~/db",
                "u1-sub",
                "u1.your-storagebox.de",
                23,
                "db",
            ),
            ("me@nas/~", "me", "nas", 22, ""),
            (
                "me@corp@[2001:db8::1]:2022/~/a/b",
                "me@corp",
                "2001:db8::1",
                2022,
                "a/b",
            ),
            ("me@[::1]/x", "me", "::1", 22, "/x"),
        ] {
            let location = SftpLocation::parse(text).unwrap();
            let parts = (&*location.user, &*location.host, location.port, &*location.path);
            assert_eq!(parts, (user, host, port, path), "{text}");
            let written = location.to_string();
            assert_eq!(written, format!("sftp://{}", text.trim_end_matches('/')));
            assert_eq!(SftpLocation::parse(&written[7..]).unwrap(), location);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for bad in [
            "",
            "nas/x",
            "@nas/x",
            "me@/x",
            "me:secret@nas/x",
            "me@nas",
            "me@nas/",
            "me@nas:/x",
            "me@nas:0/x",
            "me@nas:70000/x",
            "me@nas:ssh/x",
            "me@nas/a//b",
            "me@nas/../b",
            "me@nas/~/../b",
            "me@nas/~you/x",
            "me@[nas]/x",
            "me@[::1/x",
            "me@::1/x",
            "-oProxyCommand@nas/x",
            "me@-nas/x",
            "me@n as/x",
            "me@nas/a\nb",
        ] {
            let why = SftpLocation::parse(bad).unwrap_err();
            assert!(!why.contains("secret"), "{bad}: {why}");
        }
    }
}
