//! A program that uses the API by a token.

use serde_json::Value;

use crate::{
    served::{Reply, Served},
    testbed::Agent,
};

/// A program, with the token that it shows, if any.
pub(crate) struct Program<'a> {
    served: &'a Served,
    pub(crate) host: String,
    /// The lines of each request's head beside those that every client sends.
    pub(crate) lines: Vec<String>,
}

/// A token that was just made, and the entry of the setting.
pub(crate) fn made(name: &str, scope: &str) -> (String, String) {
    let args = ["dashboard", "token", "--name", name, "--scope", scope];
    let printed = Agent::new().run(args).success().text().to_owned();
    let (token, setting) = printed.trim().split_once('\n').unwrap();
    let entry = setting.strip_prefix("PGCOFFER_DASHBOARD_TOKENS=").unwrap();
    (token.to_owned(), entry.to_owned())
}

impl<'a> Program<'a> {
    pub(crate) fn new(served: &'a Served, token: &str) -> Self {
        Self {
            lines: vec![format!("Authorization: Bearer {token}")],
            ..Self::without_token(served)
        }
    }

    pub(crate) fn without_token(served: &'a Served) -> Self {
        Self {
            served,
            host: format!("localhost:{}", served.address.port()),
            lines: Vec::new(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None)
    }

    /// Sends a body of JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, Some(("application/json", &body.to_string())))
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: Option<(&str, &str)>) -> Reply {
        let mut request = format!("{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for line in &self.lines {
            request.push_str(&format!("{line}\r\n"));
        }
        let (kind, body) = body.unwrap_or_default();
        if !kind.is_empty() {
            request.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.served.send(&format!("{request}\r\n{body}"))
    }

    /// The job that an answer names, once it has ended.
    #[track_caller]
    pub(crate) fn ended(&self, begun: &Reply) -> Value {
        assert!([200, 202].contains(&begun.status), "{begun:?}");
        let location = begun.header("location").unwrap();
        let path = location.strip_prefix("/api/v1").unwrap();
        for _ in 0..20 {
            let job = self.get(&format!("{path}?wait=8")).json();
            if job["state"] != "running" {
                return job;
            }
        }
        panic!("{location} goes on for minutes");
    }
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body as a problem of this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self:?}");
        assert!(
            problem["detail"].as_str().is_some_and(|why| !why.is_empty()),
            "{self:?}"
        );
        problem
    }
}
