//! Quoting of values for YAML and TOML.

use crate::text::escaped;

/// A double-quoted scalar of YAML that is a basic string of TOML as well: it contains only escapes that mean the same in
/// both. <https://yaml.org/spec/1.2.2/#double-quoted-style>, <https://toml.io/en/v1.0.0#string>
pub(super) fn double_quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            // YAML would fold line separators, and lose a mark of the encoding; a terminal would obey others
            c if escaped(c.encode_utf8(&mut [0; 4])) != String::from(c).as_str() => {
                let code = u32::from(c);
                text.push_str(&match code {
                    0..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                });
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
