//! Finds the objects that the backup closes to PUBLIC, and closes them in the target: functions whose EXECUTE was
//! revoked, schemas, types, languages.
//!
//! Privileges name roles that a target may not have, so they are restored only if the user asks for it. But PostgreSQL
//! grants EXECUTE on every new function to PUBLIC: without the REVOKE, a closed function would be open. A REVOKE FROM
//! PUBLIC names no other role. So it is always run, after all objects are restored.

use super::{
    default_grants::default_grantees,
    label::label,
    not_restored::NotRestored,
    plan::{PlanOptions, RestorePlan},
    public_revokes::{PublicRevoke, PublicRevokes},
    reason::SkipReason,
    statement::{Privilege, granted_roles, has_keywords, is_definer, name_after, public_privilege, statements},
};
use crate::{
    archive::Entry,
    postgres::{self, DatabaseUrl, Session, TargetFacts, sql::ident},
    text::Untrusted,
};

/// <https://www.postgresql.org/docs/15/release-15.html>
const PUBLIC_CLOSED_SINCE: u32 = 15;

impl RestorePlan {
    /// Finds what was closed to PUBLIC, where the privileges themselves are not restored.
    pub(super) fn find_public_revokes(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>) {
        let by_id = self.by_id();
        let mut public_revokes = PublicRevokes::default();
        for (at, entry) in self.entries.iter().enumerate() {
            let is_restored = options.keep_acl && self.reasons[at].is_none();
            if entry.kind == "DEFAULT ACL" && !is_restored {
                let taken = from_public_later(entry.definition.raw());
                public_revokes.later.extend(taken);
            }
            let part = public_part(entry.definition.raw()).filter(|_| entry.kind == "ACL");
            let Some(mut part) = part else {
                continue;
            };
            if entry.name.raw().starts_with("DATABASE ") {
                let is_connect = has_keywords(&["connect"], &part) || has_keywords(&["revoke", "all"], &part);
                public_revokes.is_open_database |= is_connect && facts.is_open;
                continue;
            }
            let object = entry.needs.iter().find_map(|id| by_id.get(id)).copied();
            let given = object.map(|object| default_grantees(&self.entries[object], facts));
            let also = from_others(&part, entry, given.unwrap_or_default());
            if is_restored {
                part.clear();
            }
            part.push_str(&also);
            if part.is_empty() {
                continue;
            }
            let what = label(entry);
            let closed = PublicRevoke {
                entry: at,
                is_definer: object.is_some_and(|object| is_definer(&self.entries[object])),
                what: what.strip_prefix("privileges on ").unwrap_or(&what).into(),
                statements: part.into(),
            };
            match self.can_revoke(entry, object, facts, options.clean) {
                Some(true) => public_revokes.restored.push(closed),
                Some(false) => public_revokes.others.push(closed),
                None => (),
            }
        }
        public_revokes.restored.sort_by_key(|closed| !closed.is_definer);
        public_revokes.default_grants = self.default_grants(facts);
        public_revokes.closed_by_default = self.closed_by_default(facts);
        self.public_revokes = public_revokes;
    }

    /// Since PostgreSQL 15 only the owner of a new database can create objects in its schema public. A dump doesn't
    /// contain that, as it is the default.
    pub(super) fn check_schema_public(&mut self, facts: &TargetFacts, source_major: Option<u32>) {
        let is_said = |entry: &Entry| entry.kind == "ACL" && entry.name == "SCHEMA public";
        self.public_revokes.is_open_public = facts.is_public_open
            && source_major.is_some_and(|major| major >= PUBLIC_CLOSED_SINCE)
            && !self.entries.iter().any(is_said);
    }

    /// Whether this restore creates an object. A schema that is there already is not created.
    fn is_made(&self, object: usize, facts: &TargetFacts) -> bool {
        let entry = &self.entries[object];
        let is_there = entry.kind == "SCHEMA" && facts.schemas.contains_key(entry.name.raw());
        self.reasons[object].is_none() && !is_there
    }

    /// Whether the role can revoke rights on the object of these privileges. `None` if the object is left out, or if
    /// the target keeps its own: of a part, everything that it doesn't bring. An object that the archive doesn't create
    /// belongs to an extension or to PostgreSQL itself.
    fn can_revoke(&self, privileges: &Entry, object: Option<usize>, facts: &TargetFacts, clean: bool) -> Option<bool> {
        if !self.own.is_empty() && !self.is_made(object?, facts) {
            return None;
        }
        let schema = privileges.name.raw().strip_prefix("SCHEMA ");
        let reason = object.and_then(|object| self.reasons[object].as_ref());
        match (reason, schema) {
            (None | Some(SkipReason::Present), Some(schema)) => {
                let schema = object.map_or(schema, |object| self.entries[object].name.raw());
                let there = facts.schemas.get(schema);
                // the schema isn't replaced, and its owner may have changed its privileges since
                if clean && there.is_some() {
                    return None;
                }
                Some(facts.is_superuser || there.is_none_or(|schema| schema.is_own))
            }
            (Some(_), _) => None,
            (None, None) => Some(facts.is_superuser || object.is_some()),
        }
    }
}

