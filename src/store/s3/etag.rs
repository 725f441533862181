//! Entity tags, as services and proxies write them.

/// The tag without a mark of weakness. Proxies that compress answers, or are configured for it, mark tags as weak, and
/// a condition with a weak tag is never true. <https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1>
pub(super) fn strong(tag: &str) -> String {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_tag_is_the_strong_one_that_a_proxy_was_given() {
        for (given, tag) in [
            ("\"a-2\"", "\"a-2\""),
            ("W/\"a-2\"", "\"a-2\""),
            (" W/\"a\" ", "\"a\""),
            ("Wa", "Wa"),
        ] {
            assert_eq!(strong(given), tag);
        }
    }
}
