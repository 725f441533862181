//! Prepares a dump: everything that can fail before a byte is uploaded.

use std::time::Duration;

use super::{
    Occasion,
    run::{Run, new_record, serve},
};
use crate::{
    backup::{Client, Collation, Record, Sealed, Served, Server, Source},
    catalog::Survey,
    error::{Error, Result},
    operation::{CLOCKS_APART_MAX, Progress},
    postgres::{self, AddedMembers, Blocker, Clients, CollationInUse, Direction, DumpOptions, Inspection, Session},
    store::{Kind, PartPlan},
    text::roughly,
};

/// The number of records in which is searched what is due, which size to expect and what to compare with.
const RECORDS_LOOKED_AT: usize = 20;
/// The number of good backups with which a new one is compared.
pub(super) const COMPARED_WITH: usize = 5;
/// The number of ids of following seconds that are tried.
const ID_ATTEMPTS: u32 = 8;

/// A dump that is ready to start. Its session holds the lock.
pub(super) struct PreparedDump {
    pub(super) session: Session,
    pub(super) client: postgres::PgClient,
    pub(super) options: DumpOptions,
    pub(super) plan: PartPlan,
    /// The newest runs, with which this one will be compared.
    pub(super) survey: Option<Survey>,
}

impl Run<'_> {
    /// Prepares the dump: everything that can fail before a byte is uploaded.
    pub(super) async fn prepare(&mut self, clients: &Clients, progress: &Progress) -> Result<PreparedDump> {
        let session = match self.request.at_most_every {
            Some(interval) => self.awaited_session(interval).await,
            None => self.locked_session().await,
        };
        // while another run works, it keeps its turn; a database that can't be reached uses one up
        if !matches!(session, Err(Error::Postgres(postgres::Error::Locked { .. }))) {
            self.take_turns().await?;
        }
        let mut session = session?;
        let mut survey = self.look_back().await?;
        self.warn(self.clock_warning());
        self.warn(survey.as_ref().and_then(other_keys));
        self.check_settled(survey.as_mut())?;
        self.leave_to_recent(survey.as_mut()).await?;
        self.take_free_id().await?;
        self.leave_out_served(survey.as_ref())?;
        let inspection = session.inspect().await?;
        inspection.check()?;
        self.warn_of_contents(&inspection, &session.blockers().await?);
        self.warn(self.nothing_to_dump(&inspection));
        let (client, warning) = clients.for_dump(inspection.server_major)?;
        self.warn(warning.map(|warning| warning.to_string()));
        let earlier = survey
            .as_ref()
            .and_then(|survey| survey.newest_good(self.record.started));
        self.warn(earlier.and_then(|earlier| self.another_database(&inspection, earlier)));
        let plan = self.plan(&inspection, earlier);
        let dump_bytes = |sealed: &Sealed| sealed.dump_bytes;
        progress.expect(expected(&inspection, earlier, dump_bytes));
        let settings = session.settings(Direction::Dump).await?;
        for warning in settings.warnings() {
            self.warn(Some(warning));
        }
        let options = DumpOptions {
            message_language: session.message_language().await?,
            settings,
            encoding: Some(inspection.encoding.raw().to_owned()),
            ..DumpOptions::new(inspection.server_major)
        };
        self.record.source = Some(source(&inspection, client));
        self.details.extensions.clone_from(&inspection.extensions);
        self.details.globals = session.globals().await?.map(Box::new);
        let arguments = options.arguments(client).into_iter();
        self.details.options = arguments.map(Into::into).collect();
        self.announce(session.target(), &inspection, client, &plan);
        Ok(PreparedDump {
            session,
            client: client.clone(),
            options,
            plan,
            survey,
        })
    }

    /// A URL with a wrong name leads to a database that is there and empty, such as `postgres`.
    fn nothing_to_dump(&self, inspection: &Inspection) -> Option<String> {
        inspection.is_empty().then(|| {
            format!(
                "{}: see whether the URL of {} names the right one",
                inspection.nothing_in_it(),
                self.request.database
            )
        })
    }

    /// Two databases under one label, such as those of production and of staging.
    fn another_database(&self, inspection: &Inspection, earlier: &Record) -> Option<String> {
        let before = &earlier.source.as_ref()?.server.database;
        (*before != inspection.database).then(|| {
            format!(
                "this is a backup of database {}, and the one before, {}, of database {before}: see whether the URL of {} \
                 names the right one",
                inspection.database, earlier.id, self.request.database
            )
        })
    }

    /// Warns about what the backup won't contain, and about what may block it.
    fn warn_of_contents(&mut self, inspection: &Inspection, blockers: &[Blocker]) {
        for members in &inspection.added_members {
            self.warn(Some(format!("{members}; {}", AddedMembers::CURE)));
        }
        for omitted in &inspection.omitted {
            self.warn(Some(format!("{omitted}; {}", omitted.cure())));
        }
        let locks = inspection.locks;
        self.warn(locks.is_tight().then(|| format!("{locks}; {}", locks.cure())));
        for blocker in blockers {
            self.warn(Some(format!("{blocker}: the dump had to wait for it")));
        }
    }

    pub(super) async fn locked_session(&self) -> Result<Session> {
        let mut session = Session::connect(&self.request.url).await?;
        session.lock(self.request.database.as_str()).await?;
        Ok(session)
    }

    /// Chooses a free id. Ids have whole seconds, and nothing is overwritten: if the last run of this database began in
    /// the same second, waits for the next one. Under the lock no other run can take it.
    async fn take_free_id(&mut self) -> Result<()> {
        for _ in 0..ID_ATTEMPTS {
            if !self.catalog.is_taken(&self.record).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.record = new_record(self.request, &self.identity);
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

    /// Reads the newest runs, which show what is still due, how large this backup will be, and what it should look
    /// like. After a long outage they are only failures, and the next backup is the most likely to be empty: so older
    /// runs are read until there are enough good ones.
    async fn look_back(&self) -> Result<Option<Survey>> {
        let newest = self.survey(RECORDS_LOOKED_AT).await?;
        let is_enough = |survey: &Survey| {
            let opened = survey.entries.len() + survey.unreadable.len();
            opened < RECORDS_LOOKED_AT || survey.trusted().nth(COMPARED_WITH - 1).is_some()
        };
        match newest {
            Some(survey) if !is_enough(&survey) => self.survey(usize::MAX).await,
            newest => Ok(newest),
        }
    }

    /// Checks that it is clear which repository belongs here. If it isn't, a backup that a user requests is refused, so
    /// the user can say which one is meant. A scheduled backup is made anyway, since an extra backup does no harm;
    /// `status`, `check` and notifications report the problem.
    fn check_settled(&mut self, survey: Option<&mut Survey>) -> Result<()> {
        match survey.and_then(|survey| survey.unsettled.take()) {
            Some(error) if matches!(self.request.occasion, Occasion::Asked(..)) => Err(error),
            unsettled => {
                self.warn(unsettled.map(|error| error.to_string()));
                Ok(())
            }
        }
    }

    async fn survey(&self, records_max: usize) -> Result<Option<Survey>> {
        let database = &self.request.database;
        match self.catalog.survey(database, records_max).await {
            // write-only credentials can still back up
            Err(Error::Store(error)) if error.kind == Kind::Denied => Ok(None),
            result => result.map(Some),
        }
    }

    /// The warning about a wrong clock, as backups expire by the time at which they say they were made.
    fn clock_warning(&self) -> Option<String> {
        let service = self.catalog.store().service_time()?;
        let apart = service.duration_since(self.request.clock.now());
        let far = apart.abs() > CLOCKS_APART_MAX;
        let way = if apart.is_positive() { "behind" } else { "ahead of" };
        far.then(|| {
            format!(
                "this machine's clock is {} {way} the bucket's, and this backup is dated by it",
                roughly(apart.abs().as_secs())
            )
        })
    }

    /// Leaves out the periods that another run has served since this one was planned. Under the lock no other run is
    /// active.
    fn leave_out_served(&mut self, survey: Option<&Survey>) -> Result<()> {
        let (Occasion::Due { schedule, due }, Some(survey)) = (&self.request.occasion, survey) else {
            return Ok(());
        };
        let still = schedule.due(&survey.past(), self.record.started);
        // of what another run has served meanwhile, one clause of a tier may still be due, and is kept for its own time
        let was_due = |one: &Served| due.iter().any(|other| other.tier == one.tier);
        let left: Vec<Served> = still.into_iter().filter(was_due).collect();
        if left.is_empty() {
            let database = self.request.database.to_string();
            return Err(Error::NotDue { database, recent: None });
        }
        serve(&mut self.record, left);
        Ok(())
    }

    fn plan(&self, inspection: &Inspection, earlier: Option<&Record>) -> PartPlan {
        let parts_max = self.catalog.store().parts_max();
        match self.request.part_bytes {
            Some(part_bytes) => PartPlan::of_part_bytes(part_bytes, parts_max),
            None => {
                let bytes = expected(inspection, earlier, Sealed::bytes);
                PartPlan::for_expected(bytes, parts_max)
            }
        }
    }

    fn announce(&self, target: &str, inspection: &Inspection, client: &postgres::PgClient, plan: &PartPlan) {
        tracing::info!(
            database = %self.request.database,
            id = %self.record.id,
            server = %inspection.server_version,
            pg_dump = %client.version,
            tables = inspection.tables,
            part_bytes = plan.part_bytes,
            "dumping {target}"
        );
    }
}

/// The warning about a first backup under a key beside backups under other keys: a mistake, or a key rotation in which
/// the old key must be kept.
fn other_keys(survey: &Survey) -> Option<String> {
    let is_first = !survey.entries.iter().any(|one| one.record.is_good());
    (survey.others > 0 && is_first).then(|| {
        format!(
            "this is the first good backup under this key, and records under a key that is not set here stand beside \
             it: {}; is it the right key? PGCOFFER_OLD_KEYS takes earlier ones, each with the day it was replaced",
            survey.others
        )
    })
}

/// The expected number of `bytes`: as many as last time, and more if the tables have grown since. Without an earlier
/// backup, the size of the tables on disk.
fn expected(inspection: &Inspection, earlier: Option<&Record>, bytes: impl Fn(&Sealed) -> u64) -> u64 {
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

fn collation(found: &CollationInUse) -> Collation {
    Collation {
        locale: found.locale.clone(),
        version: found.version.clone(),
    }
}

fn source(inspection: &Inspection, client: &postgres::PgClient) -> Source {
    Source {
        server: Server {
            version: inspection.server_version.clone(),
            major: inspection.server_major,
            database: inspection.database.clone(),
            table_bytes: inspection.table_bytes,
            standby: inspection.in_recovery,
            identity: inspection.identity.as_ref().map(|identity| identity.to_string().into()),
            collation: inspection.collation.as_ref().map(collation),
        },
        client: Client {
            version: client.version.clone().into(),
            major: client.major,
        },
    }
}
