//! Extensions that can't be created in the target, and who could do it.

use super::{
    label::label,
    plan::{ANNOTATIONS, PlanOptions, RestorePlan},
    reason::SkipReason,
    statement::name_after,
};
use crate::{
    archive::Entry,
    error::TargetProblem,
    postgres::{ExtensionNeed, TargetFacts, sql::ident},
    text::{Untrusted, shell_quoted},
};

/// Roles whose members create extensions where a provider keeps superusers to itself, and where he says which ones.
///
/// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Extensions.html>
/// - <https://learn.microsoft.com/azure/postgresql/extensions/how-to-allow-extensions>
/// - <https://cloud.google.com/sql/docs/postgres/extensions>
/// - <https://cloud.google.com/alloydb/docs/reference/extensions>
/// - <https://neon.com/docs/extensions/pg-extensions>
const PROVIDERS_ROLES: &[(&str, &str)] = &[
    (
        "rds_superuser",
        "Amazon RDS names them in rds.extensions and rds.allowed_extensions",
    ),
    (
        "azure_pg_admin",
        "Azure creates those that the server parameter azure.extensions names",
    ),
    ("cloudsqlsuperuser", "Google Cloud SQL documents those that it has"),
    ("alloydbsuperuser", "AlloyDB documents those that it has"),
    ("neon_superuser", "Neon documents those that it has"),
];

impl RestorePlan {
    /// An extension that can't be created is left out if nothing needs it. Otherwise it is a problem that the user has
    /// to decide about.
    pub(super) fn check_extensions(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>) {
        for at in 0..self.entries.len() {
            let Some(SkipReason::NoExtension(missing)) = &self.reasons[at] else {
                continue;
            };
            let needing: Vec<&Entry> = self
                .entries
                .iter()
                .zip(&self.reasons)
                .filter(|(entry, reason)| {
                    **reason == Some(SkipReason::Needs(at)) && !ANNOTATIONS.contains(&entry.kind.raw())
                })
                .map(|(entry, _)| entry)
                .collect();
            let Some(first) = needing.first().filter(|_| !options.keep_going) else {
                continue;
            };
            let (name, why) = (&self.entries[at].name, &missing.why);
            self.problems.push(TargetProblem {
                what: format!(
                    "the extension {name} can't be created in the target ({why}), and {} needs it{}",
                    label(first),
                    match needing.len() {
                        1 => String::new(),
                        count => format!(", with {} more", count - 1),
                    },
                ),
                cure: format!(
                    "{}; --leave-out {} restores all but what needs it",
                    cure(&self.entries[at], missing.takes, facts),
                    shell_quoted(&format!("extension:{}", name.raw()))
                ),
            });
        }
    }
}

/// Who can create the extension, and how, as far as the target shows it.
pub(super) fn cure(extension: &Entry, takes: ExtensionNeed, facts: &TargetFacts) -> String {
    let name = extension.name.raw();
    let schema = name_after("schema", extension.definition.raw());
    let schema = schema.filter(|schema| facts.schemas.contains_key(schema) && schema != "public");
    let place = schema.map_or_else(String::new, |schema| format!(" WITH SCHEMA {}", ident(&schema)));
    let statement = format!("CREATE EXTENSION {}{place};", ident(name));
    let provider = PROVIDERS_ROLES
        .iter()
        .find_map(|(role, list)| Some((*role, *list, *facts.roles.get(*role)?)));
    match (takes, provider) {
        (ExtensionNeed::Files, None) => format!(
            "install the package that has {} on the target's server, as its administrator; a managed server has only what \
             its provider offers: then choose another target",
            extension.name
        ),
        (ExtensionNeed::Files, Some((_, list, _))) => {
            format!("choose a target whose provider offers {}: {list}", extension.name)
        }
        (ExtensionNeed::CreateOnDatabase, _) => format!(
            "restore as the database's owner, or have him grant CREATE ON DATABASE to the role {}, who may create {} then",
            Untrusted::from(&*facts.role),
            extension.name
        ),
        (ExtensionNeed::Superuser, Some((role, list, false))) => {
            format!("have a member of {role} run in the target, and restore then: {statement} ({list})")
        }
        (ExtensionNeed::Superuser, None) => format!(
            "only a superuser can create it: have one run in the target, and restore then: {statement} A server whose provider \
             keeps superusers to himself can't have it: choose another target"
        ),
        (ExtensionNeed::Permission, Some((_, list, _))) | (ExtensionNeed::Superuser, Some((_, list, true))) => {
            format!("have the server's provider allow it, or choose another target: {list}")
        }
        (ExtensionNeed::Permission, None) => {
            "have the server's provider allow it, in the settings of the server, or choose another target".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_create_it_depends_on_the_server() {
        let extension = Entry {
            name: "postgis".into(),
            definition: "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA gis;".into(),
            ..Entry::default()
        };
        let mut facts = TargetFacts {
            role: "app".to_owned(),
            ..TargetFacts::default()
        };
        facts.schemas.insert("gis".to_owned(), Default::default());
        let said = |takes, facts: &TargetFacts| cure(&extension, takes, facts);
        let plain = said(ExtensionNeed::Superuser, &facts);
        assert!(plain.contains("superuser") && plain.contains("CREATE EXTENSION \"postgis\" WITH SCHEMA \"gis\";"));
        assert!(said(ExtensionNeed::Files, &facts).contains("package"));
        assert!(said(ExtensionNeed::CreateOnDatabase, &facts).contains("CREATE ON DATABASE to the role app"));
        facts.roles.insert("rds_superuser".to_owned(), false);
        let managed = said(ExtensionNeed::Superuser, &facts);
        assert!(managed.contains("member of rds_superuser"), "{managed}");
        facts.roles.insert("rds_superuser".to_owned(), true);
        for takes in [
            ExtensionNeed::Superuser,
            ExtensionNeed::Files,
            ExtensionNeed::Permission,
        ] {
            let refused = said(takes, &facts);
            assert!(
                refused.contains("rds.allowed_extensions") && !refused.contains("CREATE EXTENSION"),
                "{refused}"
            );
        }
    }
}
