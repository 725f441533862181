use serde::{Deserialize, Serialize};

use crate::{cause::Cause, text::Untrusted};

/// Why something failed, as a report says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Failure {
    /// What failed, on what, and why.
    pub error: Untrusted,
    /// What cures it.
    pub hint: Option<Untrusted>,
    /// The exit status of the run.
    pub exit_status: u8,
    /// The same in words of our own, which alone may leave the machine over a channel.
    #[serde(default, deserialize_with = "Cause::lenient")]
    pub cause: Cause,
}
