//! What the user should know about a restore, beside what was not restored.

use super::{
    RestoreRequest,
    plan::RestorePlan,
    statement::{listed, statements},
};
use crate::{postgres::sql::ident, text::Untrusted};

/// The number of tables that a remark names.
const ROWS_NAMED: usize = 5;

/// The number of a database's settings that are shown.
const SETTINGS: usize = 3;

/// Settings of the backed-up database. They belong to the database and not to its contents, so they aren't restored.
/// They are named with the target's name in place of the backup's.
fn settings_of_database(plan: &RestorePlan, target: &str) -> Option<String> {
    let target = ident(target);
    let properties = plan.entries.iter().filter(|entry| entry.kind == "DATABASE PROPERTIES");
    let settings: Vec<Untrusted> = properties
        .flat_map(|entry| statements(entry.definition.raw()))
        .map(|statement| format!("{};", of_database(statement, &target)).into())
        .collect();
    let some = settings.iter().take(SETTINGS);
    let mut shown: Vec<String> = some.map(ToString::to_string).collect();
    if settings.len() > SETTINGS {
        shown.push(format!("({} more)", settings.len() - SETTINGS));
    }
    (!settings.is_empty()).then(|| {
        format!(
            "the settings of the database are not restored; if the application needs them, run in the target: {}",
            shown.join(" ")
        )
    })
}

/// The statement for another database, whose name is quoted for SQL. Every such statement names one: `ALTER DATABASE
/// "a b" SET …`, `ALTER ROLE x IN DATABASE "a b" SET …`.
fn of_database(statement: &str, name: &str) -> String {
    const BEFORE: &str = "DATABASE ";
    let Some((before, named)) = statement.split_once(BEFORE) else {
        return statement.to_owned();
    };
    let mut in_quotes = false;
    let end = named.find(|c: char| {
        in_quotes ^= c == '"';
        c == ' ' && !in_quotes
    });
    format!("{before}{BEFORE}{name}{}", &named[end.unwrap_or(named.len())..])
}

/// What the user should know about the plan, in words.
pub(super) fn remarks(plan: &RestorePlan, request: &RestoreRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    if request.keep_going && !is_told_apart(plan) {
        remarks.push(
            "a name in the backup has a line break and could look like a line of pg_restore's own: if something fails, \
             the report can't tell which entry failed and which rows were restored"
                .to_owned(),
        );
    }
    remarks.extend(plan.public_revokes.remarks());
    remarks.extend(plan.body_remarks.iter().cloned());
    if let Some(why) = &plan.trial_stopped {
        remarks.push(format!(
            "not all definitions could be tried in the target beforehand ({why}), so the restore may find more that \
             the target refuses"
        ));
    }
    if let Some(first) = plan.superuser_functions.first() {
        remarks.push(format!(
            "a superuser restores without --keep-owner: {first}{} with SECURITY DEFINER will run as superuser for \
             every role that can connect; restore as the database's owner instead",
            match plan.superuser_functions.len() {
                1 => String::new(),
                count => format!(" and {} more functions", count - 1),
            }
        ));
    }
    // a database that is made for a drill is asked for no settings
    if !request.made_for_it {
        remarks.extend(settings_of_database(plan, request.target.database()));
    }
    if !plan.missing_tablespaces.is_empty() {
        let names: Vec<String> = plan.missing_tablespaces.iter().map(Untrusted::identifier).collect();
        remarks.push(format!(
            "everything goes into the target's default tablespace, as these tablespaces are missing or the role has no \
             right to use them: {}",
            names.join(", ")
        ));
    }
    if request.roles == super::MissingRoles::Create && !plan.missing_roles.is_empty() {
        let names: Vec<String> = plan
            .missing_roles
            .iter()
            .map(|role| Untrusted::from(&**role).identifier())
            .collect();
        remarks.push(format!(
            "roles created without a login and without special rights: {}; what else they were, `pgcoffer show ID \
             --globals` prints",
            names.join(", ")
        ));
    }
    if !plan.replaced_row_tables.is_empty() {
        remarks.push(format!(
            "rows that were added to tables of extensions are replaced by the backup's: {}",
            listed(plan.replaced_row_tables.clone(), ROWS_NAMED)
        ));
    }
    remarks.extend(plan.subscriptions().iter().map(|name| {
        format!(
            "the subscription {} is restored disabled and without a slot, as the slot at its publisher belongs to the \
             source: before you enable it, create a slot there, SELECT pg_create_logical_replication_slot('NEW', \
             'pgoutput'), and set it, ALTER SUBSCRIPTION {} SET (slot_name = 'NEW')",
            name.identifier(),
            ident(name.raw())
        )
    }));
    if !plan.granted_by_default.is_empty() {
        let roles = plan.granted_by_default.iter();
        let roles = roles.map(|role| Untrusted::from(&**role).identifier());
        remarks.push(format!(
            "default privileges of the target grant rights on every new object, also on what was closed in the \
             database (psql lists them by \\ddp); they grant to: {}",
            listed(roles.collect(), ROWS_NAMED)
        ));
    }
    remarks.extend(remarks_on_replacing(plan, request));
    if !plan.waiting_keys.is_empty() {
        let names = plan.waiting_keys.iter().map(|key| {
            let words = [&key.schema, &key.table, &key.name].map(|word| Untrusted::from(&**word).identifier());
            format!("{} of {}.{}", words[2], words[0], words[1])
        });
        remarks.push(format!(
            "foreign keys of the target's own tables that need rows which come later are checked when all rows are there: \
             {}",
            listed(names.collect(), ROWS_NAMED)
        ));
    }
    let passes = plan.later_passes().len();
    if passes > 0 {
        remarks.push(format!(
            "foreign keys of the target's own tables need the rows in another order than the backup has them, so the \
             backup is read {} times",
            passes + 1
        ));
    }
    remarks
}

/// What `--clean` means for other users of the replaced objects.
fn remarks_on_replacing(plan: &RestorePlan, request: &RestoreRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    if !request.clean {
        return remarks;
    }
    let has_privileges = plan.entries.iter().any(|entry| entry.kind == "ACL");
    if has_privileges && !request.keep_acl {
        remarks.push(
            "replaced objects lose their privileges, so other roles may lose access; --keep-acl restores the \
             privileges of the backup"
                .to_owned(),
        );
    }
    if let Some(role) = &plan.new_owner {
        remarks.push(format!(
            "replaced objects will belong to {role}; --keep-owner restores the owners of the backup"
        ));
    }
    if !plan.published.is_empty() {
        let names = plan.published.iter().map(Untrusted::identifier).collect();
        remarks.push(format!(
            "subscribers of replaced tables don't receive the restored rows and keep the rows that they have; set up \
             those subscriptions again; publications: {}",
            listed(names, ROWS_NAMED)
        ));
    }
    remarks
}

/// Whether pg_restore's messages are unambiguous. A name with a line break could look like a line of pg_restore's own.
pub(super) fn is_told_apart(plan: &RestorePlan) -> bool {
    let has_line_break = |text: &Untrusted| text.raw().contains(['\n', '\r']);
    !plan.kept_entries().any(|entry| {
        [&entry.name, &entry.schema, &entry.owner]
            .into_iter()
            .any(has_line_break)
    })
}
