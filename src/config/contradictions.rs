//! Settings that contradict one another, or that lack one another.

use super::{
    drills::{DRILL, DRILL_OF_DATABASE},
    names::of_database,
    notices::PING_OF_DATABASE,
    reading::Reading,
    schedules::SCHEDULE_OF_DATABASE,
    table::{
        bucket::SSE_KMS_KEY_ID,
        databases::{AUTH, URL},
        keys::{
            CATALOG_KEY, CATALOG_KEY_OF_DATABASE, KEY, KEY_OF_DATABASE, OLD_KEYS_OF_DATABASE, PASSPHRASE, REPOSITORY,
        },
    },
};
use crate::{error::Fault, rights::AccessMode, seal::KeyFault};

impl Reading {
    /// Refuses what can't hold together.
    pub(super) fn refuse_contradictions(&mut self) {
        self.refuse_key_beside_passphrase();
        self.refuse_catalog_keys_beside_keys();
        self.refuse_key_without_kms();
        self.refuse_key_for_catalog_key();
        self.refuse_strays();
        self.refuse_forgotten();
        self.refuse_drills_unseen();
    }

    fn refuse_key_beside_passphrase(&mut self) {
        if self.key.is_some() && self.passphrase.is_some() {
            self.faults.push(Fault {
                variable: PASSPHRASE.to_owned(),
                why: "PGCOFFER_KEY is set as well, and only one of them can seal".to_owned(),
                hint: Some(
                    "unset one; backups sealed with an earlier key open with PGCOFFER_OLD_KEYS (KEY@2026-11-01)"
                        .to_owned(),
                ),
            });
        }
    }

    /// Whoever has a key needs no catalog key, and one beside it would leave open which of them a machine is to have.
    fn refuse_catalog_keys_beside_keys(&mut self) {
        let refused = |catalog_key: String, other: String| Fault {
            why: format!(
                "{other} is set as well, and whoever has that needs no catalog key: is this machine to open backups, \
                 or only to watch and prune them?"
            ),
            hint: Some(format!(
                "where backups are made or restored, unset {catalog_key}; where they are watched or pruned, unset \
                 {other}"
            )),
            variable: catalog_key,
        };
        let other = match (&self.key, &self.passphrase) {
            (Some(_), _) => Some(KEY),
            (None, Some(_)) => Some(PASSPHRASE),
            (None, None) => None,
        };
        if let (Some(_), Some(other)) = (&self.catalog_key, other) {
            let fault = refused(CATALOG_KEY.to_owned(), other.to_owned());
            self.faults.push(fault);
        }
        let both = self.catalog_keys.keys();
        for label in both.filter(|label| self.keys.contains_key(*label)) {
            self.faults.push(refused(
                of_database(CATALOG_KEY_OF_DATABASE, label),
                of_database(KEY_OF_DATABASE, label),
            ));
        }
    }

    /// A key is for the KMS alone: AES256 has none that could be named.
    fn refuse_key_without_kms(&mut self) {
        let store = &self.config.store;
        let encryption = store.encryption.as_ref().map(|sse| sse.as_str());
        if store.kms_key.is_some() && encryption == Some("AES256") {
            self.faults.push(Fault {
                variable: SSE_KMS_KEY_ID.to_owned(),
                why: "PGCOFFER_SSE is AES256, which knows no key of the KMS".to_owned(),
                hint: Some("set PGCOFFER_SSE=aws:kms, or unset one of the two".to_owned()),
            });
        }
    }

    /// In drop-box mode nothing can be read, so nothing can be drilled.
    fn refuse_drills_unseen(&mut self) {
        let mut names: Vec<String> = self
            .drills
            .own
            .keys()
            .map(|label| of_database(DRILL_OF_DATABASE, label))
            .collect();
        names.extend(self.drills.for_all.as_ref().map(|_| DRILL.to_owned()));
        if let Some(variable) = names.pop().filter(|_| self.config.mode == AccessMode::DropBox) {
            self.faults.push(Fault {
                variable,
                why: "in drop-box mode nothing is read, so nothing can be drilled".to_owned(),
                hint: Some(
                    "set it on another machine, with the credentials of `pgcoffer policy --mode drill`".to_owned(),
                ),
            });
        }
    }

