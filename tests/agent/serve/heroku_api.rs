//! A Platform API as its reference describes it: https://devcenter.heroku.com/articles/platform-api-reference#dyno

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::store::scripted_service::{Answer, Asked, Scripted};

pub(crate) const API_KEY: &str = "HRKU-01234567-89ab-cdef-0123-456789abcdef";
pub(crate) const APP: &str = "shop-backups";

/// The API, and the dynos of its one app.
pub(crate) struct FakeHeroku {
    service: Scripted,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    dynos: Vec<Value>,
    /// what every call is answered with, where something is wrong
    trouble: Option<Answer>,
}

impl FakeHeroku {
    pub(crate) fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let seen = Arc::clone(&state);
        let service = Scripted::start(move |asked| seen.lock().unwrap().answer(asked));
        Self { service, state }
    }

    pub(crate) fn url(&self) -> String {
        self.service.url()
    }

    /// Every dyno that was asked for: the bodies of the requests.
    pub(crate) fn started(&self) -> Vec<Value> {
        let posts = self.service.asked("POST");
        posts
            .iter()
            .map(|asked| serde_json::from_str(&asked.body).unwrap())
            .collect()
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        [self.service.asked("POST"), self.service.asked("GET")].concat()
    }

    /// All dynos are so from now on.
    pub(crate) fn set_all(&self, dyno_state: &str) {
        for dyno in &mut self.state.lock().unwrap().dynos {
            dyno["state"] = dyno_state.into();
        }
    }

    /// The dynos have ended, and are forgotten.
    pub(crate) fn forget_all(&self) {
        self.state.lock().unwrap().dynos.clear();
    }

    /// A dyno that somebody else started.
    pub(crate) fn add(&self, command: &str) {
        let mut state = self.state.lock().unwrap();
        let dyno = dyno(state.dynos.len(), command, "standard-1X", "up");
        state.dynos.push(dyno);
    }

    /// Every call is answered so.
    pub(crate) fn trouble(&self, status: u16, headers: &[(&'static str, &str)], body: Value) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        self.state.lock().unwrap().trouble = Some((status, headers.collect(), body.to_string()));
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if let Some(trouble) = &self.trouble {
            return trouble.clone();
        }
        let right = asked.header("authorization") == Some(&format!("Bearer {API_KEY}"))
            && asked.header("accept") == Some("application/vnd.heroku+json; version=3");
        if !right {
            return refused(401, "unauthorized", "Invalid credentials provided.");
        }
        let path: Vec<&str> = asked.target.trim_start_matches('/').split('/').collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("POST", ["apps", APP, "dynos"]) => self.create(asked),
            ("GET", ["apps", APP, "dynos"]) => ok(200, json!(self.dynos)),
            ("GET", ["apps", APP, "dynos", id]) => match self.dynos.iter().find(|dyno| dyno["id"] == *id) {
                Some(dyno) => ok(200, dyno.clone()),
                None => refused(404, "not_found", "Couldn't find that process type or dyno."),
            },
            _ => refused(404, "not_found", "Couldn't find that app."),
        }
    }

    fn create(&mut self, asked: &Asked) -> Answer {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let schema = include_str!("dyno-create.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        if let Err(error) = jsonschema::validate(&schema, &body) {
            return refused(422, "invalid_params", &error.to_string());
        }
        let size = body["size"].as_str().unwrap_or("standard-1X");
        let dyno = dyno(self.dynos.len(), body["command"].as_str().unwrap(), size, "starting");
        self.dynos.push(dyno.clone());
        ok(201, dyno)
    }
}

fn dyno(n: usize, command: &str, size: &str, state: &str) -> Value {
    json!({
        "attach_url": null, "command": command, "created_at": "2026-11-20T03:00:00Z",
        "id": format!("01234567-89ab-cdef-0123-{n:012}"), "name": format!("run.{}", 1000 + n),
        "release": {"id": "01234567-89ab-cdef-0123-456789abcdef", "version": 11},
        "app": {"name": APP, "id": "01234567-89ab-cdef-0123-456789abcdef"},
        "size": size, "state": state, "type": "run", "updated_at": "2026-11-20T03:00:00Z",
    })
}

fn ok(status: u16, body: Value) -> Answer {
    let left = ("RateLimit-Remaining", "4499".to_owned());
    (
        status,
        vec![("Content-Type", "application/json".to_owned()), left],
        body.to_string(),
    )
}

fn refused(status: u16, id: &str, message: &str) -> Answer {
    ok(status, json!({"id": id, "message": message}))
}
