//! Settings as `pgcoffer.toml`.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Setup, quoting::double_quoted};
use crate::config::place_of_setting;

pub(super) fn document(setup: &Setup) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    // a table may begin once, whichever names stand between those of its settings
    let mut tables: BTreeMap<String, Vec<(String, &str)>> = BTreeMap::new();
    for (name, value) in setup.iter().filter(|(name, _)| name.starts_with("PGCOFFER_")) {
        match table_of(name, value) {
            Some((table, key)) => tables.entry(table).or_default().push((key, value)),
            None => line(&mut text, name.trim_start_matches("PGCOFFER_"), value),
        }
    }
    for (table, settings) in tables {
        text.push_str(&format!("\n[{table}]\n"));
        for (key, value) in settings {
            line(&mut text, &key, value);
        }
    }
    let of_aws: Vec<&str> = setup
        .variables
        .keys()
        .filter_map(|name| name.starts_with("AWS_").then_some(name.as_str()))
        .collect();
    if !of_aws.is_empty() {
        let names = of_aws.join(", ");
        text.push_str(&format!(
            "\n# {names}: these stand in the environment or in ~/.aws, never here\n"
        ));
    }
    text
}

/// The table and the key of what is set for one database or one place.
fn table_of(name: &str, value: &str) -> Option<(String, String)> {
    if let Some((place, what)) = place_of_setting(name, value) {
        return Some((format!("copy.{place}"), what.trim_start_matches('_').to_owned()));
    }
    let (label, what) = of_database(name.strip_prefix("PGCOFFER_")?)?;
    Some((format!("db.{}", label.to_ascii_lowercase()), what.to_owned()))
}

/// Label and setting of `DB_<NAME>_…`.
fn of_database(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("DB_")?;
    let ends = ["_PING_URL", "_URL", "_AUTH", "_KEY", "_SCHEDULE"];
    let end = ends.iter().find(|end| rest.ends_with(**end));
    let at = end.map_or_else(|| rest.rfind('_'), |end| Some(rest.len() - end.len()))?;
    Some((&rest[..at], &rest[at + 1..]))
}

fn line(text: &mut String, key: &str, value: &str) {
    text.push_str(&format!("{} = ", key.to_ascii_lowercase()));
    text.push_str(&Zeroizing::new(value_of(value)));
    text.push('\n');
}

/// A value as TOML has it: a basic string, or a bare `true` or `false`.
fn value_of(value: &str) -> String {
    if ["true", "false"].contains(&value) {
        return value.to_owned();
    }
    double_quoted(value)
}
