//! The verbs that concern one backup: `show`, `get`, `open`, `verify`, `restore`, and what people decide about it.

use std::path::Path;

use jiff::Timestamp;

use super::{
    Agent, ShownDrills,
    connect::{only_catalog_key, parse_label},
    usage,
};
use crate::{
    backup::{BackupId, Details, Label, Mark, Record, Retention},
    catalog::{BackupSelector, Catalog, ListedCopies},
    config::no_key,
    error::{Error, Result},
    operation::{
        self, BackupContents, ChangedMark, Fetched, FetchedTable, MarkChange, PreparedRestore, Progress,
        RestorePreview, RestoreReport, RestoreRequest, Retaining, RowFormat, Sampled, TableName, Target, ThawRequest,
        Verified,
    },
    postgres::{self, DatabaseUrl},
};

/// Which backup is meant.
#[derive(Debug, Clone, Copy)]
pub struct Selector<'a> {
    /// An id or a part of one, `latest` or `latest:TIER`; none for `latest`.
    pub id: Option<&'a str>,
    /// The moment before which it began: the newest good one of those.
    pub before: Option<Timestamp>,
    /// The label of its database; none for any.
    pub database: Option<&'a str>,
}

/// One backup, as far as the keys at hand can see into it.
#[derive(Debug)]
pub struct ShownBackup {
    /// The entry.
    pub record: Record,
    /// What is inside; none where the details are lost or the keys at hand don't open them.
    pub details: Option<Details>,
    /// Whether the keys at hand can see what is inside.
    pub sees_inside: bool,
    /// What people decided about it, and what they were notified of.
    pub mark: Option<Mark>,
    /// What drills have shown of it.
    pub drills: ShownDrills,
    /// Which places beside the bucket hold it.
    pub copies: ListedCopies,
    /// When its archive was last read back as a whole and was good.
    pub last_read_back: Option<Timestamp>,
    /// What time it is, by the bucket's clock if that is known.
    pub seen: Timestamp,
}

impl Agent {
    /// Shows one backup.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchBackup`], and what the bucket refuses.
    pub async fn show(&self, selector: Selector<'_>) -> Result<ShownBackup> {
        let catalog = self.catalog().await?;
        let record = self.find(catalog, selector).await?;
        let mark = self.interrupt.or(catalog.mark(&record.database, &record.id)).await?;
        let details = self.interrupt.or(catalog.known_details(&record)).await?;
        let sees_inside = details.is_some() || {
            let seen = catalog.sees_inside(&record.database, &record.id);
            self.interrupt.or(seen).await?
        };
        let seen = catalog.store().service_time().unwrap_or_else(|| self.clock.now());
        let last_read_back = catalog.last_read_back(&record, mark.as_ref(), seen);
        let last_read_back = self.interrupt.or(last_read_back).await?;
        Ok(ShownBackup {
            drills: self.drills_of(catalog, &record).await?,
            copies: match record.is_good() {
                true => self.copies_of(catalog, &[&record]).await?,
                false => ListedCopies::default(),
            },
            record,
            details,
            sees_inside,
            mark,
            last_read_back,
            seen,
        })
    }

    /// Finds the backup that `doing` ("get", "verify", "restore") is to be done with. Its details are needed.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchBackup`]; [`crate::Error::Usage`] where only a catalog key is set.
    pub async fn find_to(&self, doing: &str, selector: Selector<'_>) -> Result<Record> {
        self.check_key(&format!("{doing} one"))?;
        let catalog = self.catalog().await?;
        let record = self.find(catalog, selector).await?;
        let seen = catalog.sees_inside(&record.database, &record.id);
        match self.interrupt.or(seen).await? {
            true => Ok(record),
            false => Err(only_catalog_key(&format!("{doing} {}", record.id))),
        }
    }

    pub(super) async fn find(&self, catalog: &Catalog, selector: Selector<'_>) -> Result<Record> {
        let wanted = BackupSelector::parse(selector.id.map(id_of_path), selector.before);
        let as_database = || selector.id.and_then(|id| self.is_a_database(id));
        let as_file = || selector.id.and_then(operation::file_instead_of_id);
        let wanted = wanted.map_err(|error| as_database().or_else(as_file).unwrap_or(error))?;
        let database = parse_label(selector.database)?;
        let found = async {
            match catalog.find(&wanted, database.as_ref(), self.clock.now()).await {
                Err(error @ Error::NoSuchBackup { .. }) => Err(match &database {
                    Some(label) => no_such_database(catalog, label).await.unwrap_or(error),
                    // a name may look like a part of an id
                    None => as_database().unwrap_or(error),
                }),
                found => found,
            }
        };
        self.interrupt.or(found).await
    }

