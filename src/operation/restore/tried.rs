//! Tries the definitions in the target, and leaves out what it refuses.

use std::collections::HashMap;

use super::{
    MissingRoles, RestoreRequest,
    label::label,
    plan::{Plan, REMARKS},
    reason::Reason,
    rules::{SESSION, Setting},
};
use crate::{
    archive::Entry,
    error::{Lack, Result},
    postgres::{Refusal, Session, TargetFacts, Trial},
    text::Untrusted,
};

/// Kinds that are not definitions, or that need rows or another server.
const NOT_TRIED: &[&str] = &[
    "TABLE DATA",
    "BLOB",
    "BLOBS",
    "BLOB METADATA",
    "SEQUENCE SET",
    "STATISTICS DATA",
    "SUBSCRIPTION",
    "SUBSCRIPTION TABLE",
];

/// Kinds that are locked until the end of the transaction that creates them, and about how many locks each takes.
const LOCKED: &[(&str, u64)] = &[
    ("TABLE", 3),
    ("FOREIGN TABLE", 1),
    ("VIEW", 1),
    ("MATERIALIZED VIEW", 3),
    ("SEQUENCE", 1),
    ("INDEX", 1),
    ("CONSTRAINT", 1),
];

/// The number of refusals that an error names.
const NAMED: usize = 3;

/// The entries whose definitions are tried.
struct Steps {
    /// The positions of the entries.
    places: Vec<usize>,
    /// Whether some restored entries can't be tried, so that others that need them fail only for that.
    is_blind: bool,
}

impl Plan {
    /// Tries the definitions in the target, in a transaction that is rolled back, and leaves out what it refuses.
    pub(super) async fn try_in(
        &mut self,
        session: &mut Session,
        facts: &TargetFacts,
        request: &RestoreRequest,
    ) -> Result<()> {
        let mut steps = self.steps(facts, request);
        // use at most half of the locks, as other sessions need some
        let is_large = self.locks(&steps).saturating_mul(2) > session.locks_promised().await?;
        if is_large {
            self.take_out_relations(&mut steps);
        }
        let trial = session.try_definitions(&self.statements(&steps)).await?;
        self.settle(&steps, &trial, request.keep_going);
        if is_large && self.untried.is_none() {
            self.untried = Some("tables, views and indexes would take too many of the server's locks".into());
        }
        Ok(())
    }

    fn steps(&self, facts: &TargetFacts, request: &RestoreRequest) -> Steps {
        let setting = Setting {
            facts,
            clean: request.clean,
            keep_acl: request.keep_acl,
        };
        let mut steps = Steps {
            places: Vec::new(),
            is_blind: false,
        };
        for (at, entry) in self.entries.iter().enumerate() {
            // roles that will be created don't exist yet
            let is_early = request.roles == MissingRoles::Create && !setting.missing_roles(entry).is_empty();
            if self.reasons[at].is_some()
                || is_early
                || !self.is_definition(entry)
                || (entry.kind == "COMMENT" && request.no_comments)
            {
                continue;
            }
            let sql = entry.definition.raw();
            let is_known = !sql.is_empty() && !entry.is_cut && !sql.contains(['\u{fffd}', '\0']);
            match is_known {
                _ if sql.contains("SET SESSION AUTHORIZATION") => (),
                true => steps.places.push(at),
                false => steps.is_blind = true,
            }
        }
        steps
    }

    fn is_definition(&self, entry: &Entry) -> bool {
        let kind = entry.kind.raw();
        let others = [SESSION, NOT_TRIED, self.unasked];
        !others.iter().any(|kinds| kinds.contains(&kind)) && !entry.name.raw().starts_with("LARGE OBJECT")
    }

    fn take_out_relations(&self, steps: &mut Steps) {
        let is_locked = |at: &usize| {
            let kind = self.entries[*at].kind.raw();
            LOCKED.iter().any(|(locked, _)| *locked == kind)
        };
        steps.places.retain(|at| !is_locked(at));
        steps.is_blind = true;
    }

    /// About how many locks the trial takes.
    fn locks(&self, steps: &Steps) -> u64 {
        let kinds = steps.places.iter().map(|at| self.entries[*at].kind.raw());
        kinds
            .filter_map(|kind| LOCKED.iter().find(|(locked, _)| *locked == kind))
            .map(|(_, locks)| locks)
            .sum()
    }

    fn statements(&self, steps: &Steps) -> Vec<&str> {
        let places = steps.places.iter();
        places.map(|at| self.entries[*at].definition.raw()).collect()
    }

    /// Leaves out what was refused, with everything that needs it. A missing right, and a failure that can come from
    /// something left out, is only reported. A definition that fails by itself is a problem that the user has to decide
    /// about.
    fn settle(&mut self, steps: &Steps, trial: &Trial, keep_going: bool) {
        let refused: HashMap<usize, &Refusal> = trial
            .refusals
            .iter()
            .filter(|refusal| refusal.is_right || !steps.is_blind)
            .filter_map(|refusal| Some((*steps.places.get(refusal.place)?, refusal)))
            // the query of a materialized view may fail only because its tables are empty
            .filter(|(at, refusal)| !refusal.is_of_rows || self.entries[*at].kind != "MATERIALIZED VIEW DATA")
            .collect();
        let is_left_out = |reason: &Option<Reason>| {
            let reason = reason.as_ref();
            reason.is_some_and(|reason| reason.spreads() && !matches!(reason, Reason::Platform(_)))
        };
        let mut something_is_left_out = self.reasons.iter().any(is_left_out);
        let by_id = self.by_id();
        let mut lone: Vec<(usize, Untrusted)> = Vec::new();
        for at in 0..self.entries.len() {
            if self.reasons[at].is_some() {
                continue;
            }
            if let Some(root) = self.missing_need(at, &by_id) {
                self.reasons[at] = Some(Reason::Needs(root));
            } else if let Some(refusal) = refused.get(&at) {
                let message = refusal.message.clone();
                let is_remark = REMARKS.contains(&self.entries[at].kind.raw());
                if !refusal.is_right && !something_is_left_out && !is_remark {
                    lone.push((at, message.clone()));
                }
                something_is_left_out |= refusal.is_right && !is_remark;
                self.reasons[at] = Some(match refusal.is_right {
                    true => Reason::Refused(message),
                    false => Reason::Fails(message),
                });
            }
        }
        self.spread();
        self.untried = trial.stopped.clone();
        if let Some(lack) = self.lack_of_sense(&lone).filter(|_| !keep_going) {
            self.lacks.push(lack);
        }
    }

    /// The problem of definitions that fail in this target for every role.
    fn lack_of_sense(&self, lone: &[(usize, Untrusted)]) -> Option<Lack> {
        let some = lone.iter().take(NAMED);
        let mut named: Vec<String> = some
            .map(|(at, why)| format!("{} ({})", label(&self.entries[*at]), why.first_line()))
            .collect();
        if lone.len() > NAMED {
            named.push(format!("{} more", lone.len() - NAMED));
        }
        (!lone.is_empty()).then(|| Lack {
            what: format!("the target's server refuses to create {}", named.join(", ")),
            cure: "restore into a server that can create it, or correct the definition in the source database (for \
                   example, qualify names in a function by their schema) and take a new backup; --keep-going restores \
                   everything else and writes what is missing to a file"
                .to_owned(),
        })
    }
}
