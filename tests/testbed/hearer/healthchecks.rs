//! A service by the pinging API of healthchecks.io, as published: one check, its state, and what was said.
//! <https://healthchecks.io/docs/http_api/>

use std::sync::{Arc, Mutex};

use super::{Answer, Heard, Hearer};

pub const UUID: &str = "8f57a84f-9f2f-4b3f-8f8e-1b6c8d3c2a11";

/// One ping that the service took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinged {
    /// `start`, `success`, `fail`, `log`
    pub what: &'static str,
    /// the exit status, where that form was used
    pub exit_status: Option<u8>,
    pub rid: Option<String>,
    pub body: String,
}

/// The service.
pub struct Healthchecks {
    pub hearer: Hearer,
    taken: Arc<Mutex<Vec<Pinged>>>,
}

impl Healthchecks {
    pub fn start() -> Self {
        let taken: Arc<Mutex<Vec<Pinged>>> = Arc::default();
        let takes = taken.clone();
        let hearer = Hearer::with(move |heard| match pinged(heard) {
            Ok(ping) => {
                takes.lock().unwrap().push(ping);
                let limit = vec![("Ping-Body-Limit", "10000".to_owned())];
                Answer::Status(200, limit, "OK".to_owned())
            }
            Err(answer) => answer,
        });
        Self { hearer, taken }
    }

    /// The ping URL of the one check.
    pub fn url(&self) -> String {
        self.hearer.url(&format!("/ping/{UUID}"))
    }

    /// What was taken so far, which is then forgotten.
    pub fn take(&self) -> Vec<Pinged> {
        std::mem::take(&mut *self.taken.lock().unwrap())
    }

    /// The kinds of what was taken so far.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.take().iter().map(|ping| ping.what).collect()
    }
}

fn pinged(heard: &Heard) -> Result<Pinged, Answer> {
    if !["GET", "HEAD", "POST"].contains(&heard.method.as_str()) {
        return Err(Answer::status(405));
    }
    let mut parts = heard.path.trim_start_matches('/').split('/');
    let known = parts.next() == Some("ping") && parts.next() == Some(UUID);
    if !known {
        return Err(Answer::words(200, "OK (not found)"));
    }
    let action = parts.next();
    let exit_status: Option<u8> = action.and_then(|action| action.parse().ok());
    let what = match (action, exit_status) {
        (None, _) | (_, Some(0)) => "success",
        (Some("start"), _) => "start",
        (Some("fail"), _) | (_, Some(_)) => "fail",
        (Some("log"), _) => "log",
        _ => return Err(Answer::words(400, "invalid url format")),
    };
    let rid = heard.query.split('&').find_map(|pair| pair.strip_prefix("rid="));
    if rid.is_some_and(|rid| !is_uuid(rid)) {
        return Err(Answer::words(400, "invalid uuid format"));
    }
    assert!(heard.body.len() <= 10_000, "more than is kept");
    Ok(Pinged {
        what,
        exit_status,
        rid: rid.map(str::to_owned),
        body: heard.text(),
    })
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}
