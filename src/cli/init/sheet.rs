//! What the recovery sheet says of this set-up.

use pgcoffer::{
    Error, Result,
    certificate::CertificateKey,
    config::{EarlierKey, OldKey},
    postgres::DatabaseUrl,
    seal::{MasterKey, Passphrase, RepositoryId, Secret},
    setup::{Sheet, SheetDatabase, SheetSecret, key_variable, old_keys_variable, url_variable},
};
use zeroize::Zeroizing;

use super::{Draft, key::parse};

/// Settings that lead to the bucket.
const ACCESS: [&str; 7] = [
    "AWS_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "PGCOFFER_S3_PATH_STYLE",
    "PGCOFFER_ALLOW_HTTP",
    "PGCOFFER_REQUESTER_PAYS",
    "PGCOFFER_REPOSITORY",
];

impl Draft {
    /// # Errors
    /// Where a key can't be read.
    pub(super) fn sheet(&self) -> Result<Sheet> {
        let text = |name: &str| self.setup.text(name).map(str::to_owned);
        let access = ACCESS.iter();
        let facts = self.facts();
        let databases = self.labels().into_iter().filter_map(|label| {
            let url = DatabaseUrl::parse(self.setup.text(&url_variable(&label))?).ok()?;
            Some(SheetDatabase {
                version: facts.versions.get(label.as_str()).cloned(),
                label: label.to_string(),
                address: url.to_string(),
            })
        });
        Ok(Sheet {
            secrets: self.secrets()?,
            bucket: text("PGCOFFER_BUCKET").unwrap_or_default(),
            access: access
                .filter_map(|name| Some(((*name).to_owned(), text(name)?)))
                .collect(),
            places: self.setup.sheet_places(),
            databases: databases.collect(),
            account: facts.account.clone(),
            certificate_keys: self.certificate_keys()?,
            written: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date(),
        })
    }

    /// Everything that opens a backup: what is for all databases first, and what is in use before what was.
    fn secrets(&self) -> Result<Vec<SheetSecret>> {
        let mut secrets = Vec::new();
        self.take_secrets("", "PGCOFFER_KEY", "PGCOFFER_OLD_KEYS", &mut secrets)?;
        for label in self.labels() {
            let (key, old) = (key_variable(&label), old_keys_variable(&label));
            self.take_secrets(&format!(" of {label}"), &key, &old, &mut secrets)?;
        }
        Ok(secrets)
    }

    /// The public keys of certificates, on one line each: whose it is, and the key. Each is that of a secret and of the
    /// repository, so there is none where the settings don't pin one.
    fn certificate_keys(&self) -> Result<Vec<(String, String)>> {
        let text = self.setup.text("PGCOFFER_REPOSITORY").unwrap_or_default();
        let Some(repository) = text.parse().ok().or_else(|| RepositoryId::of_generated(text)) else {
            return Ok(Vec::new());
        };
        let labels = self.labels();
        let mut secrets = Vec::new();
        if let Some(text) = self.setup.text("PGCOFFER_KEY") {
            secrets.push((Secret::Key(parse(text)?), String::new()));
        } else if let Some(text) = self.setup.text("PGCOFFER_PASSPHRASE") {
            let passphrase = Secret::Passphrase(Passphrase::for_reading(text.to_owned()));
            secrets.extend(labels.iter().map(|label| (passphrase.clone(), label.to_string())));
        }
        for label in &labels {
            if let Some(text) = self.setup.text(&key_variable(label)) {
                let secret = Secret::Key(parse(text)?);
                secrets.retain(|(_, of)| of != label.as_str());
                secrets.push((secret, label.to_string()));
            }
        }
        let mut keys: Vec<(String, String)> = Vec::new();
        for (secret, label) in secrets {
            let identity = secret.identity(&repository, &label).map_err(|source| Error::Seal {
                object: "the key".to_owned(),
                source,
            })?;
            let whose = match label.is_empty() {
                true => secret.describe(),
                false => label,
            };
            keys.push((whose, CertificateKey::of(&identity).public().to_line()));
        }
        Ok(keys)
    }

    fn take_secrets(&self, whose: &str, key: &str, old: &str, secrets: &mut Vec<SheetSecret>) -> Result<()> {
        if let Some(text) = self.setup.text(key) {
            secrets.push(of_key(format!("Key{whose}"), key, &parse(text)?));
        }
        if let (Some(text), "") = (self.setup.text("PGCOFFER_PASSPHRASE"), whose) {
            secrets.push(SheetSecret {
                name: "Passphrase".to_owned(),
                variable: "PGCOFFER_PASSPHRASE".to_owned(),
                text: Zeroizing::new(text.to_owned()),
                day: None,
                key_id: None,
            });
        }
        let earlier = OldKey::parse_all(self.setup.text(old).unwrap_or_default())?;
        secrets.extend(earlier.into_iter().filter_map(|earlier| match earlier.key {
            EarlierKey::Master(key) => Some(SheetSecret {
                day: Some(earlier.day),
                ..of_key(format!("Old key{whose}"), old, &key)
            }),
            // it opens no backup
            EarlierKey::Catalog(_) => None,
        }));
        Ok(())
    }
}

/// With its checksum, whichever way it is set.
fn of_key(name: String, variable: &str, key: &MasterKey) -> SheetSecret {
    SheetSecret {
        name,
        variable: variable.to_owned(),
        text: key.encode(),
        day: None,
        key_id: Some(key.key_id()),
    }
}
