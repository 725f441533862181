//! What is wrong with a setting.

use crate::error::Fault;

/// A setting's fault before its variable's name is known: why, and the cure.
pub(super) type Wrong = (String, Option<String>);

/// Whether a setting could be read.
pub(super) type Taken = Result<(), Wrong>;

/// The fault of this variable.
pub(super) fn fault(variable: &str, (why, hint): Wrong) -> Fault {
    Fault {
        variable: variable.to_owned(),
        why,
        hint,
    }
}
