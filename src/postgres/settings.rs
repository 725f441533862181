//! The settings that a dump and a restore run with, whatever is set for whoever connects.
//!
//! `ALTER ROLE … SET` and `ALTER DATABASE … SET` reach the programs as well, and not all of it is harmless: with
//! `array_nulls = off` a restore stores the text `NULL` where NULL was, with another `lc_monetary` it reads 12,34 for
//! 1234, and a timeout ends it half-way. `pg_dump` and `pg_restore` set some of them themselves (`DateStyle`,
//! `IntervalStyle`, `extra_float_digits`, `row_security`, `search_path`, `standard_conforming_strings`, `xmloption`,
//! `check_function_bodies`); those that matter beside them stand here.
//!
//! `bytea_output` is left alone: both forms are read back, and one may be what makes a large value fit into a row.
//!
//! Only what is set otherwise is set for a child, so that in most cases there is nothing to be set: a pooler takes no
//! settings. Where one stands between, or the role may not set it, it is named, and refused where it would alter what
//! is stored.
//!
//! <https://www.postgresql.org/docs/current/runtime-config-client.html>

use super::error::Error;
use super::session::Session;
use super::sql::literal;
use crate::text::Untrusted;

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// It dumps.
    Out,
    /// It restores.
    Back,
}

/// What is set for a child, and what would have to be and can't.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    set: Vec<(&'static str, &'static str)>,
    /// What stays as it is set on the server.
    pub left: Vec<LeftSetting>,
}

/// A setting that can't be set for a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftSetting {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Untrusted,
    effect: &'static str,
    why: &'static str,
    wanted: &'static str,
}

impl std::fmt::Display for LeftSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} = {} is set for this role or database, {}, and {}",
            self.name, self.value, self.effect, self.why
        )
    }
}

impl LeftSetting {
    /// What to do about it.
    pub fn cure(&self) -> String {
        format!(
            "let a superuser or the database's owner set it for the role that logs in (ALTER ROLE … SET {} = {}), or \
             connect to the server itself where a pooler stands between",
            self.name,
            literal(self.wanted)
        )
    }
}

impl Settings {
    /// For `PGOPTIONS`, behind what the URL asks for; empty where nothing is to be set.
    pub(super) fn options(&self) -> String {
        let option = |(name, value): &(&str, &str)| {
            let escaped = value.replace('\\', "\\\\").replace(' ', "\\ ");
            format!(" -c {name}={escaped}")
        };
        self.set.iter().map(option).collect()
    }

    /// What stays and may be in the way, each in a line.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.left.iter().map(|one| format!("{one}; {}", one.cure()))
    }
}

/// A setting that is not left to whoever made role and database.
struct Pin {
    name: &'static str,
    value: &'static str,
    road: Option<Road>,
    /// What another value does.
    effect: &'static str,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    /// What is restored becomes something else: nothing is restored where it can't be set.
    Data,
    /// It breaks the session, or may.
    Session,
    /// The same, and where the URL asks for another value, that one is meant.
    Choice,
}

use Kind::{Choice, Data, Session as Breaks};
use Road::{Back, Out};

const fn pin(name: &'static str, value: &'static str, road: Option<Road>, kind: Kind, effect: &'static str) -> Pin {
    Pin {
        name,
        value,
        road,
        effect,
        kind,
    }
}

const ENDS_IT: &str = "which ends what takes longer";
const HIDES_DAMAGE: &str = "by which rows on damaged pages are left out or come out damaged, without an error";

/// What is read is written as it was, and nothing ends or changes on the way.
const PINS: &[Pin] = &[
    pin(
        "array_nulls",
        "on",
        Some(Back),
        Data,
        "by which NULL in an array is stored as a text",
    ),
    pin(
        MONEY,
        "C",
        None,
        Breaks,
        "by which amounts of type money are written and read in another format",
    ),
    pin(
        "transform_null_equals",
        "off",
        Some(Back),
        Data,
        "by which `= NULL` becomes IS NULL in what is restored",
    ),
    pin(
        "standard_conforming_strings",
        "on",
        None,
        Breaks,
        "by which a backslash in a text is another character",
    ),
    pin("zero_damaged_pages", "off", Some(Out), Breaks, HIDES_DAMAGE),
    pin("ignore_checksum_failure", "off", Some(Out), Breaks, HIDES_DAMAGE),
    pin("statement_timeout", "0", None, Breaks, ENDS_IT),
    pin("lock_timeout", "0", None, Breaks, ENDS_IT),
    pin("idle_in_transaction_session_timeout", "0", None, Breaks, ENDS_IT),
    pin("idle_session_timeout", "0", None, Breaks, ENDS_IT),
    pin("transaction_timeout", "0", None, Breaks, ENDS_IT),
    pin(
        "default_transaction_isolation",
        "read committed",
        Some(Back),
        Choice,
        "by which other sessions can make it fail",
    ),
    pin(
        "default_transaction_deferrable",
        "off",
        None,
        Choice,
        "by which it may wait for others",
    ),
    pin(
        "session_replication_role",
        "origin",
        Some(Back),
        Breaks,
        "by which triggers do not run",
    ),
    pin(
        "restrict_nonsystem_relation_kind",
        "",
        Some(Back),
        Breaks,
        "by which views can't be read, nor materialized ones be filled",
    ),
    pin(
        "icu_validation_level",
        "warning",
        Some(Back),
        Breaks,
        "by which some collations are refused",
    ),
    pin(
        "default_tablespace",
        "",
        Some(Back),
        Choice,
        "in which what is restored is stored",
    ),
];

