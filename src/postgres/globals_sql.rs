//! Writes roles, memberships and settings as SQL for people.
//!
//! A backup may come from whoever wants rights on this server. So the statements make roles without a login and without
//! any special right, and change nothing about a role that the server has already: all that concerns a role stands in
//! one transaction with the statement that makes it. What else a role was is in a comment, to be run by whoever has read
//! it. Every name and every value is quoted as plain ASCII on one line, so that `psql` reads nothing else than the server
//! does.

use std::collections::BTreeSet;

use super::{
    harmless_settings::is_harmless,
    sql::{ident, literal},
};
use crate::{
    backup::{Globals, LastingSetting, Membership, Role},
    text::Untrusted,
};

/// Settings whose value is a list of names; each of them is quoted by itself.
///
/// <https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/dumputils.c> (`variable_is_guc_list_quote`)
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// How the names of PostgreSQL's own roles begin.
const SYSTEM_ROLE: &str = "pg_";

/// The statements that make roles, memberships and settings again. A role that exists already makes the transaction
/// about it fail, and no other: who is a member of it there, and what is set for it, stays as it is.
pub fn globals_sql(globals: &Globals) -> String {
    let mut sql = String::new();
    for role in members_first(globals) {
        sql.push_str("BEGIN;\n");
        sql.push_str(&role_sql(role));
        let name = role.name.raw();
        for one in globals.memberships.iter().filter(|one| one.role.raw() == name) {
            sql.push_str(&membership_sql(one));
        }
        for setting in globals.settings.iter().filter(|setting| is_of(setting, name)) {
            sql.push_str(&lasting_sql(globals, setting));
        }
        sql.push_str("COMMIT;\n");
    }
    let known: BTreeSet<&str> = globals.roles.iter().map(|role| role.name.raw()).collect();
    // what concerns roles that this doesn't make, which a server may have already
    for one in globals.memberships.iter().filter(|one| !known.contains(one.role.raw())) {
        sql.push_str(&format!("-- {}", grant(one)));
    }
    for setting in &globals.settings {
        let statement = lasting_sql(globals, setting);
        match &setting.role {
            None => sql.push_str(&statement),
            Some(role) if known.contains(role.raw()) => {}
            Some(_) if statement.starts_with("--") => sql.push_str(&statement),
            Some(_) => sql.push_str(&format!("-- {statement}")),
        }
    }
    sql
}

fn is_of(setting: &LastingSetting, name: &str) -> bool {
    setting.role.as_ref().map(Untrusted::raw) == Some(name)
}

/// The roles in an order in which each member stands before the roles that it is a member of.
fn members_first(globals: &Globals) -> Vec<&Role> {
    let (mut left, mut ordered): (Vec<&Role>, Vec<&Role>) = (globals.roles.iter().collect(), Vec::new());
    while !left.is_empty() {
        let waits = |role: &&Role| {
            let mut of_role = globals.memberships.iter().filter(|one| one.role == role.name);
            of_role.any(|one| one.member != role.name && left.iter().any(|other| other.name == one.member))
        };
        let ready: Vec<bool> = left.iter().map(|role| !waits(role)).collect();
        // a circle, which no server makes: in the order in which they stand
        let is_circle = !ready.contains(&true);
        let mut ready = ready.into_iter();
        let (now, later): (Vec<&Role>, Vec<&Role>) = left
            .into_iter()
            .partition(|_| ready.next().unwrap_or(true) || is_circle);
        ordered.extend(now);
        left = later;
    }
    ordered
}

/// A lasting setting; as a comment where it applies to every role of the server, or may give a right.
fn lasting_sql(globals: &Globals, setting: &LastingSetting) -> String {
    let whose = match (&setting.role, setting.in_database) {
        (None, false) => "ROLE ALL".to_owned(),
        (None, true) => format!("DATABASE {}", ident(globals.database.raw())),
        (Some(role), false) => format!("ROLE {}", ident(role.raw())),
        (Some(role), true) => format!(
            "ROLE {} IN DATABASE {}",
            ident(role.raw()),
            ident(globals.database.raw())
        ),
    };
    let is_of_everybody = setting.role.is_none() && !setting.in_database;
    let comment = match is_of_everybody || !is_harmless(setting.name.raw()) {
        true => "-- ",
        false => "",
    };
    format!("{comment}{}\n", setting_sql(&whose, setting))
}

fn role_sql(role: &Role) -> String {
    let name = ident(role.name.raw());
    let inherit = if role.attributes.inherit { "" } else { " NOINHERIT" };
    let mut sql = format!("CREATE ROLE {name} NOLOGIN{inherit};\n");
    let mut words: Vec<String> = role.attributes.words().into_iter().map(str::to_owned).collect();
    words.retain(|word| word != "NOINHERIT");
    words.extend(role.connection_limit.map(|limit| format!("CONNECTION LIMIT {limit}")));
    words.extend(
        role.valid_until
            .iter()
            .map(|until| format!("VALID UNTIL {}", literal(until.raw()))),
    );
    if !words.is_empty() {
        sql.push_str(&format!("-- it was more: ALTER ROLE {name} {};\n", words.join(" ")));
    }
    if let Some(comment) = &role.comment {
        sql.push_str(&format!("COMMENT ON ROLE {name} IS {};\n", literal(comment.raw())));
    }
    sql
}

