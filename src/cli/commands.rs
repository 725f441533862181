//! One function a command: settings to requests, requests to operations, results to output.

use std::{
    ffi::OsString,
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use pgcoffer::{
    Error, Result,
    backup::{Label, Record},
    catalog::{Catalog, Wanted},
    config::{self, Config},
    operation::{
        self, BackupRequest, Clock, Interrupt, Occasion, Progress, RestoreRequest, Target,
    },
    postgres::{Clients, DatabaseUrl},
    seal::{MasterKey, Passphrase},
    store::Store,
};

use super::{
    args::{BackupArgs, Chosen, Cli, Command, RestoreArgs},
    output::Output,
    watch::watched,
};

/// Makes a key, or grades a passphrase read from standard input.
pub(super) fn keygen(passphrase: bool, json: bool) -> Result<()> {
    let output = Output { json };
    if !passphrase {
        let key = MasterKey::generate().map_err(key_error)?;
        return output.key(&key);
    }
    if std::io::stdin().is_terminal() {
        tracing::info!("type the passphrase and press Enter; it will be seen on this screen");
    }
    let mut line = zeroize::Zeroizing::new(String::new());
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|source| Error::Io {
        doing: "read the passphrase".to_owned(),
        source,
    })?;
    let text = line.trim_end_matches(['\r', '\n']).to_owned();
    Passphrase::new(text).map_err(|e| usage(e.to_string(), e.hint().unwrap_or_default()))?;
    output.passphrase_is_strong()
}

fn key_error(source: pgcoffer::seal::Error) -> Error {
    Error::Seal {
        object: "the key".to_owned(),
        source,
    }
}

