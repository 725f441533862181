//! Finds the modules and paths that a source file uses.

/// Modules that a text mentions: `crate::name`, `crate::{a::…, b}`.
pub(crate) fn mentioned(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            found.extend(first_names(list));
        } else {
            found.push(name(rest));
        }
    }
    found
}

/// The first path segment of each item of a braced list.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut at_start, mut names) = (0, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            c if c.is_whitespace() => {}
            _ if at_start => {
                names.push(name(&list[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Every path that begins with `root`, with the lists of `use` spelled out.
pub(crate) fn paths(text: &str, root: &str) -> Vec<Vec<String>> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for rest in code.split(root).skip(1) {
        expand(rest, &mut Vec::new(), &mut found);
    }
    found
}

/// Reads one tree of `use`, and gives what follows it.
fn expand<'t>(text: &'t str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            match rest.strip_prefix('}') {
                Some(behind) => return behind,
                None if rest.is_empty() => return rest,
                None => rest = expand(rest, prefix, found),
            }
        }
    }
    let segment = name(text);
    let rest = &text[segment.len()..];
    // a macro or a glob: nothing that is checked here
    if segment.is_empty() {
        return rest.get(1..).unwrap_or_default();
    }
    prefix.push(segment);
    let rest = match rest.strip_prefix("::") {
        Some(inner) => expand(inner, prefix, found),
        None => {
            found.push(prefix.clone());
            // what it is renamed to
            let renamed = rest.trim_start().strip_prefix("as ");
            renamed.map_or(rest, |renamed| &renamed[name(renamed.trim_start()).len()..])
        }
    };
    prefix.pop();
    rest
}

#[test]
fn paths_are_spelled_out() {
    let text = "use pgcoffer::{\n    a::{self, b, c::d},\n    e as _,\n    f,\n};\nlet x = pgcoffer::g::h::from;";
    let paths: Vec<String> = paths(text, "pgcoffer::").iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["a::self", "a::b", "a::c::d", "e", "f", "g::h::from"]);
}

#[test]
fn mentions_are_found_in_every_form() {
    let text = "use crate::{\n    a::{b, c},\n    d,\n};\n// crate::no\nlet x = crate::e::f;";
    assert_eq!(mentioned(text), ["a", "d", "e"]);
}
