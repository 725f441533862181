//! What keys need and pg_dump doesn't write into the table of contents: functions that their indexes call, and operator
//! classes, of an extension or of the database's own.
//!
//! An index of a constraint is no entry of its own, so pg_dump loses what it depends on. A part would then come without the
//! extension btree_gist, say, which an exclusion constraint of its table can't be made without. What the constraint names is
//! found in its definition. Only the server knows which operator class is the default of a type, so the constraints are tried
//! there, in a transaction that is rolled back.

use std::collections::{BTreeSet, HashMap};

use super::{
    label::label,
    missing_extensions::cure,
    names::DecodedNames,
    pattern::Pattern,
    plan::{PlanOptions, RestorePlan},
    reason::SkipReason,
    statement::{Word, has_keywords, listed, words_with_places},
};
use crate::{
    archive::Entry,
    error::{Result, TargetProblem},
    postgres::{Session, TargetFacts},
    text::{Untrusted, shell_quoted},
};

/// The most constraints for which something is sought.
const CONSTRAINTS_MAX: usize = 50;

/// Kinds that bring operator classes.
const WITH_CLASSES: &[&str] = &["EXTENSION", "OPERATOR CLASS"];

/// Kinds whose names can be in the definition of an exclusion constraint.
const NAMED_KINDS: &[&str] = &["FUNCTION", "OPERATOR CLASS", "TYPE", "DOMAIN", "COLLATION"];

/// The number of extensions that a problem names.
const NAMED: usize = 3;

/// The most entries that are tried at once, for the sake of the server's locks.
const TRIED_MAX: usize = 1000;

/// The definitions of a backup, and those that the plan restores.
struct Trial<'a> {
    plan: &'a RestorePlan,
    facts: &'a TargetFacts,
    by_id: HashMap<i32, usize>,
}

/// Adds to constraints what they turn out to need. Returns the problems of those that the server refuses for something
/// which nothing in the backup can bring there.
///
/// # Errors
/// A lost connection, or a pattern that matches nothing.
pub(super) async fn add_hidden_needs(
    session: &mut Session,
    entries: &mut [Entry],
    facts: &TargetFacts,
    options: &PlanOptions<'_>,
) -> Result<Vec<TargetProblem>> {
    if options.data_only || options.is_beside {
        return Ok(Vec::new());
    }
    add_what_is_named(entries);
    let is_all = options.only.is_empty() && options.leave_out.is_empty() && facts.abilities.extensions.is_empty();
    if is_all || options.clean {
        return Ok(Vec::new());
    }
    let plan = RestorePlan::new(entries.to_vec(), DecodedNames::default(), facts, options)?;
    let trial = Trial {
        plan: &plan,
        facts,
        by_id: plan.by_id(),
    };
    let (mut candidates, constraints) = (trial.candidates(), trial.constraints());
    let could_bring = !candidates.is_empty() || !facts.abilities.extensions.is_empty();
    if !could_bring || constraints.is_empty() || !plan.problems.is_empty() {
        return Ok(Vec::new());
    }
    let refused = trial.refused(session, &constraints, &[]).await?;
    let mut problems = Vec::new();
    for (constraint, why) in refused.into_iter().take(CONSTRAINTS_MAX) {
        let mut found = None;
        for (place, candidate) in candidates.iter().enumerate() {
            if trial.refused(session, &[constraint], &[*candidate]).await?.is_empty() {
                found = Some(place);
                break;
            }
        }
        match found {
            Some(place) => {
                let id = entries[candidates[place]].id;
                entries[constraint].needs.push(id);
                // most likely the next one needs the same
                candidates[..=place].rotate_right(1);
            }
            None => problems.push(trial.problem(constraint, &why)),
        }
    }
    Ok(problems)
}

/// Adds to exclusion constraints the functions, types and operator classes whose names are in their definitions.
fn add_what_is_named(entries: &mut [Entry]) {
    let mut named: HashMap<(String, String), Vec<i32>> = HashMap::new();
    for entry in entries.iter().filter(|entry| NAMED_KINDS.contains(&entry.kind.raw())) {
        // the name of a function has its arguments
        let name = entry.name.raw();
        let name = match entry.kind == "FUNCTION" {
            true => name.split('(').next().unwrap_or(name),
            false => name,
        };
        let place = (entry.schema.raw().to_owned(), name.to_owned());
        named.entry(place).or_default().push(entry.id);
    }
    let is_one = |entry: &&mut Entry| entry.kind == "CONSTRAINT" && is_exclusion(entry.definition.raw());
    for entry in entries.iter_mut().filter(is_one) {
        let names = qualified_names(entry.definition.raw());
        let ids = names.iter().filter_map(|name| named.get(name)).flatten();
        let new: BTreeSet<i32> = ids.filter(|id| !entry.needs.contains(id)).copied().collect();
        entry.needs.extend(new);
    }
}

/// The names that follow a schema in a statement, each with that schema.
fn qualified_names(definition: &str) -> Vec<(String, String)> {
    let words = words_with_places(definition);
    let places = words.windows(3).filter(|place| place[1].0 == Word::Mark('.'));
    places
        .filter_map(|place| Some((place[0].0.name()?, place[2].0.name()?)))
        .collect()
}

fn is_exclusion(definition: &str) -> bool {
    has_keywords(&["exclude", "using"], definition)
}

