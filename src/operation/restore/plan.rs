//! Plans a restore: which entries are restored, which are left out and why, and which problems prevent it.

use std::collections::{BTreeSet, HashMap};

use super::{
    names::DecodedNames,
    pattern::Pattern,
    public_revokes::PublicRevokes,
    reason::{Impact, RowRefusal, SkipReason},
    rules::{SESSION_KINDS, TargetRules},
    statement::{is_definer, is_on},
};
use crate::{
    archive::Entry,
    error::{Result, TargetProblem},
    postgres::{ForeignKey, TargetFacts},
    text::Untrusted,
};

/// Extensions that serve the operator of a server. Without them no data of the user is missing, unless other objects
/// need them.
pub(super) const ADMIN_EXTENSIONS: &[&str] = &[
    "aiven_extras",
    "aiven_gatekeeper",
    "auto_explain",
    "azure",
    "crunchy_pooler",
    "google_vacuum_mgmt",
    "hypopg",
    "neon",
    "neon_utils",
    "pg_buffercache",
    "pg_repack",
    "pg_stat_kcache",
    "pg_stat_statements",
    "pg_wait_sampling",
    "pgaadauth",
    "pgaudit",
    "pgstattuple",
    "plpgsql",
    "rds_tools",
];

/// Kinds of objects that platforms create for their own use.
const PLATFORM_KINDS: &[&str] = &["SCHEMA", "FUNCTION", "EVENT TRIGGER", "EXTENSION"];

/// Kinds that protect the rows of a table, or compute them.
const GUARDS: &[&str] = &[
    "CONSTRAINT",
    "CHECK CONSTRAINT",
    "FK CONSTRAINT",
    "DEFAULT",
    "POLICY",
    "ROW SECURITY",
    "RULE",
    "TRIGGER",
];

/// Kinds that describe another object. Nothing is lost without them if that object is missing or owned by another role.
pub(super) const ANNOTATIONS: &[&str] = &["COMMENT", "ACL", "DEFAULT ACL"];

/// What the user asked for.
#[derive(Clone, Copy)]
pub(super) struct PlanOptions<'a> {
    pub(super) leave_out: &'a [Pattern],
    pub(super) only: &'a [Pattern],
    /// Whether to restore only the rows of what `only` names.
    pub(super) data_only: bool,
    /// Whether the entries are those of a table that is made beside what the target has.
    pub(super) is_beside: bool,
    pub(super) clean: bool,
    pub(super) single_transaction: bool,
    pub(super) keep_owner: bool,
    pub(super) keep_acl: bool,
    /// Whether to leave out what names roles that don't exist.
    pub(super) skip_roles: bool,
    /// Whether to leave out policies and user mappings that name roles that don't exist, as they would fail with
    /// `--keep-going`.
    pub(super) foresee_roles: bool,
    /// Whether to leave out whatever can't be restored, with all that needs it.
    pub(super) keep_going: bool,
    /// Whether to restore rows only into tables that the restore makes.
    pub(super) own_tables_only: bool,
    /// The tables of the backup that have rows, by schema and name.
    pub(super) tables_with_rows: &'a [(Untrusted, Untrusted)],
}

