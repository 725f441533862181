//! A database that is reserved for drills, on a server where none can be created (Heroku and others).
//!
//! Whoever names the wrong database must lose nothing. So a drill uses only a database that was empty at its first
//! drill, carries its mark since then, belongs to this repository, is none that is backed up, and is empty again unless
//! a drill was killed. Everything else is refused before anything is changed.
//!
//! One session holds an advisory lock as long as the drill runs, so that two drills are kept apart. A pooler that
//! would lose it is refused, and so is a role that the database's settings impose.

mod baseline;
mod dependents;
mod empty;
mod fault;
mod mark;
mod source;

use self::baseline::{Baseline, SCHEMA};
use self::mark::{FoundMark, Mark, State};
use super::error::Error;
use super::scratch::RestoringIn;
use super::session::Session;
use super::sql::{ident, literal};
use super::url::DatabaseUrl;

pub use baseline::SCHEMA as RESERVED_SCHEMA;
pub use fault::{ReservedFault, UnusableReserved};

/// What the lock is called, which is no label of a database.
const LOCK: &str = "the database that is reserved for drills";

/// What a reserved database is used for.
#[derive(Clone, Debug)]
pub struct ReservedRequest<'a> {
    /// The id of the repository.
    pub repository: String,
    /// The databases that are backed up: label and URL.
    pub sources: &'a [(String, DatabaseUrl)],
    /// The identity of the database that the backup was made of, as its record has it.
    pub original: Option<&'a str>,
    /// Whether the backup has the mark of a reserved database in it.
    pub is_of_reserved: bool,
    /// The encoding of the backup.
    pub encoding: &'a str,
    /// Settings of the backed-up database on which the text form of its rows depends.
    pub settings: &'a [(&'static str, String)],
}

/// A reserved database in use. Its lock ends with it.
pub struct ReservedDatabase {
    session: Session,
    url: DatabaseUrl,
    mark: Mark,
    /// The labels of databases that are backed up and could not be asked whether they are this one.
    unasked: Vec<String>,
}

impl ReservedDatabase {
    /// Whether this role is to restore into the database that the URL names: it may create none.
    ///
    /// # Errors
    /// A failed connection.
    pub async fn is_wanted(url: &DatabaseUrl) -> Result<bool, Error> {
        const WHAT: &str = "ask what the role may do";
        const MAY_CREATE: &str = "
            SELECT r.rolsuper OR r.rolcreatedb FROM pg_catalog.pg_roles AS r
             WHERE r.rolname OPERATOR(pg_catalog.=) current_user";
        let mut session = Session::connect(url).await?;
        let rows = session.rows(WHAT, MAY_CREATE).await?;
        let may_create: bool = session.first(&rows, WHAT)?;
        session.close().await;
        Ok(!may_create)
    }

    /// Asks the server whether drills may restore there, as a drill would: the rights of the role, and that the database
    /// is none that is backed up. Returns whether it is to be the reserved one. Nothing is changed. Safe to cancel.
    ///
    /// # Errors
    /// [`Error::Reserved`] if it may not be used.
    pub async fn examine(url: &DatabaseUrl, sources: &[(String, DatabaseUrl)]) -> Result<bool, Error> {
        let is_wanted = Self::is_wanted(url).await?;
        let mut session = Session::connect(url).await?;
        session.fix_path().await?;
        if is_wanted {
            // a drill that runs has the lock, and then the servers' identities alone are compared
            match session.lock(LOCK).await {
                Ok(()) | Err(Error::Locked { .. } | Error::LockTaken { .. }) => (),
                Err(error) => return Err(error),
            }
            let identity = session.identity().await?.map(|identity| identity.to_string());
            session.refuse_backed_up(url, sources, identity.as_deref()).await?;
            session.refuse_rights(RestoringIn::ThisDatabase).await?;
        } else if !session.is_superuser().await? {
            session.refuse_rights(RestoringIn::NewDatabase).await?;
        }
        session.close().await;
        Ok(is_wanted)
    }

    /// Takes the database: locks it, checks that it may be used, marks it, and removes what a killed drill has left. Not
    /// retried. If it fails or is cancelled before the mark is written, nothing was changed.
    ///
    /// # Errors
    /// [`Error::Reserved`] if it may not be used, [`Error::Locked`] if another drill uses it.
    pub async fn take(url: &DatabaseUrl, request: &ReservedRequest<'_>) -> Result<Self, Error> {
        let mut session = Session::connect(url).await?;
        session.fix_path().await?;
        session.check_writable().await?;
        session.lock(LOCK).await?;
        let identity = session.identity().await?.map(|identity| identity.to_string());
        let unasked = session.refuse_sources(url, request, identity.as_deref()).await?;
        session.refuse_rights(RestoringIn::ThisDatabase).await?;
        session.refuse_encoding(request.encoding)?;
        let found = session.reservation().await?;
        let mut mark = session.usable(found, request, identity).await?;
        if mark.state == State::InUse {
            tracing::info!("emptying {}, which a killed drill has left", session.target());
            let left = session.empty(&mark.baseline).await?;
            if !left.is_empty() {
                return Err(session.unusable(ReservedFault::NotEmptied { objects: left }));
            }
        }
        mark.state = State::InUse;
        mark.server_started = Some(session.server_started().await?);
        mark.baseline = session.baseline().await?;
        session.reserve(&mark).await?;
        for (setting, value) in request.settings {
            let set = format!(
                "ALTER ROLE CURRENT_USER IN DATABASE {} SET {setting} = {}",
                ident(session.database()),
                literal(value)
            );
            session.change("set up the reserved database", &set).await?;
        }
        Ok(Self {
            session,
            url: url.clone(),
            mark,
            unasked,
        })
    }

