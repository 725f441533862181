//! Tries the definitions in the target, and leaves out what it refuses.

use std::collections::HashMap;

use super::{
    MissingRoles, RestoreRequest,
    label::label,
    plan::{ANNOTATIONS, RestorePlan},
    reason::SkipReason,
    resume::RestoredBefore,
    rules::{SESSION_KINDS, TargetRules},
};
use crate::{
    archive::Entry,
    error::{Result, TargetProblem},
    postgres::{DefinitionRefusal, DefinitionTrial, Session, TargetFacts},
    text::Untrusted,
};

/// Kinds that are not definitions, or that need rows or another server.
const UNTRIED_KINDS: &[&str] = &[
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
const LOCKS_BY_KIND: &[(&str, u64)] = &[
    ("TABLE", 3),
    ("FOREIGN TABLE", 1),
    ("VIEW", 1),
    ("MATERIALIZED VIEW", 3),
    ("SEQUENCE", 1),
    ("INDEX", 1),
    ("CONSTRAINT", 1),
];

/// Kinds that take long where there are rows, so they are not tried when a restore goes on.
const TAKES_ROWS: &[&str] = &[
    "INDEX",
    "CONSTRAINT",
    "CHECK CONSTRAINT",
    "FK CONSTRAINT",
    "MATERIALIZED VIEW DATA",
];

/// The number of refusals that an error names.
const NAMED: usize = 3;

/// The entries whose definitions are tried.
struct TrialEntries {
    /// The positions of the entries.
    indexes: Vec<usize>,
    /// Whether some restored entries can't be tried, so that others that need them fail only for that.
    is_partial: bool,
}

impl RestorePlan {
    /// Tries the definitions in the target, in a transaction that is rolled back, and leaves out what it refuses.
    pub(super) async fn try_in(
        &mut self,
        session: &mut Session,
        facts: &TargetFacts,
        request: &RestoreRequest,
        there: &RestoredBefore,
    ) -> Result<()> {
        let mut entries = self.entries(facts, request);
        if request.resume {
            let is_new = |at: &usize| {
                let entry = &self.entries[*at];
                let is_there = there.ids.contains(&entry.id) || there.remade.contains(&entry.id);
                !is_there && !TAKES_ROWS.contains(&entry.kind.raw())
            };
            entries.indexes.retain(is_new);
        }
        // use at most half of the locks, as other sessions need some
        let is_large = self.locks(&entries).saturating_mul(2) > session.guaranteed_locks().await?;
        if is_large {
            self.take_out_relations(&mut entries);
        }
        let trial = session.try_definitions(&self.statements(&entries)).await?;
        self.apply_trial(&entries, &trial, request.keep_going);
        if is_large && self.trial_stopped.is_none() {
            self.trial_stopped = Some("tables, views and indexes would take too many of the server's locks".into());
        }
        Ok(())
    }

    fn entries(&self, facts: &TargetFacts, request: &RestoreRequest) -> TrialEntries {
        let rules = TargetRules {
            facts,
            clean: request.clean,
            keep_acl: request.keep_acl,
        };
        let mut entries = TrialEntries {
            indexes: Vec::new(),
            is_partial: false,
        };
        for (at, entry) in self.entries.iter().enumerate() {
            // roles that will be created don't exist yet
            let is_early = request.roles == MissingRoles::Create && !rules.missing_roles(entry).is_empty();
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
                true => entries.indexes.push(at),
                false => entries.is_partial = true,
            }
        }
        entries
    }

    fn is_definition(&self, entry: &Entry) -> bool {
        let kind = entry.kind.raw();
        let others = [SESSION_KINDS, UNTRIED_KINDS, self.unreported_kinds];
        !others.iter().any(|kinds| kinds.contains(&kind)) && !entry.name.raw().starts_with("LARGE OBJECT")
    }

    fn take_out_relations(&self, entries: &mut TrialEntries) {
        let is_locked = |at: &usize| {
            let kind = self.entries[*at].kind.raw();
            LOCKS_BY_KIND.iter().any(|(locked, _)| *locked == kind)
        };
        entries.indexes.retain(|at| !is_locked(at));
        entries.is_partial = true;
    }

    /// About how many locks the trial takes.
    fn locks(&self, entries: &TrialEntries) -> u64 {
        let kinds = entries.indexes.iter().map(|at| self.entries[*at].kind.raw());
        kinds
            .filter_map(|kind| LOCKS_BY_KIND.iter().find(|(locked, _)| *locked == kind))
            .map(|(_, locks)| locks)
            .sum()
    }

    fn statements(&self, entries: &TrialEntries) -> Vec<&str> {
        let indexes = entries.indexes.iter();
        indexes.map(|at| self.entries[*at].definition.raw()).collect()
    }

    /// Leaves out what was refused, with everything that needs it. A missing right, and a failure that can come from
    /// something left out, is only reported. A definition that fails by itself is a problem that the user has to decide
    /// about.
    fn apply_trial(&mut self, entries: &TrialEntries, trial: &DefinitionTrial, keep_going: bool) {
        let refused: HashMap<usize, &DefinitionRefusal> = trial
            .refusals
            .iter()
            .filter(|refusal| refusal.is_missing_right || !entries.is_partial)
            .filter_map(|refusal| Some((*entries.indexes.get(refusal.index)?, refusal)))
            // the query of a materialized view may fail only because its tables are empty
            .filter(|(at, refusal)| !refusal.is_about_rows || self.entries[*at].kind != "MATERIALIZED VIEW DATA")
            .collect();
        let is_left_out = |reason: &Option<SkipReason>| {
            let reason = reason.as_ref();
            reason.is_some_and(|reason| reason.propagates() && !matches!(reason, SkipReason::Platform(_)))
        };
        let mut something_is_left_out = self.reasons.iter().any(is_left_out);
        let by_id = self.by_id();
        let mut failing: Vec<(usize, Untrusted)> = Vec::new();
        for at in 0..self.entries.len() {
            if self.reasons[at].is_some() {
                continue;
            }
            if let Some(root) = self.missing_dependency(at, &by_id) {
                self.reasons[at] = Some(SkipReason::Needs(root));
            } else if let Some(refusal) = refused.get(&at) {
                let message = refusal.message.clone();
                let is_annotation = ANNOTATIONS.contains(&self.entries[at].kind.raw());
                if !refusal.is_missing_right && !something_is_left_out && !is_annotation {
                    failing.push((at, message.clone()));
                }
                something_is_left_out |= refusal.is_missing_right && !is_annotation;
                self.reasons[at] = Some(match refusal.is_missing_right {
                    true => SkipReason::Refused(message),
                    false => SkipReason::Fails(message),
                });
            }
        }
        self.propagate();
        self.trial_stopped = trial.stopped.clone();
        if let Some(problem) = self.definition_problem(&failing).filter(|_| !keep_going) {
            self.problems.push(problem);
        }
    }

    /// The problem of definitions that fail in this target for every role.
    fn definition_problem(&self, failing: &[(usize, Untrusted)]) -> Option<TargetProblem> {
        let some = failing.iter().take(NAMED);
        let mut named: Vec<String> = some
            .map(|(at, why)| format!("{} ({})", label(&self.entries[*at]), why.first_line()))
            .collect();
        if failing.len() > NAMED {
            named.push(format!("{} more", failing.len() - NAMED));
        }
        (!failing.is_empty()).then(|| TargetProblem {
            what: format!("the target's server refuses to create {}", named.join(", ")),
            cure: "restore into a server that can create it, or correct the definition in the source database (for \
                   example, qualify names in a function by their schema) and take a new backup; --keep-going restores \
                   everything else and writes what is missing to a file"
                .to_owned(),
        })
    }
}
