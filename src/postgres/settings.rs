//! The settings for a dump or a restore, which override those of role and database.
//!
//! `ALTER ROLE … SET` and `ALTER DATABASE … SET` also affect the client programs, and some of these settings are
//! harmful. With `array_nulls = off` a restore stores the text `NULL` instead of NULL, another `lc_monetary` reads 1234
//! as 12,34, and a timeout ends it half-way. `pg_dump` and `pg_restore` set some of them themselves (`DateStyle`,
//! `IntervalStyle`, `extra_float_digits`, `row_security`, `search_path`, `standard_conforming_strings`, `xmloption`,
//! `check_function_bodies`); the others that matter are listed here.
//!
//! `bytea_output` is left unchanged: both formats can be restored, and only one of them may let a large value fit into
//! a row.
//!
//! Only a setting with another value is set for a child process, so in most cases nothing is set: poolers don't accept
//! settings. If there is a pooler, or the role has no right to set it, the setting is reported, and refused if it would
//! change the stored data.
//!
//! <https://www.postgresql.org/docs/current/runtime-config-client.html>

use super::error::Error;
use super::fixed_setting::FixedSetting;
use super::session::Session;
use super::sql::literal;

/// What a child process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It dumps.
    Dump,
    /// It restores.
    Restore,
}

/// The settings for a child process, and those that can't be set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSettings {
    set: Vec<(&'static str, &'static str)>,
    /// Settings that keep the server's value.
    pub fixed: Vec<FixedSetting>,
}

impl SessionSettings {
    /// The options for `PGOPTIONS`, to be appended to the URL's own; empty if nothing has to be set.
    pub(super) fn options(&self) -> String {
        let option = |(name, value): &(&str, &str)| {
            let escaped = value.replace('\\', "\\\\").replace(' ', "\\ ");
            format!(" -c {name}={escaped}")
        };
        self.set.iter().map(option).collect()
    }

    /// The settings that can't be set and may cause problems, one line each.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.fixed.iter().map(|one| format!("{one}; {}", one.cure()))
    }
}

/// A setting that is not left to role and database.
struct RequiredSetting {
    name: &'static str,
    value: &'static str,
    direction: Option<Direction>,
    /// The effect of another value.
    effect: &'static str,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    /// It changes restored data: if it can't be set, nothing is restored.
    Data,
    /// It may end or break the session.
    Session,
    /// It may break the session, unless the URL sets it: then that value is intended.
    Choice,
}

use Direction::{Dump, Restore};
use Kind::{Choice, Data, Session as Breaks};

const fn pin(
    name: &'static str,
    value: &'static str,
    direction: Option<Direction>,
    kind: Kind,
    effect: &'static str,
) -> RequiredSetting {
    RequiredSetting {
        name,
        value,
        direction,
        effect,
        kind,
    }
}

const ENDS_IT: &str = "which ends everything that takes longer";
const HIDES_DAMAGE: &str = "which leaves out rows on damaged pages, or returns them damaged, without an error";

/// The settings with which data is read and written unchanged, and nothing ends or changes a dump or a restore.
const REQUIRED: &[RequiredSetting] = &[
    pin(
        "array_nulls",
        "on",
        Some(Restore),
        Data,
        "which stores NULL in an array as text",
    ),
    pin(
        MONEY,
        "C",
        None,
        Breaks,
        "which writes and reads amounts of type money in another format",
    ),
    pin(
        "transform_null_equals",
        "off",
        Some(Restore),
        Data,
        "which changes `= NULL` to IS NULL in what is restored",
    ),
    pin(
        "standard_conforming_strings",
        "on",
        None,
        Breaks,
        "which changes the meaning of a backslash in a literal",
    ),
    pin("zero_damaged_pages", "off", Some(Dump), Breaks, HIDES_DAMAGE),
    pin("ignore_checksum_failure", "off", Some(Dump), Breaks, HIDES_DAMAGE),
    pin("statement_timeout", "0", None, Breaks, ENDS_IT),
    pin("lock_timeout", "0", None, Breaks, ENDS_IT),
    pin("idle_in_transaction_session_timeout", "0", None, Breaks, ENDS_IT),
    pin("idle_session_timeout", "0", None, Breaks, ENDS_IT),
    pin("transaction_timeout", "0", None, Breaks, ENDS_IT),
    pin(
        "default_transaction_isolation",
        "read committed",
        Some(Restore),
        Choice,
        "with which other sessions can make it fail",
    ),
    pin(
        "default_transaction_deferrable",
        "off",
        None,
        Choice,
        "with which it may wait for other transactions",
    ),
    pin(
        "session_replication_role",
        "origin",
        Some(Restore),
        Breaks,
        "with which triggers do not run",
    ),
    pin(
        "restrict_nonsystem_relation_kind",
        "",
        Some(Restore),
        Breaks,
        "with which views can't be read, nor materialized views be filled",
    ),
    pin(
        "icu_validation_level",
        "warning",
        Some(Restore),
        Breaks,
        "with which some collations are refused",
    ),
    pin(
        "default_tablespace",
        "",
        Some(Restore),
        Choice,
        "which stores restored tables in another tablespace",
    ),
];

