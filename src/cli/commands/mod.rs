//! One function a command: settings to requests, requests to operations, results to output.

mod check;
mod decide;
mod lifecycle;
mod monitoring;
mod reading;
mod restore;
mod schedule;
mod serve;
mod telling;
mod thaw;
mod watching;

use std::{
    io::{IsTerminal as _, Read as _},
    os::fd::AsFd as _,
    time::Duration,
};

use pgcoffer::{
    Error, Result,
    agent::{self, Teller},
    backup::{Label, Record},
    catalog::{Catalog, Selector},
    config::{self, Config},
    operation::{BackupRequest, Clock, Interrupt, MarkChange, Occasion, Progress},
    postgres::Clients,
    seal::{MasterKey, Passphrase, RepositoryId},
    store::{Options, Store},
};

pub(super) use check::{CheckArgs, PolicyArgs};
pub(super) use lifecycle::LifecycleCommand;
pub(super) use telling::tell_of_settings;
pub(super) use thaw::ThawArgs;

use super::{
    args::{BackupArgs, Cli, Command},
    output::Output,
    watch::watched,
};

/// How long a look for credentials, or for client programs, may take after a signal: then a record can still be left.
const GRACE: Duration = Duration::from_secs(3);

/// More than any passphrase.
const PASSPHRASE_BYTES_MAX: usize = 4096;

/// Makes a key or a passphrase, or grades a passphrase read from standard input.
pub(super) fn keygen(passphrase: bool, words: bool, json: bool) -> Result<()> {
    let output = Output { json };
    if words {
        return output.passphrase(&Passphrase::generate().map_err(key_error)?);
    }
    if !passphrase {
        let key = MasterKey::generate().map_err(key_error)?;
        return output.key(&key);
    }
    if std::io::stdin().is_terminal() {
        tracing::info!("type the passphrase and press Enter; it will be seen on this screen");
    }
    let line = read_line().map_err(|source| Error::Io {
        doing: "read the passphrase".to_owned(),
        source,
    })?;
    // as settings are read
    let text = config::trimmed(&line).to_owned();
    Passphrase::new(text).map_err(|e| usage(e.to_string(), e.hint().unwrap_or_default()))?;
    output.passphrase_is_strong()
}

/// Prints the catalog key of the key that is set for all databases, or of a database's own.
pub(super) fn catalog_key(config: &Config, database: Option<&str>, json: bool) -> Result<()> {
    let secret = match label(database)? {
        None => config.secret.as_ref().ok_or_else(|| match config.own_keys.is_empty() {
            true => config::no_key(),
            false => usage(
                "no key is set that is for all databases".to_owned(),
                "name one that has a key of its own: --database NAME",
            ),
        }),
        Some(label) => {
            let own = config.own_keys.get(&label).and_then(|keys| keys.first());
            own.map(|key| &key.secret).ok_or_else(|| {
                usage(
                    format!("{label} has no key of its own"),
                    "without --database it prints the catalog key of the key that is for all databases",
                )
            })
        }
    };
    let catalog_key = secret?.catalog_key().ok_or_else(|| {
        usage(
            "a passphrase has no catalog key: it is stretched to another key for each database".to_owned(),
            "only a key has one; `pgcoffer keygen` makes a key, and backups made under the passphrase still need the \
             passphrase",
        )
    })?;
    Output { json }.catalog_key(&catalog_key)
}

/// Makes the id of a repository that is to begin.
pub(super) fn new_repository(json: bool) -> Result<()> {
    let id = RepositoryId::generate().map_err(key_error)?;
    Output { json }.repository(&id)
}

/// A line of standard input. Past its buffer, which nobody wipes, and into one that doesn't grow: that would leave
/// copies.
fn read_line() -> std::io::Result<zeroize::Zeroizing<String>> {
    let mut input = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX));
    let mut byte = zeroize::Zeroizing::new([0]);
    while bytes.len() < PASSPHRASE_BYTES_MAX && input.read(&mut *byte)? > 0 && *byte != *b"\n" {
        bytes.push(byte[0]);
    }
    let text = std::str::from_utf8(&bytes).map_err(std::io::Error::other)?;
    Ok(zeroize::Zeroizing::new(text.to_owned()))
}

fn key_error(source: pgcoffer::seal::Error) -> Error {
    Error::Seal {
        object: "the key".to_owned(),
        source,
    }
}

/// Everything that needs the bucket, a database or time.
pub(super) async fn run(cli: &Cli, config: &Config, interrupt: &Interrupt) -> Result<()> {
    let output = Output { json: cli.global.json };
    let context = Context {
        cli,
        config,
        interrupt,
        output,
    };
    match &cli.command {
        Command::Backup(args) => context.backup(args).await,
        Command::List { database, limit } => context.list(database.as_deref(), *limit).await,
        Command::Show(chosen) => context.show(chosen).await,
        Command::Repository => context.repository().await,
        Command::Get {
            chosen,
            output,
            sealed,
            thaw,
        } => context.get(chosen, output.clone(), *sealed, *thaw).await,
        Command::Open { file, output } => context.open(file, output.clone()).await,
        Command::Verify { id, database, thaw } => context.verify(id, database.as_deref(), *thaw).await,
        Command::Restore(args) => context.restore(args).await,
        Command::Lifecycle(command) => context.lifecycle(command).await,
        Command::Tick(args) => context.tick(args).await,
        Command::Serve(args) => context.serve(args).await,
        Command::Status { database, notify } => context.status(database.as_deref(), *notify).await,
        Command::Check(args) => context.check(args).await,
        Command::Policy(args) => context.bucket_policy(args),
        Command::Prune {
            dry_run,
            database,
            confirm,
        } => context.prune(database.as_deref(), *dry_run, *confirm).await,
        Command::Hold { chosen, reason, by } => {
            let decision = MarkChange::Hold(reason.clone());
            context.decide(chosen, &decision, by.as_deref()).await
        }
        Command::Release { chosen, by } => context.decide(chosen, &MarkChange::Release, by.as_deref()).await,
        Command::Accept { chosen, by } => context.decide(chosen, &MarkChange::Accept, by.as_deref()).await,
        Command::Init(_) | Command::Keygen { .. } | Command::Completions { .. } | Command::Man => {
            Err(Error::Internal("this command needs no bucket".to_owned()))
        }
    }
}

