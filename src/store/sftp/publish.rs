//! Gives a complete file its name: only if that is free, or in the place of another.

use std::sync::PoisonError;

use super::{
    fault::{SftpFault, SftpResult, code},
    temp_file::TempFile,
    tree::{Spot, Tree},
};
use crate::store::{Kind, file_name};

/// How a file gets a name only if that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// The server's rename fails if the name is taken, as version 3 of SFTP demands it.
    Rename,
    /// Its rename takes names of others; but it can give a file a second name, which fails if that is taken.
    Link,
    /// It can do neither: the name is looked at right before. Two that write it at once both get it, the later one.
    Look,
}

impl Tree {
    /// How names are given on this server. Found out once: by its software, by its extensions, or with two files of
    /// ours.
    pub(super) async fn naming(&self, spot: &Spot) -> SftpResult<Naming> {
        let known = *self.place.0.naming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(naming) = known {
            return Ok(naming);
        }
        let features = &self.session.features;
        let naming = match features.is_openssh() || !self.renames_over(spot).await? {
            true => Naming::Rename,
            false if features.has_hardlink => Naming::Link,
            false => Naming::Look,
        };
        *self.place.0.naming.lock().unwrap_or_else(PoisonError::into_inner) = Some(naming);
        Ok(naming)
    }

    /// Whether the server's rename takes the name of another file. Tried with two files beside `spot`.
    async fn renames_over(&self, spot: &Spot) -> SftpResult<bool> {
        let trial = || Spot {
            name: "rename".to_owned(),
            ..spot.clone()
        };
        let mut one = TempFile::begin(self, trial()).await?;
        let mut other = TempFile::begin(self, trial()).await?;
        for file in [&mut one, &mut other] {
            file.close().await?;
        }
        match self.session.rename(&one.path(), &other.path()).await {
            Ok(()) => {
                one.is_over = true;
                Ok(true)
            }
            Err(fault) if fault.is_unexplained() || fault.kind == Kind::Exists => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Gives a complete file its name if that is free. Atomic unless the naming is [`Naming::Look`].
    pub(super) async fn publish_new(&self, temp: &mut TempFile) -> SftpResult<()> {
        let (from, to) = (temp.path(), temp.spot.path());
        temp.close().await?;
        let named = match self.naming(&temp.spot).await? {
            Naming::Rename => self.session.rename(&from, &to).await,
            Naming::Link => self.session.link(&from, &to).await,
            Naming::Look => match self.session.lstat(&to).await? {
                Some(_) => return Err(SftpFault::exists()),
                None => self.session.rename(&from, &to).await,
            },
        };
        if let Err(fault) = named {
            return Err(self.about_name(fault, &to).await);
        }
        temp.is_over = true;
        if self.naming(&temp.spot).await? == Naming::Link {
            // the object exists; a second name that stays will be found as an unfinished upload
            if let Err(fault) = self.session.remove(&from).await {
                tracing::debug!("a second name on the server stays: {}", fault.why);
            }
        }
        self.sync_folder(&temp.spot.folder).await;
        Ok(())
    }

    /// A name that is taken has no code of its own in version 3.
    async fn about_name(&self, fault: SftpFault, to: &[u8]) -> SftpFault {
        let may_be_taken = fault.is_unexplained() || matches!(fault.code, Some(code::PERMISSION_DENIED));
        match may_be_taken && matches!(self.session.lstat(to).await, Ok(Some(_))) {
            true => SftpFault::exists(),
            false => fault,
        }
    }

    /// Gives a complete file the name of another, which is gone then. A reader sees one of both, if the server has
    /// `posix-rename` or a rename that takes names. Otherwise the other is moved away first, and back after an error.
    pub(super) async fn publish_over(&self, temp: &mut TempFile) -> SftpResult<()> {
        let (from, to) = (temp.path(), temp.spot.path());
        temp.close().await?;
        if self.session.features.has_posix_rename {
            self.session.rename_over(&from, &to).await?;
        } else if self.naming(&temp.spot).await? == Naming::Rename {
            let away = temp.spot.beside(&file_name::unfinished(&temp.spot.name));
            self.session.rename(&to, &away).await?;
            if let Err(fault) = self.session.rename(&from, &to).await {
                self.session.rename(&away, &to).await?;
                return Err(fault);
            }
            if let Err(fault) = self.session.remove(&away).await {
                tracing::debug!("the former file stays on the server: {}", fault.why);
            }
        } else {
            self.session.rename(&from, &to).await?;
        }
        temp.is_over = true;
        self.sync_folder(&temp.spot.folder).await;
        Ok(())
    }
}
