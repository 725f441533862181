//! Whether an archive stands as its record says, by what a listing shows: that costs nothing.

use jiff::Timestamp;

use crate::{
    backup::{Checked, Mark, Record},
    seal,
    store::Object,
    text::minute,
};

/// Why the archive of a good record can't be counted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It is not there.
    Gone,
    /// It has another length than what was uploaded.
    Length,
    /// Its header or its last frame is not what was sealed.
    Changed(seal::Error),
    /// It is another object than the one that was uploaded, and lies where it can't be read.
    Unseen,
    /// It is another object than the one that was uploaded. Header and last frame are right, and nobody has read the
    /// rest of it.
    Another,
    /// It was read whole, and is not what was sealed.
    Damaged(Timestamp),
}

impl Doubt {
    /// Whether all of it may be as it was sealed: a copy is another object, too.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Another)
    }
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gone => f.write_str("its archive is gone"),
            Self::Length => f.write_str("its archive has another length than what was uploaded"),
            Self::Changed(error) => write!(f, "its archive was changed: {error}"),
            Self::Unseen => f.write_str("its archive is not the object that was uploaded, and lies in cold storage"),
            Self::Another => f.write_str(
                "its archive is another object than was uploaded, copied or overwritten, and was not read whole since",
            ),
            Self::Damaged(at) => {
                write!(f, "its archive was read at {} and is damaged", minute(*at))
            }
        }
    }
}

/// What a listing shows of a good record's archive.
pub(super) enum Shown {
    /// The very object that was uploaded.
    AsUploaded,
    /// As long as what was uploaded, and another object: copied, or overwritten.
    OtherTag,
    /// No backup any more.
    Doubted(Doubt),
}

impl Shown {
    pub(super) fn of(record: &Record, archive: Option<&Object>) -> Self {
        let (Some(sealed), Some(object)) = (&record.sealed, archive) else {
            return Self::Doubted(Doubt::Gone);
        };
        if object.bytes != sealed.bytes() {
            return Self::Doubted(Doubt::Length);
        }
        let uploaded = record.object().and_then(|object| object.etag.as_ref());
        match (uploaded, &object.etag) {
            (Some(uploaded), Some(found)) if bare(uploaded) != bare(found) => Self::OtherTag,
            _ => Self::AsUploaded,
        }
    }
}

/// Why the archive of a good record is not what was uploaded, by what a listing shows.
pub(super) fn doubt(record: &Record, archive: Option<&Object>) -> Option<Doubt> {
    match Shown::of(record, archive) {
        Shown::Doubted(doubt) if record.is_good() => Some(doubt),
        _ => None,
    }
}

/// Why the whole of an archive can't be counted on, where header and last frame are right: by its entity tag, which a
/// listing shows, and by what its mark says of that very object.
pub(super) fn unsure(record: &Record, archive: Option<&Object>, mark: Option<&Mark>) -> Option<Doubt> {
    if !record.is_good() {
        return None;
    }
    match checked(archive?, mark) {
        Some(Checked { good: true, .. }) => None,
        Some(Checked { at, .. }) => Some(Doubt::Damaged(*at)),
        None => {
            let shown = Shown::of(record, archive);
            matches!(shown, Shown::OtherTag).then_some(Doubt::Another)
        }
    }
}

/// What a reading of this very object came to.
fn checked<'a>(archive: &Object, mark: Option<&'a Mark>) -> Option<&'a Checked> {
    let checked = mark?.checked.as_ref()?;
    (bare(checked.etag.raw()) == bare(archive.etag.as_deref()?)).then_some(checked)
}

/// An entity tag without what services differ in.
fn bare(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_compared_without_what_services_differ_in() {
        assert_eq!(bare("\"abc-2\""), bare("abc-2"));
        assert_eq!(bare("W/\"abc\""), "abc");
        assert_ne!(bare("\"abc-2\""), bare("\"abc-3\""));
    }
}
