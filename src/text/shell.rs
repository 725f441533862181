//! Text as one word of a command for a POSIX shell.

/// One word for a POSIX shell.
#[must_use]
pub fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// One word of a command that people are given to type: as it is where every shell takes it so, else quoted. Any text
/// is one word and nothing else.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/@+=".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        shell_quoted(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell is asked what it makes of it.
    #[test]
    fn whatever_a_word_holds_a_shell_reads_it_as_one() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "plain-1.2:/@x",
            "",
            "it's",
            "a b",
            "$(touch y)",
            "`touch y`",
            "; touch y",
            "a\n touch y\n",
            "\\",
            "*",
            "~",
            "!!",
            "{a,b}",
            "&& touch y #",
            "\u{2028}ü'\"'",
        ] {
            let mut shell = std::process::Command::new("sh");
            let command = format!("printf %s {}", shell_word(text));
            let output = shell
                .current_dir(folder.path())
                .args(["-c", &command])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }
}
