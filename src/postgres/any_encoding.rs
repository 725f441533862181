//! Rows that hold names of another encoding than the database's.
//!
//! Roles, databases and tablespaces belong to the whole server. PostgreSQL keeps their names as the bytes that they
//! were made of, in whichever database, and reads them in the encoding of the database that asks. Bytes that mean
//! nothing there can't be converted for a client, and the statement fails: one such role would keep every statement
//! that lists roles from being run.

use std::collections::HashMap;

use data_encoding::HEXLOWER;

use super::session::Session;
use super::wire::{Row, WireError};
use crate::text::decoded;

/// The most texts that the server is asked to convert, one statement each, for one statement's rows. Further ones are
/// taken as UTF-8.
const CONVERTED_MAX: usize = 1000;

impl Session {
    /// The rows of one statement. Texts that the server can't convert from the database's encoding are taken as UTF-8,
    /// with what isn't UTF-8 escaped; all others are as usual. Reads only.
    pub(super) async fn rows_of_any_encoding(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        let mut rows = self.rows_as_bytes(sql).await?;
        let mut converted = HashMap::new();
        for text in rows.iter_mut().flat_map(Row::texts_mut).filter(|text| !text.is_ascii()) {
            if !converted.contains_key(text) {
                let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(c).ok()).collect();
                let name = match converted.len() < CONVERTED_MAX {
                    true => self.converted(&bytes).await?,
                    false => decoded(&bytes),
                };
                converted.insert(text.clone(), name);
            }
            converted[text].clone_into(text);
        }
        Ok(rows)
    }

    async fn converted(&mut self, bytes: &[u8]) -> Result<String, WireError> {
        let (hex, encoding) = (HEXLOWER.encode(bytes), self.encoding_name());
        let sql = format!("SELECT pg_catalog.convert_from(pg_catalog.decode('{hex}', 'hex'), '{encoding}')");
        match self.rows_once(&sql).await {
            Ok(rows) => Ok(rows.first().and_then(|row| row.text(0)).unwrap_or_default().to_owned()),
            Err(error) if error.is_unconvertible() => Ok(decoded(bytes)),
            Err(error) => Err(error),
        }
    }
}
