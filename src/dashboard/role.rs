//! What somebody who is signed in may do.

/// What somebody who is signed in may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Look.
    Viewer,
    /// Look and act.
    Operator,
}

impl Role {
    /// Its name, under which whoever has signed in by a password acts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}
