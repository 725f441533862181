//! What the backup closes to PUBLIC, and remarks about it.

use crate::text::Untrusted;

/// The number of objects that a remark names, and of statements that it shows.
const NAMED: usize = 5;
const SHOWN: usize = 3;

/// An object that is closed to PUBLIC in the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicRevoke {
    /// The position of the ACL entry.
    pub(super) entry: usize,
    /// Whether it is a SECURITY DEFINER function, which runs with its owner's rights.
    pub(super) is_definer: bool,
    /// The kind and name of the object.
    pub(super) what: Untrusted,
    /// The statements that name PUBLIC, each with its semicolon.
    pub(super) statements: Untrusted,
}

/// Everything that was closed to PUBLIC in the database of the backup.
#[derive(Clone, Debug, Default)]
pub(super) struct PublicRevokes {
    /// Restored objects, which are closed by their statements. SECURITY DEFINER functions come first.
    pub(super) restored: Vec<PublicRevoke>,
    /// Objects that the target has and another role owns. They may be open there.
    pub(super) others: Vec<PublicRevoke>,
    /// ALTER DEFAULT PRIVILEGES statements that revoke rights from PUBLIC on future objects.
    pub(super) later: Vec<Untrusted>,
    /// Whether CONNECT was revoked from PUBLIC in the backup, and PUBLIC has it in the target.
    pub(super) is_open_database: bool,
    /// Whether PUBLIC can create objects in the target's schema public, and couldn't in the backup's.
    pub(super) is_open_public: bool,
    /// What the target's own default privileges grant on restored objects, in words.
    pub(super) default_grants: Vec<String>,
    /// What the target's own default privileges close to PUBLIC, and is open in the backup, in words.
    pub(super) closed_by_default: Vec<String>,
}

impl PublicRevokes {
    /// Remarks about what was closed, in words for the user.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.restored.is_empty() {
            remarks.push(format!("closed to PUBLIC, as in the backup: {}", names(&self.restored)));
        }
        if !self.others.is_empty() {
            let some = self.others.iter().take(SHOWN);
            let shown: Vec<String> = some.map(|one| one.statements.to_string()).collect();
            let more = match self.others.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" (and {more} more, which `pg_restore --file -` of what `pgcoffer get` writes shows)"),
            };
            remarks.push(format!(
                "closed to PUBLIC in the backup, and possibly open in the target, where another role owns it: {}; its \
                 owner closes it by {}{more}",
                names(&self.others),
                shown.join(" ")
            ));
        }
        if let Some(first) = self.later.first() {
            let more = match self.later.len() {
                1 => String::new(),
                count => format!(" (and {} more like it)", count - 1),
            };
            remarks.push(format!(
                "new objects in the target are open to PUBLIC, which they weren't in the backup, until the role that \
                 creates them runs: {first}{more}"
            ));
        }
        if !self.default_grants.is_empty() {
            remarks.push(format!(
                "the target's own default privileges grant rights on restored objects: {}; psql lists them by `\\ddp`, \
                 and REVOKE removes the rights",
                self.default_grants.join(", ")
            ));
        }
        if !self.closed_by_default.is_empty() {
            remarks.push(format!(
                "the target's own default privileges close to PUBLIC what is open in the backup: {}; psql lists them by \
                 `\\ddp`, and GRANT opens what other roles need",
                self.closed_by_default.join(", ")
            ));
        }
        if self.is_open_public {
            remarks.push(
                "in the backup only the owner could create objects in the schema public; in the target every role can, \
                 until its owner runs REVOKE CREATE ON SCHEMA public FROM PUBLIC"
                    .to_owned(),
            );
        }
        if self.is_open_database {
            remarks.push(
                "in the backup not every role could connect to the database; every role with a login can connect to \
                 the target, until its owner runs REVOKE CONNECT ON DATABASE … FROM PUBLIC"
                    .to_owned(),
            );
        }
        remarks
    }
}

fn names(closed: &[PublicRevoke]) -> String {
    let some = closed.iter().take(NAMED);
    let mut names: Vec<String> = some
        .map(|one| match one.is_definer {
            true => format!("{} (SECURITY DEFINER)", one.what),
            false => one.what.to_string(),
        })
        .collect();
    if closed.len() > NAMED {
        names.push(format!("{} more", closed.len() - NAMED));
    }
    names.join(", ")
}
