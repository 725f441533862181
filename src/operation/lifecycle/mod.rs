//! Shows, plans and writes the bucket's lifecycle rules, without changing the rules of others.

mod apply;
mod kept_longer;

use serde::Serialize;

use crate::{
    backup::Label,
    error::{Error, Result},
    lifecycle::{Document, LifecyclePlan, Rule, is_ours, service_warnings},
    store::{Kind, Lifecycle, S3},
};

pub use apply::apply_lifecycle;
pub use kept_longer::{KeptLonger, kept_longer};

/// The lifecycle rules of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRules {
    /// The bucket's name.
    pub bucket: String,
    /// Which objects are too small to be moved, if the service reports that.
    pub minimum_size: Option<String>,
    /// The rules, in the bucket's order.
    pub rules: Vec<ShownRule>,
    /// Warnings about rules of others that act on backups.
    pub warnings: Vec<String>,
}

/// One rule of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRule {
    /// The rule's id, if it has one.
    pub id: Option<String>,
    /// Who made the rule.
    pub owner: RuleOwner,
    /// Whether the service applies the rule.
    pub enabled: bool,
    /// The prefix of the keys that the rule applies to.
    pub prefix: String,
    /// The tags and sizes that the rule filters by, in words.
    pub further_filters: String,
    /// What the rule does, in words.
    pub actions: Vec<String>,
}

/// Who made a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOwner {
    /// This pgcoffer, for a database that is configured here.
    Ours,
    /// Another pgcoffer, for another prefix or database.
    AnotherPgcoffer,
    /// Another program or a person.
    Other,
}

/// What a plan would change in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposedRules {
    /// The plan.
    #[serde(flatten)]
    pub plan: LifecyclePlan,
    /// What would happen to each rule of ours; `None` if the bucket's rules can't be read.
    pub changes: Option<Vec<Change>>,
    /// The number of rules that are not ours and would stay unchanged.
    pub of_others: usize,
}

/// What happens to one rule of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The rule's id.
    pub id: String,
    /// What happens to it.
    pub change: ChangeKind,
}

/// What happens to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is added.
    Add,
    /// It replaces a rule with the same id.
    Replace,
    /// It is already there and stays.
    Keep,
    /// It is removed.
    Remove,
}

/// The result of an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedRules {
    /// The bucket's name.
    pub bucket: String,
    /// Whether anything was written.
    pub written: bool,
    /// What happened to each rule of ours.
    pub changes: Vec<Change>,
    /// The number of rules that are not ours, each of which was read back unchanged.
    pub of_others: usize,
    /// What can go wrong with the rules, and rules of others that act on backups.
    pub warnings: Vec<String>,
}

/// Reads the bucket's rules. `databases` are those that are configured here; their rules count as ours.
///
/// # Errors
/// Any error of the bucket, [`Error::Rules`] if the service has no lifecycle rules, [`Error::Lifecycle`] if they can't
/// be parsed.
pub async fn show_lifecycle(store: &S3, databases: &[Label]) -> Result<ShownRules> {
    let there = read(store).await?;
    let document = document(there.as_ref())?;
    let ours = our_rules(store, databases);
    let shown = |rule: &Rule| ShownRule {
        id: rule.id().map(str::to_owned),
        owner: match rule.id() {
            Some(id) if ours(id) => RuleOwner::Ours,
            Some(_) if rule.is_of_pgcoffer() => RuleOwner::AnotherPgcoffer,
            _ => RuleOwner::Other,
        },
        enabled: rule.is_enabled(),
        prefix: rule.prefix().to_owned(),
        further_filters: rule.further_filters(),
        actions: rule.actions(),
    };
    Ok(ShownRules {
        bucket: store.location().bucket.clone(),
        minimum_size: there.and_then(|there| there.minimum_size),
        rules: document.rules().iter().map(shown).collect(),
        warnings: conflicting_rules(store, databases, &document),
    })
}

