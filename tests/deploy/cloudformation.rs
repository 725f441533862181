//! As much of CloudFormation as it takes to see what a template makes: its functions, and its conditions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::manifests::{feed, tool};

/// A template with values for its parameters.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) template: Value,
    values: BTreeMap<String, Value>,
}

/// Reads it as the linter does, with `!Ref` and its like as objects.
const READ: &str = "import json, sys
from cfnlint.decode import decode
template, faults = decode(sys.argv[1])
assert not faults, faults
json.dump(template, sys.stdout)";

impl Stack {
    pub(crate) fn new(path: &str, parameters: &[(&str, &str)]) -> Self {
        let json = feed(tool("python").args(["-c", READ, path]), "");
        let template: Value = serde_json::from_str(&json).unwrap();
        let mut values = BTreeMap::from([("AWS::Partition".to_owned(), json!("aws"))]);
        for (name, parameter) in template["Parameters"].as_object().unwrap() {
            let given = parameters.iter().find(|(given, _)| given == name);
            let value = given.map_or_else(|| parameter["Default"].clone(), |(_, value)| json!(value));
            values.insert(name.clone(), value);
        }
        for (name, _) in parameters {
            assert!(values.contains_key(*name), "there is no parameter {name}");
        }
        Self { template, values }
    }

    /// The properties of the resources of this type that are made, by their names.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<(String, Value)> {
        let all = self.template["Resources"].as_object().unwrap().iter();
        let made = all.filter(|(_, one)| one["Type"] == kind && self.is_made(one));
        made.map(|(name, one)| {
            let properties = one.get("Properties").cloned().unwrap_or_default();
            (name.clone(), self.resolve(&properties).unwrap_or_default())
        })
        .collect()
    }

    fn is_made(&self, resource: &Value) -> bool {
        let condition = resource.get("Condition").and_then(Value::as_str);
        condition.is_none_or(|name| self.holds(name))
    }

    fn holds(&self, condition: &str) -> bool {
        self.is_true(&self.template["Conditions"][condition])
    }

    fn is_true(&self, condition: &Value) -> bool {
        let (name, arguments) = condition.as_object().unwrap().iter().next().unwrap();
        let mut each = arguments.as_array().into_iter().flatten();
        match name.as_str() {
            "Condition" => self.holds(arguments.as_str().unwrap()),
            "Fn::Equals" => self.resolve(&arguments[0]) == self.resolve(&arguments[1]),
            "Fn::Not" => !self.is_true(&arguments[0]),
            "Fn::Or" => each.any(|one| self.is_true(one)),
            "Fn::And" => each.all(|one| self.is_true(one)),
            other => panic!("no condition is called {other}"),
        }
    }

    /// A value without functions; none for `AWS::NoValue`, which takes the property or the entry of a list away.
    fn resolve(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(all) => Some(all.iter().filter_map(|one| self.resolve(one)).collect()),
            Value::Object(fields) => match fields.iter().next() {
                Some((name, argument)) if fields.len() == 1 && (name == "Ref" || name.starts_with("Fn::")) => {
                    self.called(name, argument)
                }
                _ => {
                    let resolved = fields
                        .iter()
                        .filter_map(|(name, one)| Some((name.clone(), self.resolve(one)?)));
                    Some(Value::Object(resolved.collect::<Map<_, _>>()))
                }
            },
            plain => Some(plain.clone()),
        }
    }

    fn called(&self, function: &str, argument: &Value) -> Option<Value> {
        match function {
            "Ref" if argument == "AWS::NoValue" => None,
            "Ref" => Some(self.referred(argument.as_str().unwrap())),
            "Fn::Sub" => Some(json!(self.substituted(argument.as_str().unwrap()))),
            "Fn::If" => {
                let chosen = if self.holds(argument[0].as_str().unwrap()) {
                    1
                } else {
                    2
                };
                self.resolve(&argument[chosen])
            }
            other => panic!("no function is called {other}"),
        }
    }

    /// A parameter's value; of a resource that is made, its name in the template.
    fn referred(&self, name: &str) -> Value {
        if let Some(value) = self.values.get(name) {
            return value.clone();
        }
        let resource = &self.template["Resources"][name];
        assert!(resource.is_object() && self.is_made(resource), "{name} is not made");
        json!(name)
    }

    fn substituted(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            match self.referred(name) {
                Value::String(value) => whole += &value,
                value => whole += &value.to_string(),
            }
            whole += rest;
        }
        whole
    }
}