/// The plan of a restore: for each entry of the archive whether it is restored, and what the user has to know.
pub(super) struct RestorePlan {
    pub(super) entries: Vec<Entry>,
    /// Why each entry is left out, in the order of `entries`; `None` if it is restored.
    pub(super) reasons: Vec<Option<SkipReason>>,
    /// The positions of what `only` names and of its parts, without what these need; empty if everything is restored.
    pub(super) own: BTreeSet<usize>,
    /// Whether only rows are restored, so that nothing else is looked at.
    pub(super) is_data_only: bool,
    /// Kinds that an option of pg_restore leaves out as a whole, and that are not reported.
    pub(super) unreported_kinds: &'static [&'static str],
    /// The tables that have rows, by schema and name.
    pub(super) tables_with_rows: BTreeSet<(Untrusted, Untrusted)>,
    /// SECURITY DEFINER functions that a superuser would own after the restore.
    pub(super) superuser_functions: Vec<Untrusted>,
    /// What is closed to PUBLIC in the backup.
    pub(super) public_revokes: PublicRevokes,
    /// Remarks about functions that may miss an extension.
    pub(super) body_remarks: Vec<String>,
    /// Why not all definitions could be tried in the target.
    pub(super) trial_stopped: Option<Untrusted>,
    /// Problems that the user has to solve before anything is changed.
    pub(super) problems: Vec<TargetProblem>,
    /// Roles that are named and don't exist in the target.
    pub(super) missing_roles: BTreeSet<String>,
    /// Tablespaces that the target lacks. Their tables and indexes go to the default tablespace.
    pub(super) missing_tablespaces: BTreeSet<Untrusted>,
    /// Roles that get rights on every new object in the target.
    pub(super) granted_by_default: Vec<String>,
    /// Publications of the target whose tables are replaced.
    pub(super) published: BTreeSet<Untrusted>,
    /// The restoring role, if it becomes the owner of objects that belonged to others.
    pub(super) new_owner: Option<Untrusted>,
    /// The ids of entries with rows of tables that an extension creates.
    pub(super) extension_rows: BTreeSet<i32>,
    /// DELETE statements for tables that stay and whose rows the backup restores.
    pub(super) row_deletes: Vec<String>,
    /// The labels of the tables of these statements.
    pub(super) replaced_row_tables: Vec<String>,
    /// The pass through the archive in which each entry is loaded, in the order of `entries`.
    pub(super) passes: Vec<usize>,
    /// Rows that have to be loaded in the archive's order, by their positions: tables of the target itself refer to each
    /// other by keys that exist already.
    pub(super) row_references: Vec<(usize, usize)>,
    /// Foreign keys of the target that are checked when all rows are there, before the one transaction ends.
    pub(super) waiting_keys: BTreeSet<ForeignKey>,
    /// The archive's encoding, if it is not UTF-8.
    pub(super) encoding: Option<String>,
    /// The schema and name of tables: as written in the archive's data, and decoded.
    pub(super) renamed: HashMap<(Untrusted, Untrusted), (Untrusted, Untrusted)>,
}

impl RestorePlan {
    /// Makes the plan from the archive's entries and the facts about the target.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] if a pattern matches nothing in this backup.
    pub(super) fn new(
        entries: Vec<Entry>,
        names: DecodedNames,
        facts: &TargetFacts,
        options: &PlanOptions<'_>,
    ) -> Result<Self> {
        let rules = TargetRules {
            facts,
            clean: options.clean,
            keep_acl: options.keep_acl,
        };
        let mut plan = Self {
            reasons: vec![None; entries.len()],
            own: BTreeSet::new(),
            is_data_only: options.data_only,
            unreported_kinds: match options.keep_acl {
                true => &[],
                false => &["ACL", "DEFAULT ACL"],
            },
            entries,
            superuser_functions: Vec::new(),
            public_revokes: PublicRevokes::default(),
            body_remarks: Vec::new(),
            trial_stopped: None,
            problems: Vec::new(),
            tables_with_rows: options
                .tables_with_rows
                .iter()
                .map(|table| names.renamed.get(table).unwrap_or(table).clone())
                .collect(),
            missing_roles: BTreeSet::new(),
            missing_tablespaces: BTreeSet::new(),
            granted_by_default: facts.granted_by_default.iter().cloned().collect(),
            published: BTreeSet::new(),
            new_owner: None,
            extension_rows: BTreeSet::new(),
            row_deletes: Vec::new(),
            replaced_row_tables: Vec::new(),
            passes: Vec::new(),
            row_references: Vec::new(),
            waiting_keys: BTreeSet::new(),
            encoding: names.encoding,
            renamed: names.renamed,
        };
        if !options.keep_going {
            plan.problems.extend(names.problem);
        }
        plan.add_mapping_dependencies();
        plan.add_row_dependencies(facts);
        if !options.only.is_empty() {
            plan.remove_partition_dependencies();
        }
        plan.select(options)?;
        plan.check_names_in_use(facts, options);
        plan.check_routed_rows();
        // a platform's own trigger is no loss, though the role may have no right to create it either
        plan.set_reasons(TargetRules::platform);
        plan.propagate();
        plan.set_reasons(|entry| rules.skip_reason(entry));
        plan.leave_what_is_there(facts);
        plan.propagate();
        plan.check_unowned_tables(facts);
        plan.propagate();
        plan.leave_out_annotations(&rules);
        if options.own_tables_only {
            plan.leave_out_rows_of_others(facts);
        }
        plan.check_extension_rows(facts, options);
        plan.order_rows(facts, options);
        plan.check_row_dependencies();
        plan.order_rows(facts, options);
        plan.check_row_order(options);
        plan.check_extensions(facts, options);
        plan.check_roles(&rules, options);
        plan.check_schemas(facts, options);
        plan.check_extension_schemas(facts);
        plan.check_replaced_objects(options);
        plan.check_other_users(facts, options);
        Ok(plan)
    }

