//! Whether an archive is the one in its record, as far as a listing shows, which needs no further request.

use jiff::Timestamp;

use crate::{
    backup::{AHEAD_MAX, Checked, Mark, Record},
    seal,
    store::Object,
    text::minute,
};

/// Why the archive of a good record is not reliable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It doesn't exist.
    Gone,
    /// It has another length than the one that was uploaded.
    Length,
    /// Its header or its last frame is not the one that was sealed.
    Changed(seal::Error),
    /// It is another object than the one that was uploaded, and is in cold storage.
    Unseen,
    /// It is another object than the one that was uploaded. Its header and last frame are right, and the rest has not
    /// been read.
    Another,
    /// It was read completely, and is not what was sealed.
    Damaged(Timestamp),
}

impl Doubt {
    /// Whether the archive may still be complete and unchanged: a copy is another object as well.
    #[must_use]
    pub fn may_be_intact(&self) -> bool {
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

/// What a listing shows about a good record's archive.
pub(super) enum Shown {
    /// It is the object that was uploaded.
    AsUploaded,
    /// It has the right length and is another object: a copy, or overwritten.
    OtherTag,
    /// It is no longer a backup.
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

/// Why the archive of a good record is not the one that was uploaded, as far as a listing shows.
pub(super) fn doubt(record: &Record, archive: Option<&Object>) -> Option<Doubt> {
    match Shown::of(record, archive) {
        Shown::Doubted(doubt) if record.is_good() => Some(doubt),
        _ => None,
    }
}

/// Why an archive whose header and last frame are right is still not reliable: by its entity tag in a listing, and by
/// what its mark says about this object.
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

/// When this very object was last read back as a whole and was good. It is a note in a sealed mark, which whoever holds
/// the catalog key can write, so nothing is decided by it. One that can't be true is none: of before the backup, or of a
/// time that is yet to come.
pub(super) fn read_back(
    record: &Record,
    archive: Option<&Object>,
    mark: Option<&Mark>,
    now: Timestamp,
) -> Option<Timestamp> {
    let checked = checked(archive?, mark)?;
    let is_ahead = checked.at.duration_since(now) > AHEAD_MAX;
    let is_true = checked.good && record.is_good() && checked.at >= record.started && !is_ahead;
    is_true.then_some(checked.at)
}

/// The result of an earlier complete reading of this object.
fn checked<'a>(archive: &Object, mark: Option<&'a Mark>) -> Option<&'a Checked> {
    let checked = mark?.checked.as_ref()?;
    (bare(checked.etag.raw()) == bare(archive.etag.as_deref()?)).then_some(checked)
}

/// An entity tag without the parts in which services differ.
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
