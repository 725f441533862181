//! What reads backups and changes nothing.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use pgcoffer::{
    Error, Result,
    backup::Label,
    config::no_key,
    operation::{self, Clock, Progress, Target},
};

use super::{Context, ThawArgs, label, usage};
use crate::cli::{args::Chosen, screen::note, watch::watched};

impl Context<'_> {
    pub(super) async fn list(&self, database: Option<&str>, limit: usize) -> Result<()> {
        let catalog = self.catalog().await?;
        let label = label(database)?;
        let listing = self
            .interrupt
            .or(catalog.list(label.as_ref(), limit, Clock::system().now()))
            .await?;
        let configured = self.config.databases.iter().map(|database| database.label.clone());
        let expected: Vec<Label> = configured
            .filter(|l| label.as_ref().is_none_or(|only| only == l))
            .collect();
        self.output
            .list(&listing, &expected, label.as_ref(), catalog.store().location())?;
        let none_opens = listing.entries.is_empty() && listing.beside.is_empty();
        let unreadable = listing.unreadable.into_iter().map(|(_, error)| error);
        match unreadable.chain(listing.stranger).next() {
            Some(error) if none_opens => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) async fn show(&self, chosen: &Chosen) -> Result<()> {
        let catalog = self.catalog().await?;
        let record = self.find(&catalog, &chosen.id, chosen.database.as_deref()).await?;
        let mark = self.interrupt.or(catalog.mark(&record.database, &record.id)).await?;
        let details = self.interrupt.or(catalog.known_details(&record)).await?;
        let seen = catalog.sees_inside(&record.database, &record.id);
        if details.is_none() && !self.interrupt.or(seen).await? {
            note(
                "what is inside (tables, rows, warnings, the words of an error) is not shown: it stands in the \
                 details, which a catalog key doesn't open",
            );
        }
        let location = catalog.store().location();
        self.output.show(&record, details.as_ref(), mark.as_ref(), location)
    }

    pub(super) async fn repository(&self) -> Result<()> {
        let catalog = self.catalog().await?;
        let Some(id) = self.interrupt.or(catalog.settled_repository()).await? else {
            return Err(Error::NoSuchBackup {
                wanted: "from which the repository could be told".into(),
                location: catalog.store().location().to_string(),
            });
        };
        self.output.repository(&id)
    }

    pub(super) async fn get(&self, chosen: &Chosen, file: Option<PathBuf>, sealed: bool, thaw: ThawArgs) -> Result<()> {
        self.check_key("get one")?;
        let catalog = self.catalog().await?;
        let record = self
            .find_to("get", &catalog, &chosen.id, chosen.database.as_deref())
            .await?;
        let extension = if sealed { "pgc" } else { "dump" };
        let default = PathBuf::from(format!("{}-{}.{extension}", record.database, record.id));
        let target = self.target(file.unwrap_or(default))?;
        self.thaw(&catalog, &record, thaw).await?;
        let progress = Progress::default();
        let work = operation::get(&catalog, &record, &target, sealed, &progress);
        let fetched = watched(&self.cli.global, "get", &progress, self.interrupt.or(work)).await?;
        self.output.fetched(&fetched)
    }

    pub(super) async fn open(&self, file: &Path, into: Option<PathBuf>) -> Result<()> {
        let secrets = self.config.keys().secrets();
        if secrets.is_empty() {
            return Err(self.no_key_for(file));
        }
        self.check_key("open one")?;
        let target = self.target(into.unwrap_or_else(|| file.with_extension("dump")))?;
        let progress = Progress::default();
        let work = operation::open(file, &secrets, &target, &progress);
        let fetched = watched(&self.cli.global, "open", &progress, self.interrupt.or(work)).await?;
        self.output.fetched(&fetched)
    }

    /// That no key is set, with what the file says of the one that it wants. Whether there are backups at all isn't
    /// known here.
    fn no_key_for(&self, file: &Path) -> Error {
        match operation::sealed_for(file) {
            Ok(wanted) => usage(
                format!("no key is configured, and {} is sealed for {wanted}", file.display()),
                "set PGCOFFER_KEY to that key, or PGCOFFER_PASSPHRASE to that passphrase: it stands on the recovery \
                 sheet, or where it was stored",
            ),
            Err(_) => no_key(),
        }
    }

    pub(super) async fn verify(&self, id: &str, database: Option<&str>, thaw: ThawArgs) -> Result<()> {
        self.check_key("verify one")?;
        let catalog = self.catalog().await?;
        let record = self.find_to("verify", &catalog, id, database).await?;
        self.thaw(&catalog, &record, thaw).await?;
        let progress = Progress::default();
        let work = operation::verify(&catalog, &record, &progress);
        let verified = watched(&self.cli.global, "verify", &progress, self.interrupt.or(work)).await?;
        self.output.verified(&verified)
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
