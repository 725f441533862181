//! The order of rows whose tables the target has already: its foreign keys refuse rows until those are there that they refer
//! to.
//!
//! The archive can only be read from its beginning to its end. Where it has rows before those that they refer to, it is
//! read again for them. One transaction can't do that; but there the keys can wait until all rows are there, also those
//! of tables that refer to each other in a circle.

use std::collections::{BTreeSet, HashMap};

use super::{
    label::label,
    plan::{PlanOptions, RestorePlan},
    reason::{RowRefusal, SkipReason},
};
use crate::{
    archive::Entry,
    error::TargetProblem,
    postgres::{CHECK_ALL, ForeignKey, TargetFacts},
};

/// The most additional passes through an archive for one restore.
const PASSES_MAX: usize = 8;

/// The number of problems that an error names.
const NAMED: usize = 5;

/// A schema and the name of a table in it.
type Place = (String, String);

/// That rows need others, by the positions of their entries.
struct RowReference<'a> {
    from: usize,
    to: usize,
    key: &'a ForeignKey,
}

impl RestorePlan {
    /// Orders the rows of the target's own tables: rows that are referred to are loaded first, or the keys are checked when
    /// all rows are there. Rows for which neither can be are left out.
    pub(super) fn order_rows(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>) {
        let references = self.references(facts);
        let circles = self.circles(&references);
        self.passes = vec![0; self.entries.len()];
        self.waiting_keys.clear();
        let mut changes = true;
        while changes {
            changes = false;
            for reference in &references {
                changes |= match options.single_transaction {
                    true => self.order_at_once(reference, &circles, options),
                    false => self.order_by_passes(reference, &circles),
                };
            }
        }
        self.row_references = references.iter().map(|it| (it.from, it.to)).collect();
        self.move_dependents_to_last_pass();
    }

