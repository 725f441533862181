//! Whether two texts of one definition differ only in how the server writes its expressions.

use std::collections::BTreeMap;

use crate::postgres::DefinitionPart;

/// Whether the backup's text `was` means what the restored database's text `is` says. `restored` are the parts of the
/// restored object, `again` those of an object that the server has made of the backup's own text.
///
/// Outside of the expressions both texts have to be equal, and the expressions as the server writes them.
pub(super) fn is_same_definition(was: &str, is: &str, restored: &[DefinitionPart], again: &[DefinitionPart]) -> bool {
    let facts = |parts: &[DefinitionPart]| -> BTreeMap<String, String> {
        let facts = parts.iter().filter(|part| !part.is_expression);
        facts.map(|part| (part.key.clone(), part.text.clone())).collect()
    };
    if facts(restored) != facts(again) {
        return false;
    }
    let expressions = again.iter().filter(|part| part.is_expression);
    let all: BTreeMap<&str, &str> = expressions
        .map(|part| (part.key.as_str(), part.text.as_str()))
        .collect();
    let shared: Vec<&DefinitionPart> = restored
        .iter()
        .filter(|part| part.is_expression && all.contains_key(part.key.as_str()))
        .collect();
    let are_equal = shared
        .iter()
        .all(|part| all.get(part.key.as_str()) == Some(&part.text.as_str()));
    // what the backup's text makes has to be there as a whole
    let are_all = !shared.is_empty() && shared.len() == all.len();
    are_equal && are_all && between(is, &shared).is_some_and(|fixed| fits(was, &fixed))
}

/// The text before, between and behind the expressions; `None` if one of them isn't in it.
fn between<'a>(text: &'a str, expressions: &[&DefinitionPart]) -> Option<Vec<&'a str>> {
    let (mut rest, mut fixed) = (text, Vec::new());
    for expression in expressions {
        let (before, behind) = rest.split_once(expression.text.as_str())?;
        fixed.push(before);
        rest = behind;
    }
    fixed.push(rest);
    Some(fixed)
}

/// Whether a text consists of these pieces in their order, with anything between them.
fn fits(text: &str, pieces: &[&str]) -> bool {
    let [first, middle @ .., last] = pieces else {
        return false;
    };
    let Some(inner) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    let mut rest = inner;
    middle.iter().all(|piece| match rest.split_once(piece) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(key: &str, text: &str, is_expression: bool) -> DefinitionPart {
        DefinitionPart {
            key: key.to_owned(),
            text: text.to_owned(),
            is_expression,
        }
    }

    #[test]
    fn only_the_way_in_which_an_expression_is_written_may_differ() {
        let (was, is) = (
            "CREATE TABLE s.t (\n    a integer DEFAULT (1) NOT NULL,\n    b text DEFAULT ('x')\n);\n",
            "CREATE TABLE s.t (\n    a integer DEFAULT 1 NOT NULL,\n    b text DEFAULT 'x'::text\n);\n",
        );
        let restored = [
            part("column a", "integer t", false),
            part("default a", "1", true),
            part("default b", "'x'::text", true),
        ];
        assert!(is_same_definition(was, is, &restored, &restored));
        let mut other = restored.clone();
        other[2].text = "'y'::text".to_owned();
        assert!(!is_same_definition(was, is, &restored, &other), "another expression");
        let mut other = restored.clone();
        other[0].text = "integer f".to_owned();
        assert!(!is_same_definition(was, is, &restored, &other), "another fact");
        assert!(
            !is_same_definition(was, is, &restored[..2], &restored),
            "one is missing"
        );
        for changed in [
            was.replace("s.t", "s.u"),
            was.replace(");\n", ")\nWITH (fillfactor='50');\n"),
            was.replace(" NOT NULL", ""),
            String::new(),
        ] {
            assert!(!is_same_definition(&changed, is, &restored, &restored), "{changed}");
        }
        assert!(
            !is_same_definition(was, is, &restored[..1], &restored[..1]),
            "no expression"
        );
    }
}
