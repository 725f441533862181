//! XML from outside, looked at before any parser sees it: one whole document, of a bounded depth.
//!
//! Parsers call themselves for each element that stands in another, and a document that is deep enough ends the
//! process. Others take what is left of a damaged document for the whole.

use xmlparser::{ElementEnd, Token, Tokenizer};

/// Nothing in S3's language is deeper than seven elements.
const DEPTH_MAX: usize = 32;

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// its elements stand in one another without end
    #[error("XML deeper than {DEPTH_MAX} elements")]
    TooDeep,
    /// it is damaged, or was cut off
    #[error("no well-formed XML: {0}")]
    Malformed(String),
}

/// Checks that a text is one whole XML document, and no deep one. What isn't XML at all passes: no parser takes it.
///
/// # Errors
/// The first fault.
pub fn check(document: &[u8]) -> Result<(), XmlFault> {
    let malformed = |why: &str| XmlFault::Malformed(why.to_owned());
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    if !document.trim_ascii_start().starts_with(b"<") {
        return Ok(());
    }
    let text = std::str::from_utf8(document).map_err(|e| XmlFault::Malformed(e.to_string()))?;
    let (mut open, mut started, mut roots) = (Vec::new(), ("", ""), 0);
    let mut in_tag = false;
    for token in Tokenizer::from(text) {
        let token = token.map_err(|e| XmlFault::Malformed(e.to_string()))?;
        match token {
            Token::ElementStart { .. } => in_tag = true,
            Token::ElementEnd { .. } => in_tag = false,
            _ => {}
        }
        match token {
            Token::ElementStart { prefix, local, .. } => {
                started = (prefix.as_str(), local.as_str());
                roots += usize::from(open.is_empty());
            }
            Token::ElementEnd {
                end: ElementEnd::Open, ..
            } if open.len() == DEPTH_MAX => return Err(XmlFault::TooDeep),
            Token::ElementEnd {
                end: ElementEnd::Open, ..
            } => open.push(started),
            Token::ElementEnd {
                end: ElementEnd::Close(prefix, local),
                ..
            } if open.pop() != Some((prefix.as_str(), local.as_str())) => {
                return Err(malformed("an element ends that did not begin"));
            }
            // nothing of S3's has a document type
            Token::DtdStart { .. } | Token::EmptyDtd { .. } => {
                return Err(malformed("it has a document type"));
            }
            _ => {}
        }
    }
    match (open.is_empty() && !in_tag, roots) {
        (true, 1) => Ok(()),
        (false, _) => Err(malformed("it is cut off")),
        (true, _) => Err(malformed("it is not one element")),
    }
}

/// The same document in a form that every parser reads alike: without comments, and with the text of its CDATA sections
/// as plain text. The SDK's parser takes an element's text for ended where one of these begins, and a key for cut off
/// or empty.
///
/// `None` where it is in that form already. To be given what [`check`] has passed.
pub fn plain(document: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(document).ok()?;
    if !text.contains("<!") {
        return None;
    }
    let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let (mut plain, mut done) = (String::with_capacity(text.len()), 0);
    for token in Tokenizer::from(&text[mark..]) {
        let (span, instead) = match token.ok()? {
            Token::Comment { span, .. } => (span, String::new()),
            Token::Cdata { text, span } => (span, escaped(text.as_str())),
            _ => continue,
        };
        plain.push_str(&text[done..mark + span.start()]);
        plain.push_str(&instead);
        done = mark + span.end();
    }
    plain.push_str(&text[done..]);
    Some(plain.into_bytes())
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn comments_and_sections_become_plain_text() {
        let plain = |text: &str| {
            let plain = plain(text.as_bytes()).map(String::from_utf8);
            plain.map(Result::unwrap)
        };
        let odd = "\u{feff}<?xml version=\"1.0\"?><!-- a --><L><Key>a<!-- b \
            -->b</Key><Key><![CDATA[a&<b>]]>c</Key></L><!-- c -->";
        assert_eq!(
            plain(odd).unwrap(),
            "\u{feff}<?xml version=\"1.0\"?><L><Key>ab</Key><Key>a&amp;&lt;b&gt;c</Key></L>"
        );
        assert_eq!(plain("<L><Key>a</Key></L>"), None);
    }

    const LISTING: &str = "<?xml version=\"1.0\"?>\n<ListBucketResult \
        xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Name>b</Name><Prefix/><!-- </x> --><Contents><Key>a&amp;b</Key><Size>7</Size></Contents></ListBucketResult>";

    #[test]
    fn a_whole_document_passes_and_none_of_its_beginnings_does() {
        assert_eq!(check(LISTING.as_bytes()), Ok(()));
        assert_eq!(check(b""), Ok(()));
        let start = LISTING.find("<List").unwrap() + 1;
        for cut in start..LISTING.len() {
            assert!(check(&LISTING.as_bytes()[..cut]).is_err(), "{cut}");
        }
    }

    /// A name that changed on one side of an element is found; what stands between tags bears no check.
    #[test]
    fn no_flipped_bit_hides_an_entry() {
        let entries = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.contains("<Contents>") && text.contains("</Contents>")
        };
        for bit in 0..LISTING.len() * 8 {
            let mut bytes = LISTING.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&bytes).is_err() || entries(&bytes), "bit {bit}");
        }
    }

    #[test]
    fn depth_is_bounded_before_any_parser_sees_it() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(check(nested(DEPTH_MAX).as_bytes()), Ok(()));
        assert_eq!(check(nested(DEPTH_MAX + 1).as_bytes()), Err(XmlFault::TooDeep));
        assert_eq!(check("<a>".repeat(5_000_000).as_bytes()), Err(XmlFault::TooDeep));
        let marked = format!("\u{feff} {}", nested(DEPTH_MAX + 1));
        assert_eq!(check(marked.as_bytes()), Err(XmlFault::TooDeep));
        assert!(check(b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").is_err());
        assert!(check(b"<a/><b/>").is_err());
    }
}