const MONEY: &str = "lc_monetary";

/// The values with which a session begins, and whether this role can set them. The format of money is found by a
/// sample: that of the United States is the wanted one under another name.
const VALUES: &str = "
    SELECT s.name,
           CASE WHEN s.name OPERATOR(pg_catalog.=) 'lc_monetary'
                 AND '-1234567.89'::pg_catalog.numeric::pg_catalog.money::pg_catalog.text OPERATOR(pg_catalog.=) \
                     '-$1,234,567.89'
                THEN 'C' ELSE s.reset_val END,
           s.context OPERATOR(pg_catalog.=) 'user' OR MAY_SET
             OR (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user)
      FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY[NAMES])";

/// Privileges on settings exist since 15.
const MAY_SET: &str = "pg_catalog.has_parameter_privilege(s.name, 'SET')";

/// Columns and domains of type money (790), or of arrays of it (791).
const HAS_MONEY: &str = "
    SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.atttypid OPERATOR(pg_catalog.=) ANY \
        ('{790,791}'::pg_catalog.oid[]))
        OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.typbasetype OPERATOR(pg_catalog.=) ANY \
            ('{790,791}'::pg_catalog.oid[]))";

impl Session {
    /// The settings for a child process that dumps or restores.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting would change restored data and can't be set.
    pub async fn settings(&mut self, direction: Direction) -> Result<SessionSettings, Error> {
        let mut settings = SessionSettings::default();
        for (setting, value, may_set) in self.differing(direction).await? {
            let why = match (may_set, self.is_pooled()) {
                (true, false) => {
                    settings.set.push((setting.name, setting.value));
                    continue;
                }
                (false, _) => "this role may not set it for itself",
                (true, true) => "the pooler between takes no settings",
            };
            if setting.name == MONEY && direction == Dump && !self.has_money().await? {
                continue;
            }
            let fixed = FixedSetting {
                name: setting.name,
                value: value.into(),
                effect: setting.effect,
                why,
                wanted: setting.value,
            };
            if setting.kind == Data {
                return Err(Error::Setting(Box::new(fixed)));
            }
            settings.fixed.push(fixed);
        }
        Ok(settings)
    }

    /// The settings with an unwanted value: each with its value, and whether this role can set it.
    async fn differing(
        &mut self,
        direction: Direction,
    ) -> Result<Vec<(&'static RequiredSetting, String, bool)>, Error> {
        const WHAT: &str = "look at the settings of role and database";
        let required: Vec<&'static RequiredSetting> = REQUIRED
            .iter()
            .filter(|setting| setting.direction.is_none_or(|one| one == direction))
            .filter(|setting| setting.kind != Choice || !self.asks_for(setting.name))
            .collect();
        let names: Vec<String> = required.iter().map(|setting| literal(setting.name)).collect();
        let may_set = if self.server_major() >= 15 { MAY_SET } else { "false" };
        let sql = VALUES.replace("NAMES", &names.join(", ")).replace("MAY_SET", may_set);
        let mut differing = Vec::new();
        for row in self.rows(WHAT, &sql).await? {
            let (name, value): (String, String) = (self.column(&row, 0, WHAT)?, self.column(&row, 1, WHAT)?);
            let setting = required.iter().find(|setting| setting.name == name);
            if let Some(setting) = setting.filter(|setting| setting.value != value) {
                differing.push((*setting, value, self.column(&row, 2, WHAT)?));
            }
        }
        Ok(differing)
    }

    async fn has_money(&mut self) -> Result<bool, Error> {
        const WHAT: &str = "look for columns of type money";
        let rows = self.rows(WHAT, HAS_MONEY).await?;
        self.first(&rows, WHAT)
    }
}

#[cfg(test)]
mod tests {
    use super::SessionSettings;

    #[test]
    fn options_are_as_a_server_takes_them_apart() {
        let settings = SessionSettings {
            set: vec![
                ("default_transaction_isolation", "read committed"),
                ("default_tablespace", ""),
            ],
            fixed: Vec::new(),
        };
        assert_eq!(
            settings.options(),
            r" -c default_transaction_isolation=read\ committed -c default_tablespace="
        );
        assert_eq!(SessionSettings::default().options(), "");
    }
}
