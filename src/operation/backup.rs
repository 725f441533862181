use std::{future::Future, time::Duration};

use jiff::Timestamp;

use super::{Interrupt, Progress, outbound::Outbound};
use crate::{
    archive::{Contents, LargeObjects, TableData},
    backup::{
        BackupId, Client, Failure, Label, RECORD_VERSION, Record, Retention, Sealed, Server,
        Source, Status, TableFingerprint, Tier,
    },
    catalog::Catalog,
    error::{Error, Result},
    postgres::{self, Clients, DatabaseUrl, Dump, DumpOptions, Inspection, Session},
    seal::{self, Content, Identity, Sealer, Secret},
    store::{PartPlan, TagsKept},
};

/// Records that are looked through for the size of the last good backup.
const RECORDS_LOOKED_AT: usize = 5;

/// How much later than pg_dump we may see a signal that went to both.
const SIGNAL_LAG: Duration = Duration::from_millis(300);
/// Time to abort the upload and leave a record: after a signal a platform waits some 30 s and kills.
const CLEAN_UP_AFTER_SIGNAL: Duration = Duration::from_secs(8);
const CLEAN_UP: Duration = Duration::from_secs(120);

/// One backup to be taken.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// label of the database
    pub database: Label,
    /// where it is
    pub url: DatabaseUrl,
    /// what seals it
    pub secret: Secret,
    /// the tier it serves
    pub tier: Tier,
    /// how long it is kept
    pub retention: Retention,
    /// zstd's level, or none
    pub level: Option<i32>,
    /// part size of the upload, where it isn't to be chosen from what is expected
    pub part_bytes: Option<u64>,
}

/// Takes one backup, and leaves a record of the run whether it succeeded or not.
///
/// The order of writes: pg_dump has ended with 0 and its archive was whole; then the last frame is sealed; then the upload
/// is completed and confirmed; then the record is written. Stopped anywhere before, there is no backup.
///
/// # Errors
/// Whatever failed first; [`Error::Interrupted`] where `interrupt` was raised. The upload has then been given up.
pub async fn backup(
    catalog: &Catalog,
    clients: &Clients,
    request: &BackupRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Record> {
    let mut run = Run::begin(catalog, request).await?;
    let outcome = interrupt.or(run.attempt(clients, progress)).await;
    match outcome {
        Ok(()) => Ok(run.record),
        // somebody else's run is under way: this one was none
        Err(error @ Error::Postgres(postgres::Error::Locked { .. })) => Err(error),
        Err(error) => {
            let error = signal_first(error, interrupt).await;
            run.clean_up(&error).await;
            Err(error)
        }
    }
}

/// A signal to all processes at once may end pg_dump before we see ours: then the signal is the cause.
pub(super) async fn signal_first(error: Error, interrupt: &Interrupt) -> Error {
    let child = matches!(
        &error,
        Error::Postgres(postgres::Error::DumpFailed(_) | postgres::Error::LoadFailed(_))
    );
    if !child {
        return error;
    }
    let lag = tokio::time::timeout(SIGNAL_LAG, interrupt.raised());
    lag.await.unwrap_or(error)
}

/// One run: its record as it grows.
struct Run<'a> {
    catalog: &'a Catalog,
    request: &'a BackupRequest,
    identity: Identity,
    record: Record,
}

impl<'a> Run<'a> {
    async fn begin(catalog: &'a Catalog, request: &'a BackupRequest) -> Result<Self> {
        let (secret, database) = (request.secret.clone(), request.database.clone());
        // with a passphrase this stretches it, which takes a while
        let identity = super::ordered::done(tokio::task::spawn_blocking(move || {
            secret.identity(database.as_str())
        }))
        .await?
        .map_err(|e| Error::seal("the key", e))?;
        let started = Timestamp::now();
        let record = Record {
            version: RECORD_VERSION,
            id: BackupId::new(&identity, &request.database, started),
            database: request.database.clone(),
            tier: request.tier,
            retention: request.retention,
            expires: request.retention.expires(started),
            started,
            finished: started,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            status: Status::Succeeded,
            warnings: Vec::new(),
            source: None,
            sealed: None,
            tables: Vec::new(),
            large_objects: LargeObjects::default(),
        };
        Ok(Self {
            catalog,
            request,
            identity,
            record,
        })
    }