impl Trial<'_> {
    /// The positions of extensions and operator classes that the target lacks and the plan doesn't make.
    fn candidates(&self) -> Vec<usize> {
        let is_one = |at: &usize| {
            let entry = &self.plan.entries[*at];
            let is_away = self.plan.reasons[*at]
                .as_ref()
                .is_some_and(|reason| matches!(reason, SkipReason::NotSelected | SkipReason::Excluded));
            is_away
                && match entry.kind.raw() {
                    "EXTENSION" => {
                        !self.facts.extensions.contains_key(entry.name.raw())
                            && !self.facts.abilities.extensions.contains_key(entry.name.raw())
                    }
                    kind => WITH_CLASSES.contains(&kind),
                }
        };
        (0..self.plan.entries.len()).filter(is_one).collect()
    }

    /// The positions of constraints that the plan makes and that may need more than their entries say. Primary and unique
    /// keys use the default class of a type, which an extension has for types of its own.
    fn constraints(&self) -> Vec<usize> {
        let has_classes = self.plan.entries.iter().any(|entry| entry.kind == "OPERATOR CLASS");
        let is_one = |at: &usize| {
            let entry = &self.plan.entries[*at];
            let is_of_any_class = || {
                let definition = entry.definition.raw();
                is_exclusion(definition) || has_keywords(&["without", "overlaps"], definition)
            };
            entry.kind == "CONSTRAINT" && self.plan.reasons[*at].is_none() && (has_classes || is_of_any_class())
        };
        (0..self.plan.entries.len()).filter(is_one).collect()
    }

    /// Which of these constraints the server refuses when `more` is made as well, each with its message.
    async fn refused(
        &self,
        session: &mut Session,
        constraints: &[usize],
        more: &[usize],
    ) -> Result<Vec<(usize, Untrusted)>> {
        let tried: Vec<usize> = self.with_needs(constraints, more).into_iter().collect();
        if tried.len() > TRIED_MAX {
            return Ok(Vec::new());
        }
        let entries = tried.iter().map(|at| &self.plan.entries[*at]);
        let statements: Vec<&str> = entries.map(|entry| entry.definition.raw()).collect();
        let trial = session.try_definitions(&statements).await?;
        let refused = trial.refusals.iter().filter(|refusal| !refusal.is_missing_right);
        let refused = refused.filter_map(|refusal| Some((*tried.get(refusal.index)?, refusal.message.clone())));
        Ok(refused.filter(|(at, _)| constraints.contains(at)).collect())
    }

    /// These entries, the classes that the plan makes anyway and all that they need, as far as the target lacks it, in the
    /// archive's order.
    fn with_needs(&self, constraints: &[usize], more: &[usize]) -> BTreeSet<usize> {
        let mut tried = BTreeSet::new();
        let has_classes =
            |at: &usize| self.plan.reasons[*at].is_none() && WITH_CLASSES.contains(&self.plan.entries[*at].kind.raw());
        let made = (0..self.plan.entries.len()).filter(has_classes);
        let mut open: Vec<usize> = constraints.iter().chain(more).copied().chain(made).collect();
        while let Some(at) = open.pop() {
            let entry = &self.plan.entries[at];
            let is_tried = self.is_missing(at) && is_definition(entry);
            if is_tried && tried.insert(at) {
                open.extend(entry.needs.iter().filter_map(|id| self.by_id.get(id)));
            }
        }
        tried
    }

    /// The problem of a constraint that the server refuses, whatever is made before it.
    fn problem(&self, constraint: usize, why: &Untrusted) -> TargetProblem {
        let entry = &self.plan.entries[constraint];
        let extensions = self.plan.entries.iter().filter(|entry| entry.kind == "EXTENSION");
        let lacking: Vec<_> = extensions
            .filter_map(|entry| Some((entry, self.facts.abilities.extensions.get(entry.name.raw())?)))
            .collect();
        let names = lacking
            .iter()
            .map(|(entry, missing)| format!("{} ({})", entry.name, missing.why.first_line()));
        let away = match lacking.is_empty() {
            true => String::new(),
            false => format!(
                "; of the extensions of the backup, one of which may have what it needs, these can't be created there: {}",
                listed(names.collect(), NAMED)
            ),
        };
        let cure = match lacking.first() {
            Some((extension, missing)) => cure(extension, missing.takes, self.facts),
            None => "restore into a server that can create it".to_owned(),
        };
        let without = Pattern::of(entry).unwrap_or_default();
        TargetProblem {
            what: format!(
                "the target's server refuses to create {} ({}){away}",
                label(entry),
                why.first_line()
            ),
            cure: format!("{cure}; --leave-out {} restores all but that", shell_quoted(&without)),
        }
    }

    fn is_missing(&self, at: usize) -> bool {
        let entry = &self.plan.entries[at];
        let is_there = match entry.kind.raw() {
            "SCHEMA" => entry.name == "public" || self.facts.schemas.contains_key(entry.name.raw()),
            "EXTENSION" => self.facts.extensions.contains_key(entry.name.raw()),
            _ => false,
        };
        let reason = self.plan.reasons[at].as_ref();
        !is_there && reason.is_none_or(|it| matches!(it, SkipReason::NotSelected | SkipReason::Excluded))
    }
}

fn is_definition(entry: &Entry) -> bool {
    let sql = entry.definition.raw();
    !sql.is_empty() && !entry.is_cut && !sql.contains(['\u{fffd}', '\0']) && !sql.contains("SET SESSION AUTHORIZATION")
}
