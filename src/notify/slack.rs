//! Slack's incoming webhooks. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use super::{Address, Error, Message, Paragraph, SendLimits, http};
use crate::{
    backup::Event,
    text::{escaped_json, escaped_lines},
};

/// The longest text of a header block. <https://docs.slack.dev/reference/block-kit/blocks/header-block>
const HEADER_CHARS_MAX: usize = 150;
/// The longest text of a section. <https://docs.slack.dev/reference/block-kit/blocks/section-block>
const SECTION_CHARS_MAX: usize = 3000;
/// The most sections of a message. It can have 50 blocks.
const SECTIONS_MAX: usize = 20;

/// One channel of one workspace.
#[derive(Debug, Clone)]
pub struct Slack {
    address: Address,
}

impl Slack {
    /// The channel that this webhook posts to.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address }
    }

    pub(super) fn host(&self) -> &str {
        self.address.host()
    }

    pub(super) async fn send(&self, client: &Client, event: &Event, limits: SendLimits) -> Result<(), Error> {
        let body = escaped_json(&payload(&Message::new(event)).to_string()).into_owned();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let post = |_| {
            let (url, body) = (self.address.url(), body.clone().into_bytes());
            http::post(client, &self.address, url, headers.clone(), body)
        };
        limits.retry(self.host(), post).await.map(drop)
    }
}

/// The payload: `text` is for notifications and screen readers, the blocks are what is shown.
fn payload(message: &Message) -> Value {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text, "emoji": false });
    // `verbatim`: Slack makes no links or mentions, except by markup, of which there is none
    let section =
        |text: &str| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } });
    let mut blocks = vec![json!({ "type": "header", "text": plain(&cut(&message.title, HEADER_CHARS_MAX)) })];
    let sections = sections(message);
    blocks.extend(sections.iter().map(|text| section(text)));
    blocks.push(json!({ "type": "context", "elements": [
        plain(&cut(&message.origin, SECTION_CHARS_MAX)),
    ] }));
    json!({ "text": unmarked(&message.subject), "blocks": blocks })
}

/// The body, with a section for each paragraph, in monospace if it is the output of a program.
fn sections(message: &Message) -> Vec<String> {
    let whole = |paragraph: &Paragraph| {
        let text = unmarked(&paragraph.text);
        match paragraph.verbatim {
            // in monospace only its end is markup
            true => format!("```{}```", cut(&text.replace('`', "'"), SECTION_CHARS_MAX - 6)),
            false => cut(&text, SECTION_CHARS_MAX),
        }
    };
    let sections = message.paragraphs.iter().take(SECTIONS_MAX);
    sections.map(whole).collect()
}

/// Escapes the three characters that begin and end mentions, links and dates. Names from outside may also contain
/// asterisks and backticks; they are shown in monospace.
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
fn unmarked(text: &str) -> String {
    escaped_lines(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Cuts text to so many characters, and never inside an entity.
fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars_max - 1).collect();
    if let Some(at) = short.rfind('&')
        && !short[at..].contains(';')
    {
        short.truncate(at);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_slack_is_escaped_and_limits_are_kept() {
        assert_eq!(unmarked("a <b> & `c`\x1b"), "a &lt;b&gt; &amp; `c`\\u{1b}");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("ab&amp;cd", 5), "ab…");
        let message = Message {
            title: "<!channel> ".repeat(40),
            subject: "<!channel> ".repeat(40),
            paragraphs: vec![Paragraph {
                text: "x<".repeat(9000),
                verbatim: true,
            }],
            origin: "o".into(),
        };
        let value = payload(&message);
        let chars = |pointer: &str| value.pointer(pointer).unwrap().as_str().unwrap().chars().count();
        assert_eq!(chars("/blocks/0/text/text"), 150);
        assert!(chars("/blocks/1/text/text") <= 3000);
        assert!(!value["text"].as_str().unwrap().contains('<'));
    }
}
