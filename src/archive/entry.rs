//! One entry of the table of contents.

use crate::text::Untrusted;

/// One entry of the table of contents: something that pg_restore makes, or data that it loads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its number, by which pg_restore's `--use-list` names it.
    pub id: i32,
    /// pg_dump's word for what it is: `TABLE`, `TABLE DATA`, `FK CONSTRAINT`, `EVENT TRIGGER`.
    pub kind: Untrusted,
    /// Its name, for some kinds behind the name of the table that it belongs to; for functions with the types of
    /// arguments.
    pub name: Untrusted,
    /// When it is restored, as pg_dump sees it.
    pub section: Section,
    /// The schema that it is in; empty for what is in none.
    pub schema: Untrusted,
    /// The role that owned it; empty for what has no owner of its own.
    pub owner: Untrusted,
    /// The tablespace that it was in; empty for the database's own.
    pub tablespace: Untrusted,
    /// The SQL that makes it; empty for data, and where it is longer than 1 MiB.
    pub definition: Untrusted,
    /// Whether of that SQL only the beginning is here, as all definitions together are longer than 64 MiB.
    pub is_cut: bool,
    /// The SQL that drops it; empty for what isn't dropped by itself.
    pub drop: Untrusted,
    /// The COPY statement that loads it, for data.
    pub copy: Untrusted,
    /// The ids of the entries that it needs.
    pub needs: Vec<i32>,
    /// Whether data of it follows the table of contents.
    pub has_data: bool,
    /// In an archive of another encoding than UTF-8, the bytes of what is not ASCII; see [`decode`](Self::decode).
    pub undecoded: Vec<(Field, Vec<u8>)>,
}

/// When an entry is restored, as pg_dump sees it: `SECTION_…` in pg_backup.h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Section {
    /// With what it belongs to, as comments and privileges.
    #[default]
    None,
    /// Before the rows.
    BeforeData,
    /// Rows, values of sequences, large objects.
    Data,
    /// When all rows are there: indexes, keys, triggers, policies.
    AfterData,
}

impl Section {
    pub(super) fn of_number(number: i32) -> Self {
        match number {
            2 => Self::BeforeData,
            3 => Self::Data,
            4 => Self::AfterData,
            _ => Self::None,
        }
    }
}

/// A text of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// [`Entry::name`].
    Name,
    /// [`Entry::schema`].
    Schema,
    /// [`Entry::owner`].
    Owner,
    /// [`Entry::tablespace`].
    Tablespace,
    /// [`Entry::definition`].
    Definition,
    /// [`Entry::drop`].
    Drop,
    /// [`Entry::copy`].
    Copy,
}

impl Entry {
    /// The encoding of the archive, of the entry that says it.
    #[must_use]
    pub fn encoding(&self) -> Option<&str> {
        let is_it = self.kind == "ENCODING";
        is_it.then(|| self.definition.raw().split('\'').nth(1)).flatten()
    }

    /// Gives its texts the meaning that their bytes have in the archive's encoding. Those of which nothing is known
    /// stay as they are, with `\xe9` for a byte that is no UTF-8.
    pub fn decode(&mut self, mut text: impl FnMut(&[u8]) -> Option<String>) {
        let undecoded = std::mem::take(&mut self.undecoded);
        for (field, bytes) in &undecoded {
            if let Some(text) = text(bytes) {
                *self.text_mut(*field) = text.into();
            }
        }
        // a statement that is run as it stands
        self.undecoded = undecoded;
        self.undecoded.retain(|(field, _)| *field == Field::Drop);
    }

    /// The SQL that drops it, in the archive's encoding.
    #[must_use]
    pub fn drop_statement(&self) -> &[u8] {
        let mut undecoded = self.undecoded.iter();
        undecoded
            .find(|(field, _)| *field == Field::Drop)
            .map_or(self.drop.raw().as_bytes(), |(_, bytes)| bytes)
    }

    fn text_mut(&mut self, field: Field) -> &mut Untrusted {
        match field {
            Field::Name => &mut self.name,
            Field::Schema => &mut self.schema,
            Field::Owner => &mut self.owner,
            Field::Tablespace => &mut self.tablespace,
            Field::Definition => &mut self.definition,
            Field::Drop => &mut self.drop,
            Field::Copy => &mut self.copy,
        }
    }
}
