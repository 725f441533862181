//! The Platform API and the one of Heroku Postgres, as far as the CLI and `init` ask them.
//! <https://devcenter.heroku.com/articles/platform-api-reference>

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::dyno::{Dynos, Waiting};
use crate::store::scripted_service::{Answer, Asked, Scripted};

pub(super) const TOKEN: &str = "HRKU-01234567-89ab-cdef-0123-456789abcdef";

/// What makes the role of a credential in the real database.
pub(super) type MakeRole = Box<dyn Fn(&str) + Send>;

/// An app.
#[derive(Clone)]
pub(super) struct App {
    pub(super) vars: BTreeMap<String, String>,
    pub(super) buildpacks: Vec<String>,
    /// What was built.
    pub(super) process_types: Option<Value>,
    /// Whether it runs an image, which has no slug.
    pub(super) has_image: bool,
    pub(super) stack: String,
    pub(super) space: Option<String>,
    pub(super) team: Option<String>,
    pub(super) region: String,
}

impl Default for App {
    fn default() -> Self {
        Self {
            vars: BTreeMap::new(),
            buildpacks: Vec::new(),
            process_types: None,
            has_image: false,
            stack: "heroku-24".to_owned(),
            space: None,
            team: None,
            region: "us".to_owned(),
        }
    }
}

/// An add-on.
#[derive(Clone)]
pub(super) struct AddOn {
    pub(super) plan: String,
    pub(super) app: String,
    pub(super) variable: String,
    /// How a role reaches it: the URL has `ROLE` for its name.
    pub(super) url: String,
}

/// What everybody here sees of Heroku.
#[derive(Default)]
pub(super) struct Cloud {
    pub(super) apps: BTreeMap<String, App>,
    /// Apps of other people.
    pub(super) others: Vec<String>,
    pub(super) add_ons: BTreeMap<String, AddOn>,
    /// Attachment's name, app, add-on, credential.
    pub(super) attachments: Vec<(String, String, String, Option<String>)>,
    /// Credentials by add-on, with the number of looks after which they are active.
    pub(super) credentials: BTreeMap<String, usize>,
    /// How many looks a new credential takes to become active.
    pub(super) slow: usize,
    /// The next request that changes something and has this in its path is refused so.
    pub(super) trouble: Option<(String, u16, Value)>,
    /// Everything that changed something: method and path.
    pub(super) changes: Vec<String>,
    pub(super) dynos: usize,
    /// Bodies of requests to set config vars.
    pub(super) config_changes: Vec<Value>,
    /// Where apps are pushed to.
    pub(super) repositories: std::path::PathBuf,
    pub(super) make_role: Option<MakeRole>,
    /// Programs that somebody else has put into every app.
    pub(super) programs: Option<std::path::PathBuf>,
}

/// The API.
pub(super) struct FakeHeroku {
    service: Scripted,
    pub(super) cloud: Arc<Mutex<Cloud>>,
    pub(super) dynos: Arc<Dynos>,
}

impl FakeHeroku {
    pub(super) fn start(cloud: Cloud) -> Self {
        let cloud = Arc::new(Mutex::new(cloud));
        let dynos = Arc::new(Dynos::start());
        let (seen, started) = (Arc::clone(&cloud), Arc::clone(&dynos));
        let url = Arc::new(Mutex::new(String::new()));
        let own = Arc::clone(&url);
        let service = Scripted::start(move |asked| {
            let own = own.lock().unwrap().clone();
            seen.lock().unwrap().answer(asked, &started, &own)
        });
        *url.lock().unwrap() = service.url();
        Self { service, cloud, dynos }
    }

    pub(super) fn url(&self) -> String {
        self.service.url()
    }

    /// The next change whose path has this is refused.
    pub(super) fn refuse(&self, path: &str, status: u16, id: &str) {
        let body = json!({ "id": id, "message": format!("refused by the test: {id}") });
        self.cloud.lock().unwrap().trouble = Some((path.to_owned(), status, body));
    }
}

pub(super) fn ok(status: u16, body: &Value) -> Answer {
    let kind = vec![("Content-Type", "application/json".to_owned())];
    (status, kind, body.to_string())
}

