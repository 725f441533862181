//! Settings of keys, and of which repository they are for.

use super::super::{
    Settings, old_keys,
    setting::{Characters, DefaultValue, Section, Setting, Take},
    values::{catalog_key, key},
    wrong::Wrong,
};
use crate::{
    catalog::Key,
    certificate::PublicKey,
    error::{Error, Fault},
    seal::{BadRepositoryId, MasterKey, Passphrase, RepositoryId, Secret},
};

pub(in super::super) const KEY: &str = "PGCOFFER_KEY";
pub(in super::super) const PASSPHRASE: &str = "PGCOFFER_PASSPHRASE";
pub(in super::super) const CATALOG_KEY: &str = "PGCOFFER_CATALOG_KEY";
pub(in super::super) const CERTIFICATE_KEY: &str = "PGCOFFER_CERTIFICATE_KEY";
pub(in super::super) const REPOSITORY: &str = "PGCOFFER_REPOSITORY";
pub(in super::super) const KEY_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_KEY";
pub(in super::super) const CATALOG_KEY_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_CATALOG_KEY";
pub(in super::super) const OLD_KEYS_OF_DATABASE: &str = "PGCOFFER_DB_<NAME>_OLD_KEYS";

pub(super) const SECTION: Section = Section {
    title: "Keys",
    settings: &[
        Setting {
            name: KEY,
            secret: true,
            default: DefaultValue::None,
            help: "the key that `pgcoffer keygen` prints",
            doc: "`PGCOFFER-KEY-1…`, 64 hex digits, or base64 of 32 bytes",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.key = Some(Secret::Key(key(text)?));
                Ok(())
            }),
        },
        Setting {
            name: PASSPHRASE,
            secret: true,
            default: DefaultValue::None,
            help: "instead of a key: what `pgcoffer keygen --words` prints",
            doc: "in place of a key: a passphrase that `keygen --words` made, or [one that is as hard to \
                guess](security.md#passphrases)",
            characters: Characters::Any,
            take: Take::Once(|reading, text| {
                let passphrase = Passphrase::new(text.to_owned()).unwrap_or_else(|weak| {
                    reading.config.weak_passphrase = Some(Fault {
                        variable: PASSPHRASE.to_owned(),
                        why: weak.to_string(),
                        hint: weak.hint(),
                    });
                    Passphrase::for_reading(text.to_owned())
                });
                reading.passphrase = Some(Secret::Passphrase(passphrase));
                Ok(())
            }),
        },
        Setting {
            name: CATALOG_KEY,
            secret: true,
            default: DefaultValue::None,
            help: "instead of a key, to watch and prune: `pgcoffer keygen --catalog`",
            doc: "in place of a key: [what `keygen --catalog` prints](security.md#the-catalog-key). It can list, \
                watch, hold and prune, and opens no backup",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.catalog_key = Some(Secret::Catalog(catalog_key(text)?));
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_OLD_KEYS",
            secret: true,
            default: DefaultValue::None,
            help: "earlier keys, for reading only, with the day: KEY@2026-11-01",
            doc: "earlier keys, separated by commas or spaces, for reading only, each with the day on which it was \
                replaced: `KEY@2026-11-01`. A key may be written in groups of four, as on the sheet. Catalog keys are \
                allowed too, each with its day",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.config.old_keys = earlier(text)?;
                Ok(())
            }),
        },
        Setting {
            name: KEY_OF_DATABASE,
            secret: true,
            default: DefaultValue::Described("`PGCOFFER_KEY`"),
            help: "a key for one database",
            doc: "a key for this database alone",
            characters: Characters::Visible,
            take: Take::per_database(|reading, label, text| {
                reading.keys.insert(label, Secret::Key(key(text)?));
                Ok(())
            }),
        },
        Setting {
            name: CATALOG_KEY_OF_DATABASE,
            secret: true,
            default: DefaultValue::Described("`PGCOFFER_CATALOG_KEY`"),
            help: "a catalog key for one database",
            doc: "a catalog key for this database alone; the database needs no URL",
            characters: Characters::Visible,
            take: Take::PerDatabase {
                read: |reading, label, text| {
                    let key = Secret::Catalog(catalog_key(text)?);
                    reading.catalog_keys.insert(label, key);
                    Ok(())
                },
                // the key of a database that is called MAIN_CATALOG
                is_other: |text| MasterKey::parse(text).is_ok(),
            },
        },
        Setting {
            name: OLD_KEYS_OF_DATABASE,
            secret: true,
            default: DefaultValue::None,
            help: "earlier keys of a database with a key of its own",
            doc: "the same as `PGCOFFER_OLD_KEYS`, for a database with its own key",
            characters: Characters::List,
            take: Take::per_database(|reading, label, text| {
                reading.old_keys.insert(label, earlier(text)?);
                Ok(())
            }),
        },
        Setting {
            name: CERTIFICATE_KEY,
            secret: false,
            default: DefaultValue::None,
            help: "public keys that `pgcoffer certificate verify` verifies by",
            doc: "the public key by which `certificate verify` [verifies certificates](certificates.md), as PEM or as the \
                line of 60 characters inside it; of several, separated by commas, one has to be right. It is no secret: \
                `pgcoffer certificate key` prints it",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.config.certificate_keys = public_keys(text)?;
                Ok(())
            }),
        },
        Setting {
            name: REPOSITORY,
            secret: false,
            default: DefaultValue::Described("what the bucket says"),
            help: "the only repository that counts",
            doc: "the only [repository](security.md#which-key-and-which-place) that counts; needed in drop-box mode. \
                32 hexadecimal digits (`keygen --repository`), or 40 to 128 random characters that a platform made",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.repository = Some(repository(text)?);
                Ok(())
            }),
        },
    ],
};

/// The public keys of certificates that these settings name, whatever else they hold: to verify a certificate takes
/// nothing else.
///
/// # Errors
/// [`Error::Config`] where the text is no public key.
pub fn certificate_keys(settings: &Settings) -> crate::error::Result<Vec<PublicKey>> {
    let Some(text) = settings.text(CERTIFICATE_KEY) else {
        return Ok(Vec::new());
    };
    public_keys(text).map_err(|(why, hint)| {
        Error::Config(vec![Fault {
            variable: CERTIFICATE_KEY.to_owned(),
            why,
            hint,
        }])
    })
}

fn public_keys(text: &str) -> Result<Vec<PublicKey>, Wrong> {
    PublicKey::parse_all(text).map_err(|fault| (fault.to_string(), Some(fault.hint().to_owned())))
}

fn earlier(text: &str) -> Result<Vec<Key>, Wrong> {
    Ok(old_keys::parse_all(text)?.into_iter().map(Key::from).collect())
}

fn repository(text: &str) -> Result<RepositoryId, Wrong> {
    let id = text.parse();
    let id = id.or_else(|error| RepositoryId::of_generated(text).ok_or(error));
    id.map_err(|error: BadRepositoryId| {
        (
            format!("{text:?} is no repository: {error}"),
            Some(
                "`pgcoffer repository` prints the one of this bucket; for a new place `pgcoffer keygen --repository` \
                makes one"
                    .to_owned(),
            ),
        )
    })
}
