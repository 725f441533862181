//! The service file and the password file, by libpq's rules.
//!
//! <https://www.postgresql.org/docs/18/libpq-pgservice.html>, <https://www.postgresql.org/docs/18/libpq-pgpass.html>

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::fault::UrlFault;
use super::hosts::{Host, HostPort};
use crate::redact::SecretText;

/// The longest file that is read, in bytes. No real one is nearly as long.
const BYTES_MAX: u64 = 1 << 20;

/// The settings of a service, by libpq's names.
pub(super) fn read(file: &str, service: &str) -> Result<Vec<(String, String)>, UrlFault> {
    let fault = |why: String| UrlFault::Service(why);
    let text = text(file).map_err(fault)?;
    let wanted = format!("[{service}]");
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .skip_while(|line| *line != wanted);
    if lines.next().is_none() {
        return Err(fault(format!("{file} has no service of that name")));
    }
    lines
        .take_while(|line| !line.starts_with('['))
        .map(|line| {
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| fault(format!("{file} has a line without = in it")))?;
            if name.starts_with("ldap") {
                return Err(fault(format!("{file} refers to ldap for this service")));
            }
            Ok((name.trim().to_owned(), value.to_owned()))
        })
        .collect()
}

/// The password in a file for this host, or why the file can't be read.
pub(super) fn password(
    file: &str,
    address: &HostPort,
    database: &str,
    user: &str,
) -> Result<Option<SecretText>, String> {
    let metadata = fs::metadata(file).map_err(|error| format!("{file} can't be read: {error}"))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(format!("{file} is not used, since other users can read it (chmod 600)"));
    }
    let host = match &address.host {
        Host::Tcp(name) => name.as_str(),
        // libpq's name for the socket in its usual folder
        Host::Socket(folder) if matches!(folder.as_str(), "/var/run/postgresql" | "/tmp") => "localhost",
        Host::Socket(folder) => folder,
    };
    let wanted = [host, &address.port.to_string(), database, user];
    let text = text(file)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let found = lines.map(fields).find(|fields| {
        fields.len() == 5
            && fields
                .iter()
                .zip(wanted)
                .all(|(has, wanted)| has.as_str() == "*" || has.as_str() == wanted)
    });
    Ok(found.and_then(|mut fields| fields.pop()).map(SecretText::from))
}

/// The fields between colons. A backslash escapes the next character. Everything after the fourth colon is the
/// password.
fn fields(line: &str) -> Vec<Zeroizing<String>> {
    let mut fields = vec![Zeroizing::new(String::new())];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, fields.len()) {
            (':', 1..5) => fields.push(Zeroizing::new(String::new())),
            _ => {
                let c = match c {
                    '\\' => characters.next().unwrap_or('\\'),
                    c => c,
                };
                if let Some(last) = fields.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    fields
}

fn text(file: &str) -> Result<Zeroizing<String>, String> {
    let unread = |why: String| format!("{file} can't be read: {why}");
    let bytes = fs::metadata(Path::new(file))
        .map_err(|error| unread(error.to_string()))?
        .len();
    if bytes > BYTES_MAX {
        return Err(unread("it is too long".to_owned()));
    }
    let text = fs::read_to_string(file).map_err(|error| unread(error.to_string()))?;
    Ok(Zeroizing::new(text))
}
