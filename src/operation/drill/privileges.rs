//! Privileges where the restored object has another owner than the one in the backup: compared statement by statement,
//! with the owner's name for a mark.

use std::collections::BTreeSet;

use crate::{operation::restore::granted_roles, text::Untrusted};

/// How a statement about privileges of future objects begins.
const DEFAULT: &str = "ALTER DEFAULT PRIVILEGES FOR ROLE ";

/// What stands for the owner where two statements are compared.
const OWNER: &str = "<owner>";

/// How two texts of privileges differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ComparedPrivileges {
    /// They grant the same.
    Same,
    /// They differ in what names an owner, who is another one here.
    OfOwner,
    /// Something that names no owner is otherwise. Holds that in words.
    Changed(String),
}

/// Compares privileges `was`, on an object of `owner`, with `is`, on the object of `now`.
pub(super) fn compare_privileges(was: &str, owner: &str, is: &str, now: &str) -> ComparedPrivileges {
    let names_owner = |statement: &&String| {
        let named = granted_roles(statement);
        named.iter().any(|role| role == owner || role == now)
    };
    let (before, after) = (statements(was, owner), statements(is, now));
    let others = |all: &[String]| -> BTreeSet<String> { all.iter().filter(|it| !names_owner(it)).cloned().collect() };
    let (was_others, is_others) = (others(&before), others(&after));
    if was_others != is_others {
        let lost = was_others.difference(&is_others).next();
        let added = is_others.difference(&was_others).next();
        let shown = |statement: &String| format!("`{}`", Untrusted::from(statement.as_str()));
        return ComparedPrivileges::Changed(match (lost, added) {
            (Some(lost), Some(added)) => format!("it was {}, and is {}", shown(lost), shown(added)),
            (Some(lost), None) => format!("{} did not come back", shown(lost)),
            (None, Some(added)) => format!("{} is not in the backup", shown(added)),
            (None, None) => "it is not as it was".to_owned(),
        });
    }
    let of_owner = |all: &[String], owner: &str| -> BTreeSet<String> {
        let named = all.iter().filter(names_owner);
        named.map(|statement| for_role(statement, owner, OWNER)).collect()
    };
    match of_owner(&before, owner) == of_owner(&after, now) {
        true => ComparedPrivileges::Same,
        false => ComparedPrivileges::OfOwner,
    }
}

/// The statements of default privileges of a role, for another one; `to` is quoted for SQL. `None` if they are of
/// somebody else.
pub(super) fn default_privileges_for(definition: &str, role: &str, to: &str) -> Option<Vec<String>> {
    let statements = definition.lines().map(str::trim).filter(|line| !line.is_empty());
    let renamed = statements.map(|statement| {
        let (name, spelled) = first_name(statement.strip_prefix(DEFAULT)?)?;
        let rest = &statement[DEFAULT.len() + spelled.len()..];
        (name == role).then(|| format!("{DEFAULT}{to}{};", for_role(rest.trim_end_matches(';'), role, to)))
    });
    renamed.collect()
}

/// The statements of a definition, each with who has granted where that isn't the owner. The role of default
/// privileges is left out, as it is the owner.
fn statements(definition: &str, owner: &str) -> Vec<String> {
    let mut grantor = None;
    let mut found = Vec::new();
    for line in definition.lines().map(|line| line.trim().trim_end_matches(';')) {
        if let Some(role) = line.strip_prefix("SET SESSION AUTHORIZATION ") {
            grantor = Some(role);
        } else if line == "RESET SESSION AUTHORIZATION" {
            grantor = None;
        } else if !line.is_empty() {
            let own = line.strip_prefix(DEFAULT).and_then(|rest| {
                let (name, spelled) = first_name(rest)?;
                (name == owner).then(|| rest[spelled.len()..].trim_start())
            });
            let statement = own.unwrap_or(line);
            found.push(match grantor {
                Some(grantor) => format!("{statement} (granted by {grantor})"),
                None => statement.to_owned(),
            });
        }
    }
    found
}

/// The statement with another name for a role that it grants to or revokes from.
fn for_role(statement: &str, role: &str, to: &str) -> String {
    for keyword in [" TO ", " FROM "] {
        // pg_dump names one role in each statement, at its end
        let Some((before, behind)) = statement.rsplit_once(keyword) else {
            continue;
        };
        if let Some((_, spelled)) = first_name(behind).filter(|(name, _)| name == role) {
            return format!("{before}{keyword}{to}{}", &behind[spelled.len()..]);
        }
    }
    statement.to_owned()
}

/// The name at the beginning of a text, and how it is spelled there.
fn first_name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ';']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[..end]));
    };
    let (mut name, mut chars) = (String::new(), quoted.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return Some((name, &text[..at + 2]));
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_owner_is_compared_and_the_owner_s_name_is_exchanged() {
        let was = "REVOKE ALL ON TABLE s.t FROM postgres;\nGRANT SELECT ON TABLE s.t TO postgres;\nGRANT SELECT ON TABLE s.t \
                   TO reader;\n";
        let is = was.replace("postgres", "\"The Driller\"");
        let compared = |is: &str| compare_privileges(was, "postgres", is, "The Driller");
        assert_eq!(compared(&is), ComparedPrivileges::Same);
        assert_eq!(
            compared("GRANT SELECT ON TABLE s.t TO reader;\n"),
            ComparedPrivileges::OfOwner
        );
        assert_eq!(
            compared(""),
            ComparedPrivileges::Changed("`GRANT SELECT ON TABLE s.t TO reader` did not come back".to_owned())
        );
        for other in [
            is.replace("TO reader", "TO reader WITH GRANT OPTION"),
            is.replace("SELECT ON TABLE s.t TO reader", "ALL ON TABLE s.t TO reader"),
            format!("{is}GRANT SELECT ON TABLE s.t TO PUBLIC;\n"),
        ] {
            assert!(matches!(compared(&other), ComparedPrivileges::Changed(_)), "{other}");
        }
    }

    #[test]
    fn default_privileges_are_those_of_another_role() {
        let was = "ALTER DEFAULT PRIVILEGES FOR ROLE \"a\"\"b\" IN SCHEMA s REVOKE ALL ON TABLES FROM \"a\"\"b\";\n\
                   ALTER DEFAULT PRIVILEGES FOR ROLE \"a\"\"b\" IN SCHEMA s GRANT SELECT ON TABLES TO reader;\n";
        let here = default_privileges_for(was, "a\"b", "x").unwrap();
        assert_eq!(
            here,
            [
                "ALTER DEFAULT PRIVILEGES FOR ROLE x IN SCHEMA s REVOKE ALL ON TABLES FROM x;",
                "ALTER DEFAULT PRIVILEGES FOR ROLE x IN SCHEMA s GRANT SELECT ON TABLES TO reader;",
            ]
        );
        assert_eq!(default_privileges_for(was, "other", "x"), None);
        let is = here.join("\n");
        assert_eq!(compare_privileges(was, "a\"b", &is, "x"), ComparedPrivileges::Same);
        let lost = &here[0];
        assert!(matches!(
            compare_privileges(was, "a\"b", lost, "x"),
            ComparedPrivileges::Changed(_)
        ));
    }
}
