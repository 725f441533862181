//! Decodes the names of a backup whose encoding is not UTF-8, by asking the target's server.

use std::collections::{BTreeSet, HashMap};

use super::statement::listed;
use crate::{
    archive::{Entry, Field},
    error::{Result, TargetProblem},
    postgres::Session,
    text::Untrusted,
};

/// The size of the texts in one query, in bytes.
const BYTES_AT_ONCE: usize = 256 << 10;

/// The number of names that an error shows.
const NAMED: usize = 5;

/// The result of decoding the names.
#[derive(Default)]
pub(super) struct DecodedNames {
    /// The archive's encoding, if it is not UTF-8.
    pub(super) encoding: Option<String>,
    /// The schema and name of tables: as written in the record, and decoded.
    pub(super) renamed: HashMap<(Untrusted, Untrusted), (Untrusted, Untrusted)>,
    /// The problem of names that the target's encoding can't represent.
    pub(super) problem: Option<TargetProblem>,
}

impl DecodedNames {
    /// Decodes all names and statements of the entries.
    ///
    /// # Errors
    /// A failed query.
    pub(super) async fn read(session: &mut Session, entries: &mut [Entry]) -> Result<Self> {
        let encoding = entries.iter().find_map(Entry::encoding);
        let Some(encoding) = encoding.filter(|encoding| *encoding != "UTF8") else {
            return Ok(Self::default());
        };
        let encoding = encoding.to_owned();
        let place = |entry: &Entry| (entry.schema.clone(), entry.name.clone());
        let before: Vec<_> = entries.iter().map(place).collect();
        let texts = match encoding.as_str() {
            // the encoding of these bytes is unknown
            "SQL_ASCII" => HashMap::new(),
            _ => texts(session, &encoding, entries).await?,
        };
        let is_written = |bytes: &[u8]| match encoding.as_str() {
            "SQL_ASCII" => session.has_no_encoding() || std::str::from_utf8(bytes).is_ok(),
            _ => texts.contains_key(bytes),
        };
        let lost = entries.iter().filter(|entry| {
            let mut fields = entry.undecoded.iter();
            fields.any(|(field, bytes)| [Field::Name, Field::Schema].contains(field) && !is_written(bytes))
        });
        let lost: BTreeSet<String> = lost.map(super::label::label).collect();
        for entry in entries.iter_mut() {
            entry.decode(|bytes| texts.get(bytes).cloned());
        }
        let renamed = before.into_iter().zip(entries.iter().map(place));
        Ok(Self {
            problem: (!lost.is_empty()).then(|| TargetProblem {
                what: format!(
                    "the encoding of the target can't represent these names of the backup, which is in {encoding}: {}",
                    listed(lost.into_iter().collect(), NAMED)
                ),
                cure: format!(
                    "restore into a database of that encoding: createdb --encoding {encoding} --template template0 \
                     --locale C NAME"
                ),
            }),
            renamed: renamed.filter(|(before, after)| before != after).collect(),
            encoding: Some(encoding),
        })
    }
}

/// Decodes each distinct text, in queries of about `BYTES_AT_ONCE`. Texts that can't be decoded are missing in the
/// result.
async fn texts(session: &mut Session, encoding: &str, entries: &[Entry]) -> Result<HashMap<Vec<u8>, String>> {
    let all = entries.iter().flat_map(|entry| &entry.undecoded);
    let all: BTreeSet<&[u8]> = all.map(|(_, bytes)| bytes.as_slice()).collect();
    let mut texts = HashMap::new();
    let (mut some, mut length) = (Vec::new(), 0);
    let mut all = all.into_iter().peekable();
    while let Some(bytes) = all.next() {
        length += bytes.len();
        some.push(bytes);
        if length < BYTES_AT_ONCE && all.peek().is_some() {
            continue;
        }
        let read = session.decode_texts(encoding, &some).await?;
        let read = some.iter().zip(read);
        texts.extend(read.filter_map(|(bytes, text)| Some((bytes.to_vec(), text?))));
        (some, length) = (Vec::new(), 0);
    }
    Ok(texts)
}
