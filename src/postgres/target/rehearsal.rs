//! Finds what dropping some objects would drop with them: the statements run, and are rolled back.

use std::collections::{BTreeMap, BTreeSet};

use super::dependants::everything;
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::literal;
use crate::text::Untrusted;

/// The identity of an object: kind, schema (empty if it has none) and name, with what distinguishes it from others of
/// that name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectIdentity {
    /// `relation`, `routine`, `type`, `operator`, `event trigger` and so on.
    pub kind: String,
    /// Its schema.
    pub schema: String,
    /// Such as `orders`, `f(integer)`, `=== (integer, integer)` or `mine USING btree`.
    pub name: String,
}

/// Statements that drop the objects which are replaced.
#[derive(Clone, Debug, Default)]
pub struct DropStatements {
    /// The encoding of the statements; UTF-8 if `None`.
    pub encoding: Option<String>,
    /// The statements.
    pub statements: Vec<u8>,
    /// The objects that they drop.
    pub named: BTreeSet<ObjectIdentity>,
    /// Objects that are dropped with others and created again, by their descriptions.
    pub recreated: BTreeSet<String>,
}

/// An object that would be dropped and not created again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedObject {
    /// Its description, such as `view public.later`.
    pub description: Untrusted,
    /// The object that it is, or is a part of.
    pub object: ObjectIdentity,
}

/// The longest wait for a lock in the rehearsal. The lock is released at once, and a database in use grants it within
/// that time.
const WAIT: &str = "3s";

/// The longest wait for a lock in the real run, until other sessions are done.
const WAIT_TO_DROP: &str = "5min";

impl Session {
    /// Finds what these statements would drop besides the named and the recreated objects. They run in a transaction
    /// that is rolled back, and hold their locks for that time.
    pub async fn rehearse(&mut self, drops: &DropStatements) -> Result<Vec<DroppedObject>, Error> {
        const WHAT: &str = "try what --clean would drop";
        let everything = everything(self.server_major());
        let before = self.before(WHAT, &everything).await?;
        let after = self.dropped(WHAT, WAIT, drops, &everything, "ROLLBACK");
        let after = after.await?;
        let lost = before.into_iter().filter(|(what, place)| {
            !drops.named.contains(place) && !drops.recreated.contains(what) && !after.contains(what)
        });
        Ok(lost
            .map(|(what, place)| DroppedObject {
                description: what.into(),
                object: place,
            })
            .collect())
    }

    /// Runs the statements, all or none.
    pub async fn drop_all(&mut self, drops: &DropStatements) -> Result<(), Error> {
        const WHAT: &str = "drop what is replaced";
        let all = self.dropped(WHAT, WAIT_TO_DROP, drops, &[], "COMMIT");
        all.await.map(drop)
    }

    /// Runs the statements in a transaction, then the questions, and returns the first column of the answers. The
    /// statements are sent in their own message, since the server reads each message in one encoding.
    async fn dropped(
        &mut self,
        what: &'static str,
        wait: &str,
        drops: &DropStatements,
        queries: &[String],
        end: &str,
    ) -> Result<BTreeSet<String>, Error> {
        let own = match self.wire.server_encoding.as_str() {
            "SQL_ASCII" => "SQL_ASCII",
            _ => "UTF8",
        };
        let begin = format!(
            "BEGIN TRANSACTION READ WRITE;
             SET LOCAL search_path = '';
             SET LOCAL statement_timeout = '5min';
             SET LOCAL lock_timeout = '{wait}';
             SET LOCAL row_security = off;
             SET LOCAL client_min_messages = warning;
             SET LOCAL client_encoding = {};",
            literal(drops.encoding.as_deref().unwrap_or("UTF8"))
        );
        let asked = format!("SET LOCAL client_encoding = '{own}'");
        let result = async {
            self.wire.run(&begin).await?;
            self.wire.run_bytes(&drops.statements).await?;
            self.wire.run(&asked).await?;
            let mut found = BTreeSet::new();
            for query in queries {
                let rows = self.wire.run(query).await?;
                found.extend(rows.iter().filter_map(|row| row.text(0).map(str::to_owned)));
            }
            self.wire.run(end).await?;
            Ok(found)
        }
        .await;
        if result.is_err() && self.wire.is_in_transaction {
            // if this fails too, the next statement reports it
            let _ = self.wire.run("ROLLBACK").await;
        }
        result.map_err(|error| self.explained(what, error))
    }

    async fn before(
        &mut self,
        what: &'static str,
        everything: &[String],
    ) -> Result<BTreeMap<String, ObjectIdentity>, Error> {
        let mut before = BTreeMap::new();
        for query in everything {
            for row in self.rows(what, query).await? {
                let text = |at| row.text(at).unwrap_or_default().to_owned();
                let (kind, schema, name) = (text(1), text(2), text(3));
                before.insert(text(0), ObjectIdentity { kind, schema, name });
            }
        }
        Ok(before)
    }

    /// Decodes bytes from an encoding that the server knows. `None` for bytes that the database's own encoding can't
    /// represent.
    pub async fn decode_texts(&mut self, encoding: &str, bytes: &[&[u8]]) -> Result<Vec<Option<String>>, Error> {
        const WHAT: &str = "read names in the backup's encoding";
        let hex: Vec<String> = bytes
            .iter()
            .map(|bytes| data_encoding::HEXLOWER.encode(bytes))
            .collect();
        let sql = format!(
            "SELECT pg_catalog.convert_from(pg_catalog.decode(t.x, 'hex'), {})
               FROM pg_catalog.unnest('{{{}}}'::pg_catalog.text[]) WITH ORDINALITY AS t (x, n) ORDER BY t.n",
            literal(encoding),
            hex.join(",")
        );
        match self.rows(WHAT, &sql).await {
            Ok(rows) => Ok(rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()),
            Err(Error::Query { .. }) if bytes.len() > 1 => {
                let (first, second) = bytes.split_at(bytes.len() / 2);
                let mut texts = Box::pin(self.decode_texts(encoding, first)).await?;
                texts.extend(Box::pin(self.decode_texts(encoding, second)).await?);
                Ok(texts)
            }
            Err(Error::Query { .. }) => Ok(vec![None; bytes.len()]),
            Err(error) => Err(error),
        }
    }
}
