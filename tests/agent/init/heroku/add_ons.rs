//! Add-ons, attachments and credentials, as the APIs of Heroku and of Heroku Postgres answer for them.

use serde_json::{Value, json};

use super::api::{Cloud, none, ok};
use crate::store::scripted_service::Answer;

impl Cloud {
    pub(super) fn add_on_json(&self, name: &str) -> Value {
        let add_on = &self.add_ons[name];
        let service = add_on.plan.split(':').next().unwrap();
        let variables: Vec<&str> = [add_on.variable.as_str()]
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect();
        json!({
            "id": format!("id-{name}"), "name": name, "addon_service": { "name": service },
            "plan": { "name": add_on.plan, "price": { "cents": 0, "unit": "month" } },
            "app": { "name": add_on.app, "id": format!("id-{}", add_on.app) }, "state": "provisioned",
            "config_vars": variables,
        })
    }

    pub(super) fn attachment_json(
        &self,
        (name, app, add_on, credential): &(String, String, String, Option<String>),
    ) -> Value {
        json!({
            "id": format!("id-{app}-{name}"), "name": name, "app": { "name": app, "id": format!("id-{app}") },
            "addon": self.add_on_json(add_on), "config_vars": [format!("{name}_URL")],
            "namespace": credential.as_ref().map(|name| format!("credential:{name}")),
        })
    }

    pub(super) fn of_add_on(&self, method: &str, name: &str, rest: &[&str]) -> Answer {
        if !self.add_ons.contains_key(name) {
            return none("add_on");
        }
        match (method, rest) {
            ("GET", []) => ok(200, &self.add_on_json(name)),
            ("GET", ["config", _]) => match self.credentials.contains_key(name) {
                true => ok(200, &json!([{ "name": "url", "value": "x" }])),
                false => ok(200, &json!([])),
            },
            _ => none("thing of an add-on"),
        }
    }

    pub(super) fn attach(&mut self, body: &Value) -> Answer {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let credential = body["namespace"].as_str().map(|name| name.replace("credential:", ""));
        let add_on = text(&body["addon"]["name"]);
        if credential.is_some() && self.credentials.get(&add_on) != Some(&0) {
            return ok(
                422,
                &json!({ "id": "invalid_params", "message": "the credential is not active" }),
            );
        }
        let one = (text(&body["name"]), text(&body["app"]["name"]), add_on, credential);
        let answer = self.attachment_json(&one);
        self.attachments.push(one);
        ok(201, &answer)
    }

    pub(super) fn resolve(&self, body: &Value) -> Answer {
        let (app, wanted) = (
            body["app"].as_str().unwrap(),
            body["addon_attachment"].as_str().unwrap(),
        );
        let named = |one: &&(String, String, String, Option<String>)| {
            one.1 == app && (one.2 == wanted || one.0 == wanted || format!("{}_URL", one.0) == wanted)
        };
        let found: Vec<Value> = self
            .attachments
            .iter()
            .filter(named)
            .map(|one| self.attachment_json(one))
            .collect();
        match found.is_empty() {
            true => none("add_on attachment"),
            false => ok(200, &json!(found)),
        }
    }

    pub(super) fn credential(&mut self, method: &str, add_on: &str) -> Answer {
        if method == "POST" {
            if self.credentials.contains_key(add_on) {
                return ok(
                    422,
                    &json!({ "id": "invalid_params", "message": "the credential exists already" }),
                );
            }
            self.credentials.insert(add_on.to_owned(), self.slow);
            if let Some(make) = &self.make_role {
                make("pgcoffer");
            }
            return ok(201, &json!({ "message": "made" }));
        }
        let Some(left) = self.credentials.get_mut(add_on) else {
            return none("credential");
        };
        let active = *left == 0;
        *left = left.saturating_sub(1);
        let state = if active { "active" } else { "provisioning" };
        let users = json!([{ "user": "pgcoffer", "password": "secret", "state": state }]);
        ok(
            200,
            &json!({ "name": "pgcoffer", "database": "d", "host": "localhost", "port": 5432, "credentials": users }),
        )
    }
}
