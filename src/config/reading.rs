//! Settings while they are read: what was read of them so far.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Config, DEFAULT_DRILL_TIMEOUT, DEFAULT_DUMP_IDLE_TIMEOUT, DEFAULT_KEEP_LAST, DEFAULT_LEVEL, DEFAULT_RETAIN_MANUAL,
    dashboard::DashboardReading,
    drills::{DrillReading, ScheduledDrills},
    dynos::DynoReading,
    monitoring::Serving,
    notices::{NoticeReading, Notices},
    places::PlacesReading,
    schedules::Schedules,
    seen::SeenDatabases,
};
use crate::{
    backup::Label, catalog::Key, error::Fault, operation::DrillGround, postgres::DatabaseUrl, rights::AccessMode,
    seal::Secret, store::Options,
};

/// The settings while they are being read.
pub(super) struct Reading {
    pub(super) config: Config,
    pub(super) key: Option<Secret>,
    pub(super) catalog_key: Option<Secret>,
    pub(super) passphrase: Option<Secret>,
    pub(super) urls: BTreeMap<Label, DatabaseUrl>,
    /// Databases that are named, also those whose URL can't be used.
    pub(super) named: BTreeSet<Label>,
    /// Databases that are logged in to by tokens of IAM.
    pub(super) by_iam: BTreeSet<Label>,
    pub(super) keys: BTreeMap<Label, Secret>,
    pub(super) catalog_keys: BTreeMap<Label, Secret>,
    pub(super) old_keys: BTreeMap<Label, Vec<Key>>,
    pub(super) schedules: Schedules,
    pub(super) drills: DrillReading,
    pub(super) notices: NoticeReading,
    pub(super) dynos: DynoReading,
    pub(super) dashboard: DashboardReading,
    pub(super) places: PlacesReading,
    /// Variables that are set and can't be used: what needs them does not report them as missing.
    pub(super) wrong: BTreeSet<String>,
    pub(super) faults: Vec<Fault>,
}

impl Default for Reading {
    fn default() -> Self {
        let config = Config {
            databases: Vec::new(),
            seen: SeenDatabases::default(),
            secret: None,
            old_keys: Vec::new(),
            own_keys: BTreeMap::new(),
            certificate_keys: Vec::new(),
            repository: None,
            location: None,
            store: Options::default(),
            places: Vec::new(),
            copies_min: None,
            sftp: None,
            place_retention: None,
            pg_bin: None,
            drill_ground: DrillGround::default(),
            drill_sql: None,
            drills: ScheduledDrills::default(),
            drill_timeout: DEFAULT_DRILL_TIMEOUT,
            timezone: None,
            level: Some(DEFAULT_LEVEL),
            keep_last: DEFAULT_KEEP_LAST,
            retain_manual: DEFAULT_RETAIN_MANUAL,
            retains_by_default: true,
            dump_idle_timeout: DEFAULT_DUMP_IDLE_TIMEOUT,
            cold: Vec::new(),
            mode: AccessMode::Full,
            serving: Serving::default(),
            dashboard: None,
            weak_passphrase: None,
            notices: Notices::default(),
        };
        Self {
            config,
            key: None,
            catalog_key: None,
            passphrase: None,
            urls: BTreeMap::new(),
            named: BTreeSet::new(),
            by_iam: BTreeSet::new(),
            keys: BTreeMap::new(),
            catalog_keys: BTreeMap::new(),
            old_keys: BTreeMap::new(),
            schedules: Schedules::default(),
            drills: DrillReading::default(),
            notices: NoticeReading::default(),
            dynos: DynoReading::default(),
            dashboard: DashboardReading::default(),
            places: PlacesReading::default(),
            wrong: BTreeSet::new(),
            faults: Vec::new(),
        }
    }
}
