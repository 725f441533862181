//! The bucket, and the network between.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the bucket can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bucket {
    /// A setting about it is wrong.
    BucketSettings,
    /// No credentials were found.
    BucketNoCredentials,
    /// Where the credentials come from doesn't answer, or fails.
    BucketCredentialsUnavailable,
    /// The service doesn't know these credentials.
    BucketWrongCredentials,
    /// The credentials may not do this.
    BucketDenied,
    /// There is no such bucket.
    BucketMissing,
    /// It is in another region.
    BucketRegion,
    /// What answers is not its S3 service.
    BucketEndpoint,
    /// The service's certificate can't be trusted.
    BucketCertificate,
    /// There is no such object.
    BucketNotFound,
    /// The object exists already.
    BucketExists,
    /// The object isn't the one that was looked at before.
    BucketChanged,
    /// What is to be read lies in cold storage.
    BucketCold,
    /// It is being thawed.
    BucketThawing,
    /// The service doesn't know the request.
    BucketUnsupported,
    /// A quota is reached, or there is no room left.
    BucketFull,
    /// The service is busy.
    BucketBusy,
    /// No connection, or it broke.
    BucketUnreachable,
    /// What the service holds isn't what was sent.
    BucketMismatch,
    /// A request or its answer was damaged on the way, again and again.
    BucketDamaged,
    /// The service has not answered for too long.
    BucketSilent,
    /// Its endpoint has no TLS.
    BucketPlain,
    /// The backups there belong to another repository.
    BucketStranger,
    /// More would be deleted than the schedule explains.
    BucketUnexplained,
    /// Its lifecycle rules are wrong, or may be.
    BucketLifecycle,
    /// Its clock and this machine's differ too much.
    BucketClock,
    /// Its answers bear no date.
    BucketUndated,
    /// Something has run out and could not be deleted.
    BucketNotDeleted,
    /// Records or marks can't be read, so nothing may be deleted.
    BucketNotWhole,
    /// The service answered something else.
    BucketOther,
    /// The folder that is used instead of a bucket is not there.
    FolderMissing,
    /// Its rights, or how it is mounted, don't allow it.
    FolderDenied,
    /// Its file system doesn't answer.
    FolderSilent,
    /// Its file system lacks what is needed.
    FolderUnfit,
    /// Its file system gives errors, or other bytes than were written.
    FolderFailing,
    /// The settings of a server that is reached by SFTP can't be used.
    ServerSettings,
    /// The server refuses the login, or there is nothing to log in with.
    ServerLogin,
    /// Its host key is not the one that is pinned.
    ServerHostKey,
    /// The folder on it is not there.
    ServerFolderMissing,
    /// The account on it may not do what is needed.
    ServerDenied,
    /// Its disk is full, or a quota is reached.
    ServerFull,
    /// It doesn't answer.
    ServerUnreachable,
    /// It lacks what is needed.
    ServerUnfit,
    /// It gives errors, or other bytes than were written.
    ServerFailing,
}