struct Context<'a> {
    cli: &'a Cli,
    config: &'a Config,
    interrupt: &'a Interrupt,
    output: Output,
}

impl Context<'_> {
    async fn backup(&self, args: &BackupArgs) -> Result<()> {
        let teller = self.teller();
        let backed_up = self.backup_telling(args, &teller);
        let result = self.or_tell_panic(&teller, backed_up).await;
        self.say_unheard(&teller);
        result
    }

    async fn backup_telling(&self, args: &BackupArgs, teller: &Teller) -> Result<()> {
        let request = self.backup_request(args);
        let request = self.or_tell(teller, None, request).await?;
        let catalog = self.catalog().await;
        let label = Some(&request.database);
        let catalog = self.or_tell(teller, label, catalog).await?;
        let clients = self.or_tell(teller, label, self.clients().await).await?;
        let progress = Progress::default();
        let work = agent::backup(
            &catalog,
            &clients,
            &request,
            self.config.databases.len() == 1,
            teller,
            &progress,
            self.interrupt,
        );
        let result = watched(&self.cli.global, "backup", &progress, work).await;
        self.tell_metrics(&catalog, Vec::new()).await;
        self.output.backup(&result?, catalog.store().location())
    }

    fn backup_request(&self, args: &BackupArgs) -> Result<BackupRequest> {
        let database = self
            .config
            .database(args.label.as_deref().or(args.database.as_deref()))?;
        let level = match &args.compression {
            Some(text) => {
                config::compression(text).map_err(|why| usage(why, "give --compression zstd:3, for example"))?
            }
            None => self.config.level,
        };
        Ok(BackupRequest {
            database: database.label.clone(),
            url: database.url.clone(),
            secret: self.config.secret_of(database)?.clone(),
            occasion: Occasion::Asked(args.tier, args.retain),
            level,
            part_bytes: args.part_size.map(|mib| mib << 20),
            silence_max: self.config.silence_max,
            clock: Clock::system(),
        })
    }

    /// Refuses, before anything is done, what takes the key itself where catalog keys alone are set.
    fn check_key(&self, doing: &str) -> Result<()> {
        let keys = self.config.keys();
        match !keys.secrets().is_empty() && keys.are_catalog_keys() {
            true => Err(only_catalog_key(doing)),
            false => Ok(()),
        }
    }

    async fn catalog(&self) -> Result<Catalog> {
        let keys = self.config.keys_for_reading()?;
        let store = self.store(self.config.store.clone()).await?;
        Ok(Catalog::new(store, keys, self.config.repository))
    }

    async fn store(&self, options: Options) -> Result<Store> {
        let location = self.config.location()?.clone();
        let connect = async { Ok(Store::connect(location, options).await?) };
        self.interrupt.or_after(GRACE, Box::pin(connect)).await
    }

    async fn clients(&self) -> Result<Clients> {
        let pg_bin = self.config.pg_bin.as_deref();
        let discover = async { Ok(Clients::discover(pg_bin, std::env::vars_os()).await) };
        self.interrupt.or_after(GRACE, discover).await
    }

    /// The backup that is meant, of which more than its entry is needed.
    async fn find_to(&self, doing: &str, catalog: &Catalog, id: &str, database: Option<&str>) -> Result<Record> {
        let record = self.find(catalog, id, database).await?;
        let seen = catalog.sees_inside(&record.database, &record.id);
        match self.interrupt.or(seen).await? {
            true => Ok(record),
            false => Err(only_catalog_key(&format!("{doing} {}", record.id))),
        }
    }

    async fn find(&self, catalog: &Catalog, id: &str, database: Option<&str>) -> Result<Record> {
        let wanted = Selector::parse(id)?;
        self.interrupt
            .or(catalog.find(&wanted, label(database)?.as_ref(), Clock::system().now()))
            .await
    }
}

/// That something takes the key itself.
fn only_catalog_key(doing: &str) -> Error {
    usage(
        format!("a catalog key opens no backup, and to {doing} takes the key itself"),
        "do this where the key is set as PGCOFFER_KEY, in the place of PGCOFFER_CATALOG_KEY: it stands on the recovery \
         sheet, or where it was stored",
    )
}

fn usage(why: String, hint: impl Into<String>) -> Error {
    Error::Usage { why, hint: hint.into() }
}

fn label(text: Option<&str>) -> Result<Option<Label>> {
    let label = text.map(Label::parse).transpose();
    label.map_err(|e| usage(e.to_string(), "`pgcoffer list` shows the databases that have backups"))
}
