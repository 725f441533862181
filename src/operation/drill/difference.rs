//! What is different between two texts of a definition, in words.

use crate::text::Untrusted;

/// Characters of a line that a finding shows.
const SHOWN_CHARS: usize = 120;

/// The first lines that are not in both. What ends a line (`,` or `;`) depends on what follows, and doesn't count unless
/// nothing else differs.
pub(super) fn difference(was: &str, is: &str) -> String {
    let (before, after) = (lines(was), lines(is));
    let same = |(one, other): &(&&str, &&str)| bare(one) == bare(other);
    let at_start = before.iter().zip(&after).take_while(same).count();
    let (before, after) = (&before[at_start..], &after[at_start..]);
    let at_end = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
    let first = |lines: &[&str]| lines[..lines.len() - at_end].first().map(|line| shown(line));
    match (first(before), first(after)) {
        (Some(was), Some(is)) => format!("its definition was {was}, and is {is}"),
        (Some(was), None) => format!("its definition lacks {was}"),
        (None, Some(is)) => format!("its definition also has {is}"),
        (None, None) => "its definition differs in blanks, line breaks or marks".to_owned(),
    }
}

fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !bare(line).is_empty()).collect()
}

fn bare(line: &str) -> &str {
    line.trim_end_matches([';', ','])
}

fn shown(line: &str) -> String {
    format!("`{}`", Untrusted::from(bare(line)).cut(SHOWN_CHARS))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_lines_that_differ_are_shown() {
        let table = "CREATE TABLE k.t (\n    a integer,\n    b text\n);\n";
        for (other, words) in [
            (
                format!("{table}\nALTER TABLE ONLY k.t FORCE ROW LEVEL SECURITY;\n"),
                "its definition also has `ALTER TABLE ONLY k.t FORCE ROW LEVEL SECURITY`",
            ),
            (
                table.replace(");", ")\nWITH (fillfactor='50');"),
                "its definition also has `WITH (fillfactor='50')`",
            ),
            (
                table.replace("b text", "b text,\n    c integer"),
                "its definition also has `c integer`",
            ),
            (
                table.replace("    a integer,\n", ""),
                "its definition lacks `a integer`",
            ),
            (
                table.replace("a integer", "a bigint"),
                "its definition was `a integer`, and is `a bigint`",
            ),
            (
                table.replace("integer,", "integer"),
                "its definition differs in blanks, line breaks or marks",
            ),
        ] {
            assert_eq!(difference(table, &other), words);
        }
        assert_eq!(difference("x;\n\ny;\n", "x;\n"), "its definition lacks `y`");
    }
}