    /// Adds remarks about what is restored. Called last, when it is known what that is.
    pub(super) fn add_remarks(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>, source_major: Option<u32>) {
        self.find_missing_extensions_in_bodies(facts);
        self.find_public_revokes(facts, options);
        self.check_schema_public(facts, source_major);
        if facts.is_superuser && !options.keep_owner {
            self.superuser_functions = self.open_definer_functions();
        }
    }

    /// The ids of what is restored in the first pass through the archive, in the archive's order.
    pub(super) fn kept(&self) -> Vec<i32> {
        let passes = self.passes.iter().zip(&self.entries);
        let later: BTreeSet<i32> = passes
            .filter(|(pass, _)| **pass > 0)
            .map(|(_, entry)| entry.id)
            .collect();
        self.kept_entries()
            .map(|entry| entry.id)
            .filter(|id| !later.contains(id))
            .collect()
    }

    /// The subscriptions that are restored.
    pub(super) fn subscriptions(&self) -> Vec<Untrusted> {
        let subscriptions = self.kept_entries().filter(|entry| entry.kind == "SUBSCRIPTION");
        subscriptions.map(|entry| entry.name.clone()).collect()
    }

    pub(super) fn kept_entries(&self) -> impl Iterator<Item = &Entry> {
        let both = self.entries.iter().zip(&self.reasons);
        both.filter(|(_, reason)| reason.is_none()).map(|(entry, _)| entry)
    }

    /// Everything that is left out and reported, each with its reason and its impact.
    pub(super) fn left_out(&self) -> impl Iterator<Item = (&Entry, &SkipReason, Impact)> {
        let both = self.entries.iter().zip(&self.reasons);
        let expected = both.filter(|(entry, _)| !self.unreported_kinds.contains(&entry.kind.raw()));
        expected.filter_map(|(entry, reason)| {
            let reason = reason.as_ref()?;
            Some((entry, reason, self.impact(entry, reason)))
        })
    }

    fn impact(&self, entry: &Entry, reason: &SkipReason) -> Impact {
        let name = entry.name.raw();
        let root = match reason {
            SkipReason::Needs(root) => self.reasons[*root].as_ref().unwrap_or(reason),
            own => own,
        };
        let table = (entry.schema.clone(), entry.name.clone());
        let is_empty = entry.kind == "TABLE DATA" && !self.tables_with_rows.contains(&table);
        match root {
            // privileges are tried only if the user asked to keep them
            SkipReason::Refused(_) | SkipReason::Fails(_) if entry.kind == "ACL" => Impact::Loss,
            _ if is_empty || ANNOTATIONS.contains(&entry.kind.raw()) => Impact::None,
            // a platform creates event triggers and functions for its own use, and nothing that holds or shapes rows
            SkipReason::Platform(_) if !PLATFORM_KINDS.contains(&entry.kind.raw()) => Impact::Loss,
            // the user did not ask for a table without it
            SkipReason::Excluded | SkipReason::NotSelected
                if *reason != SkipReason::Excluded && self.guards_what_is_kept(entry) =>
            {
                Impact::Loss
            }
            SkipReason::NoExtension(_)
                if matches!(reason, SkipReason::NoExtension(_)) && ADMIN_EXTENSIONS.contains(&name) =>
            {
                Impact::None
            }
            // a platform keeps the versions of its own tables there
            SkipReason::HasRows | SkipReason::TakesNoRows(RowRefusal::Unseen) if name.ends_with("migrations") => {
                Impact::None
            }
            root => root.impact(),
        }
    }

