//! Lets the server of a scratch database read a definition of the backup once more.
//!
//! What PostgreSQL writes of a view or an expression is not always what it writes of it after it has read its own text:
//! `NULL::integer` becomes `NULL::integer AS "int4"`. So a text that came back otherwise may mean the same.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::literal;
use crate::postgres::wire::{Row, WireError};

/// The name that a restored object has while the backup's own text makes another one in its place.
const ASIDE: &str = "pgcoffer_aside";

/// What is set where pg_dump writes definitions and pg_restore reads them.
const BEGIN: &str = "
    BEGIN TRANSACTION READ WRITE;
    SET LOCAL search_path = '';
    SET LOCAL statement_timeout = '5min';
    SET LOCAL lock_timeout = '10s';
    SET LOCAL check_function_bodies = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL quote_all_identifiers = off;
    SET LOCAL xmloption = content;
    SET LOCAL row_security = off;
    SET LOCAL extra_float_digits = 3;
    SET LOCAL \"DateStyle\" = 'ISO';
    SET LOCAL \"IntervalStyle\" = 'postgres'";

/// The server that has functions whose bodies are expressions of its own.
const SQL_BODY_SINCE: u32 = 14;

/// An object of the scratch database.
#[derive(Clone, Copy, Debug)]
pub struct DefinedObject<'a> {
    /// pg_dump's word for its kind.
    pub kind: &'a str,
    /// Its schema.
    pub schema: &'a str,
    /// Its name, as in a table of contents.
    pub name: &'a str,
    /// The statement that drops it.
    pub drop: &'a str,
}

/// A part of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionPart {
    /// What it is: `default total`, `query`.
    pub key: String,
    /// Its text, as the server writes it.
    pub text: String,
    /// Whether it is an expression or a query, which stands in the definition as it is here. Otherwise it is a fact
    /// about the object.
    pub is_expression: bool,
}