pub(super) fn none(what: &str) -> Answer {
    let text = format!("Couldn't find that {what}.");
    ok(404, &json!({ "id": "not_found", "resource": what, "message": text }))
}

impl Cloud {
    fn answer(&mut self, asked: &Asked, dynos: &Dynos, own: &str) -> Answer {
        let target = asked.target.split('?').next().unwrap_or_default();
        let path: Vec<&str> = target.trim_start_matches('/').split('/').collect();
        if let ["test", "built", app] = path.as_slice() {
            return self.built(app);
        }
        if let ["buildpacks", ..] = path.as_slice() {
            return ok(
                200,
                &json!({ "blob_url": "https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku-community/apt.tgz" }),
            );
        }
        let bearer = format!("Bearer {TOKEN}");
        let authorization = asked.header("authorization").unwrap_or_default();
        if authorization != bearer && !authorization.starts_with("Basic ") {
            return ok(
                401,
                &json!({ "id": "unauthorized", "message": "Invalid credentials provided." }),
            );
        }
        let is_question = path.first() == Some(&"actions");
        if asked.method != "GET" && !is_question {
            self.changes.push(format!("{} {target}", asked.method));
            let hit = self
                .trouble
                .as_ref()
                .is_some_and(|(part, ..)| target.contains(part.as_str()));
            if let Some((_, status, body)) = self.trouble.take_if(|_| hit) {
                return ok(status, &body);
            }
        }
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["account"]) => ok(200, &json!({ "email": "ann@example.com" })),
            ("GET", ["oauth", "authorizations"]) => ok(200, &json!([])),
            ("POST", ["apps"] | ["teams", "apps"]) => self.create_app(&body, own),
            (method, ["apps", app, rest @ ..]) => self.of_app(method, app, rest, &body, dynos),
            (method, ["addons", name, rest @ ..]) => self.of_add_on(method, name, rest),
            ("GET", ["addon-attachments"]) => ok(
                200,
                &self.attachments.iter().map(|one| self.attachment_json(one)).collect(),
            ),
            ("POST", ["addon-attachments"]) => self.attach(&body),
            ("POST", ["actions", "addon-attachments", "resolve"]) => self.resolve(&body),
            (method, ["postgres", "v0", "databases", name, "credentials", ..]) => self.credential(method, name),
            _ => none("thing"),
        }
    }

    fn create_app(&mut self, body: &Value, own: &str) -> Answer {
        let name = body["name"].as_str().unwrap().to_owned();
        if self.apps.contains_key(&name) || self.others.contains(&name) {
            let text = format!("Name {name} is already taken");
            return ok(422, &json!({ "id": "invalid_params", "message": text }));
        }
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let app = App {
            space: text("space"),
            team: text("team"),
            region: text("region").unwrap_or_else(|| "us".to_owned()),
            stack: text("stack").unwrap(),
            ..App::default()
        };
        self.apps.insert(name.clone(), app);
        let bare = self.repositories.join(format!("{name}.git"));
        let made = Command::new("git")
            .args(["init", "--quiet", "--bare"])
            .arg(&bare)
            .status();
        assert!(made.unwrap().success());
        let hook = bare.join("hooks/pre-receive");
        let built = format!("#!/bin/sh\nexec curl --silent --fail --request POST {own}/test/built/{name}\n");
        crate::init::forms::executable(&hook, &built);
        ok(201, &self.app_json(&name))
    }

    fn app_json(&self, name: &str) -> Value {
        let app = &self.apps[name];
        let named = |name: &Option<String>| name.as_ref().map(|name| json!({ "name": name }));
        json!({
            "id": format!("id-{name}"), "name": name, "region": { "name": app.region }, "stack": { "name": app.stack },
            "space": named(&app.space), "team": named(&app.team),
            "web_url": format!("https://{name}.herokuapp.com/"),
        })
    }

    fn of_app(&mut self, method: &str, name: &str, rest: &[&str], body: &Value, dynos: &Dynos) -> Answer {
        if self.others.iter().any(|other| other == name) {
            let text = format!("You do not have access to the app {name}.");
            return ok(403, &json!({ "id": "forbidden", "message": text }));
        }
        let Some(app) = self.apps.get_mut(name) else {
            return none("app");
        };
        match (method, rest) {
            ("GET", []) => ok(200, &self.app_json(name)),
            ("GET", ["config-vars"]) => ok(200, &json!(self.config(name))),
            ("PATCH", ["config-vars"]) => {
                for (name, value) in body.as_object().unwrap() {
                    app.vars.insert(name.clone(), value.as_str().unwrap().to_owned());
                }
                self.config_changes.push(body.clone());
                ok(200, &json!(self.config(name)))
            }
            ("GET", ["buildpack-installations"]) => ok(200, &installations(&app.buildpacks)),
            ("PUT", ["buildpack-installations"]) => {
                let urls = body["updates"].as_array().unwrap().iter();
                app.buildpacks = urls.map(|one| one["buildpack"].as_str().unwrap().to_owned()).collect();
                ok(200, &installations(&app.buildpacks))
            }
            ("GET", ["releases"]) => {
                let slug = app.process_types.as_ref().map(|_| json!({ "id": "slug" }));
                ok(200, &json!([{ "version": 7, "current": true, "slug": slug }]))
            }
            ("GET", ["formation"]) => {
                let web = json!({ "id": "w", "type": "web", "command": "run", "quantity": 1 });
                ok(200, &json!(Vec::from_iter((app.has_image).then_some(web))))
            }
            ("GET", ["slugs", _]) => ok(200, &json!({ "id": "slug", "process_types": app.process_types })),
            ("GET", ["addons"]) => {
                let all = self.add_ons.iter().filter(|(_, add_on)| add_on.app == name);
                ok(200, &all.map(|(name, _)| self.add_on_json(name)).collect())
            }
            ("POST", ["addons"]) => {
                let plan = body["plan"]["name"].as_str().unwrap().to_owned();
                let add_on = AddOn {
                    plan,
                    app: name.to_owned(),
                    variable: String::new(),
                    url: String::new(),
                };
                self.add_ons.insert("scheduler-flat-1".to_owned(), add_on);
                ok(201, &self.add_on_json("scheduler-flat-1"))
            }
            ("GET", ["addon-attachments"]) => {
                let all = self.attachments.iter().filter(|one| one.1 == name);
                ok(200, &all.map(|one| self.attachment_json(one)).collect())
            }
            ("POST", ["dynos"]) => {
                self.dynos += 1;
                let id = format!("dyno{}", self.dynos);
                let waiting = Waiting {
                    command: body["command"].as_str().unwrap().to_owned(),
                    vars: self.config(name),
                    programs: self.programs.clone(),
                };
                let url = dynos.add(&id, waiting);
                ok(
                    201,
                    &json!({ "id": id, "name": "run.1234", "attach_url": url, "state": "starting", "size": "basic" }),
                )
            }
            _ => none("thing of an app"),
        }
    }

    /// Its own config vars and those of what is attached.
    fn config(&self, name: &str) -> BTreeMap<String, String> {
        let mut vars = self.apps[name].vars.clone();
        for (attachment, app, add_on, credential) in &self.attachments {
            if app == name {
                let role = credential.as_deref().unwrap_or("postgres");
                vars.insert(
                    format!("{attachment}_URL"),
                    self.add_ons[add_on].url.replace("ROLE", role),
                );
            }
        }
        vars
    }

    fn built(&mut self, app: &str) -> Answer {
        self.changes.push(format!("push {app}"));
        if self.trouble.take_if(|(part, ..)| part == "push").is_some() {
            return ok(500, &json!({}));
        }
        let app = self.apps.get_mut(app).unwrap();
        app.process_types = Some(json!({ "clock": "pgcoffer serve" }));
        ok(200, &json!({}))
    }
}

fn installations(urls: &[String]) -> Value {
    let all = urls.iter().enumerate();
    all.map(|(n, url)| json!({ "ordinal": n, "buildpack": { "url": url, "name": url } }))
        .collect()
}
