use std::fmt::Write as _;

/// What became of an object's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagsKept {
    /// the service holds them, or says so
    Yes,
    /// the service has no tags
    Refused,
    /// the service took them and does not show them
    Lost,
}

/// Tags as `x-amz-tagging` wants them: a URL query.
pub(super) fn query(tags: &[(String, String)]) -> String {
    let mut text = String::new();
    for (key, value) in tags {
        let encode =
            |part| percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC);
        let separator = if text.is_empty() { "" } else { "&" };
        // writing to a String can't fail
        let _ = write!(text, "{separator}{}={}", encode(key), encode(value));
    }
    text
}
