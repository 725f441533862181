//! What makes a dump fail for a role, and the SQL that corrects it.

use std::collections::BTreeSet;
use std::fmt;

use crate::text::Untrusted;

/// The most obstacles of one kind that are reported.
pub(super) const OBSTACLES_MAX: usize = 10_000;

/// The number of owners and statements that a hint names.
const SHOWN: usize = 3;

/// Something that makes `pg_dump` fail for this role, with the SQL that corrects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The kind of obstacle.
    pub kind: ObstacleKind,
    /// The object's name, as shown to people.
    pub object: Untrusted,
    /// What is missing.
    pub why: String,
    /// The statement that corrects it. The object's owner or a superuser must run it.
    pub grant: String,
    /// For a table with row-level security: which role can read all rows.
    pub bypass: Option<RowSecurityBypass>,
}

/// The kinds of obstacles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObstacleKind {
    /// No USAGE on a schema that contains dumped objects.
    Schema,
    /// No SELECT on a table.
    Table,
    /// No SELECT on a sequence.
    Sequence,
    /// No SELECT on some large objects.
    LargeObjects,
    /// A policy that hides rows from the role.
    RowSecurity,
    /// The database's settings have set a role that lacks rights.
    Role,
}

/// The owner of a table, and whether its policies apply to the owner too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSecurityBypass {
    /// The table's owner.
    pub owner: Untrusted,
    /// Whether the session's role has the owner's rights.
    pub is_ours: bool,
    /// The statement with which the owner can read all rows, if the policies are forced.
    pub unforce: Option<String>,
}

impl Obstacle {
    /// The first `shown` statements that correct the obstacles, each once and in one line, and the number of the others.
    pub fn statements(obstacles: &[Self], shown: usize) -> (String, usize) {
        let mut seen = BTreeSet::new();
        let grants = obstacles.iter().map(|obstacle| obstacle.grant.as_str());
        let statements: Vec<&str> = grants.filter(|grant| seen.insert(*grant)).collect();
        let shown = shown.min(statements.len());
        (statements[..shown].join(" "), statements.len() - shown)
    }

    /// What corrects all obstacles: the first `shown` statements for each role that has to run them.
    pub fn cure(obstacles: &[Self], shown: usize) -> String {
        let (guarded, others): (Vec<&Self>, Vec<&Self>) = obstacles.iter().partition(|one| one.bypass.is_some());
        let others: Vec<Self> = others.into_iter().cloned().collect();
        let (grants, more) = Self::statements(&others, shown);
        let rest = match more {
            0 => String::new(),
            more => format!(" … and {more} more, which `pgcoffer check --fix-sql` prints."),
        };
        let granted = (!others.is_empty()).then(|| {
            let of = match others[0].kind {
                ObstacleKind::Role => "the database's owner",
                _ => "the owner of these objects",
            };
            format!("as {of} or a superuser: {grants}{rest}")
        });
        let cures = [granted, row_security_cure(guarded.into_iter())];
        let cures: Vec<String> = cures.into_iter().flatten().collect();
        cures.join(" And for row-level security: ")
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.why)
    }
}

/// What lets a role read all rows of these tables. True both with and without access to a superuser.
fn row_security_cure<'a>(obstacles: impl Iterator<Item = &'a Obstacle>) -> Option<String> {
    let (mut grant, mut owners, mut unforce) = (None, BTreeSet::new(), Vec::new());
    let mut is_owner = true;
    for obstacle in obstacles {
        let Some(bypass) = &obstacle.bypass else {
            continue;
        };
        grant = Some(obstacle.grant.as_str());
        is_owner &= bypass.is_ours;
        owners.insert(bypass.owner.to_string());
        unforce.extend(bypass.unforce.as_deref());
    }
    let grant = grant?;
    let more = match owners.len() {
        count if count > SHOWN => format!(" and {} more", count - SHOWN),
        _ => String::new(),
    };
    let owner = match owners.len() {
        1 => format!("their owner, {}", owners.iter().next()?),
        _ => {
            let owners: Vec<String> = owners.into_iter().take(SHOWN).collect();
            format!("a member of their owners, {}{more}", owners.join(", "))
        }
    };
    let without = match unforce.len() {
        0 => format!("back up with the url of {owner}, to whom the policies don't apply"),
        count => {
            let statements = unforce[..count.min(SHOWN)].join(" ");
            let more = match count.saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" … and {more} more"),
            };
            let force = format!("remove the force, as the owner: {statements}{more}");
            match is_owner {
                true => format!("if no application logs in as {owner}, {force}"),
                false => format!(
                    "back up with the url of {owner}; and if no application logs in as that role, \
                                  {force}"
                ),
            }
        }
    };
    Some(format!(
        "as a superuser, or since PostgreSQL 16 as a role that has CREATEROLE and BYPASSRLS itself: {grant} Or, if the \
         provider doesn't offer that (Heroku, RDS): {without}"
    ))
}