impl Bucket {
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::BucketSettings => {
                "correct PGCOFFER_BUCKET and the AWS_… variables where pgcoffer runs; `pgcoffer check` says what is \
                 wrong"
            }
            Self::BucketNoCredentials => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where pgcoffer runs, or AWS_PROFILE, or run it where \
                 a role is attached"
            }
            Self::BucketCredentialsUnavailable => {
                "see whether what gives the credentials works where pgcoffer runs: STS, or the container's or the \
                 instance's metadata service"
            }
            Self::BucketWrongCredentials => {
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, that machine's clock, and that \
                 they belong to this endpoint"
            }
            Self::BucketDenied => {
                "give the credentials the right that is missing: `pgcoffer check` tries each, `pgcoffer policy` prints \
                 the policy"
            }
            Self::BucketMissing => {
                "create the bucket, or correct its name in PGCOFFER_BUCKET or the endpoint in AWS_ENDPOINT_URL_S3"
            }
            Self::BucketRegion => "set AWS_REGION to the bucket's region",
            Self::BucketEndpoint => {
                "write the service's own address for S3 in AWS_ENDPOINT_URL_S3, without the bucket's name, and look at \
                 proxies between"
            }
            Self::BucketCertificate => {
                "name the authority that made the service's certificate in AWS_CA_BUNDLE or SSL_CERT_FILE, or correct \
                 AWS_ENDPOINT_URL_S3; `pgcoffer check` says which of both"
            }
            Self::BucketFull => {
                "raise the quota of the bucket or the account, or keep less; what has run out is deleted by `pgcoffer \
                 prune` and by `tick` all the same"
            }
            Self::BucketExists => "nothing is ever overwritten: look at what is there with `pgcoffer list`",
            Self::BucketCold => "run the command again with --thaw standard",
            Self::BucketThawing => "run the same command again when it is thawed",
            Self::BucketBusy => "see the service's status page; the next attempt may well succeed",
            Self::BucketUnreachable => {
                "check the network, AWS_ENDPOINT_URL_S3 and AWS_REGION; a bucket name with dots or a service without \
                 host names per bucket needs PGCOFFER_S3_PATH_STYLE=true"
            }
            Self::BucketMismatch => {
                "if it happens again, suspect the network or the service: what was damaged counts as no backup"
            }
            Self::BucketDamaged => "suspect the network between, or a proxy in it: it changes what passes",
            Self::BucketSilent => "see the service's status page, and whether a firewall or a proxy swallows requests",
            Self::BucketPlain => "give an endpoint that begins with https:// in AWS_ENDPOINT_URL_S3",
            Self::BucketStranger => "find out who copied it there; PGCOFFER_REPOSITORY says which repository is meant",
            Self::BucketUnexplained => {
                "look at `pgcoffer prune --dry-run`: somebody may have written backups to push out others"
            }
            Self::BucketLifecycle => "`pgcoffer lifecycle` shows which rules the bucket has and should have",
            Self::BucketClock => "set that machine's clock by NTP: by a wrong one, backups expire too early",
            Self::BucketUndated => {
                "look for the gateway or proxy that takes the Date away from the service's answers, or have a \
                 lifecycle rule delete"
            }
            Self::BucketNotDeleted => {
                "`pgcoffer prune` by hand says what can't be deleted; credentials need s3:DeleteObject for it, or \
                 leave it to others with --no-prune"
            }
            Self::BucketNotWhole => {
                "`pgcoffer status` names the object: find out what it is, and move it away by hand or bring back its \
                 older version"
            }
            Self::FolderMissing => {
                "mount what holds the folder, make it, or correct PGCOFFER_BUCKET where pgcoffer runs: pgcoffer never \
                 makes it"
            }
            Self::FolderDenied => {
                "the user that runs pgcoffer has to own the folder and all that it made there, and it has to be mounted \
                 for writing"
            }
            Self::FolderSilent => "see whether the server of the share is up, and the share still mounted",
            Self::FolderUnfit => "`pgcoffer check` says what the file system lacks: use another one",
            Self::FolderFailing => "see the kernel's log (`dmesg`): a disk fails, or a share gave up its server",
            Self::ServerSettings => "correct the address, the private key and the pinned host key of the server",
            Self::ServerLogin => {
                "see whether the user is right, and whether the public key stands in that account's                  .ssh/authorized_keys on the server"
            }
            Self::ServerHostKey => {
                "compare the server's host key with the one that is pinned: if the server was not set up anew, somebody                  else answers in its place"
            }
            Self::ServerFolderMissing => "make the folder on the server, mount its disk, or correct the path",
            Self::ServerDenied => "the account on the server has to own the folder and all that pgcoffer made there",
            Self::ServerFull => "make room on the server, raise the account's quota, or keep less",
            Self::ServerUnreachable => {
                "see whether the server is up, and whether a firewall lets connections to its port for SSH pass"
            }
            Self::ServerUnfit => "use another server, such as OpenSSH's internal-sftp",
            Self::ServerFailing => "see the server's own log, and whether its disk is sound",
            Self::BucketNotFound | Self::BucketChanged | Self::BucketUnsupported | Self::BucketOther => {
                return None;
            }
        })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BucketSettings => "the settings of the bucket can't be used",
            Self::BucketNoCredentials => "there are no credentials for the bucket",
            Self::BucketCredentialsUnavailable => {
                "where the credentials for the bucket come from does not answer, or fails"
            }
            Self::BucketWrongCredentials => "the bucket's service does not take these credentials",
            Self::BucketDenied => "the credentials lack a right in the bucket",
            Self::BucketMissing => "there is no such bucket",
            Self::BucketRegion => "the bucket is in another region",
            Self::BucketEndpoint => "what answers at the endpoint is not the bucket's S3 service",
            Self::BucketCertificate => "the certificate of the bucket's service can't be trusted",
            Self::BucketNotFound => "an object that should be in the bucket is not there",
            Self::BucketExists => "an object of that name is in the bucket already",
            Self::BucketChanged => "an object in the bucket changed while it was looked at",
            Self::BucketCold => "what is to be read lies in cold storage",
            Self::BucketThawing => "what is to be read is being brought back from cold storage",
            Self::BucketUnsupported => "the bucket's service does not know a request that is needed",
            Self::BucketFull => "the bucket, or the account that it belongs to, has no room left",
            Self::BucketBusy => "the bucket's service was busy or failing for some time",
            Self::BucketUnreachable => "no connection to the bucket's service",
            Self::BucketMismatch => "what the bucket holds is not what was sent",
            Self::BucketDamaged => "requests to the bucket's service or its answers are damaged on the way",
            Self::BucketSilent => "the bucket's service has said nothing for too long",
            Self::BucketPlain => "the bucket's endpoint has no TLS",
            Self::BucketStranger => "what is in the bucket belongs to another repository",
            Self::BucketUnexplained => "more backups would be deleted than the schedule explains, so nothing is",
            Self::BucketLifecycle => "the bucket's lifecycle rules are not as they should be",
            Self::BucketClock => "the machine's clock and the bucket's differ too much to delete anything by",
            Self::BucketUndated => {
                "the answers of the bucket's service bear no date to compare the machine's clock with, so nothing is \
                 deleted"
            }
            Self::BucketNotDeleted => "what has run out could not be deleted",
            Self::BucketNotWhole => "records or marks in the bucket can't be read, so nothing is deleted",
            Self::BucketOther => "the bucket's service gave an answer that can't be used",
            Self::FolderMissing => "the folder for backups is not there",
            Self::FolderDenied => "pgcoffer may not read or write in the folder for backups",
            Self::FolderSilent => "the file system of the folder for backups does not answer",
            Self::FolderUnfit => "the file system of the folder for backups lacks what is needed",
            Self::FolderFailing => "the file system of the folder for backups gives errors",
            Self::ServerSettings => "the settings of the server for backups can't be used",
            Self::ServerLogin => "the server for backups refuses the login",
            Self::ServerHostKey => "the host key of the server for backups is not the one that is pinned",
            Self::ServerFolderMissing => "the folder for backups is not on its server",
            Self::ServerDenied => "the account on the server for backups may not do what is needed",
            Self::ServerFull => "the server for backups has no room left",
            Self::ServerUnreachable => "the server for backups does not answer",
            Self::ServerUnfit => "the server for backups lacks what is needed",
            Self::ServerFailing => "the server for backups gives errors",
        })
    }
}
