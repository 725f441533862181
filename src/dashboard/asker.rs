//! Who has something done, as the audit trail names him.

use std::net::IpAddr;

use super::{act::Act, role::Role};
use crate::backup::{AuditAction, AuditEvent, AuditOutcome, AuditRole, BackupId, Label};

/// Who has something done, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) address: IpAddr,
}

impl Asker {
    /// The entry of the trail with which he asks for this.
    pub(super) fn asks(&self, act: &Act) -> AuditEvent {
        let (action, about) = act.subject();
        AuditEvent {
            database: about.database.cloned(),
            backup: about.backup.cloned(),
            detail: about.detail.map(Into::into),
            ..self.event(action, AuditOutcome::Asked)
        }
    }

    /// The entry that says that he asked for what goes on already.
    pub(super) fn joins(&self, act: &Act) -> AuditEvent {
        AuditEvent {
            outcome: AuditOutcome::Joined,
            ..self.asks(act)
        }
    }

    /// What may only be done by somebody else.
    pub(super) fn refused(&self, action: AuditAction, database: &str, backup: &str) -> AuditEvent {
        AuditEvent {
            database: Label::parse(database).ok(),
            backup: BackupId::parse(backup).ok(),
            detail: Some("he may look, and not act".into()),
            ..self.event(action, AuditOutcome::Refused)
        }
    }

    /// Signing in, `by` whatever it was done by.
    pub(super) fn signs_in(&self, by: &str) -> AuditEvent {
        AuditEvent {
            detail: Some(by.into()),
            ..self.event(AuditAction::SignIn, AuditOutcome::Done)
        }
    }

    fn event(&self, action: AuditAction, outcome: AuditOutcome) -> AuditEvent {
        AuditEvent {
            action,
            outcome,
            who: self.name.as_str().into(),
            role: match self.role {
                Role::Operator => AuditRole::Operator,
                Role::Viewer => AuditRole::Viewer,
            },
            from: self.address.to_string().into(),
            database: None,
            backup: None,
            detail: None,
            count: 1,
        }
    }
}

/// Somebody who could not sign in, and why.
pub(super) fn failed_sign_in(address: IpAddr, why: &str) -> AuditEvent {
    failed(AuditAction::SignIn, address, why)
}

/// A program whose token is none, or no longer one.
pub(super) fn wrong_token(address: IpAddr) -> AuditEvent {
    failed(AuditAction::UseApi, address, "a token was wrong, or is no longer one")
}

/// Something that somebody has tried whom nobody knows.
fn failed(action: AuditAction, address: IpAddr, why: &str) -> AuditEvent {
    AuditEvent {
        action,
        outcome: AuditOutcome::Failed,
        who: "unknown".into(),
        role: AuditRole::Nobody,
        from: address.to_string().into(),
        database: None,
        backup: None,
        detail: Some(why.into()),
        count: 1,
    }
}