/// Revokes from PUBLIC what was revoked in the backup. Runs on its own connection after the load, each statement by
/// itself; returns the objects that stay open, with the reason. Not retried.
pub(super) async fn revoke_from_public(plan: &RestorePlan, target: &DatabaseUrl) -> Vec<NotRestored> {
    let closed = &plan.public_revokes.restored;
    if closed.is_empty() {
        return Vec::new();
    }
    let statements: Vec<&str> = closed.iter().map(|one| one.statements.raw()).collect();
    let outcomes = async {
        let mut session = Session::connect(target).await?;
        let outcomes = session.run_each("close it to PUBLIC", &statements).await?;
        session.close().await;
        Ok::<_, postgres::Error>(outcomes)
    };
    let outcomes = match outcomes.await {
        Ok(outcomes) => outcomes,
        Err(error) => vec![Some(error.to_string().into()); closed.len()],
    };
    let open = closed.iter().zip(outcomes);
    open.filter_map(|(closed, why)| Some(NotRestored::open(plan, closed, why?)))
        .collect()
}

/// The statements of an ACL entry that name PUBLIC, if one of them revokes something. A GRANT to PUBLIC beside it is
/// kept, as it was part of what PUBLIC had.
fn public_part(definition: &str) -> Option<String> {
    let about_public: Vec<(&str, Privilege)> = statements(definition)
        .into_iter()
        .filter_map(|statement| Some((statement, public_privilege(statement)?)))
        .collect();
    let takes = about_public.iter().any(|(_, privilege)| *privilege == Privilege::Taken);
    takes.then(|| {
        let texts: Vec<String> = about_public
            .iter()
            .map(|(statement, _)| format!("{statement};"))
            .collect();
        texts.join(" ")
    })
}

/// REVOKE statements for roles that the target's default privileges grant rights to, and the backup doesn't.
fn from_others(part: &str, privileges: &Entry, given: Vec<&str>) -> String {
    let granted = granted_roles(privileges.definition.raw());
    let Some(object) = part
        .split_once(" FROM PUBLIC;")
        .and_then(|(taken, _)| Some(taken.split_once(" ON ")?.1))
    else {
        return String::new();
    };
    let others = given.into_iter().filter(|role| !granted.iter().any(|it| it == role));
    let revokes: Vec<String> = others
        .map(|role| format!(" REVOKE ALL ON {object} FROM {};", ident(role)))
        .collect();
    revokes.concat()
}

/// The parts of ALTER DEFAULT PRIVILEGES that revoke something from PUBLIC, without the role that they are for.
fn from_public_later(definition: &str) -> Vec<Untrusted> {
    let taken = statements(definition).into_iter().filter_map(|statement| {
        let at = statement.find(" REVOKE ")?;
        let taken = &statement[at + 1..];
        if public_privilege(taken)? != Privilege::Taken {
            return None;
        }
        let place = name_after("schema", statement).map(|schema| format!(" IN SCHEMA {}", ident(&schema)));
        Some(format!("ALTER DEFAULT PRIVILEGES{} {taken};", place.unwrap_or_default()).into())
    });
    taken.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_other_roles_stays_away() {
        let acl = "REVOKE ALL ON FUNCTION s.f() FROM PUBLIC;\nREVOKE ALL ON FUNCTION s.f() FROM owner;\nGRANT ALL ON \
            FUNCTION s.f() TO app;\n";
        assert_eq!(
            public_part(acl).as_deref(),
            Some("REVOKE ALL ON FUNCTION s.f() FROM PUBLIC;")
        );
        assert_eq!(public_part("GRANT SELECT ON TABLE s.t TO PUBLIC;\n"), None);
        let schema = "REVOKE USAGE ON SCHEMA public FROM PUBLIC;\nGRANT ALL ON SCHEMA public TO PUBLIC;\n";
        assert_eq!(
            public_part(schema).as_deref(),
            Some("REVOKE USAGE ON SCHEMA public FROM PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC;")
        );
        let later = "ALTER DEFAULT PRIVILEGES FOR ROLE x IN SCHEMA s REVOKE ALL ON FUNCTIONS  FROM PUBLIC;\n";
        assert_eq!(
            from_public_later(later)[0].raw(),
            "ALTER DEFAULT PRIVILEGES IN SCHEMA \"s\" REVOKE ALL ON FUNCTIONS  FROM PUBLIC;"
        );
    }
}
