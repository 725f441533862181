//! Errors of the operating system in words that name no call and no number.

use std::io;

/// Why a call of the operating system failed, without its number, as in `connection refused`. Another error as it is.
#[must_use]
pub fn os_words(error: &io::Error) -> String {
    // the crate tempfile adds the name of a file that is gone already
    let is_of_tempfile = |text: &str| text.contains(" at path \"");
    if error.get_ref().is_some() && !is_of_tempfile(&error.to_string()) {
        return plain_os_text(&error.to_string());
    }
    let words = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder",
        io::ErrorKind::AlreadyExists => "something of that name is there already",
        io::ErrorKind::IsADirectory => "that is a folder",
        io::ErrorKind::NotADirectory => "a part of that path is a file, and no folder",
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "the disk quota is used up",
        io::ErrorKind::ReadOnlyFilesystem => "the disk is mounted read-only",
        io::ErrorKind::InvalidFilename => "the name is too long",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::TimedOut => "no answer came in time",
        io::ErrorKind::BrokenPipe => "the program that reads it has ended",
        io::ErrorKind::UnexpectedEof => "it ended too early",
        io::ErrorKind::InvalidData => "it is not text in UTF-8",
        _ => return plain_os_text(&error.to_string()),
    };
    words.to_owned()
}

/// The words of an error that may be of the operating system: `Connection refused (os error 111)` without what stands in
/// parentheses, and a name that can't be resolved without the name of the call.
#[must_use]
pub fn plain_os_text(text: &str) -> String {
    // getaddrinfo's own words
    if text.starts_with("failed to lookup address information") {
        return "no host of that name is known".to_owned();
    }
    match text.split_once(" (os error ") {
        Some((words, rest)) => match rest.split_once(')') {
            Some((_, behind)) => format!("{}{behind}", uncapitalized(words)),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

/// The first letter of a sentence of the system is a capital, which in the midst of ours it is not.
fn uncapitalized(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_and_no_name_of_a_call_is_shown() {
        let of = |number| os_words(&io::Error::from_raw_os_error(number));
        assert_eq!(of(2), "there is no such file or folder");
        assert_eq!(of(17), "something of that name is there already");
        assert_eq!(os_words(&io::ErrorKind::AlreadyExists.into()), of(17));
        assert_eq!(of(28), "the disk is full");
        assert_eq!(of(111), "connection refused");
        assert_eq!(of(5), "input/output error");
        assert_eq!(os_words(&io::Error::other("in our words")), "in our words");
        let wrapped = io::Error::other("tcp connect error: Connection refused (os error 111) of x");
        assert_eq!(os_words(&wrapped), "tcp connect error: Connection refused of x");
    }
}
