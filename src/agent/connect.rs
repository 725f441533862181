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

/// That there is no key for certificates, since each repository has its own.
pub(super) fn no_certificate_key() -> Error {
    usage(
        "there is no repository here yet, and each has its own key for certificates",
        "the first backup begins it; `pgcoffer certificate key` prints the key then",
    )
}

pub(super) fn parse_label(text: Option<&str>) -> Result<Option<Label>> {
    let label = text.map(Label::parse).transpose();
    label.map_err(|e| usage(e.to_string(), "`pgcoffer list` shows the databases that have backups"))
}