    /// In drop-box mode the repository can't be read from the bucket; and earlier keys of a database without a present
    /// one would be its only ones.
    fn refuse_forgotten(&mut self) {
        if self.config.mode == AccessMode::DropBox && self.config.repository.is_none() {
            self.faults.push(Fault {
                variable: REPOSITORY.to_owned(),
                why: "in drop-box mode it has to be set: which repository this is can't be read from the \
                    bucket"
                    .to_owned(),
                hint: Some(
                    "`pgcoffer repository` prints it on a machine that reads this bucket; for a new place \
                    `pgcoffer keygen --repository` makes one"
                        .to_owned(),
                ),
            });
        }
        let orphaned = self
            .old_keys
            .keys()
            .filter(|label| !self.keys.contains_key(*label))
            .filter(|label| !self.catalog_keys.contains_key(*label));
        for label in orphaned {
            self.faults.push(Fault {
                variable: of_database(OLD_KEYS_OF_DATABASE, label),
                why: "this database has earlier keys of its own and no present one".to_owned(),
                hint: Some(format!(
                    "set {} too, or where it is only watched {}; a database that is sealed under PGCOFFER_KEY has its \
                     earlier keys in PGCOFFER_OLD_KEYS",
                    of_database(KEY_OF_DATABASE, label),
                    of_database(CATALOG_KEY_OF_DATABASE, label),
                )),
            });
        }
    }

    /// The key of a database `x_catalog`, or by mistake that of `x` where its catalog key was meant.
    fn refuse_key_for_catalog_key(&mut self) {
        let unnamed = self.keys.keys().filter(|label| !self.named.contains(*label));
        for label in unnamed.filter(|label| label.as_str().ends_with(CATALOG_ENDING)) {
            let name = label.as_str().to_ascii_uppercase();
            self.faults.push(Fault {
                variable: of_database(KEY_OF_DATABASE, label),
                why: KeyFault::IsMasterKey.to_string(),
                hint: Some(format!(
                    "`pgcoffer keygen --catalog` prints the catalog key of the key that is set; where a database \
                     itself is called {name}, set its key as PGCOFFER_KEY to read what is its"
                )),
            });
        }
    }

    /// A setting of a database that isn't configured would have no effect, and nobody would notice.
    fn refuse_strays(&mut self) {
        // where no database is to be backed up, keys are there to read with; catalog keys are so anywhere
        let backs_up = !self.named.is_empty();
        let keys = self.keys.keys().map(|label| (label, "key", KEY_OF_DATABASE));
        let keys = keys.filter(|(label, ..)| backs_up && !label.as_str().ends_with(CATALOG_ENDING));
        let schedules = self.schedules.own.keys();
        let schedules = schedules.map(|label| (label, "schedule", SCHEDULE_OF_DATABASE));
        let logins = self.by_iam.iter().map(|label| (label, "login", AUTH));
        let pings = self.notices.pings.keys();
        let pings = pings.map(|label| (label, "ping URL", PING_OF_DATABASE));
        let strays = keys
            .chain(schedules)
            .chain(logins)
            .chain(pings)
            .filter(|(label, ..)| !self.named.contains(*label));
        let faults = strays.map(|(label, what, name)| Fault {
            variable: of_database(name, label),
            why: format!("it is the {what} of a database that isn't configured"),
            hint: Some(format!("set {}", of_database(URL, label))),
        });
        self.faults.extend(faults);
    }
}

/// How the label of a database ends whose key has a name that may be another database's catalog key.
const CATALOG_ENDING: &str = "_catalog";