impl Session {
    /// The parts of the object's definition, and those of the object that this text of the backup makes in its place:
    /// both as the server writes them now. `None` if the kind has no such parts, or if the server refuses the text.
    ///
    /// Everything happens in a transaction that is rolled back. Bounded by 5 min for each statement. Not retried.
    ///
    /// # Errors
    /// A lost connection.
    pub async fn parts_of_both(
        &mut self,
        object: &DefinedObject<'_>,
        text: &str,
    ) -> Result<Option<[Vec<DefinitionPart>; 2]>, Error> {
        const WHAT: &str = "let the server read a definition once more";
        let (Some(aside), Some(question)) = (set_aside(object), question(object, self.server_major())) else {
            return Ok(None);
        };
        self.change(WHAT, BEGIN).await?;
        let both = self.ask_for_both(&question, &aside, text).await;
        let ended = self.change(WHAT, "ROLLBACK").await;
        match both.map_err(|error| self.explained(WHAT, error)) {
            Ok(both) => {
                ended?;
                Ok(Some(both))
            }
            Err(Error::Query { .. }) => {
                ended?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn ask_for_both(
        &mut self,
        question: &str,
        aside: &str,
        text: &str,
    ) -> Result<[Vec<DefinitionPart>; 2], WireError> {
        let restored = self.wire.run(question).await?;
        if !aside.is_empty() {
            self.wire.run(aside).await?;
        }
        self.wire.run(text).await?;
        let again = self.wire.run(question).await?;
        Ok([parts(&restored), parts(&again)])
    }
}

fn parts(rows: &[Row]) -> Vec<DefinitionPart> {
    let part = |row: &Row| {
        Some(DefinitionPart {
            key: row.text(0)?.to_owned(),
            text: row.text(1)?.trim().trim_end_matches(';').to_owned(),
            is_expression: row.text(2) == Some("t"),
        })
    };
    rows.iter().filter_map(part).collect()
}

/// The statement that gives the object another name; empty where the text replaces what there is.
fn set_aside(object: &DefinedObject<'_>) -> Option<String> {
    if object.kind == "DEFAULT" {
        return Some(String::new());
    }
    let drop = object.drop.trim().strip_suffix(';')?;
    match object.kind {
        "CONSTRAINT" | "CHECK CONSTRAINT" => {
            let (of, name) = drop.split_once(" DROP CONSTRAINT ")?;
            Some(format!("{of} RENAME CONSTRAINT {name} TO {ASIDE}"))
        }
        _ => drop
            .strip_prefix("DROP ")
            .map(|named| format!("ALTER {named} RENAME TO {ASIDE}")),
    }
}

/// The question for the parts of an object's definition, in the order in which they stand in it.
fn question(object: &DefinedObject<'_>, server_major: u32) -> Option<String> {
    let place = |of: &str| {
        format!(
            "n.nspname OPERATOR(pg_catalog.=) {} AND pg_catalog.concat({of}) OPERATOR(pg_catalog.=) {}",
            literal(object.schema),
            literal(object.name)
        )
    };
    Some(match object.kind {
        "VIEW" | "MATERIALIZED VIEW" => format!("{VIEW} WHERE {}) AS p ORDER BY p.n, p.m", place("c.relname")),
        "TABLE" => format!("{TABLE} WHERE {}) AS p ORDER BY p.n, p.m, p.key", place("c.relname")),
        "INDEX" => format!("{INDEX} WHERE {}", place("c.relname")),
        "STATISTICS" => format!("{STATISTICS} WHERE {}", place("s.stxname")),
        "RULE" => format!("{RULE} WHERE {}", place("c.relname, ' ', r.rulename")),
        "TRIGGER" => format!("{TRIGGER} WHERE {}", place("c.relname, ' ', t.tgname")),
        "DEFAULT" => format!("{DEFAULT} WHERE {}", place("c.relname, ' ', a.attname")),
        "POLICY" => format!(
            "{POLICY} WHERE {}) AS p ORDER BY p.n",
            place("c.relname, ' ', l.polname")
        ),
        "CONSTRAINT" | "CHECK CONSTRAINT" => {
            format!("{CONSTRAINT} WHERE {}", place("c.relname, t.typname, ' ', k.conname"))
        }
        "DOMAIN" => format!("{DOMAIN} WHERE {}) AS p ORDER BY p.n, p.key", place("t.typname")),
        "FUNCTION" | "PROCEDURE" => function(object, server_major)?,
        _ => return None,
    })
}

/// Functions are told by their signature, as it stands in the statement that drops them.
fn function(object: &DefinedObject<'_>, server_major: u32) -> Option<String> {
    let drop = object.drop.trim().strip_suffix(';')?;
    let signature = drop.strip_prefix("DROP ")?.strip_prefix(object.kind)?.trim();
    let body = match server_major >= SQL_BODY_SINCE {
        true => "pg_catalog.pg_get_function_sqlbody(f.oid)",
        false => "NULL::pg_catalog.text",
    };
    let signature = literal(signature);
    Some(format!(
        "SELECT p.key, p.text, p.is_expression FROM (SELECT f.oid FROM pg_catalog.pg_proc AS f
          WHERE f.oid OPERATOR(pg_catalog.=) {signature}::pg_catalog.regprocedure) AS f,
         LATERAL (VALUES (1, 'arguments', pg_catalog.pg_get_function_arguments(f.oid), true), (2, 'body', {body}, true))
           AS p (n, key, text, is_expression) ORDER BY p.n"
    ))
}

const VIEW: &str = "
    SELECT p.key, p.text, p.is_expression
      FROM (SELECT p.*
              FROM pg_catalog.pg_class AS c
                   JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace,
                   LATERAL (SELECT 1 AS n, 0 AS m, 'query' AS key, pg_catalog.pg_get_viewdef(c.oid) AS text,
                                   true AS is_expression
                            UNION ALL
                            SELECT 2, a.attnum, pg_catalog.concat('column ', a.attname),
                                   pg_catalog.format_type(a.atttypid, a.atttypmod), false
                              FROM pg_catalog.pg_attribute AS a
                             WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0
                               AND NOT a.attisdropped) AS p";

/// Constraints of the kind `c` are checks, in the order in which pg_dump writes them: by name.
const TABLE: &str = "
    SELECT p.key, p.text, p.is_expression
      FROM (SELECT p.*
              FROM pg_catalog.pg_class AS c
                   JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace,
                   LATERAL (SELECT 1 AS n, a.attnum AS m, pg_catalog.concat('column ', a.attname) AS key,
                                   pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
                                                        a.attnotnull) AS text, false AS is_expression
                              FROM pg_catalog.pg_attribute AS a
                             WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0
                               AND NOT a.attisdropped
                            UNION ALL
                            SELECT 2, d.adnum, pg_catalog.concat('default ', a.attname),
                                   pg_catalog.pg_get_expr(d.adbin, d.adrelid), true
                              FROM pg_catalog.pg_attrdef AS d
                                   JOIN pg_catalog.pg_attribute AS a
                                     ON a.attrelid OPERATOR(pg_catalog.=) d.adrelid
                                        AND a.attnum OPERATOR(pg_catalog.=) d.adnum
                             WHERE d.adrelid OPERATOR(pg_catalog.=) c.oid
                            UNION ALL
                            SELECT 3, 0, pg_catalog.concat('check ', k.conname),
                                   pg_catalog.pg_get_constraintdef(k.oid), true
                              FROM pg_catalog.pg_constraint AS k
                             WHERE k.conrelid OPERATOR(pg_catalog.=) c.oid AND k.contype OPERATOR(pg_catalog.=) 'c'
                            UNION ALL
                            SELECT 4, 0, 'partition key', pg_catalog.pg_get_partkeydef(c.oid), true) AS p";

const INDEX: &str = "
    SELECT 'index', pg_catalog.pg_get_indexdef(c.oid), true
      FROM pg_catalog.pg_class AS c
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace";

const STATISTICS: &str = "
    SELECT 'statistics', pg_catalog.pg_get_statisticsobjdef(s.oid), true
      FROM pg_catalog.pg_statistic_ext AS s
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) s.stxnamespace";

const RULE: &str = "
    SELECT 'rule', pg_catalog.pg_get_ruledef(r.oid), true
      FROM pg_catalog.pg_rewrite AS r
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) r.ev_class
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace";

const TRIGGER: &str = "
    SELECT 'trigger', pg_catalog.pg_get_triggerdef(t.oid), true
      FROM pg_catalog.pg_trigger AS t
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace";

const DEFAULT: &str = "
    SELECT 'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), true
      FROM pg_catalog.pg_attrdef AS d
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid OPERATOR(pg_catalog.=) d.adrelid
                AND a.attnum OPERATOR(pg_catalog.=) d.adnum
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) d.adrelid
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace";

