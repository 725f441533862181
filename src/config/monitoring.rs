//! How `serve` listens and what it tells, as the settings say.

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf};

use super::{
    dynos::Dynos,
    wrong::{Wrong, fault},
};
use crate::{
    error::{Error, Fault, Result},
    web::{Readers, Token},
};

/// The port that nobody else has in <https://github.com/prometheus/prometheus/wiki/Default-port-allocations>, on this
/// machine alone.
const DEFAULT_LISTEN: &str = "127.0.0.1:9187";
/// A value, or what is wrong with it and the cure.
type Read<T> = std::result::Result<T, Wrong>;

pub(super) const METRICS_OPEN: &str = "PGCOFFER_METRICS_OPEN";

/// How `serve` listens, what it tells, and how it has backups taken.
#[derive(Debug, Clone, Default)]
pub struct Serving {
    /// Where it listens, where somebody says so.
    pub listen: Option<SocketAddr>,
    /// The port that the platform's router passes the Internet on to, as the platform wrote it.
    pub port: Option<String>,
    /// What a reader of metrics has to show.
    pub token: Option<Token>,
    /// Whether whoever reaches an address that somebody chose may read metrics without a token.
    pub open: bool,
    /// The file for node_exporter's textfile collector.
    pub metrics_file: Option<PathBuf>,
    /// Dynos that take the backups, instead of `serve` itself.
    pub dynos: Option<Dynos>,
}

impl Serving {
    /// Where to listen.
    ///
    /// # Errors
    /// [`Error::Config`] where the platform's `PORT` is none, which no other command minds, or where metrics would be
    /// open to the Internet, which the platform's router passes on to that port.
    pub fn address(&self) -> Result<SocketAddr> {
        match (self.listen, &self.port) {
            (Some(listen), _) => Ok(listen),
            (None, Some(text)) => {
                let port = port(text).map_err(|wrong| Error::Config(vec![fault("PORT", wrong)]))?;
                if self.open {
                    return Err(Error::Config(vec![fault(METRICS_OPEN, open_to_all())]));
                }
                Ok(SocketAddr::from(([0, 0, 0, 0], port)))
            }
            (None, None) => Ok(listen(DEFAULT_LISTEN).expect("it is a constant")),
        }
    }

    /// Who is shown names and numbers at this address.
    #[must_use]
    pub fn readers(&self, address: SocketAddr) -> Readers {
        Readers::at(address, self.token.clone(), self.open)
    }

    /// Refuses what contradicts itself, once everything is read.
    pub(super) fn refuse_contradictions(&self, faults: &mut Vec<Fault>) {
        if self.open && self.token.is_some() {
            let why = "PGCOFFER_METRICS_TOKEN is set, and both can't hold".to_owned();
            let hint = "unset it: then metrics are shown to who sends the token".to_owned();
            faults.push(fault(METRICS_OPEN, (why, Some(hint))));
        }
    }
}

/// `ADDRESS:PORT`, or a port of this machine alone.
///
/// # Errors
/// Says what the text should have been.
pub fn listen(text: &str) -> std::result::Result<SocketAddr, (String, Option<String>)> {
    let text = text.trim();
    let here = text
        .parse()
        .ok()
        .map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
    let spelled = text.replace("localhost:", "127.0.0.1:");
    here.or_else(|| spelled.parse().ok()).ok_or_else(|| {
        let port = text.rsplit(':').next().unwrap_or_default();
        let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let hint = match is_number && port.parse::<u16>().is_err() {
            true => "ports end at 65535: give one up to it, such as 9187, or an address and a port",
            false => "give an address and a port such as 127.0.0.1:9187, 0.0.0.0:9187 or [::]:9187",
        };
        (format!("{text:?} is no address to listen on"), Some(hint.to_owned()))
    })
}

fn port(text: &str) -> Read<u16> {
    text.parse().map_err(|_| {
        let hint = "platforms set it to the port to listen on; where it means something else, set PGCOFFER_LISTEN";
        (format!("{text:?} is no port"), Some(hint.to_owned()))
    })
}

fn open_to_all() -> Wrong {
    let why = "the platform's router passes the whole Internet on to PORT, which is listened on";
    let hint = "unset it and set PGCOFFER_METRICS_TOKEN, or name an address of a private network by PGCOFFER_LISTEN";
    (why.to_owned(), Some(hint.to_owned()))
}
