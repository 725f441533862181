//! Names of settings.

use crate::backup::{Label, PlaceName};

/// How the name of every setting begins.
pub(super) const PREFIX: &str = "PGCOFFER_";

/// What stands for the label of a database in the name of a setting.
pub(super) const NAME: &str = "<NAME>";

/// The variable of one database, by its name in the table.
pub(super) fn of_database(name: &str, label: &Label) -> String {
    name.replace(NAME, &label.as_str().to_ascii_uppercase())
}

/// The variable of one place, by its name in the table.
pub(super) fn of_place(name: &str, place: &PlaceName) -> String {
    name.replace(NAME, &place.as_str().to_ascii_uppercase())
}