const POLICY: &str = "
    SELECT p.key, p.text, p.is_expression
      FROM (SELECT p.*
              FROM pg_catalog.pg_policy AS l
                   JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.polrelid
                   JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace,
                   LATERAL (VALUES (1, 'using', pg_catalog.pg_get_expr(l.polqual, l.polrelid), true),
                                   (2, 'check', pg_catalog.pg_get_expr(l.polwithcheck, l.polrelid), true),
                                   (3, 'for', pg_catalog.concat_ws(' ', l.polcmd, l.polpermissive, l.polroles), false))
                     AS p (n, key, text, is_expression)";

const CONSTRAINT: &str = "
    SELECT 'constraint', pg_catalog.pg_get_constraintdef(k.oid), true
      FROM pg_catalog.pg_constraint AS k
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) k.connamespace
           LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) k.conrelid
           LEFT JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) k.contypid";

const DOMAIN: &str = "
    SELECT p.key, p.text, p.is_expression
      FROM (SELECT p.*
              FROM pg_catalog.pg_type AS t
                   JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace,
                   LATERAL (SELECT 1 AS n, 'type' AS key,
                                   pg_catalog.concat_ws(' ', pg_catalog.format_type(t.typbasetype, t.typtypmod),
                                                        t.typnotnull) AS text, false AS is_expression
                            UNION ALL
                            SELECT 2, 'default',
                                   pg_catalog.pg_get_expr(t.typdefaultbin, 'pg_catalog.pg_type'::pg_catalog.regclass),
                                   true
                            UNION ALL
                            SELECT 3, pg_catalog.concat('check ', k.conname), pg_catalog.pg_get_constraintdef(k.oid),
                                   true
                              FROM pg_catalog.pg_constraint AS k
                             WHERE k.contypid OPERATOR(pg_catalog.=) t.oid
                               AND k.contype OPERATOR(pg_catalog.=) 'c') AS p";
