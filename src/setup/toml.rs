//! Settings as `pgcoffer.toml`.

use zeroize::Zeroizing;

use super::{Setup, quoting::double_quoted};

pub(super) fn document(setup: &Setup) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    let settings = || {
        let ours = setup.iter();
        ours.filter_map(|(name, value)| Some((name.strip_prefix("PGCOFFER_")?, value)))
    };
    for (name, value) in settings().filter(|(name, _)| of_database(name).is_none()) {
        line(&mut text, &name.to_ascii_lowercase(), value);
    }
    let mut table = None;
    for (label, what, value) in settings().filter_map(|(name, value)| {
        let (label, what) = of_database(name)?;
        Some((label, what, value))
    }) {
        if table != Some(label) {
            text.push_str(&format!("\n[db.{}]\n", label.to_ascii_lowercase()));
            table = Some(label);
        }
        line(&mut text, &what.to_ascii_lowercase(), value);
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

/// Label and setting of `DB_<NAME>_…`.
fn of_database(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("DB_")?;
    let ends = ["_PING_URL", "_URL", "_AUTH", "_KEY", "_SCHEDULE"];
    let end = ends.iter().find(|end| rest.ends_with(**end));
    let at = end.map_or_else(|| rest.rfind('_'), |end| Some(rest.len() - end.len()))?;
    Some((&rest[..at], &rest[at + 1..]))
}

fn line(text: &mut String, key: &str, value: &str) {
    text.push_str(&format!("{key} = "));
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