    /// The error that a database's name stands in the place of a backup's id, where one is called so.
    fn is_a_database(&self, text: &str) -> Option<Error> {
        let label = Label::parse(text).ok()?;
        self.configured().contains(&label).then(|| {
            usage(
                format!("{label} is the name of a database, and not a backup's id"),
                format!("for its newest good backup give latest --database {label}; `pgcoffer list` shows the others"),
            )
        })
    }

    /// Makes sure that the archive of a backup can be read, which in cold storage may take hours.
    ///
    /// # Errors
    /// [`crate::Error::Store`] where it is not to be waited for; what the bucket refuses.
    pub async fn thaw(&self, record: &Record, request: &ThawRequest) -> Result<()> {
        let catalog = self.catalog().await?;
        self.interrupt.or(operation::thaw(catalog, record, request)).await
    }

    /// Downloads a backup, checks it and writes it to `target`: opened, or as it stands in the bucket.
    ///
    /// # Errors
    /// Those of [`operation::get`].
    pub async fn get(&self, record: &Record, target: &Target, sealed: bool, progress: &Progress) -> Result<Fetched> {
        let catalog = self.catalog().await?;
        let work = operation::get(catalog, record, target, sealed, progress);
        self.interrupt.or(work).await
    }

    /// Writes the rows of one table of a backup to `target`.
    ///
    /// # Errors
    /// Those of [`operation::get_table`].
    pub async fn get_table(
        &self,
        record: &Record,
        table: &TableName,
        format: RowFormat,
        target: &Target,
        progress: &Progress,
    ) -> Result<FetchedTable> {
        let catalog = self.catalog().await?;
        let work = operation::get_table(catalog, record, table, format, target, progress);
        self.interrupt.or(work).await
    }

    /// Lists what is inside a backup, and what belongs to each table.
    ///
    /// # Errors
    /// Those of [`operation::backup_contents`].
    pub async fn contents(&self, record: &Record) -> Result<BackupContents> {
        let catalog = self.catalog().await?;
        self.interrupt.or(operation::backup_contents(catalog, record)).await
    }

    /// Opens a sealed archive that was downloaded already. Needs no bucket.
    ///
    /// # Errors
    /// Those of [`operation::open`], and [`crate::Error::Usage`] where no key is set.
    pub async fn open(&self, file: &Path, target: &Target, progress: &Progress) -> Result<Fetched> {
        let secrets = self.config.keys().secrets();
        let work = operation::open(file, &secrets, target, progress);
        self.interrupt.or(work).await
    }

    /// Whether there is a key that may open a sealed archive.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] where there is none, with what the file says of the key that it wants.
    pub fn check_key_for(&self, file: &Path) -> Result<()> {
        if !self.config.keys().secrets().is_empty() {
            return self.check_key("open one");
        }
        // whether there are backups at all isn't known here
        Err(match operation::sealed_for(file) {
            Ok(wanted) => usage(
                format!("no key is configured, and {} is sealed for {wanted}", file.display()),
                "set PGCOFFER_KEY to that key, or PGCOFFER_PASSPHRASE to that passphrase: it stands on the recovery \
                 sheet, or where it was stored",
            ),
            Err(_) => no_key(),
        })
    }

    /// Reads a whole backup back and checks every byte. `deep`: PostgreSQL's `pg_restore` has to read all of it as well.
    ///
    /// # Errors
    /// Those of [`operation::verify`]; with `deep` also [`crate::Error::Postgres`] where no `pg_restore` is found.
    pub async fn verify(&self, record: &Record, deep: bool, progress: &Progress) -> Result<Verified> {
        let catalog = self.catalog().await?;
        let archive_major = record.source.as_ref().map_or(0, |source| source.client.major);
        let client = match deep {
            true => Some(self.clients().await?.for_reading(archive_major)?),
            false => None,
        };
        let work = operation::verify(catalog, record, client, progress);
        self.interrupt.or(work).await
    }

