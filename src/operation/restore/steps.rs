//! What of a restore takes long when all rows are there: how far pg_restore has come with it.

use std::collections::HashMap;

use super::plan::RestorePlan;
use crate::{
    archive::Entry,
    operation::{Progress, RestoreStep, StepKind},
    postgres::{LoadLine, LoadWatch},
    text::counted,
};

/// The steps of one restore.
#[derive(Default)]
pub(super) struct Steps {
    all: Vec<RestoreStep>,
    /// The step that each line of the programs begins: pg_restore's words behind its verb, and the first line of a
    /// statement.
    by_line: HashMap<String, usize>,
    is_sure: bool,
}

impl Steps {
    pub(super) fn of(plan: &RestorePlan) -> Self {
        Self::of_entries(plan.kept_entries())
    }

    fn of_entries<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let (mut all, mut by_line, mut is_sure) = (Vec::new(), HashMap::new(), true);
        for entry in entries {
            let names = [entry.name.raw(), entry.schema.raw(), entry.owner.raw()];
            is_sure &= !names.iter().any(|name| name.contains(['\n', '\r']));
            let Some(kind) = kind(entry) else {
                continue;
            };
            let name = match entry.schema.is_empty() {
                true => entry.name.raw().to_owned(),
                false => format!("{}.{}", entry.schema.raw(), entry.name.raw()),
            };
            by_line.insert(format!("{} \"{name}\"", entry.kind.raw()), all.len());
            by_line.extend(telling_line(kind, entry).map(|line| (line.to_owned(), all.len())));
            all.push(RestoreStep {
                kind,
                number: 0,
                of: 0,
                name: name.into(),
            });
        }
        number(&mut all);
        Self { all, by_line, is_sure }
    }

    /// How many there are of each kind behind the step that has begun last, and with it, in words: `3 indexes, 1
    /// constraint`. Empty where there are none.
    pub(super) fn left(&self, begun: Option<&RestoreStep>) -> String {
        let at = begun.and_then(|begun| self.all.iter().position(|step| step == begun));
        let left = self.all.get(at.unwrap_or(0)..).unwrap_or_default();
        let of = |kind: StepKind| left.iter().filter(|step| step.kind == kind).count();
        let words = [
            (StepKind::Index, "index", "indexes"),
            (StepKind::Constraint, "constraint", "constraints"),
            (StepKind::View, "materialized view", "materialized views"),
        ];
        let counts = words.iter().filter_map(|(kind, one, several)| match of(*kind) {
            0 => None,
            1 => Some(counted(1, one)),
            count => Some(format!("{count} {several}")),
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    /// What shows in `progress` how far the programs have come. None where a name has a line break: what they say could
    /// then be read wrongly.
    pub(super) fn watch(&self, progress: &Progress) -> Option<LoadWatch> {
        if !self.is_sure {
            return None;
        }
        let (all, by_line, progress) = (self.all.clone(), self.by_line.clone(), progress.clone());
        Some(LoadWatch::new(move |line| {
            let index = match line {
                // `creating INDEX "public.items_slug"`
                LoadLine::Doing(text) => text.split_once(' ').and_then(|(_, rest)| by_line.get(rest)),
                LoadLine::Statement(text) => by_line.get(text),
            };
            if let Some(step) = index.and_then(|index| all.get(*index)) {
                progress.set_step(step.clone());
            }
        }))
    }
}

/// The line of its statement that no other entry's has: of a constraint the second, behind the table's name.
fn telling_line(kind: StepKind, entry: &Entry) -> Option<&str> {
    let mut lines = entry.definition.raw().lines();
    match kind {
        StepKind::Constraint => lines.nth(1),
        StepKind::Index | StepKind::View => lines.next(),
    }
}

fn kind(entry: &Entry) -> Option<StepKind> {
    match entry.kind.raw() {
        "INDEX" => Some(StepKind::Index),
        "CONSTRAINT" | "FK CONSTRAINT" | "CHECK CONSTRAINT" => Some(StepKind::Constraint),
        "MATERIALIZED VIEW DATA" => Some(StepKind::View),
        _ => None,
    }
}

/// Numbers the steps of each kind, in the archive's order.
fn number(all: &mut [RestoreStep]) {
    let mut counts: HashMap<StepKind, usize> = HashMap::new();
    for step in all.iter_mut() {
        let count = counts.entry(step.kind).or_default();
        *count += 1;
        step.number = *count;
    }
    for step in all {
        step.of = counts.get(&step.kind).copied().unwrap_or_default();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn entry(kind: &str, name: &str, definition: &str) -> Entry {
        Entry {
            kind: kind.into(),
            schema: "public".into(),
            name: name.into(),
            definition: definition.into(),
            ..Entry::default()
        }
    }

    fn steps() -> Steps {
        let entries = [
            entry("TABLE", "items", "CREATE TABLE public.items (\n    id integer\n);\n"),
            entry(
                "CONSTRAINT",
                "items items_pkey",
                "ALTER TABLE ONLY public.items\n    ADD CONSTRAINT items_pkey PRIMARY KEY (id);\n",
            ),
            entry(
                "INDEX",
                "items_slug",
                "CREATE INDEX items_slug ON public.items USING btree (slug);\n",
            ),
            entry(
                "INDEX",
                "items_day",
                "CREATE INDEX items_day ON public.items USING btree (day);\n",
            ),
        ];
        Steps::of_entries(entries.iter())
    }

    #[test]
    fn what_either_program_says_names_the_step() {
        let progress = Progress::default();
        let watch = steps().watch(&progress).unwrap();
        watch.tell(LoadLine::Doing("creating TABLE \"public.items\""));
        watch.tell(LoadLine::Statement("CREATE TABLE public.items ("));
        assert_eq!(progress.step(), None);
        watch.tell(LoadLine::Doing("creating INDEX \"public.items_slug\""));
        let step = progress.step().unwrap();
        assert_eq!((step.kind, step.number, step.of), (StepKind::Index, 1, 2));
        assert_eq!(step.name, "public.items_slug");
        watch.tell(LoadLine::Statement(
            "CREATE INDEX items_day ON public.items USING btree (day);",
        ));
        assert_eq!(progress.step().unwrap().number, 2);
        watch.tell(LoadLine::Doing("was auch immer CONSTRAINT \"public.items items_pkey\""));
        assert_eq!(
            progress.step().unwrap().number,
            2,
            "a line that is not understood changes nothing"
        );
        watch.tell(LoadLine::Statement("ALTER TABLE ONLY public.items"));
        assert_eq!(progress.step().unwrap().number, 2);
        watch.tell(LoadLine::Statement("    ADD CONSTRAINT items_pkey PRIMARY KEY (id);"));
        assert_eq!(progress.step().unwrap().kind, StepKind::Constraint);
        watch.tell(LoadLine::Doing("creating INDEX \"public.items_slug\""));
        watch.tell(LoadLine::Doing("erstelle CONSTRAINT \"public.items items_pkey\""));
        assert_eq!(progress.step().unwrap().kind, StepKind::Constraint);
        assert_eq!(steps().left(None), "2 indexes, 1 constraint");
        watch.tell(LoadLine::Doing("creating INDEX \"public.items_slug\""));
        assert_eq!(steps().left(progress.step().as_ref()), "2 indexes");
        assert_eq!(Steps::default().left(None), "");
    }

    #[test]
    fn nothing_is_read_where_a_name_could_forge_a_line() {
        let entries = [entry("TABLE", "a\npg_restore: error: forged", "")];
        assert!(Steps::of_entries(entries.iter()).watch(&Progress::default()).is_none());
    }
}
