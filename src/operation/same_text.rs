//! Whether two texts of a definition mean the same, where PostgreSQL itself writes one differently after it has read
//! it.
//!
//! `status IN ('new', 'paid')` on a column of type varchar is shown as `(ARRAY['new'::character varying, …])::text[]`
//! at first, and as `ARRAY[('new'::character varying)::text, …]` once that text was read again: the cast of an array
//! became the casts of its elements. Nearly every database that a framework made has such constraints.

/// The text of a definition, with the cast of every array written as casts of its elements.
pub(super) fn normalized(text: &str) -> String {
    let mut rest = text;
    let mut done = String::with_capacity(text.len());
    while let Some(at) = rest.find("(ARRAY[") {
        let (before, array) = rest.split_at(at);
        done.push_str(before);
        match cast_array(&array[1..]) {
            Some((elements, cast, length)) => {
                let elements: Vec<String> = elements
                    .iter()
                    .map(|element| format!("({})::{cast}", normalized(element)))
                    .collect();
                done.push_str(&format!("ARRAY[{}]", elements.join(", ")));
                rest = &array[1 + length..];
            }
            None => {
                done.push_str(&array[..1]);
                rest = &array[1..];
            }
        }
    }
    done.push_str(rest);
    done
}

/// The elements of `ARRAY[…])::type[]`, the type, and the length of the whole; `None` if it is something else.
fn cast_array(text: &str) -> Option<(Vec<&str>, &str, usize)> {
    const START: usize = "ARRAY[".len();
    let (elements, end) = elements(&text[START..])?;
    let behind = text[START + end..].strip_prefix("])::")?;
    let type_end = behind.find("[]")?;
    let name = &behind[..type_end];
    let is_type = |c: char| c.is_alphanumeric() || "_. \"".contains(c);
    if name.is_empty() || !name.chars().all(is_type) || elements.iter().any(|element| element.is_empty()) {
        return None;
    }
    Some((elements, name, START + end + "])::".len() + type_end + "[]".len()))
}

/// The elements before the bracket that closes an array, and where that is. Brackets and commas in quotes don't count.
fn elements(text: &str) -> Option<(Vec<&str>, usize)> {
    let (mut found, mut from, mut depth) = (Vec::new(), 0, 0_usize);
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            // a doubled quote ends the text and begins it again
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => (),
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ']') if depth == 0 => {
                found.push(text[from..at].trim());
                return Some((found, at));
            }
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                found.push(text[from..at].trim());
                from = at + 1;
            }
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn the_cast_of_an_array_is_that_of_its_elements() {
        let first = "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b, ])'::character varying])::text[])))";
        let again =
            "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b, ])'::character varying)::text])))";
        assert_eq!(normalized(first), normalized(again));
        assert_eq!(normalized(again), again);
    }

    #[test]
    fn other_values_stay_different() {
        let one = "((s)::text = ANY ((ARRAY['a'::character varying])::text[]))";
        for other in [
            "((s)::text = ANY ((ARRAY['b'::character varying])::text[]))",
            "((s)::text = ANY ((ARRAY['a'::character varying])::bpchar[]))",
            "((s)::text = ANY ((ARRAY['a'::character varying, 'a'::character varying])::text[]))",
            "((s)::text <> ALL ((ARRAY['a'::character varying])::text[]))",
        ] {
            assert_ne!(normalized(one), normalized(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_cast_of_an_array_stays_as_it_is() {
        for text in [
            "",
            "(ARRAY[",
            "(ARRAY[1, 2])",
            "(ARRAY[1, 2])::",
            "(ARRAY[])::text[]",
            "'(ARRAY[' || x",
            "(ARRAY['it''s', \"a]b\"] || y)",
        ] {
            assert_eq!(normalized(text), text);
        }
    }

    #[test]
    fn arrays_in_arrays_are_read_too() {
        let text = "(ARRAY[(ARRAY['a'::character varying])::text[], x])::t[]";
        assert_eq!(
            normalized(text),
            "ARRAY[(ARRAY[('a'::character varying)::text])::t, (x)::t]"
        );
    }
}
