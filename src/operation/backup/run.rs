use std::{future::Future, time::Duration};

use jiff::Timestamp;

use super::{BackupRequest, fingerprint};
use crate::{
    archive::{Contents, LargeObjects},
    backup::{BackupId, Client, Failure, RECORD_VERSION, Record, Sealed, Server, Source, Status},
    catalog::Catalog,
    error::{Error, Result},
    operation::{Interrupt, Progress, ordered::done, outbound::Outbound},
    postgres::{self, Clients, Dump, DumpOptions, Inspection, Session},
    seal::{self, Content, Identity, Sealer},
    store::{Attributes, Kind, PartPlan, TagsKept},
};

/// Records that are looked through for the size of the last good backup.
const RECORDS_LOOKED_AT: usize = 5;
/// How many seconds in a row can be taken before something else is wrong.
const ID_ATTEMPTS: u32 = 8;
/// What a run that is about to be completed may still take after a signal. A platform waits some 30 s and kills.
const GRACE: Duration = Duration::from_secs(8);
/// Time to abort the upload and leave a record, after a signal and otherwise.
const CLEAN_UP_AFTER_SIGNAL: Duration = Duration::from_secs(8);
const CLEAN_UP: Duration = Duration::from_secs(120);

/// One run: its record as it grows.
pub(super) struct Run<'a> {
    catalog: &'a Catalog,
    request: &'a BackupRequest,
    identity: Identity,
    record: Record,
}