    /// Reads a part of a backup back, drawn at random.
    ///
    /// # Errors
    /// Those of [`operation::sample`].
    pub async fn sample(&self, record: &Record, percent: f64, progress: &Progress) -> Result<Sampled> {
        let catalog = self.catalog().await?;
        let work = operation::sample(catalog, record, percent, progress);
        self.interrupt.or(work).await
    }

    /// Checks that a restore can begin, before an archive is waited for. Changes nothing.
    ///
    /// # Errors
    /// Those of [`operation::check_target`].
    pub async fn check_target(&self, record: &Record, request: &RestoreRequest) -> Result<()> {
        let look = operation::check_target(self.clients().await?, record, request);
        self.interrupt.or(look).await
    }

    /// Finds out what a restore would restore, and what not. Changes nothing.
    ///
    /// # Errors
    /// Those of [`operation::prepare_restore`].
    pub async fn prepare_restore<'a>(
        &'a self,
        record: &'a Record,
        request: &'a RestoreRequest,
    ) -> Result<PreparedRestore<'a>> {
        let (catalog, clients) = (self.catalog().await?, self.clients().await?);
        operation::prepare_restore(catalog, clients, record, request, &self.interrupt).await
    }

    /// What a restore that was prepared would do.
    ///
    /// # Errors
    /// Those of [`PreparedRestore::preview`].
    pub async fn preview_restore(&self, prepared: &PreparedRestore<'_>) -> Result<RestorePreview> {
        let catalog = self.catalog().await?;
        self.interrupt.or(prepared.preview(catalog)).await
    }

    /// Carries out a restore that was prepared.
    ///
    /// # Errors
    /// Those of [`operation::restore`].
    pub async fn restore(&self, prepared: PreparedRestore<'_>, progress: &Progress) -> Result<RestoreReport> {
        operation::restore(prepared, progress, &self.interrupt).await
    }

    /// The label of the configured database that a URL leads to, asked of the servers.
    ///
    /// # Errors
    /// [`crate::Error::Interrupted`] alone.
    pub async fn database_at(&self, target: &DatabaseUrl) -> Result<Option<String>> {
        for database in &self.config.databases {
            let same = async { Ok(postgres::is_same_database(&database.url, target).await) };
            if self.interrupt.or(same).await? {
                return Ok(Some(database.label.to_string()));
            }
        }
        Ok(None)
    }

    /// Keeps one backup for another time than it was made for, in the name of `who`.
    ///
    /// # Errors
    /// Those of [`operation::retain`].
    pub async fn retain(&self, selector: Selector<'_>, retention: Retention, who: &str) -> Result<Retaining> {
        let catalog = self.catalog().await?;
        let record = self.find(catalog, selector).await?;
        // not interrupted between the mark and the tags
        let now = self.clock.now();
        let retained = operation::retain(catalog, &record, retention, who, now).await?;
        self.decide_in_places(catalog, &record).await;
        Ok(retained)
    }

    /// Holds, releases or accepts a backup, in the name of `who`.
    ///
    /// # Errors
    /// Those of [`operation::change_mark`].
    pub async fn change_mark(&self, selector: Selector<'_>, decision: &MarkChange, who: &str) -> Result<ChangedMark> {
        let catalog = self.catalog().await?;
        let record = self.find(catalog, selector).await?;
        // not interrupted between the mark and the tag
        let changed = operation::change_mark(catalog, &record, decision, who, self.clock.now()).await?;
        self.decide_in_places(catalog, &record).await;
        Ok(changed)
    }
}

/// The id in the path of one of a backup's objects, as a listing of the bucket shows it; any other text as it is.
fn id_of_path(text: &str) -> &str {
    let name = text.rsplit('/').next().unwrap_or(text);
    let name = name.strip_suffix(".pgc").unwrap_or(name);
    match BackupId::parse(name) {
        Ok(_) => name,
        Err(_) => text,
    }
}

/// The error that a database has no backups here, where others have.
pub(super) async fn no_such_database(catalog: &Catalog, label: &Label) -> Option<Error> {
    let databases = catalog.databases().await.ok()?;
    if databases.is_empty() || databases.contains(label) {
        return None;
    }
    let names: Vec<String> = databases.iter().map(ToString::to_string).collect();
    let place = catalog.store().location();
    let none = Error::no_such_backup(
        &format!("of {label}"),
        format!("{place}, where there are backups of {}", names.join(", ")),
    );
    Some(match Label::nearest(label.as_str(), &databases) {
        Some(meant) => none.with_hint(format!("did you mean {meant}?")),
        None => none,
    })
}
