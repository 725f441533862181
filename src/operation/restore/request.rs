//! What is asked of one restore, and what can't be asked for together.

use std::num::NonZeroUsize;

use super::pattern::Pattern;
use crate::{
    error::{Error, Result},
    operation::TableName,
    postgres::DatabaseUrl,
};

/// The options of one restore.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    /// The database to restore into.
    pub target: DatabaseUrl,
    /// Whether to drop and replace objects that the target has, instead of refusing a target that is not empty.
    pub clean: bool,
    /// Whether to restore everything or nothing, in one transaction.
    pub single_transaction: bool,
    /// Whether to keep the owners of the backup. Every owner must exist in the target.
    pub keep_owner: bool,
    /// Whether to keep the privileges of the backup. Every role that they name must exist in the target.
    pub keep_acl: bool,
    /// Whether to leave out all comments.
    pub no_comments: bool,
    /// The objects to leave out.
    pub leave_out: Vec<Pattern>,
    /// If not empty, only these objects are restored, with their parts and with what they need. The target may then be
    /// in use: what it has stays as it is.
    pub only: Vec<Pattern>,
    /// Whether only the rows of what `only` names are restored, into tables of the target.
    pub data_only: bool,
    /// The name of a new table that gets the rows of the one table that `only` names.
    pub beside: Option<TableName>,
    /// How many pg_restore load at once, each by its own connection; with 1, one reads the whole archive. More can't be in
    /// one transaction. Fewer are started where the target has no connections for as many.
    pub jobs: NonZeroUsize,
    /// Whether the target holds what an interrupted restore of this backup left, of which all that is there already is
    /// compared and passed over.
    pub resume: bool,
    /// What to do about roles that are named and don't exist in the target.
    pub roles: MissingRoles,
    /// Whether to continue when something can't be restored, and to report it.
    pub keep_going: bool,
    /// Whether the target was made for this restore, so that what is in it is meant for it, such as extensions.
    pub made_for_it: bool,
    /// Whether rows go only into tables that the restore makes: those of other roles and of extensions that the target
    /// has could not be emptied afterwards.
    pub own_tables_only: bool,
    /// Whether only a preview is wanted, which also tells what prevents the restore.
    pub preview: bool,
}

/// What to do about roles that don't exist in the target and are named by policies, user mappings, owners or
/// privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingRoles {
    /// Refuse the restore before the target is changed.
    Refuse,
    /// Create them, without a login.
    Create,
    /// Leave out what names them.
    Skip,
}

impl RestoreRequest {
    /// Refuses what can't be done together.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check(&self) -> Result<()> {
        self.check_resume()?;
        self.check_jobs()
    }

    /// Refuses what several jobs can't do.
    fn check_jobs(&self) -> Result<()> {
        if self.jobs.get() == 1 {
            return Ok(());
        }
        if self.beside.is_some() {
            return Err(Error::usage(
                "--as restores the rows of one table, which one job does alone",
                "omit --jobs",
            ));
        }
        if self.single_transaction {
            return Err(Error::usage(
                "several jobs are several connections, which can't share one transaction",
                "for all or nothing, omit --jobs; otherwise restore into a new database without --single-transaction, or \
                 add --no-single-transaction for a part or with --clean: a failure then leaves what was loaded so far",
            ));
        }
        Ok(())
    }

    /// Refuses what can't be resumed.
    ///
    /// # Errors
    /// [`Error::Usage`].
    fn check_resume(&self) -> Result<()> {
        let impossible = [
            (
                self.single_transaction,
                "a restore in one transaction, which left nothing",
            ),
            (
                self.clean,
                "a restore with --clean, of which nobody can tell what was there before",
            ),
            (
                !self.only.is_empty(),
                "the restore of a part, beside which there may be anything",
            ),
        ];
        let Some((_, what)) = impossible.into_iter().find(|(is_asked, _)| self.resume && *is_asked) else {
            return Ok(());
        };
        Err(Error::usage(
            format!("--resume can't go on with {what}"),
            "omit --resume and begin anew; to be able to go on, restore all of the backup into a new database",
        ))
    }
}
