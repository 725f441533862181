//! The cause of a failure in pgcoffer's own words, which alone may leave the machine over a channel.
//!
//! What servers, services and programs say stays in the sealed record, on the terminal and in the log: it comes in
//! their language, and may quote rows. A message, a ping and a digest carry a [`Cause`] instead: one of a list that is
//! written here in full, with numbers and codes at most. `error/cause.rs` says which error is which.

mod backup;
mod bucket;
mod child;
mod database;
mod machine;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

pub use backup::Backup;
pub use bucket::Bucket;
pub use child::{Child, ChildCause, Program};
pub use database::{Database, SqlState};
pub use machine::{Machine, SettingName};

/// Why something failed. Its [`Display`](fmt::Display) is a sentence without a full stop, such as `no connection to the
/// database: nothing listens at that address`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cause {
    /// The database's server, and the network between.
    Database(Database),
    /// PostgreSQL's client programs
    Child(Child),
    /// The bucket, and the network between.
    Bucket(Bucket),
    /// What is in the bucket.
    Backup(Backup),
    /// The machine, its settings, and this program.
    Machine(Machine),
}

impl utoipa::PartialSchema for Cause {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::{
            ObjectBuilder,
            schema::{SchemaType, Type},
        };
        ObjectBuilder::new()
            .schema_type([Type::String, Type::Object].into_iter().collect::<SchemaType>())
            .description(Some(
                "Why something failed: a word, or an object with one member that has figures.",
            ))
            .into()
    }
}

impl utoipa::ToSchema for Cause {}

impl Default for Cause {
    fn default() -> Self {
        Self::Machine(Machine::Unknown)
    }
}

impl Cause {
    /// What cures it, in pgcoffer's own words, without a full stop.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Database(cause) => cause.hint(),
            Self::Child(cause) => cause.hint(),
            Self::Bucket(cause) => cause.hint(),
            Self::Backup(cause) => cause.hint(),
            Self::Machine(cause) => cause.hint(),
        }
    }

    /// Its name for programs, such as `database-refused`.
    #[must_use]
    pub fn code(&self) -> String {
        let name = match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            // one with a figure beside it
            Ok(serde_json::Value::Object(fields)) => fields.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        };
        match self {
            Self::Child(child) => child.code(),
            _ => name,
        }
    }

    /// Reads a cause of a later version as [`Machine::Unknown`]: a record that can't be read would be worse.
    ///
    /// # Errors
    /// The errors of the document itself.
    pub fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(serde_json::from_value(value).unwrap_or_default())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(cause) => cause.fmt(f),
            Self::Child(cause) => cause.fmt(f),
            Self::Bucket(cause) => cause.fmt(f),
            Self::Backup(cause) => cause.fmt(f),
            Self::Machine(cause) => cause.fmt(f),
        }
    }
}

macro_rules! into_cause {
    ($($side:ident),*) => {$(
        impl From<$side> for Cause {
            fn from(cause: $side) -> Self {
                Self::$side(cause)
            }
        }
    )*};
}
into_cause!(Database, Child, Bucket, Backup, Machine);

#[cfg(test)]
mod tests;