    /// From the first connection to the commit.
    async fn attempt(&mut self, clients: &Clients, progress: &Progress) -> Result<()> {
        let label = self.request.database.as_str();
        let mut session = Session::connect(&self.request.url).await?;
        session.lock(label).await?;
        self.take_free_id().await?;
        let inspection = session.inspect().await?;
        inspection.check()?;
        let (client, warning) = clients.for_dump(inspection.server_major)?;
        self.warn(warning.map(|warning| warning.to_string()));
        let earlier = self.earlier().await?;
        let plan = self.plan(&inspection, earlier.as_ref());
        progress.expect(earlier.map_or(inspection.table_bytes, |sealed| sealed.dump_bytes));

        let options = DumpOptions::new(inspection.server_major);
        self.record.source = Some(source(&inspection, client, &options));
        self.announce(&inspection, client, &plan);
        let mut outbound = self.begin_upload(plan, progress).await?;
        let mut dump = Dump::start(client, &self.request.url, &options)?;
        let reader = watched(&mut session, outbound.carry(dump.take_stdout()?)).await;
        // where pg_dump failed, its own words come before what its half archive looks like
        let reader = match reader {
            Ok(reader) => {
                let report = dump.finish().await?;
                self.record.warnings.extend(report.warnings);
                reader
            }
            Err(error) => return Err(dump.abort().await.map_or(error, Error::from)),
        };
        let contents = reader.finish().map_err(Error::Dump)?;
        let (stored, compression) = outbound.end().await?;

        self.warn(tags_warning(stored.tags));
        self.warn(stored.unconfirmed.then(|| {
            "the bucket does not let us look at what was stored: its size is unconfirmed".to_owned()
        }));
        self.record.sealed = Some(Sealed {
            key: Catalog::archive_path(&self.record.database, self.record.tier, &self.record.id),
            bytes: stored.bytes,
            dump_bytes: contents.length,
            etag: stored.etag,
            crc64nvme: stored.crc64nvme,
            part_bytes: plan.part_bytes,
            compression,
        });
        self.take_contents(&contents);
        self.record.finished = Timestamp::now();
        self.catalog
            .commit(&self.record, &self.request.secret, &self.tags())
            .await?;
        Ok(())
    }

    /// Ids are of whole seconds, and nothing is overwritten: where the last run of this database began in the same one, waits
    /// for the next. Under the lock nobody else takes it.
    async fn take_free_id(&mut self) -> Result<()> {
        while self.catalog.is_taken(&self.record).await? {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let started = Timestamp::now();
            self.record.id = BackupId::new(&self.identity, &self.request.database, started);
            self.record.expires = self.request.retention.expires(started);
            self.record.started = started;
        }
        Ok(())
    }

