//! What this machine can do by its settings, so that no page offers what would fail.

use std::collections::{BTreeMap, BTreeSet};

use crate::{backup::Label, config::Config, seal::Secret};

/// What this machine can do by its settings.
#[derive(Debug, Clone, Default)]
pub(super) struct Abilities {
    configured: BTreeSet<Label>,
    /// Whether the key for all databases opens backups, and not the catalog alone.
    opens: bool,
    /// The same of keys of single databases.
    opens_own: BTreeMap<Label, bool>,
}

impl Abilities {
    pub(super) fn of(config: &Config) -> Self {
        let opens = |secret: &Secret| !secret.is_catalog_key();
        let own = config.own_keys.iter();
        Self {
            configured: config.databases.iter().map(|one| one.label.clone()).collect(),
            opens: config.secret.as_ref().is_some_and(opens),
            opens_own: own
                .map(|(label, keys)| (label.clone(), keys.iter().any(|key| opens(&key.secret))))
                .collect(),
        }
    }

    /// The databases of the settings.
    pub(super) fn configured(&self) -> &BTreeSet<Label> {
        &self.configured
    }

    /// Whether its backups are opened here: for a drill, and to read one back.
    pub(super) fn opens(&self, label: &Label) -> bool {
        self.opens_own.get(label).copied().unwrap_or(self.opens)
    }

    /// Whether it is backed up from here.
    pub(super) fn backs_up(&self, label: &Label) -> bool {
        self.configured.contains(label) && self.opens(label)
    }
}
