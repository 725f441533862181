//! What forms bring along.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// To sign in.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct SignInForm {
    pub(super) token: String,
    #[serde(deserialize_with = "wiped")]
    pub(super) password: Zeroizing<String>,
    pub(super) next: String,
}

/// To open a link.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct OpenForm {
    pub(super) token: String,
    pub(super) link: String,
}

/// A form without fields of its own.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct TokenForm {
    pub(super) token: String,
}

/// Where the page to sign in leads on.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct NextQuery {
    pub(super) next: String,
}

/// What is to be done. The page that asks has the same in its address, without token and without what is typed.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct ActForm {
    pub(super) token: String,
    pub(super) what: String,
    pub(super) database: String,
    pub(super) id: String,
    pub(super) reason: String,
    pub(super) retention: String,
    /// The text of another schedule, and its time zone.
    pub(super) schedule: String,
    pub(super) timezone: String,
    /// The name of the database, typed by hand before something is deleted.
    pub(super) typed: String,
}

/// A text that is wiped when it is dropped.
fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}
