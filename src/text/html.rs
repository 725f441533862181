//! Text in HTML.

use super::escaped_lines;

/// Text as it stands in HTML, between tags or in an attribute with double quotes. What a page obeys is written as an
/// entity, and what nobody would see is shown, as on a terminal. Line feeds stay.
#[must_use]
pub fn html_escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for c in escaped_lines(text).chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_obeyed_by_a_page() {
        assert_eq!(
            html_escaped("<script>alert(\"1\" & '2')</script>"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"
        );
        assert_eq!(html_escaped("a\u{202e}b\u{0}\u{1b}[m"), "a\\u{202e}b\\0\\u{1b}[m");
        assert_eq!(html_escaped("größer\n2"), "größer\n2");
    }
}