/// Compares `plan` with the bucket's rules. If these can't be read, returns the plan with a warning.
///
/// # Errors
/// [`Error::Lifecycle`] if the plan can't be merged into the bucket's rules.
pub async fn propose_lifecycle(store: &S3, databases: &[Label], mut plan: LifecyclePlan) -> Result<ProposedRules> {
    let there = match read(store).await {
        Ok(there) => there,
        Err(error) => {
            plan.warnings.extend(service_warnings(store.host(), &plan));
            plan.warnings.push(format!("the changes can't be computed: {error}"));
            return Ok(ProposedRules {
                plan,
                changes: None,
                of_others: 0,
            });
        }
    };
    let before = document(there.as_ref())?;
    let ours = our_rules(store, databases);
    let after = before.with(&plan.rules, &ours)?;
    let elsewhere = service_warnings(store.host(), &plan);
    plan.warnings.extend(elsewhere);
    plan.warnings.extend(conflicting_rules(store, databases, &before));
    if let Err(error) = before.check_known() {
        plan.warnings.push(format!("`apply` will refuse: {error}"));
    }
    Ok(ProposedRules {
        plan,
        changes: Some(changes(&before, &after, &ours)),
        of_others: count_others(&before, &ours),
    })
}

/// Reads the bucket's rules. Reports a service without lifecycle rules before anything is written.
async fn read(store: &S3) -> Result<Option<Lifecycle>> {
    store.lifecycle().await.map_err(|error| {
        let hint = match error.kind {
            Kind::Unsupported => {
                "this service has no lifecycle rules that pgcoffer can use: let `pgcoffer prune` delete, and choose \
                 the class at upload with PGCOFFER_STORAGE_CLASS"
            }
            Kind::Denied => {
                "lifecycle rules need s3:GetLifecycleConfiguration and s3:PutLifecycleConfiguration on the bucket: run \
                 this once with its owner's credentials"
            }
            _ => return Error::Store(error),
        };
        Error::Rules {
            why: format!("{error}: nothing was changed"),
            hint: hint.to_owned(),
        }
    })
}

fn document(there: Option<&Lifecycle>) -> Result<Document> {
    match there {
        Some(there) => Ok(Document::parse(&there.xml)?),
        None => Ok(Document::default()),
    }
}

/// A predicate that is true for the ids of our rules.
fn our_rules<'a>(store: &'a S3, databases: &'a [Label]) -> impl Fn(&str) -> bool + 'a {
    |id| is_ours(id, &store.location().prefix, databases)
}

/// Warnings about rules of others that delete or move backups.
fn conflicting_rules(store: &S3, databases: &[Label], document: &Document) -> Vec<String> {
    let ours = our_rules(store, databases);
    let mut warnings = Vec::new();
    for database in databases {
        let folder = store.location().key(&format!("{database}/"));
        let others = document.rules().iter();
        let others = others.filter(|rule| !rule.id().is_some_and(&ours) && rule.acts_below(&folder));
        warnings.extend(others.map(|rule| {
            let (name, prefix, actions) = (rule.name(), rule.prefix(), rule.actions().join(", "));
            format!("rule {name}, which is not ours, also acts on backups of {database}: {actions}, below {prefix:?}")
        }));
    }
    warnings
}

fn changes(before: &Document, after: &Document, ours: impl Fn(&str) -> bool) -> Vec<Change> {
    let of = |document: &Document| -> Vec<Rule> {
        let rules = document.rules().iter();
        rules.filter(|rule| rule.id().is_some_and(&ours)).cloned().collect()
    };
    let (old, new) = (of(before), of(after));
    let change = |rule: &Rule, change| Change {
        id: rule.id().unwrap_or_default().to_owned(),
        change,
    };
    let mut changes: Vec<Change> = new
        .iter()
        .map(|rule| match old.iter().find(|other| other.id() == rule.id()) {
            None => change(rule, ChangeKind::Add),
            Some(same) if same.means(rule) => change(rule, ChangeKind::Keep),
            Some(_) => change(rule, ChangeKind::Replace),
        })
        .collect();
    let gone = old
        .iter()
        .filter(|rule| !new.iter().any(|other| other.id() == rule.id()));
    changes.extend(gone.map(|rule| change(rule, ChangeKind::Remove)));
    changes
}

fn count_others(document: &Document, ours: impl Fn(&str) -> bool) -> usize {
    let others = document.rules().iter();
    others.filter(|rule| !rule.id().is_some_and(&ours)).count()
}