    /// The login of the role that restores.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The role that restores.
    pub fn role(&self) -> &str {
        self.session.user()
    }

    /// The server's major version.
    pub fn server_major(&self) -> u32 {
        self.session.server_major()
    }

    /// The server's own version.
    pub fn server_version(&self) -> &str {
        self.session.server_version()
    }

    /// The labels of databases that are backed up and could not be asked whether they are this one. Their addresses are
    /// others.
    pub fn unasked(&self) -> &[String] {
        &self.unasked
    }

    /// Returns only when the connection, and the lock with it, is lost. Run it beside the drill. Safe to cancel.
    pub async fn keep(&mut self) -> Error {
        self.session.keep_alive().await
    }

    /// A new session with the lock, if no other drill has taken the database since the first one was lost.
    async fn taken_again(url: &DatabaseUrl, mark: &Mark) -> Result<Session, Error> {
        let mut session = Session::connect(url).await?;
        session.fix_path().await?;
        session.lock(LOCK).await?;
        let started = Some(session.server_started().await?);
        match session.reservation().await? {
            // a server that was started meanwhile may be a copy of the one that was lost
            FoundMark::Mark(found)
                if found.repository == mark.repository
                    && found.database == mark.database
                    && found.server_started == mark.server_started
                    && started == mark.server_started =>
            {
                Ok(session)
            }
            _ => Err(session.unusable(ReservedFault::NotReserved { objects: Vec::new() })),
        }
    }

    /// Empties the database, and says so in its mark. If it fails or is cancelled, the next drill empties it.
    ///
    /// # Errors
    /// [`Error::Reserved`] with what can't be removed.
    pub async fn release(mut self) -> Result<(), Error> {
        if self.session.check().await.is_err() {
            self.session = Self::taken_again(&self.url, &self.mark).await?;
        }
        let left = self.session.empty(&self.mark.baseline).await?;
        if !left.is_empty() {
            return Err(self.session.unusable(ReservedFault::NotEmptied { objects: left }));
        }
        self.mark.state = State::Empty;
        self.session.reserve(&self.mark).await?;
        self.session.close().await;
        Ok(())
    }
}

impl Session {
    /// Refuses a role that may do more than restore into the database of a drill.
    pub(super) async fn refuse_rights(&mut self, place: RestoringIn) -> Result<(), Error> {
        let rights = self.rights_beyond(place).await?;
        match rights.is_empty() {
            true => Ok(()),
            false => Err(self.unusable(ReservedFault::Rights { rights })),
        }
    }

    fn unusable(&self, fault: ReservedFault) -> Error {
        Error::Reserved(Box::new(UnusableReserved {
            target: self.target().to_owned(),
            fault,
        }))
    }

    /// A database of another encoding is used, as servers convert between them; but none without one in either place.
    fn refuse_encoding(&self, backup: &str) -> Result<(), Error> {
        const NONE: &str = "SQL_ASCII";
        let own = self.encoding_name();
        let holds_all = own == backup || ["UTF8", NONE].contains(&own) && (backup != NONE || own == NONE);
        match holds_all {
            true => Ok(()),
            false => Err(self.unusable(ReservedFault::Encoding {
                backup: backup.into(),
                own: own.into(),
            })),
        }
    }

    /// The mark to use the database under, if it may be used.
    async fn usable(
        &mut self,
        found: FoundMark,
        request: &ReservedRequest<'_>,
        identity: Option<String>,
    ) -> Result<Mark, Error> {
        let kept = Baseline {
            extensions: self.extension_names().await?,
            ..Baseline::default()
        };
        let objects = self.strangers(&kept).await?;
        let started = Some(self.server_started().await?);
        let new = || Mark {
            repository: request.repository.clone(),
            database: identity.clone(),
            server_started: None,
            state: State::Empty,
            baseline: Baseline::default(),
        };
        let fault = match found {
            FoundMark::None if objects.is_empty() => return Ok(new()),
            FoundMark::None => ReservedFault::NotReserved { objects },
            FoundMark::Unreadable => ReservedFault::NotReserved {
                objects: [format!("schema {SCHEMA}").into()].into_iter().chain(objects).collect(),
            },
            FoundMark::Mark(mark) if mark.repository != request.repository => ReservedFault::OtherRepository {
                repository: mark.repository.into(),
            },
            FoundMark::Mark(mark) if mark.database != identity => match objects.is_empty() {
                // a platform has moved it, and there is nothing to lose
                true => return Ok(new()),
                false => ReservedFault::Copied { objects },
            },
            // only the very server in which the drill was killed is emptied: not a copy of its files
            FoundMark::Mark(mark) if mark.state == State::InUse => {
                match (identity.is_some() && mark.server_started == started, objects.is_empty()) {
                    (true, _) => return Ok(*mark),
                    (false, true) => return Ok(new()),
                    (false, false) => ReservedFault::Unproven { objects },
                }
            }
            FoundMark::Mark(mark) if objects.is_empty() => return Ok(*mark),
            FoundMark::Mark(_) => ReservedFault::Used { objects },
        };
        Err(self.unusable(fault))
    }
}
