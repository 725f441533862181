//! Lifecycle rules as people and programs read them.

use pgcoffer::{
    Result,
    lifecycle::{Class, LifecyclePlan, RuleAction, RuleForm},
    operation::{AppliedRules, Change, ChangeKind, ProposedRules, RuleOwner, ShownRules},
    text::Untrusted,
};
use serde_json::{Value, json};

use super::{
    output::{Output, print, print_document, to_json},
    table::{Room, Table},
};

impl Output {
    pub(super) fn lifecycle_rules(self, shown: &ShownRules) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(shown)?);
        }
        if shown.rules.is_empty() {
            return print(format!("There are no lifecycle rules in s3://{}.\n", shown.bucket));
        }
        let mut table = Table::new(["RULE", "WHOSE", "BELOW", "ONLY", "WHAT", "STATUS"]);
        for rule in &shown.rules {
            let owner = match rule.owner {
                RuleOwner::Ours => "ours",
                RuleOwner::AnotherPgcoffer => "another pgcoffer's",
                RuleOwner::Other => "not ours",
            };
            table.row([
                rule.id.as_ref().map_or_else(|| "-".to_owned(), |id| plain(id)),
                owner.to_owned(),
                or_all(&plain(&rule.prefix)),
                or_all(&plain(&rule.further_filters)),
                plain(&rule.actions.join(", ")),
                if rule.enabled { "on" } else { "off" }.to_owned(),
            ]);
        }
        let mut text = table.lines(Room::Everything).to_string();
        if let Some(size) = &shown.minimum_size {
            text.push_str(&format!("\nDefault minimum size of what is moved: {size}\n"));
        }
        push(&mut text, "warning", &shown.warnings);
        print(text)
    }

    pub(super) fn lifecycle_plan(self, proposed: &ProposedRules) -> Result<()> {
        let plan = &proposed.plan;
        if self.json {
            let mut value = to_json(proposed)?;
            value["classes"] = classes(plan).into_iter().map(class_json).collect();
            return self.print_json(&value);
        }
        let mut text = rules_table(plan, proposed.changes.as_deref());
        text.push_str(&classes_table(&classes(plan)));
        if let Some(changes) = &proposed.changes {
            let removed = changes.iter().filter(|change| change.change == ChangeKind::Remove);
            for change in removed {
                text.push_str(&format!("\n{} is no longer wanted: `apply` removes it", change.id));
            }
            let others = match proposed.of_others {
                0 => "There are no other rules in the bucket".to_owned(),
                1 => "One other rule in the bucket stays as it is".to_owned(),
                n => format!("{n} other rules in the bucket stay as they are"),
            };
            text.push_str(&format!("\n{others}. Nothing was changed: `lifecycle apply` does.\n"));
        }
        push(&mut text, "warning", &plan.warnings);
        push(&mut text, "note", &plan.notes);
        print(text)
    }

    pub(super) fn lifecycle_xml(self, plan: &LifecyclePlan) -> Result<()> {
        let rules = plan.rules.iter();
        let rules: Vec<String> = rules.map(|rule| rule.xml(RuleForm::Filter)).collect();
        if self.json {
            return self.print_json(&json!({ "rules": rules }));
        }
        print_document(&format!("{}\n", rules.join("\n")))
    }

    pub(super) fn lifecycle_applied(self, applied: &AppliedRules) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(applied)?);
        }
        let mut text = String::new();
        for change in &applied.changes {
            text.push_str(&format!("{:<8} {}\n", word(change.change), change.id));
        }
        let others = match applied.of_others {
            0 => "there are no others".to_owned(),
            1 => "the other rule stands as it stood".to_owned(),
            n => format!("the {n} others stand as they stood"),
        };
        text.push_str(&if applied.written {
            format!(
                "Rules of s3://{} written, read back and compared; {others}.\n",
                applied.bucket
            )
        } else {
            format!(
                "The rules of s3://{} are as they should be: nothing was written.\n",
                applied.bucket
            )
        });
        push(&mut text, "warning", &applied.warnings);
        print(text)
    }
}

fn rules_table(plan: &LifecyclePlan, changes: Option<&[Change]>) -> String {
    let heads = [
        "RULE",
        "BELOW",
        "WHAT",
        "AFTER",
        "KEPT",
        "PAID AT LEAST",
        "PAID AFTER DELETION",
        "CHANGE",
    ];
    let mut table = Table::new(heads).right(&[3, 5]);
    for rule in &plan.rules {
        let (what, minimum) = match rule.action {
            RuleAction::Move { class, .. } => (format!("move to {class}"), Some(class.minimum_storage_days())),
            RuleAction::Expire { .. } => ("delete".to_owned(), None),
            RuleAction::ExpireNoncurrent { .. } => ("free what was deleted".to_owned(), None),
            RuleAction::Abort { .. } => ("abort lost uploads".to_owned(), None),
        };
        let early = match (minimum, rule.early_deletion_days) {
            (None, _) => "-".to_owned(),
            (Some(_), None) => "not known".to_owned(),
            (Some(_), Some(0)) => "nothing".to_owned(),
            (Some(_), Some(days)) => format!("up to {days}d each"),
        };
        let change = changes.and_then(|all| all.iter().find(|change| change.id == rule.id));
        table.row([
            rule.id.clone(),
            rule.prefix.clone(),
            what,
            format!("{}d", rule.action.after_days()),
            rule.kept.clone().unwrap_or_else(|| "-".to_owned()),
            minimum.map_or_else(|| "-".to_owned(), |days| format!("{days}d")),
            early,
            change.map_or("-", |change| word(change.change)).to_owned(),
        ]);
    }
    table.lines(Room::Everything).to_string()
}

/// How long one waits for what lies in each class.
fn classes_table(classes: &[Class]) -> String {
    if classes.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["READING FROM", "EXPEDITED", "STANDARD", "BULK"]);
    for class in classes {
        let times = match class.retrieval() {
            None => ["at once", "at once", "at once"],
            Some(times) => [
                times.expedited.map_or("not to be had", |wait| wait.words),
                times.standard.words,
                times.bulk.words,
            ],
        };
        let [expedited, standard, bulk] = times;
        table.row([class.as_str(), expedited, standard, bulk]);
    }
    format!("\n{}", table.lines(Room::Everything))
}

fn classes(plan: &LifecyclePlan) -> Vec<Class> {
    let moves = plan.rules.iter().filter_map(|rule| match rule.action {
        RuleAction::Move { class, .. } => Some(class),
        _ => None,
    });
    let mut classes: Vec<Class> = moves.collect();
    classes.sort();
    classes.dedup();
    classes
}

fn class_json(class: Class) -> Value {
    json!({
        "class": class,
        "minimum_storage_days": class.minimum_storage_days(),
        "must_be_thawed": class.must_be_thawed(),
        "retrieval": class.retrieval(),
    })
}

fn word(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Add => "add",
        ChangeKind::Replace => "replace",
        ChangeKind::Keep => "keep",
        ChangeKind::Remove => "remove",
    }
}

fn or_all(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => text.to_owned(),
    }
}

/// A text of somebody else's, on one line whatever is in it.
fn plain(text: &str) -> String {
    Untrusted::from(text).to_string()
}

fn push(text: &mut String, word: &str, lines: &[String]) {
    for line in lines {
        text.push_str(&format!("{word}: {line}\n"));
    }
}
