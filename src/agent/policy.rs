//! `policy`: the smallest policy that credentials of the bucket need.

use super::Agent;
use crate::{
    error::{Error, Result},
    rights::{self, AccessMode, LOCK_DAYS_DEFAULT, LockLimit, PolicyScope, Service},
    store::LockMode,
};

/// What a policy is to allow.
#[derive(Debug, Clone, Copy)]
pub struct PolicyOptions {
    /// What the credentials are for.
    pub mode: AccessMode,
    /// Whose policy it is; none to go by the endpoint.
    pub service: Option<Service>,
    /// The most days that a lock may last; none to go by the schedules.
    pub lock_days: Option<u32>,
    /// Whether holds may be put on locked objects.
    pub legal_hold: bool,
    /// Whether archives may be thawed.
    pub thaw: bool,
    /// Whether lifecycle rules may be written.
    pub lifecycle: bool,
    /// Whether the settings of the bucket may be read.
    pub check: bool,
}

impl Agent {
    /// The policy as JSON. Asks nobody.
    ///
    /// # Errors
    /// [`Error::Usage`] where no bucket is set, or the service has no policies.
    pub fn bucket_policy(&self, options: &PolicyOptions) -> Result<String> {
        let instead = "in a folder rights are those of its owner and mode: chown it to the user that runs pgcoffer, and \
            chmod 700";
        let location = self.config.bucket_to("print a policy", instead)?;
        let service = options.service.unwrap_or_else(|| Service::at(self.endpoint()));
        if let Some(instead) = service.instead_of_policies(options.mode) {
            return Err(Error::usage(format!("{service} has no policies to print"), instead));
        }
        if options.service.is_none() && service == Service::Other {
            tracing::warn!(
                "what answers at this endpoint is not known: the policy has what all services take; --service names it"
            );
        }
        if options.mode == AccessMode::DropBox && service != Service::Aws {
            tracing::warn!(
                "the condition that nothing is written over is AWS's: here turn on versioning or Object Lock as well"
            );
        }
        let days = options.lock_days.or_else(|| self.longest_days());
        let lock = self.config.store.lock.map(|mode| LockLimit {
            compliance: mode == LockMode::Compliance,
            days: days.unwrap_or(LOCK_DAYS_DEFAULT),
        });
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let of_place = self
            .config
            .store
            .own_service
            .as_ref()
            .and_then(|own| own.region.as_deref());
        let region = of_place.or_else(|| region.iter().find_map(|name| self.environment.variable(name)));
        let place = PolicyScope {
            service,
            bucket: location.bucket.clone(),
            prefix: location.prefix.clone(),
            partition: rights::partition(region).to_owned(),
            kms_key: self.config.store.kms_key.clone(),
            acl: self.config.store.acl.is_some(),
            lock,
            legal_hold: options.legal_hold,
            thaw: options.thaw,
            lifecycle: options.lifecycle,
            check: options.check,
        };
        // as people write them: the version first
        let policy = serde_json::to_string_pretty(&rights::policy(options.mode, &place));
        policy.map_err(|e| Error::Internal(e.to_string()))
    }

    /// What a server has to allow that holds copies, as a document; none where it is no server that is meant. Asks nobody.
    #[must_use]
    pub fn server_policy(&self) -> Option<String> {
        let server = &self.config.sftp.as_ref()?.location;
        let (user, host) = (&server.user, &server.host);
        Some(format!(
            "# ~/.ssh/authorized_keys of {user} on {host}: one line, with the public half of the key, as\n\
             # `ssh-keygen -y -f KEY` prints it, in the place of PUBLIC-KEY\n\
             restrict,command=\"internal-sftp\" PUBLIC-KEY\n\
             \n\
             # /etc/ssh/sshd_config on {host}: {user} gets files and nothing else, and sees one folder alone, which\n\
             # belongs to root; the folder of the copies is made in it and belongs to {user}\n\
             Match User {user}\n    \
                 ForceCommand internal-sftp\n    \
                 ChrootDirectory %h\n    \
                 AllowTcpForwarding no\n    \
                 X11Forwarding no\n    \
                 PermitTunnel no\n"
        ))
    }

    fn endpoint(&self) -> Option<&str> {
        if let Some(own) = &self.config.store.own_service {
            return own.endpoint.as_deref();
        }
        let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
        let mut set = names.iter().filter_map(|name| self.environment.variable(name));
        set.find(|url| !url.trim().is_empty())
    }

    /// The days of the longest retention in the schedules or of a backup that somebody asks for, and one more for the
    /// time that a run takes.
    fn longest_days(&self) -> Option<u32> {
        let now = self.clock.now();
        let schedules = self.config.databases.iter().filter_map(|one| one.schedule.as_ref());
        let clauses: Vec<_> = schedules.flat_map(|schedule| schedule.clauses()).collect();
        // without a schedule nobody knows what is to come
        let manual = (!clauses.is_empty()).then_some(self.config.retain_manual);
        let kept = clauses.iter().map(|clause| clause.keep).chain(manual);
        let end = kept.filter_map(|keep| keep.expires(now)).max()?;
        let days = end.duration_since(now).as_hours().div_euclid(24) + 2;
        u32::try_from(days).ok()
    }
}
