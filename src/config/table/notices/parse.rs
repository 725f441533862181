//! Texts of these settings: addresses, people, events.

use super::super::super::wrong::Wrong;
use crate::{
    backup::EventKind,
    notify::{Address, EventFilter, Ping, SigningSecret, mailbox},
};

pub(super) fn address(text: &str) -> Result<Address, Wrong> {
    Address::parse(text).map_err(|e| (e.to_string(), Some(e.hint())))
}

/// Any host will do that speaks Slack's protocol: Mattermost and others take the same.
pub(super) fn slack(text: &str) -> Result<Address, Wrong> {
    let address = address(text).map_err(|(why, hint)| {
        let example = "https://hooks.slack.com/services/…";
        (why, hint.map(|hint| format!("{hint}; Slack gives it as {example}")))
    })?;
    if address.host() == "slack.com" || address.host().ends_with(".slack.com") && address.host() != "hooks.slack.com" {
        let hint = "in Slack: your app, Incoming Webhooks, Add New Webhook; it begins with https://hooks.slack.com/";
        return Err((
            "it is an address of Slack and no incoming webhook".to_owned(),
            Some(hint.to_owned()),
        ));
    }
    Ok(address)
}

pub(super) fn secret(text: &str) -> Result<SigningSecret, Wrong> {
    SigningSecret::parse(text).map_err(|why| {
        let hint =
            "set it to whsec_ and the base64 of 24 to 64 random bytes: echo \"whsec_$(openssl rand -base64 32)\"";
        (why, Some(hint.to_owned()))
    })
}

pub(super) fn person(text: &str) -> Result<(), Wrong> {
    let hint = "write ann@example.com, or Ann <ann@example.com>; several are separated by commas";
    mailbox(text).map(drop).map_err(|why| (why, Some(hint.to_owned())))
}

pub(super) fn ping(text: &str) -> Result<Ping, Wrong> {
    let address = Address::parse(text);
    let address = address.map_err(|e| {
        let hint = "give the check's ping URL, such as https://hc-ping.com/UUID";
        (e.to_string(), Some(hint.to_owned()))
    })?;
    Ok(Ping::new(address))
}

pub(super) fn kinds(text: &str) -> Result<EventFilter, Wrong> {
    EventFilter::parse(text).map_err(|unknown| {
        if unknown.0.is_empty() {
            let hint = "write none where nothing is to be told";
            return ("it is empty".to_owned(), Some(hint.to_owned()));
        }
        let mut names = EventKind::CHOICES.iter().map(|kind| kind.as_str());
        let word = &unknown.0;
        let alone = ["all", "none"].contains(&word.as_str());
        let near = names.find(|name| near(name, word));
        let hint = match (near, alone) {
            (_, true) => Some(format!("{word} stands alone")),
            (Some(near), _) => Some(format!("{near} is one")),
            (None, _) => None,
        };
        (unknown.to_string(), hint)
    })
}

/// Whether somebody who wrote `word` probably meant `name`: they begin alike.
fn near(name: &str, word: &str) -> bool {
    let common = name.chars().zip(word.chars()).take_while(|(a, b)| a == b).count();
    common >= 3 || (common > 0 && name.len().abs_diff(word.len()) <= 1 && common + 2 >= name.len())
}