impl<'a> Run<'a> {
    pub(super) async fn begin(catalog: &'a Catalog, request: &'a BackupRequest) -> Result<Self> {
        let (secret, database) = (request.secret.clone(), request.database.clone());
        // with a passphrase this stretches it, which takes a while
        let identity = done(tokio::task::spawn_blocking(move || {
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
            serves: Vec::new(),
            started,
            finished: started,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            status: Status::Succeeded,
            warnings: Vec::new(),
            suspicious: Vec::new(),
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
    pub(super) async fn attempt(
        &mut self,
        clients: &Clients,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let mut ready = interrupt.or(self.prepare(clients, progress)).await?;
        let work = self.dump(&mut ready, progress);
        let (outbound, contents) = interrupt.or(work).await?;
        // so near the end a signal leaves some time: hours of work lie behind
        let work = self.complete(outbound, &contents, ready.plan);
        interrupt.or_after(GRACE, work).await
    }

    /// Everything that can be refused before a byte is uploaded.
    async fn prepare(&mut self, clients: &Clients, progress: &Progress) -> Result<Ready> {
        let mut session = Session::connect(&self.request.url).await?;
        session.lock(self.request.database.as_str()).await?;
        self.take_free_id().await?;
        let inspection = session.inspect().await?;
        inspection.check()?;
        let (client, warning) = clients.for_dump(inspection.server_major)?;
        self.warn(warning.map(|warning| warning.to_string()));
        let earlier = self.earlier().await?;
        let plan = self.plan(&inspection, earlier.as_ref());
        let dump_bytes = |sealed: &Sealed| sealed.dump_bytes;
        progress.expect(expected(&inspection, earlier.as_ref(), dump_bytes));
        let options = DumpOptions::new(inspection.server_major);
        self.record.source = Some(source(&inspection, client, &options));
        self.announce(&inspection, client, &plan);
        Ok(Ready {
            session,
            client: client.clone(),
            options,
            plan,
        })
    }

    /// The road of all bytes but the last frame's: pg_dump has then ended with 0, and its archive was whole.
    async fn dump(
        &mut self,
        ready: &mut Ready,
        progress: &Progress,
    ) -> Result<(Outbound, Contents)> {
        let mut outbound = self.begin_upload(ready.plan, progress).await?;
        let mut dump = Dump::start(&ready.client, &self.request.url, &ready.options)?;
        let work = outbound.carry(dump.take_stdout()?);
        let (carried, lost) = watched(&mut ready.session, work).await;
        self.warn(lost.map(|lost| format!("the lock of this run was lost on the way: {lost}")));
        let reader = match carried {
            Ok(reader) => reader,
            // where pg_dump failed, its own words come before what its half archive looks like
            Err(error) => return Err(dump.abort().await.map_or(error, Error::from)),
        };
        self.record.warnings.extend(dump.finish().await?.warnings);
        let contents = reader.finish().map_err(Error::Dump)?;
        Ok((outbound, contents))
    }

    /// The last frame, the completed upload, the record.
    async fn complete(
        &mut self,
        outbound: Outbound,
        contents: &Contents,
        plan: PartPlan,
    ) -> Result<()> {
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
            tagged: stored.tags == TagsKept::Yes,
            compression,
        });
        self.record.tables = contents.tables.iter().map(fingerprint).collect();
        self.record.large_objects = contents.large_objects;
        self.record.finished = Timestamp::now();
        let attributes = self.attributes();
        self.catalog
            .commit(&self.record, &self.request.secret, &attributes)
            .await
    }

    pub(super) fn into_record(self) -> Record {
        self.record
    }

    /// Ids are of whole seconds, and nothing is overwritten: where the last run of this database began in the same one, waits
    /// for the next. Under the lock nobody else takes it.
    async fn take_free_id(&mut self) -> Result<()> {
        for _ in 0..ID_ATTEMPTS {
            if !self.catalog.is_taken(&self.record).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            let started = Timestamp::now();
            self.record.id = BackupId::new(&self.identity, &self.request.database, started);
            self.record.expires = self.request.retention.expires(started);
            self.record.started = started;
        }
        let what = format!(
            "{} says that it holds objects which can't exist",
            self.catalog.store().location()
        );
        Err(Error::usage(
            what,
            "check AWS_ENDPOINT_URL_S3: what answers there is no S3",
        ))
    }

    /// The last good backup, which tells best how large this one will be.
    async fn earlier(&self) -> Result<Option<Record>> {
        let database = &self.request.database;
        match self.catalog.newest_good(database, RECORDS_LOOKED_AT).await {
            // who may only write can still back up
            Err(Error::Store(error)) if error.kind == Kind::Denied => Ok(None),
            result => result,
        }
    }

    fn plan(&self, inspection: &Inspection, earlier: Option<&Record>) -> PartPlan {
        let parts_max = self.catalog.store().parts_max();
        match self.request.part_bytes {
            Some(part_bytes) => PartPlan::of_part_bytes(part_bytes, parts_max),
            None => {
                let bytes = expected(inspection, earlier, |sealed| sealed.bytes);
                PartPlan::for_expected(bytes, parts_max)
            }
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
            .begin_upload(&store.location().key(&path), plan, &self.attributes())
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

    /// Tags, and the lock's end: a backup that is kept forever has none, and what failed needs none.
    fn attributes(&self) -> Attributes {
        let locked = self.catalog.store().locks() && self.record.status == Status::Succeeded;
        Attributes {
            tags: self.tags(),
            locked_until: self.record.expires.filter(|_| locked),
        }
    }

    /// Aborts the upload and leaves a record of the failure, in bounded time.
    pub(super) async fn clean_up(&mut self, error: &Error) {
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
        let attributes = self.attributes();
        let written = self
            .catalog
            .commit_failure(&self.record, &self.request.secret, &attributes);
        if let Err(also) = written.await {
            tracing::warn!(database = %self.request.database, "the record of this failed run could not be written: {also}");
        }
    }
}

/// A run that nothing stands in the way of. The session holds the lock.
struct Ready {
    session: Session,
    client: postgres::Client,
    options: DumpOptions,
    plan: PartPlan,
}

/// Carries out `work` while the session that holds the lock is kept alive. A lost session loses the lock, not the dump,
/// which has a connection of its own: what happened is given beside the result.
async fn watched<T>(
    session: &mut Session,
    work: impl Future<Output = Result<T>>,
) -> (Result<T>, Option<postgres::Error>) {
    tokio::pin!(work);
    let lost = tokio::select! {
        result = &mut work => return (result, None),
        lost = session.keep_alive() => lost,
    };
    (work.await, Some(lost))
}

/// What there will be of `bytes`: as much as last time, and more where the tables have grown since; without a last time what
/// the tables take on disk.
fn expected(
    inspection: &Inspection,
    earlier: Option<&Record>,
    bytes: impl Fn(&Sealed) -> u64,
) -> u64 {
    let now = inspection.table_bytes;
    let last = earlier.and_then(|record| {
        let then = record.source.as_ref()?.server.table_bytes;
        Some((bytes(record.sealed.as_ref()?), then))
    });
    match last {
        None | Some((_, 0)) => now,
        Some((last, then)) => {
            let grown = u128::from(last) * u128::from(now.max(then)) / u128::from(then);
            u64::try_from(grown).unwrap_or(u64::MAX)
        }
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
            "this service took the tags and they could not be seen afterwards: the backup's record holds the same facts"
        }
    };
    Some(text.to_owned())
}
