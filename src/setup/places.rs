//! The places that hold copies: which ones a set-up has, and what the recovery sheet says of them.

use super::{Setup, part::SheetPart};
use crate::{
    backup::PlaceName,
    config::{is_secret, place_of_setting},
    text::shell_word,
};
use zeroize::Zeroizing;

/// A place that holds copies, as the sheet names it.
pub struct SheetPlace {
    /// Its name.
    pub name: String,
    /// Where it is: `s3://bucket/prefix`, `sftp://user@host/path`, `file:///path/to/folder`.
    pub location: String,
    /// The settings that lead there: variable and value, and no secret.
    pub settings: Vec<(String, String)>,
}

impl Setup {
    /// The places that hold copies, each with its URL.
    #[must_use]
    pub fn places(&self) -> Vec<(PlaceName, &str)> {
        let urls = self.iter().filter_map(|(name, text)| {
            let (place, what) = place_of_setting(name, text)?;
            (what == "_URL").then_some((place, text))
        });
        urls.collect()
    }

    /// The settings of one place: variable and value.
    pub fn settings_of_place<'a>(&'a self, place: &'a PlaceName) -> impl Iterator<Item = (&'a str, &'a str)> {
        let is_its = |name: &str, text: &str| place_of_setting(name, text).is_some_and(|(one, _)| one == *place);
        self.iter().filter(move |(name, text)| is_its(name, text))
    }

    /// Forgets everything that is set of one place.
    pub fn forget_place(&mut self, place: &PlaceName) {
        let names: Vec<String> = self.settings_of_place(place).map(|(name, _)| name.to_owned()).collect();
        for name in names {
            self.variables.remove(&name);
        }
    }

    /// The places, as the recovery sheet names them.
    #[must_use]
    pub fn sheet_places(&self) -> Vec<SheetPlace> {
        let places = self.places().into_iter().map(|(name, location)| {
            let settings = self.settings_of_place(&name);
            let open = settings.filter(|(variable, _)| !is_secret(variable) && !variable.ends_with("_ACCESS_KEY_ID"));
            SheetPlace {
                settings: open
                    .map(|(variable, text)| (variable.to_owned(), text.to_owned()))
                    .collect(),
                location: location.to_owned(),
                name: name.to_string(),
            }
        });
        places.collect()
    }
}

/// Where the copies are.
pub(super) fn fields(places: &[SheetPlace]) -> Vec<SheetPart> {
    fn field(name: &str, value: String) -> SheetPart {
        SheetPart::Field(name.to_owned(), Zeroizing::new(value))
    }
    let each = places.iter().flat_map(|place| {
        let copy = field("Copy", format!("{}  ({})", place.name, place.location));
        let settings = place.settings.iter();
        std::iter::once(copy).chain(settings.map(|(name, value)| field("Setting", format!("{name}={value}"))))
    });
    each.collect()
}

/// The lines for the day on which the bucket is lost.
pub(super) fn commands(places: &[SheetPlace]) -> Vec<String> {
    let Some(first) = places.first() else {
        return Vec::new();
    };
    let mut lines = vec![format!(
        "# Is the bucket lost? Set this in its place, and add --from {} to each command:",
        first.name
    )];
    let settings = first.settings.iter();
    lines.extend(settings.map(|(name, value)| format!("export {name}={}", shell_word(value))));
    let prefix = first.settings.iter().find_map(|(name, _)| name.strip_suffix("_URL"));
    let secret = match first.location.split("://").next() {
        Some("s3") => "ACCESS_KEY_ID and _SECRET_ACCESS_KEY",
        Some("sftp") => "SSH_KEY (its file) or _PASSWORD",
        _ => return lines,
    };
    lines.extend(prefix.map(|prefix| format!("# and the login of that place: {prefix}_{secret}")));
    lines
}