    /// The foreign keys of the target's tables between rows that the backup has. A key from or to a partitioned table is one
    /// between any of its partitions.
    fn references<'a>(&self, facts: &'a TargetFacts) -> Vec<RowReference<'a>> {
        let find = |place: &Place| {
            facts
                .present
                .get(&("TABLE".to_owned(), place.0.clone(), place.1.clone()))
        };
        let is_row = |at: &usize| self.entries[*at].kind == "TABLE DATA" && self.has_rows(*at);
        let mut places: Vec<(usize, Vec<Place>)> = Vec::new();
        for at in (0..self.entries.len()).filter(is_row) {
            let entry = &self.entries[at];
            let own = (entry.schema.raw().to_owned(), entry.name.raw().to_owned());
            let Some(table) = find(&own) else {
                continue;
            };
            let wholes = table.partition_of.iter().cloned();
            places.push((at, wholes.chain([own]).collect()));
        }
        let mut rows_of: HashMap<&Place, Vec<usize>> = HashMap::new();
        for (at, places) in &places {
            for place in places {
                rows_of.entry(place).or_default().push(*at);
            }
        }
        let mut references = Vec::new();
        for (from, places) in &places {
            let tables = places.iter().filter_map(find);
            for reference in tables.flat_map(|table| &table.refers_to) {
                let to = rows_of.get(&reference.to).into_iter().flatten();
                references.extend(to.filter(|to| *to != from).map(|to| RowReference {
                    from: *from,
                    to: *to,
                    key: &reference.key,
                }));
            }
        }
        references
    }

    /// Has rows loaded in a pass behind that of the rows which they refer to. Returns whether that changed anything.
    fn order_by_passes(&mut self, reference: &RowReference<'_>, circles: &BTreeSet<usize>) -> bool {
        let (from, to) = (reference.from, reference.to);
        if self.reasons[from].is_some() || self.is_the_target_s_own(to) {
            return false;
        }
        let least = self.passes[to] + usize::from(to > from);
        let refusal = match &self.reasons[to] {
            Some(_) => Some(SkipReason::NoReferencedRows),
            None if circles.contains(&from) => Some(SkipReason::TakesNoRows(RowRefusal::Circle)),
            None if least > PASSES_MAX => Some(SkipReason::TakesNoRows(RowRefusal::Passes)),
            None => None,
        };
        let changes = refusal.is_some() || self.passes[from] < least;
        match refusal {
            Some(_) => self.reasons[from] = refusal,
            None => self.passes[from] = self.passes[from].max(least),
        }
        changes
    }

    /// Has the key wait for all rows where the archive has those later that it needs. Returns whether something had to be
    /// left out.
    fn order_at_once(
        &mut self,
        reference: &RowReference<'_>,
        circles: &BTreeSet<usize>,
        options: &PlanOptions<'_>,
    ) -> bool {
        let (from, to) = (reference.from, reference.to);
        if self.reasons[from].is_some() || self.is_the_target_s_own(to) {
            return false;
        }
        self.reasons[from] = match &self.reasons[to] {
            Some(_) => Some(SkipReason::NoReferencedRows),
            None if to < from => None,
            // what else a whole backup makes could not alter a table whose keys wait
            None if options.data_only && reference.key.can_wait() => {
                self.waiting_keys.insert(reference.key.clone());
                None
            }
            None => Some(SkipReason::TakesNoRows(match circles.contains(&from) {
                true => RowRefusal::Circle,
                false => RowRefusal::Order,
            })),
        };
        self.reasons[from].is_some()
    }

    /// Whether these rows are not wanted, so that those which refer to them find what the target has.
    fn is_the_target_s_own(&self, at: usize) -> bool {
        matches!(self.reasons[at], Some(SkipReason::NotSelected | SkipReason::Present))
    }

    /// The rows that need themselves by way of other tables, and those on the way from one circle to another.
    fn circles(&self, all: &[RowReference<'_>]) -> BTreeSet<usize> {
        let is_wanted = |at: usize| self.reasons[at].is_none();
        let wanted = all.iter().filter(|it| is_wanted(it.from) && is_wanted(it.to));
        let mut left: BTreeSet<(usize, usize)> = wanted.map(|it| (it.from, it.to)).collect();
        loop {
            let froms: BTreeSet<usize> = left.iter().map(|(from, _)| *from).collect();
            let tos: BTreeSet<usize> = left.iter().map(|(_, to)| *to).collect();
            let before = left.len();
            left.retain(|(from, to)| tos.contains(from) && froms.contains(to));
            if left.len() == before {
                return froms;
            }
        }
    }

    /// The problems of rows that the user asked for, and for which there is no order.
    pub(super) fn check_row_order(&mut self, options: &PlanOptions<'_>) {
        if !options.data_only || options.keep_going {
            return;
        }
        let refused = self.own.iter().filter_map(|at| match &self.reasons[*at] {
            Some(SkipReason::TakesNoRows(refusal)) => Some((&self.entries[*at], *refusal)),
            _ => None,
        });
        let problems: Vec<TargetProblem> = refused
            .filter_map(|(entry, refusal)| {
                Some(TargetProblem {
                    what: format!("{} can't be loaded: {refusal}", label(entry)),
                    cure: order_cure(refusal, options.single_transaction)?.to_owned(),
                })
            })
            .take(NAMED)
            .collect();
        self.problems.extend(problems);
    }

    /// Statements that have keys wait for all rows, and those that have them checked and undo the first: each to be run in
    /// the transaction that loads the rows.
    pub(super) fn key_statements(&self) -> Option<(String, String)> {
        let first: String = self.waiting_keys.iter().map(ForeignKey::waits).collect();
        let last: String = self.waiting_keys.iter().filter_map(ForeignKey::is_checked).collect();
        (!first.is_empty()).then(|| (first, format!("{CHECK_ALL}{last}")))
    }

    /// Moves indexes, constraints and materialized views to the last pass, as they need all rows.
    fn move_dependents_to_last_pass(&mut self) {
        let last = self.passes.iter().copied().max().unwrap_or(0);
        let is_data = |entry: &Entry| ["TABLE DATA", "SEQUENCE SET", "BLOBS"].contains(&entry.kind.raw());
        let behind = self.entries.iter().rposition(is_data).map_or(0, |at| at + 1);
        for pass in self.passes.iter_mut().skip(behind) {
            *pass = last;
        }
    }

    /// The ids of what is loaded in each pass after the first.
    pub(super) fn later_passes(&self) -> Vec<Vec<i32>> {
        let kept = |pass: usize| {
            let all = self.entries.iter().zip(&self.reasons).zip(&self.passes);
            all.filter(|((_, reason), of)| reason.is_none() && **of == pass)
                .map(|((entry, _), _)| entry.id)
                .collect::<Vec<i32>>()
        };
        let passes = (1..=PASSES_MAX).map(kept);
        passes.filter(|ids| !ids.is_empty()).collect()
    }

    /// Whether the backup has rows for the entry's table.
    fn has_rows(&self, at: usize) -> bool {
        let entry = &self.entries[at];
        let table = (entry.schema.clone(), entry.name.clone());
        self.tables_with_rows.contains(&table)
    }
}

/// What helps rows for which there is no order.
fn order_cure(refusal: RowRefusal, single_transaction: bool) -> Option<&'static str> {
    const OWNER: &str = "restore as the owner of the tables, who may have their foreign keys checked when all rows are \
                         there; or have the owner make these keys DEFERRABLE";
    const OWNER_OR_PASSES: &str = "--no-single-transaction reads the backup once more for them; or restore as the owner of \
                                   the tables, who may have their foreign keys checked when all rows are there";
    const ONE_TRANSACTION: &str = "omit --no-single-transaction, --keep-going and --jobs: in one transaction the owner of \
                                   the tables can have their foreign keys checked when all rows are there";
    match (refusal, single_transaction) {
        (RowRefusal::Circle, true) => Some(OWNER),
        (RowRefusal::Order, true) => Some(OWNER_OR_PASSES),
        (RowRefusal::Circle | RowRefusal::Passes, false) => Some(ONE_TRANSACTION),
        _ => None,
    }
}
