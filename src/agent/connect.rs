//! The bucket, the clients, and the keys that a verb takes.

use std::time::Duration;

use super::{Agent, usage};
use crate::{
    backup::Label,
    catalog::Catalog,
    error::{Error, Result},
    panics::caught,
    postgres::Clients,
    store::{Options, Store},
};

/// How long a look for credentials, or for client programs, may take after a signal: then a record can still be left.
const GRACE: Duration = Duration::from_secs(3);

impl Agent {
    /// The catalog of the bucket. Connects on the first call, which may take as long as credentials take to be found.
    ///
    /// # Errors
    /// [`Error::Usage`] where no bucket or no key is set; [`Error::Store`] where there are no credentials.
    pub(crate) async fn catalog(&self) -> Result<&Catalog> {
        let connect = async {
            let keys = self.config.keys_for_reading()?;
            let store = self.store(self.config.store.clone()).await?;
            Ok(Catalog::new(store, keys, self.config.repository).keeping(self.config.place_retention))
        };
        self.catalog.get_or_try_init(|| connect).await
    }

    pub(super) async fn store(&self, mut options: Options) -> Result<Store> {
        if let Some(server) = &self.config.sftp {
            return self.connect_server(server);
        }
        options.quick = self.environment.is_watched;
        let location = self.config.location()?.clone();
        let connect = async { Ok(Store::connect(location, options).await?) };
        self.interrupt.or_after(GRACE, Box::pin(connect)).await
    }

    /// The installed client programs. Looks for them on the first call.
    pub(crate) async fn clients(&self) -> Result<&Clients> {
        let discover = async {
            let (pg_bin, variables) = (self.config.pg_bin.as_deref(), self.environment.variables.clone());
            let discover = async { Ok(Clients::discover(pg_bin, variables).await) };
            self.interrupt.or_after(GRACE, discover).await
        };
        self.clients.get_or_try_init(|| discover).await
    }

    /// Refuses, before anything is done, what takes the key itself where only catalog keys are set. `doing` ends the
    /// sentence "to … takes the key itself".
    pub(super) fn check_key(&self, doing: &str) -> Result<()> {
        let keys = self.config.keys();
        match !keys.secrets().is_empty() && keys.are_catalog_keys() {
            true => Err(only_catalog_key(doing)),
            false => Ok(()),
        }
    }

    /// The result of a verb that notifies people itself. A bug that nothing else has caught is reported as a failure
    /// is.
    pub(super) async fn or_report_panic<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        // a type of its own for what is deep already
        match caught(Box::pin(work)).await {
            Ok(result) => result,
            Err(panic) => self.or_report(None, Err(panic.into())).await,
        }
    }

    /// Reports what kept a verb from beginning, and gives it back.
    pub(super) async fn or_report<T>(&self, database: Option<&Label>, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.notifications.failed(database, error, &self.interrupt).await;
        }
        result
    }

    /// The databases that are meant: the one named, those configured, or where none is configured those in the bucket.
    pub(super) async fn labels(&self, catalog: &Catalog, database: Option<&str>) -> Result<Vec<Label>> {
        if let Some(one) = parse_label(database)? {
            return Ok(vec![one]);
        }
        let configured = self.configured();
        if configured.is_empty() {
            return self.interrupt.or(catalog.databases()).await;
        }
        Ok(configured)
    }

    /// The databases that are configured or in the bucket, where this one is neither; none where it is, or where the
    /// bucket's folders may not be listed.
    pub(super) async fn others_than(&self, catalog: &Catalog, label: &Label) -> Result<Option<Vec<Label>>> {
        let mut known = self.configured();
        if known.contains(label) {
            return Ok(None);
        }
        let look = async { Ok(catalog.databases().await.ok()) };
        let Some(there) = self.interrupt.or(look).await? else {
            return Ok(None);
        };
        known.extend(there);
        known.sort();
        known.dedup();
        Ok((!known.contains(label)).then_some(known))
    }

    /// The labels of the configured databases.
    pub(super) fn configured(&self) -> Vec<Label> {
        let databases = self.config.databases.iter();
        databases.map(|database| database.label.clone()).collect()
    }
}

/// That something takes the key itself.
pub(super) fn only_catalog_key(doing: &str) -> Error {
    usage(
        format!("a catalog key opens no backup, and to {doing} takes the key itself"),
        "do this where the key is set as PGCOFFER_KEY, in the place of PGCOFFER_CATALOG_KEY: it stands on the recovery \
         sheet, or where it was stored",
    )
}

/// That no database is called so. `known`: those that are configured or in the bucket.
pub(super) fn no_database_called(label: &Label, known: &[Label], catalog: &Catalog) -> Error {
    let (place, of_place) = (catalog.store().location(), catalog.store().setting());
    let what = format!("no database \"{label}\" is configured or in {place}");
    let setting = format!("PGCOFFER_DB_{}_URL", label.as_str().to_ascii_uppercase());
    if known.is_empty() {
        let hint = format!("set {setting}, or as {of_place} the place that has its backups");
        return usage(format!("{what}, and no other"), hint);
    }
    let names: Vec<&str> = known.iter().map(Label::as_str).collect();
    let hint = match Label::nearest(label.as_str(), known) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("name one of those, or set {setting}"),
    };
    usage(format!("{what}; there is: {}", names.join(", ")), hint)
}

/// That there is no key for certificates, since each repository has its own.
pub(super) fn no_certificate_key() -> Error {
    usage(
        "there is no repository here yet, and each has its own key for certificates",
        "the first backup begins it; `pgcoffer certificate key` prints the key then",
    )
}

pub(super) fn parse_label(text: Option<&str>) -> Result<Option<Label>> {
    let label = text.map(Label::parse).transpose();
    label.map_err(|e| {
        let shown = "`pgcoffer list` shows the databases that have backups";
        let hint = match text.and_then(Label::fitting) {
            Some(fitting) => format!("did you mean {fitting}? {shown}"),
            None => shown.to_owned(),
        };
        usage(e.to_string(), hint)
    })
}