/// A membership in a role that was just made, which has no right yet; in one of PostgreSQL's own, or with the right to
/// grant it on, it is a right like the special ones.
fn membership_sql(one: &Membership) -> String {
    let grant = grant(one);
    match (one.role.raw().starts_with(SYSTEM_ROLE), one.admin) {
        (true, _) => format!("-- {grant}"),
        (false, true) => {
            let plain = Membership {
                admin: false,
                ..one.clone()
            };
            format!("{}-- it was more: {grant}", self::grant(&plain))
        }
        (false, false) => grant,
    }
}

fn grant(one: &Membership) -> String {
    let admin = if one.admin { " WITH ADMIN OPTION" } else { "" };
    format!(
        "GRANT {} TO {}{admin};\n",
        ident(one.role.raw()),
        ident(one.member.raw())
    )
}

/// `ALTER … SET name TO value;`
pub(super) fn setting_sql(whose: &str, setting: &LastingSetting) -> String {
    let (name, value) = (setting.name.raw(), setting.value.raw());
    let value = match LISTS.contains(&name) {
        true => list(value),
        false => literal(value),
    };
    // a name of two parts is one name for the server, however it is quoted
    format!("ALTER {whose} SET {} TO {value};", ident(name))
}

/// The elements of a list, each as a literal. Names in double quotes keep their case and their commas.
fn list(value: &str) -> String {
    let (mut elements, mut element, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => element.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => elements.push(std::mem::take(&mut element)),
            c if c.is_whitespace() && !is_quoted => (),
            c => element.push(c),
        }
    }
    elements.push(element);
    let elements: Vec<String> = elements.iter().map(|element| literal(element)).collect();
    elements.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::{Membership, RoleAttributes};
    use crate::text::Untrusted;

    fn globals() -> Globals {
        let role = |name: &str, login, superuser| Role {
            name: name.into(),
            attributes: RoleAttributes {
                login,
                superuser,
                inherit: true,
                ..RoleAttributes::default()
            },
            ..Role::default()
        };
        let setting = |role: Option<&str>, in_database, name: &str, value: &str| LastingSetting {
            role: role.map(Untrusted::from),
            in_database,
            name: name.into(),
            value: value.into(),
        };
        Globals {
            database: "shop".into(),
            roles: vec![
                role("readers", false, false),
                role("app", false, false),
                role("evil\n\\! id", true, true),
            ],
            memberships: vec![
                Membership {
                    role: "readers".into(),
                    member: "app".into(),
                    admin: true,
                },
                Membership {
                    role: "pg_execute_server_program".into(),
                    member: "app".into(),
                    admin: false,
                },
                Membership {
                    role: "postgres".into(),
                    member: "app".into(),
                    admin: false,
                },
            ],
            settings: vec![
                setting(None, true, "search_path", "\"$user\", public, \"A, b\""),
                setting(Some("app"), false, "app.motto", "it's\n\\! id"),
                setting(Some("app"), false, "session_preload_libraries", "/tmp/evil"),
                setting(Some("app"), false, "work_mem", "7MB"),
                setting(None, true, "session_preload_libraries", "/tmp/evil"),
                setting(Some("postgres"), false, "search_path", "evil"),
                setting(None, false, "work_mem", "1GB"),
            ],
            is_part: false,
        }
    }

    #[test]
    fn what_is_powerful_is_a_comment_and_nothing_reaches_another_line() {
        let sql = globals_sql(&globals());
        let expected = r#"BEGIN;
CREATE ROLE "app" NOLOGIN;
-- ALTER ROLE "app" SET "app.motto" TO E'it\u0027s\u000A\u005C\u0021 id';
-- ALTER ROLE "app" SET "session_preload_libraries" TO '/tmp/evil';
ALTER ROLE "app" SET "work_mem" TO '7MB';
COMMIT;
BEGIN;
CREATE ROLE U&"evil\000A\005C\0021\0020id" NOLOGIN;
-- it was more: ALTER ROLE U&"evil\000A\005C\0021\0020id" SUPERUSER LOGIN;
COMMIT;
BEGIN;
CREATE ROLE "readers" NOLOGIN;
GRANT "readers" TO "app";
-- it was more: GRANT "readers" TO "app" WITH ADMIN OPTION;
COMMIT;
-- GRANT "pg_execute_server_program" TO "app";
-- GRANT "postgres" TO "app";
ALTER DATABASE "shop" SET "search_path" TO E'\u0024user', 'public', 'A, b';
-- ALTER DATABASE "shop" SET "session_preload_libraries" TO '/tmp/evil';
-- ALTER ROLE "postgres" SET "search_path" TO 'evil';
-- ALTER ROLE ALL SET "work_mem" TO '1GB';
"#;
        assert_eq!(sql, expected);
    }

    #[test]
    fn a_list_is_taken_apart_as_the_server_does() {
        for (value, expected) in [
            ("public", "'public'"),
            ("a,b", "'a', 'b'"),
            ("\"a\"\"b\", c", r"E'a\u0022b', 'c'"),
            ("", "''"),
        ] {
            assert_eq!(list(value), expected);
        }
    }
}
