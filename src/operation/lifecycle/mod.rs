//! The bucket's lifecycle rules: shown, planned, and put there so that nobody else's suffer.

mod apply;
mod kept;

use serde::Serialize;

use crate::{
    backup::Label,
    error::{Error, Result},
    lifecycle::{Document, Plan, Rule, is_ours, warnings_at},
    store::{Kind, Lifecycle, S3},
};

pub use apply::apply_lifecycle;
pub use kept::{KeptLonger, kept_longer};

/// The rules in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRules {
    /// The bucket.
    pub bucket: String,
    /// Which objects are too small to be moved, where the service knows such a thing.
    pub minimum_size: Option<String>,
    /// The rules, in order.
    pub rules: Vec<ShownRule>,
    /// Rules of others that act on backups.
    pub warnings: Vec<String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRule {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Whose it is.
    pub owner: RuleOwner,
    /// Whether it is carried out.
    pub enabled: bool,
    /// The beginning of the keys that it is about.
    pub prefix: String,
    /// The tags and sizes that it asks for, in words.
    pub further_filters: String,
    /// What it does, in words.
    pub actions: Vec<String>,
}

/// Whose a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleOwner {
    /// Ours, for a database that is configured here.
    Ours,
    /// Made by pgcoffer for another place or database.
    AnotherPgcoffer,
    /// Not pgcoffer's.
    Other,
}

/// What a plan would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProposedRules {
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// What would become of each rule of ours; none where the bucket's rules can't be seen.
    pub changes: Option<Vec<Change>>,
    /// Rules that are not ours and would stay as they are.
    pub of_others: usize,
}

/// What becomes of a rule of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The rule.
    pub id: String,
    /// What becomes of it.
    pub change: ChangeKind,
}

/// What becomes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Add,
    /// It takes the place of one of the same id.
    Replace,
    /// It stands there already.
    Keep,
    /// It goes.
    Remove,
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedRules {
    /// The bucket.
    pub bucket: String,
    /// Whether anything was written.
    pub written: bool,
    /// What became of each rule of ours.
    pub changes: Vec<Change>,
    /// Rules that are not ours, each found again as it was.
    pub of_others: usize,
    /// What can go wrong with the rules, and rules of others that act on backups.
    pub warnings: Vec<String>,
}

/// The bucket's rules as they stand, seen by one who backs up `databases` there.
///
/// # Errors
/// What the bucket refuses, [`Error::Rules`] where the service has no rules, [`Error::Lifecycle`] where they can't be
/// read.
pub async fn show_lifecycle(store: &S3, databases: &[Label]) -> Result<ShownRules> {
    let there = read(store).await?;
    let document = document(there.as_ref())?;
    let ours = of_databases(store, databases);
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
        warnings: rivals(store, databases, &document),
    })
}

/// What `plan` would change in the bucket. Where its rules can't be seen the plan stands alone, with a warning.
///
/// # Errors
/// [`Error::Lifecycle`] where what stands there leaves no room for the plan.
pub async fn propose_lifecycle(store: &S3, databases: &[Label], mut plan: Plan) -> Result<ProposedRules> {
    let there = match read(store).await {
        Ok(there) => there,
        Err(error) => {
            plan.warnings.extend(warnings_at(store.host(), &plan));
            plan.warnings.push(format!("what would change can't be told: {error}"));
            return Ok(ProposedRules {
                plan,
                changes: None,
                of_others: 0,
            });
        }
    };
    let before = document(there.as_ref())?;
    let ours = of_databases(store, databases);
    let after = before.with(&plan.rules, &ours)?;
    let elsewhere = warnings_at(store.host(), &plan);
    plan.warnings.extend(elsewhere);
    plan.warnings.extend(rivals(store, databases, &before));
    if let Err(error) = before.check_known() {
        plan.warnings.push(format!("`apply` will refuse: {error}"));
    }
    Ok(ProposedRules {
        plan,
        changes: Some(changes(&before, &after, &ours)),
        of_others: others(&before, &ours),
    })
}

/// Looks; a service without lifecycle rules is told so here, before anything is written.
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

/// Tells our rules' ids from all others.
fn of_databases<'a>(store: &'a S3, databases: &'a [Label]) -> impl Fn(&str) -> bool + 'a {
    |id| is_ours(id, &store.location().prefix, databases)
}

/// Rules of others that delete or move backups.
fn rivals(store: &S3, databases: &[Label], document: &Document) -> Vec<String> {
    let ours = of_databases(store, databases);
    let mut warnings = Vec::new();
    for database in databases {
        let folder = store.location().key(&format!("{database}/"));
        let others = document.rules().iter();
        let others = others.filter(|rule| !rule.id().is_some_and(&ours) && rule.acts_below(&folder));
        warnings.extend(others.map(|rule| {
            let (name, prefix, actions) = (rule.name(), rule.prefix(), rule.actions().join(", "));
            format!(
                "rule {name}, which is not ours, acts on backups of {database} as well: {actions}, below {prefix:?}"
            )
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

fn others(document: &Document, ours: impl Fn(&str) -> bool) -> usize {
    let others = document.rules().iter();
    others.filter(|rule| !rule.id().is_some_and(&ours)).count()
}