    /// The ids of the entries with rows that are restored in any pass.
    pub(super) fn kept_rows(&self) -> BTreeSet<i32> {
        let with_rows = self.kept_entries().filter(|entry| entry.has_data);
        with_rows.map(|entry| entry.id).collect()
    }

    fn set_reasons(&mut self, reason: impl Fn(&Entry) -> Option<SkipReason>) {
        for (entry, place) in self.entries.iter().zip(&mut self.reasons) {
            if place.is_none() {
                *place = reason(entry);
            }
        }
    }

    pub(super) fn by_id(&self) -> HashMap<i32, usize> {
        let ids = self.entries.iter().enumerate();
        ids.map(|(at, entry)| (entry.id, at)).collect()
    }

    /// Leaves out every entry that needs something that is left out and missing in the target.
    pub(super) fn propagate(&mut self) {
        let by_id = self.by_id();
        let mut grows = true;
        while grows {
            grows = false;
            for at in 0..self.entries.len() {
                if self.reasons[at].is_some() {
                    continue;
                }
                if let Some(root) = self.missing_dependency(at, &by_id) {
                    self.reasons[at] = Some(SkipReason::Needs(root));
                    grows = true;
                }
            }
        }
    }

    /// The position of the entry that is the root cause of why something that this entry needs is missing; `None` if
    /// all is there.
    pub(super) fn missing_dependency(&self, at: usize, by_id: &HashMap<i32, usize>) -> Option<usize> {
        let entry = &self.entries[at];
        let mut needs = entry.needs.iter().filter_map(|id| by_id.get(id));
        let root = |need: &usize| match self.reasons[*need].as_ref()? {
            SkipReason::Needs(root) => Some(*root),
            reason => reason.propagates().then_some(*need),
        };
        match SESSION_KINDS.contains(&entry.kind.raw()) {
            true => None,
            false => needs.find_map(root),
        }
    }

    /// SECURITY DEFINER functions, except those that other roles can't call.
    fn open_definer_functions(&self) -> Vec<Untrusted> {
        let closed = self.public_revokes.restored.iter();
        let closed: BTreeSet<i32> = closed
            .flat_map(|closed| self.entries[closed.entry].needs.iter().copied())
            .collect();
        self.kept_entries()
            .filter(|entry| is_definer(entry) && !closed.contains(&entry.id))
            .map(|entry| format!("{}.{}", entry.schema.raw(), entry.name.raw()).into())
            .collect()
    }

    /// Whether the entry belongs to a restored table and protects or computes its rows.
    pub(super) fn guards_what_is_kept(&self, entry: &Entry) -> bool {
        GUARDS.contains(&entry.kind.raw())
            && self
                .kept_entries()
                .any(|table| table.kind == "TABLE" && is_on(entry, table))
    }

    /// Leaves out comments, privileges and labels of objects that the target has and another role owns.
    fn leave_out_annotations(&mut self, rules: &TargetRules<'_>) {
        let by_id = self.by_id();
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let is_annotation = ANNOTATIONS.contains(&entry.kind.raw()) || entry.kind == "SECURITY LABEL";
            let is_about_others = self.reasons[at].is_none()
                && is_annotation
                && rules.is_others_schema(entry.schema.raw())
                && entry.needs.iter().any(|id| {
                    by_id
                        .get(id)
                        .is_some_and(|need| self.reasons[*need] == Some(SkipReason::Present))
                });
            if is_about_others {
                self.reasons[at] = Some(SkipReason::OwnerOnly);
            }
        }
    }
}
