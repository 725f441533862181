//! Writes roles, memberships and settings as SQL for people, one statement a line.
//!
//! A backup may come from whoever wants rights on this server. So the statements make roles without a login and without
//! any special right; what else a role was is in a comment, to be run by whoever has read it. Every name and every value
//! is quoted as plain ASCII on one line, so that `psql` reads nothing else than the server does.

use super::sql::{ident, literal};
use crate::backup::{Globals, LastingSetting, Role};

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

/// The statements that make roles, memberships and settings again. A role that exists already makes its first statement
/// fail, and nothing else.
pub fn globals_sql(globals: &Globals) -> String {
    let mut sql = String::new();
    for role in &globals.roles {
        sql.push_str(&role_sql(role));
    }
    sql.push_str(&memberships_sql(globals));
    for setting in &globals.settings {
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
        let set = setting_sql(&whose, setting);
        match setting.role.is_none() && !setting.in_database {
            // it applies to everybody on the server
            true => sql.push_str(&format!("-- {set}\n")),
            false => sql.push_str(&format!("{set}\n")),
        }
    }
    sql
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

/// Memberships in roles of PostgreSQL itself, or with the right to grant them on, are rights like the special ones.
fn memberships_sql(globals: &Globals) -> String {
    let mut sql = String::new();
    for one in &globals.memberships {
        let grant = format!("GRANT {} TO {}", ident(one.role.raw()), ident(one.member.raw()));
        sql.push_str(&match (one.role.raw().starts_with(SYSTEM_ROLE), one.admin) {
            (true, true) => format!("-- {grant} WITH ADMIN OPTION;\n"),
            (true, false) => format!("-- {grant};\n"),
            (false, true) => format!("{grant};\n-- it was more: {grant} WITH ADMIN OPTION;\n"),
            (false, false) => format!("{grant};\n"),
        });
    }
    sql
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
            roles: vec![role("readers", false, false), role("evil\n\\! id", true, true)],
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
            ],
            settings: vec![
                setting(None, true, "search_path", "\"$user\", public, \"A, b\""),
                setting(Some("app"), false, "app.motto", "it's\n\\! id"),
                setting(None, false, "work_mem", "1GB"),
            ],
            is_part: false,
        }
    }

    #[test]
    fn what_is_powerful_is_a_comment_and_nothing_reaches_another_line() {
        let sql = globals_sql(&globals());
        let expected = r#"CREATE ROLE "readers" NOLOGIN;
CREATE ROLE U&"evil\000A\005C\0021\0020id" NOLOGIN;
-- it was more: ALTER ROLE U&"evil\000A\005C\0021\0020id" SUPERUSER LOGIN;
GRANT "readers" TO "app";
-- it was more: GRANT "readers" TO "app" WITH ADMIN OPTION;
-- GRANT "pg_execute_server_program" TO "app";
ALTER DATABASE "shop" SET "search_path" TO E'\u0024user', 'public', 'A, b';
ALTER ROLE "app" SET "app.motto" TO E'it\u0027s\u000A\u005C\u0021 id';
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
