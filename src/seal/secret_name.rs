//! The names of secrets in messages, which reveal nothing.

/// The name of a passphrase in messages, as it has no id.
pub(super) const A_PASSPHRASE: &str = "a passphrase";

/// The beginning of a catalog key's name in messages.
pub(super) const A_CATALOG_KEY: &str = "catalog key ";

/// The name of the catalog key with this id in messages.
pub(super) fn catalog_key_named(key_id: &str) -> String {
    format!("{A_CATALOG_KEY}{key_id}")
}
