//! Walks over a keyboard, which look random and are on every list: `qwertz`, `1q2w3e`, `!QAZ2wsx`.

use zeroize::Zeroizing;

/// Shorter sequences of adjacent keys occur by chance.
const WALK_MIN: usize = 4;

/// Removes walks of four or more keys, each next to the one before it. Returns the rest, and the number of keys
/// removed.
pub(super) fn without_walks(text: &str) -> (Zeroizing<String>, usize) {
    let keys: Vec<char> = text.chars().collect();
    let mut rest = Zeroizing::new(String::with_capacity(text.len()));
    let (mut walked, mut begin) = (0, 0);
    while begin < keys.len() {
        let steps = keys[begin..]
            .windows(2)
            .take_while(|pair| are_neighbours(pair[0], pair[1]));
        let length = steps.count() + 1;
        if length >= WALK_MIN {
            walked += length;
        } else {
            rest.extend(&keys[begin..begin + length]);
        }
        begin += length;
    }
    (rest, walked)
}

/// Whether two keys are adjacent on a keyboard, or the same.
fn are_neighbours(one: char, other: char) -> bool {
    match (place(one), place(other)) {
        (Some((row, column)), Some((next_row, next_column))) => {
            // each row is shifted half a key to the right
            let across = (2 * column + row).abs_diff(2 * next_column + next_row);
            match row.abs_diff(next_row) {
                0 => across <= 2,
                1 => across <= 1,
                _ => false,
            }
        }
        _ => false,
    }
}

/// The row and the column of a key, with or without shift.
fn place(c: char) -> Option<(usize, usize)> {
    const ROWS: [[&str; 2]; 4] = [
        ["1234567890-=", "!@#$%^&*()_+"],
        ["qwertyuiop[]", "QWERTYUIOP{}"],
        ["asdfghjkl;'", "ASDFGHJKL:\""],
        ["zxcvbnm,./", "ZXCVBNM<>?"],
    ];
    ROWS.iter().enumerate().find_map(|(row, keys)| {
        let column = keys.iter().find_map(|keys| keys.find(c))?;
        Some((row, column))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn walks_are_found_in_every_direction_and_nothing_else() {
        for walk in [
            "qwerty", "poiuyt", "1q2w3e4r", "!QAZ2wsx", "zaq1", "aaaa", "mnbvcxz", "+_)(",
        ] {
            let (rest, walked) = without_walks(walk);
            assert_eq!((rest.as_str(), walked), ("", walk.len()), "{walk}");
        }
        for (text, rest) in [
            ("k9#qwertZ", "k9#Z"),
            ("hamster", "hamster"),
            ("x7#pQ", "x7#pQ"),
            ("жизнь", "жизнь"),
        ] {
            assert_eq!(without_walks(text).0.as_str(), rest);
        }
    }
}