    /// The last good backup, which tells best how large this one will be.
    async fn earlier(&self) -> Result<Option<Sealed>> {
        let listed = self
            .catalog
            .list(Some(&self.request.database), RECORDS_LOOKED_AT)
            .await;
        match listed {
            Ok(listing) => Ok(listing
                .records
                .into_iter()
                .find(Record::is_good)
                .and_then(|record| record.sealed)),
            // who may only write can still back up
            Err(Error::Store(error)) if error.kind == crate::store::Kind::Denied => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn plan(&self, inspection: &Inspection, earlier: Option<&Sealed>) -> PartPlan {
        let parts_max = self.catalog.store().parts_max();
        match self.request.part_bytes {
            Some(part_bytes) => PartPlan::of_part_bytes(part_bytes, parts_max),
            None => PartPlan::for_expected(
                earlier.map_or(inspection.table_bytes, |sealed| sealed.bytes),
                parts_max,
            ),
        }
    }

    async fn begin_upload(&self, plan: PartPlan, progress: &Progress) -> Result<Outbound> {
        let compression = if self.request.level.is_some() {
            seal::Compression::Zstd
        } else {
            seal::Compression::None
        };
        let (id, label) = (self.record.id.as_str(), self.request.database.as_str());
        let (sealer, header) = Sealer::new(
            id,
            Content::Archive,
            compression,
            label,
            &self.request.secret,
        )
        .map_err(|e| Error::seal(id, e))?;
        let path = Catalog::archive_path(&self.record.database, self.record.tier, &self.record.id);
        let store = self.catalog.store();
        let upload = store
            .begin_upload(&store.location().key(&path), plan, &self.tags())
            .await?;
        Outbound::begin(
            sealer,
            &header,
            upload,
            self.request.level,
            progress.clone(),
        )
        .await
    }

    fn take_contents(&mut self, contents: &Contents) {
        self.record.tables = contents.tables.iter().map(fingerprint).collect();
        self.record.large_objects = contents.large_objects;
    }

    fn warn(&mut self, warning: Option<String>) {
        if let Some(warning) = warning {
            tracing::warn!(database = %self.request.database, "{warning}");
            self.record.warnings.push(warning);
        }
    }

    fn announce(&self, inspection: &Inspection, client: &postgres::Client, plan: &PartPlan) {
        tracing::info!(
            database = %self.request.database,
            id = %self.record.id,
            server = %inspection.server_version,
            pg_dump = %client.version,
            tables = inspection.tables,
            part_bytes = plan.part_bytes,
            "dumping {}", self.request.url
        );
    }

    /// Tags of archive and record, by which S3's own lifecycle, IAM and cost reports can tell them.
    fn tags(&self) -> Vec<(String, String)> {
        let mut tags = vec![
            ("pgcoffer:owner".to_owned(), self.identity.owner()),
            (
                "pgcoffer:database".to_owned(),
                self.record.database.to_string(),
            ),
            ("pgcoffer:tier".to_owned(), self.record.tier.to_string()),
            (
                "pgcoffer:retain".to_owned(),
                self.record.retention.to_string(),
            ),
        ];
        tags.extend(
            self.record
                .expires
                .map(|time| ("pgcoffer:expires".to_owned(), time.to_string())),
        );
        tags
    }

    /// Aborts the upload and leaves a record of the failure, in bounded time.
    async fn clean_up(&mut self, error: &Error) {
        let limit = match error {
            Error::Interrupted { .. } => CLEAN_UP_AFTER_SIGNAL,
            _ => CLEAN_UP,
        };
        let store = self.catalog.store().clone();
        let work = async { tokio::join!(store.settle(), self.leave_failure(error)) };
        if tokio::time::timeout(limit, work).await.is_err() {
            tracing::warn!(
                "the bucket does not answer: an upload that was given up may still be stored, and this failed run left no record"
            );
        }
    }

    /// Writes the record of a failed run, so that the history shows it. Where that can't be done either, the run's own
    /// error is what counts.
    async fn leave_failure(&mut self, error: &Error) {
        self.record.finished = Timestamp::now();
        self.record.sealed = None;
        self.record.tables.clear();
        self.record.large_objects = LargeObjects::default();
        self.record.status = Status::Failed(Failure {
            error: error.to_string(),
            hint: error.hint(),
            exit_status: error.exit_status(),
        });
        let tags = self.tags();
        let written = self
            .catalog
            .commit_failure(&self.record, &self.request.secret, &tags);
        if let Err(also) = written.await {
            tracing::warn!(database = %self.request.database, "the record of this failed run could not be written: {also}");
        }
    }
}

/// Carries out `work` while the session that holds the lock is kept alive. A lost session loses the lock, not the dump,
/// which has a connection of its own.
async fn watched<T>(session: &mut Session, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return result,
        lost = session.keep_alive() => tracing::warn!("the lock of this run is gone: {lost}"),
    }
    work.await
}

/// A table as the record names it.
pub(super) fn fingerprint(table: &TableData) -> TableFingerprint {
    TableFingerprint {
        schema: table.schema.clone(),
        name: table.name.clone(),
        rows: table.rows,
        bytes: table.bytes,
        fingerprint: table.fingerprint,
        span: (table.start, table.end),
    }
}

fn source(inspection: &Inspection, client: &postgres::Client, options: &DumpOptions) -> Source {
    Source {
        server: Server {
            version: inspection.server_version.clone(),
            major: inspection.server_major,
            database: inspection.database.clone(),
            table_bytes: inspection.table_bytes,
            standby: inspection.in_recovery,
            extensions: inspection.extensions.clone(),
        },
        client: Client {
            version: client.version.clone(),
            major: client.major,
        },
        options: options.arguments(client),
    }
}

fn tags_warning(tags: TagsKept) -> Option<String> {
    let text = match tags {
        TagsKept::Yes => return None,
        TagsKept::Refused => {
            "this service refuses tags: the backup has none, its record holds the same facts"
        }
        TagsKept::Lost => {
            "this service took the tags and doesn't show them: the backup's record holds the same facts"
        }
    };
    Some(text.to_owned())
}