const MONEY: &str = "lc_monetary";

/// What a session begins with, whatever our own statement sets for itself; and whether this role may set it. Of formats
/// of money the sample counts: that of the United States is the wanted one under another name.
const VALUES: &str = "
    SELECT s.name,
           CASE WHEN s.name OPERATOR(pg_catalog.=) 'lc_monetary'
                 AND '-1234567.89'::pg_catalog.numeric::pg_catalog.money::pg_catalog.text OPERATOR(pg_catalog.=) \
                     '-$1,234,567.89'
                THEN 'C' ELSE s.reset_val END,
           s.context OPERATOR(pg_catalog.=) 'user' OR MAY_SET
             OR (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user)
      FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY[NAMES])";

/// There are privileges on settings from 15 on.
const MAY_SET: &str = "pg_catalog.has_parameter_privilege(s.name, 'SET')";

/// Columns and domains of type money (790), or of arrays of it (791).
const HAS_MONEY: &str = "
    SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.atttypid OPERATOR(pg_catalog.=) ANY \
        ('{790,791}'::pg_catalog.oid[]))
        OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.typbasetype OPERATOR(pg_catalog.=) ANY \
            ('{790,791}'::pg_catalog.oid[]))";

impl Session {
    /// What a child that takes this road has to be started with. An error where something would alter what is restored
    /// and can't be set.
    pub async fn settings(&mut self, road: Road) -> Result<Settings, Error> {
        let mut settings = Settings::default();
        for (pin, value, may_set) in self.otherwise(road).await? {
            let why = match (may_set, self.is_pooled()) {
                (true, false) => {
                    settings.set.push((pin.name, pin.value));
                    continue;
                }
                (false, _) => "this role may not set it for itself",
                (true, true) => "the pooler between takes no settings",
            };
            if pin.name == MONEY && road == Out && !self.has_money().await? {
                continue;
            }
            let left = LeftSetting {
                name: pin.name,
                value: value.into(),
                effect: pin.effect,
                why,
                wanted: pin.value,
            };
            if pin.kind == Data {
                return Err(Error::Setting(Box::new(left)));
            }
            settings.left.push(left);
        }
        Ok(settings)
    }

    /// What is set otherwise than is wanted, to what, and whether this role may set it.
    async fn otherwise(&mut self, road: Road) -> Result<Vec<(&'static Pin, String, bool)>, Error> {
        const WHAT: &str = "look at the settings of role and database";
        let pins: Vec<&'static Pin> = PINS
            .iter()
            .filter(|pin| pin.road.is_none_or(|one| one == road))
            .filter(|pin| pin.kind != Choice || !self.asks_for(pin.name))
            .collect();
        let names: Vec<String> = pins.iter().map(|pin| literal(pin.name)).collect();
        let may_set = if self.server_major() >= 15 { MAY_SET } else { "false" };
        let sql = VALUES.replace("NAMES", &names.join(", ")).replace("MAY_SET", may_set);
        let mut otherwise = Vec::new();
        for row in self.rows(WHAT, &sql).await? {
            let (name, value): (String, String) = (self.column(&row, 0, WHAT)?, self.column(&row, 1, WHAT)?);
            let pin = pins.iter().find(|pin| pin.name == name);
            if let Some(pin) = pin.filter(|pin| pin.value != value) {
                otherwise.push((*pin, value, self.column(&row, 2, WHAT)?));
            }
        }
        Ok(otherwise)
    }

    async fn has_money(&mut self) -> Result<bool, Error> {
        const WHAT: &str = "look for columns of type money";
        let rows = self.rows(WHAT, HAS_MONEY).await?;
        self.first(&rows, WHAT)
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn options_are_as_a_server_takes_them_apart() {
        let settings = Settings {
            set: vec![
                ("default_transaction_isolation", "read committed"),
                ("default_tablespace", ""),
            ],
            left: Vec::new(),
        };
        assert_eq!(
            settings.options(),
            r" -c default_transaction_isolation=read\ committed -c default_tablespace="
        );
        assert_eq!(Settings::default().options(), "");
    }
}