/// Everything that needs the bucket, a database or time.
pub(super) async fn run(cli: &Cli, config: &Config, interrupt: &Interrupt) -> Result<()> {
    let output = Output {
        json: cli.global.json,
    };
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
        Command::Get {
            chosen,
            output,
            sealed,
        } => context.get(chosen, output.clone(), *sealed).await,
        Command::Open { file, output } => context.open(file, output.clone()).await,
        Command::Verify { id, database } => context.verify(id, database.as_deref()).await,
        Command::Restore(args) => context.restore(args).await,
        Command::Keygen { .. } | Command::Completions { .. } | Command::Man => {
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
        let database = self
            .config
            .database(args.label.as_deref().or(args.database.as_deref()))?;
        let level = match &args.compression {
            Some(text) => config::compression(text)
                .map_err(|why| usage(why, "give --compression zstd:3, for example"))?,
            None => self.config.level,
        };
        let request = BackupRequest {
            database: database.label.clone(),
            url: database.url.clone(),
            secret: self.config.secret_of(database)?.clone(),
            occasion: Occasion::Asked(args.tier, args.retain),
            level,
            part_bytes: args.part_size.map(|mib| mib << 20),
            clock: Clock::system(),
        };
        let catalog = self.catalog().await?;
        let clients = self.clients().await;
        let progress = Progress::default();
        let work = operation::backup(&catalog, &clients, &request, &progress, self.interrupt);
        let result = watched(&self.cli.global, "backup", &progress, work).await;
        self.output.backup(&result?, catalog.store().location())
    }

    async fn list(&self, database: Option<&str>, limit: usize) -> Result<()> {
        let catalog = self.catalog().await?;
        let label = label(database)?;
        let listing = self
            .interrupt
            .or(catalog.list(label.as_ref(), limit))
            .await?;
        let configured = self
            .config
            .databases
            .iter()
            .map(|database| database.label.clone());
        let expected: Vec<Label> = configured
            .filter(|l| label.as_ref().is_none_or(|only| only == l))
            .collect();
        self.output.list(
            &listing,
            &expected,
            label.as_ref(),
            catalog.store().location(),
        )?;
        let none_opens = listing.records.is_empty() && listing.beside.is_empty();
        match listing.unreadable.into_iter().next() {
            Some((_, error)) if none_opens => Err(error),
            _ => Ok(()),
        }
    }

    async fn show(&self, chosen: &Chosen) -> Result<()> {
        let catalog = self.catalog().await?;
        let record = self
            .find(&catalog, &chosen.id, chosen.database.as_deref())
            .await?;
        self.output.show(&record, catalog.store().location())
    }

    async fn get(&self, chosen: &Chosen, file: Option<PathBuf>, sealed: bool) -> Result<()> {
        let catalog = self.catalog().await?;
        let record = self
            .find(&catalog, &chosen.id, chosen.database.as_deref())
            .await?;
        let extension = if sealed { "pgc" } else { "dump" };
        let default = PathBuf::from(format!("{}-{}.{extension}", record.database, record.id));
        let target = self.target(file.unwrap_or(default))?;
        let progress = Progress::default();
        let work = operation::get(&catalog, &record, &target, sealed, &progress);
        let fetched = watched(&self.cli.global, "get", &progress, self.interrupt.or(work)).await?;
        self.output.fetched(&fetched)
    }

    async fn open(&self, file: &Path, into: Option<PathBuf>) -> Result<()> {
        let secrets = self.config.secrets_for_reading()?;
        let target = self.target(into.unwrap_or_else(|| file.with_extension("dump")))?;
        let progress = Progress::default();
        let work = operation::open(file, &secrets, &target, &progress);
        let fetched = watched(&self.cli.global, "open", &progress, self.interrupt.or(work)).await?;
        self.output.fetched(&fetched)
    }

    async fn verify(&self, id: &str, database: Option<&str>) -> Result<()> {
        let catalog = self.catalog().await?;
        let record = self.find(&catalog, id, database).await?;
        let progress = Progress::default();
        let work = operation::verify(&catalog, &record, &progress);
        let verified = watched(
            &self.cli.global,
            "verify",
            &progress,
            self.interrupt.or(work),
        )
        .await?;
        self.output.verified(&verified)
    }

    async fn restore(&self, args: &RestoreArgs) -> Result<()> {
        let target = target_url(&args.to)?;
        let catalog = self.catalog().await?;
        let record = self
            .find(&catalog, &args.chosen.id, args.chosen.database.as_deref())
            .await?;
        self.confirm(&record, &target, args).await?;
        let request = RestoreRequest {
            target,
            clean: args.clean,
            single_transaction: args.single_transaction,
            keep_owner: args.keep_owner,
            keep_acl: args.keep_acl,
            no_comments: args.no_comments,
        };
        let clients = self.clients().await;
        let progress = Progress::default();
        let work = operation::restore(
            &catalog,
            &clients,
            &record,
            &request,
            &progress,
            self.interrupt,
        );
        let report = watched(&self.cli.global, "restore", &progress, work).await?;
        self.output.restored(&report)
    }

    /// Has the name of the target typed or given, so that nobody restores into the wrong database half asleep.
    async fn confirm(
        &self,
        record: &Record,
        target: &DatabaseUrl,
        args: &RestoreArgs,
    ) -> Result<()> {
        let name = target.database().to_owned();
        let given = match &args.confirm {
            Some(given) => given.clone(),
            None if std::io::stdin().is_terminal() => {
                let what = if args.clean {
                    "what is there is dropped first"
                } else {
                    "it must be empty"
                };
                let question = format!(
                    "Restore {} of {} into {target} ({what}).\nType the name of the target database to go on: ",
                    record.id, record.database
                );
                self.interrupt.or(ask(question)).await?
            }
            None => {
                return Err(usage(
                    format!("restoring into {target} needs a confirmation"),
                    format!("add --confirm {name}"),
                ));
            }
        };
        if given == name {
            Ok(())
        } else {
            Err(usage(
                format!(
                    "{given:?} is not the name of the target database, {name:?}: nothing was done"
                ),
                "compare --to with --confirm",
            ))
        }
    }

    async fn catalog(&self) -> Result<Catalog> {
        let secrets = self.config.secrets_for_reading()?;
        let location = self.config.location()?.clone();
        Ok(Catalog::new(
            Store::connect(location, self.config.store.clone()).await,
            secrets,
        ))
    }

    async fn clients(&self) -> Clients {
        Clients::discover(self.config.pg_bin.as_deref(), std::env::vars_os()).await
    }

    async fn find(&self, catalog: &Catalog, id: &str, database: Option<&str>) -> Result<Record> {
        let wanted = Wanted::parse(id)?;
        self.interrupt
            .or(catalog.find(&wanted, label(database)?.as_ref()))
            .await
    }

    /// Standard output takes the bytes of a dump only where it is no terminal.
    fn target(&self, file: PathBuf) -> Result<Target> {
        if file != Path::new("-") {
            return Ok(Target::File(file));
        }
        if std::io::stdout().is_terminal() {
            return Err(usage(
                "a dump is not for a terminal".to_owned(),
                "give -o FILE, or pipe it into pg_restore",
            ));
        }
        if self.output.json {
            return Err(usage(
                "--json and -o - both want standard output".to_owned(),
                "give -o FILE",
            ));
        }
        Ok(Target::Stdout)
    }
}

fn usage(why: String, hint: impl Into<String>) -> Error {
    Error::Usage {
        why,
        hint: hint.into(),
    }
}

fn label(text: Option<&str>) -> Result<Option<Label>> {
    let label = text.map(Label::parse).transpose();
    label.map_err(|e| {
        usage(
            e.to_string(),
            "`pgcoffer list` shows the databases that have backups",
        )
    })
}

/// The target's URL: as given, or from a variable.
fn target_url(text: &str) -> Result<DatabaseUrl> {
    let Some(name) = text.strip_prefix("env:") else {
        return Ok(DatabaseUrl::parse(text).map_err(pgcoffer::postgres::Error::from)?);
    };
    let value = std::env::var_os(name)
        .map(OsString::into_string)
        .and_then(std::result::Result::ok);
    let value = value.ok_or_else(|| {
        usage(
            format!("--to names the variable {name}, which is not set"),
            format!("set {name} to the target's URL"),
        )
    })?;
    Ok(DatabaseUrl::parse(&value).map_err(pgcoffer::postgres::Error::from)?)
}

async fn ask(question: String) -> Result<String> {
    let answer = tokio::task::spawn_blocking(move || {
        let mut stderr = std::io::stderr();
        write!(stderr, "{question}")?;
        stderr.flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    });
    let answer = answer.await.map_err(|e| Error::Internal(e.to_string()))?;
    answer.map_err(|source| Error::Io {
        doing: "read the answer".to_owned(),
        source,
    })
}
