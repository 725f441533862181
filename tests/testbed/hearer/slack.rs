//! Slack's incoming webhooks, as published: what a payload may hold, and what is answered.
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
//! <https://docs.slack.dev/reference/block-kit/blocks>

use serde_json::Value;

use super::{Answer, Heard, Hearer};

/// The path of the one webhook that there is.
pub const PATH: &str = "/services/T0PGC/B0PGC/s1ackS3cretPath";

/// A workspace with one incoming webhook.
pub fn start() -> Hearer {
    Hearer::with(|heard| match fault(heard) {
        None => Answer::words(200, "ok"),
        Some((status, words)) => Answer::words(status, words),
    })
}

fn fault(heard: &Heard) -> Option<(u16, &'static str)> {
    if heard.path != PATH {
        return Some((404, "no_service"));
    }
    let is_json = heard
        .headers
        .get("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"));
    let payload: Option<Value> = serde_json::from_slice(&heard.body).ok();
    let Some(payload) = payload.filter(|_| is_json && heard.method == "POST") else {
        return Some((400, "invalid_payload"));
    };
    let text = payload["text"].as_str().unwrap_or_default();
    let no_blocks = Vec::new();
    let blocks = payload["blocks"].as_array().unwrap_or(&no_blocks);
    if text.is_empty() && blocks.is_empty() {
        return Some((400, "no_text"));
    }
    let fits = text.chars().count() <= 40_000 && is_plain(text);
    let valid = fits && blocks.len() <= 50 && blocks.iter().all(is_block);
    (!valid).then_some((400, "invalid_blocks"))
}

fn is_block(block: &Value) -> bool {
    match block["type"].as_str() {
        Some("header") => is_text(&block["text"], "plain_text", 150),
        Some("section") => is_text(&block["text"], "mrkdwn", 3000),
        Some("context") => {
            let elements = block["elements"].as_array();
            elements.is_some_and(|all| {
                !all.is_empty()
                    && all.len() <= 10
                    && all
                        .iter()
                        .all(|one| is_text(one, "mrkdwn", 3000) || is_text(one, "plain_text", 3000))
            })
        }
        _ => false,
    }
}

fn is_text(object: &Value, kind: &str, chars_max: usize) -> bool {
    let text = object["text"].as_str().unwrap_or_default();
    let chars = text.chars().count();
    object["type"] == kind && (1..=chars_max).contains(&chars) && (kind == "plain_text" || is_plain(text))
}

/// Without mentions and links, which nothing of ours holds: their brackets would be markup.
fn is_plain(text: &str) -> bool {
    let entities = ["amp;", "lt;", "gt;"];
    let ampersands = text.split('&').skip(1);
    !text.contains(['<', '>'])
        && ampersands
            .into_iter()
            .all(|rest| entities.iter().any(|entity| rest.starts_with(entity)))
}

/// What is read of a message: its blocks' texts, as they are shown.
pub fn shown(heard: &Heard) -> String {
    let payload = heard.json();
    let blocks = payload["blocks"].as_array().unwrap().iter();
    let texts = blocks.map(|block| {
        let text = block["text"]["text"].as_str();
        text.or_else(|| block["elements"][0]["text"].as_str())
            .unwrap()
            .to_owned()
    });
    let shown = texts.collect::<Vec<_>>().join("\n\n") + "\n";
    shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
