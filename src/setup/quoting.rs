//! Text between double quotes, as YAML and TOML both read it.

/// A double-quoted scalar of YAML and a basic string of TOML at once: of what the two know, only escapes that mean the same.
/// <https://yaml.org/spec/1.2.2/#double-quoted-style>, <https://toml.io/en/v1.0.0#string>
pub(super) fn double_quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            // YAML would fold line separators, and lose a mark of the encoding
            c if c.is_control() || ['\u{2028}', '\u{2029}', '\u{feff}'].contains(&c) => {
                text.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
