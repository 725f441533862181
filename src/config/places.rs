//! Places that hold copies of the backups, as the settings say.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
};

use super::names::of_place;
use crate::{
    backup::{PlaceName, Retention},
    error::Fault,
    plain_http::HttpHosts,
    redact::SecretText,
    store::{HostKeys, Location, LockMode, Options, OwnCredentials, OwnService, SftpOptions, SshKeySource},
};

pub(super) const URL: &str = "PGCOFFER_COPY_<NAME>_URL";
pub(super) const ENDPOINT_URL: &str = "PGCOFFER_COPY_<NAME>_ENDPOINT_URL";
pub(super) const REGION: &str = "PGCOFFER_COPY_<NAME>_REGION";
pub(super) const ACCESS_KEY_ID: &str = "PGCOFFER_COPY_<NAME>_ACCESS_KEY_ID";
pub(super) const SECRET_ACCESS_KEY: &str = "PGCOFFER_COPY_<NAME>_SECRET_ACCESS_KEY";
pub(super) const SESSION_TOKEN: &str = "PGCOFFER_COPY_<NAME>_SESSION_TOKEN";
pub(super) const CREDENTIALS: &str = "PGCOFFER_COPY_<NAME>_CREDENTIALS";
pub(super) const PATH_STYLE: &str = "PGCOFFER_COPY_<NAME>_PATH_STYLE";
pub(super) const STORAGE_CLASS: &str = "PGCOFFER_COPY_<NAME>_STORAGE_CLASS";
pub(super) const LOCK: &str = "PGCOFFER_COPY_<NAME>_LOCK";
pub(super) const SSH_KEY: &str = "PGCOFFER_COPY_<NAME>_SSH_KEY";
pub(super) const SSH_PASSPHRASE: &str = "PGCOFFER_COPY_<NAME>_SSH_PASSPHRASE";
pub(super) const PASSWORD: &str = "PGCOFFER_COPY_<NAME>_PASSWORD";
pub(super) const HOST_KEY: &str = "PGCOFFER_COPY_<NAME>_HOST_KEY";
pub(super) const RETAIN: &str = "PGCOFFER_COPY_<NAME>_RETAIN";
pub(super) const RATE: &str = "PGCOFFER_COPY_<NAME>_RATE";
pub(super) const COPIES_MIN: &str = "PGCOFFER_COPIES_MIN";

/// The forms of a location.
const FORMS: &str = "s3://bucket/prefix, sftp://user@host/path or file:///path/to/folder";

/// A place that holds copies of the backups.
#[derive(Debug, Clone)]
pub struct PlaceSettings {
    /// Its name.
    pub name: PlaceName,
    /// Where it is.
    pub location: Location,
    /// Choices about its service, where it is on S3.
    pub store: Options,
    /// How its server is reached, where it is one that is reached by SFTP.
    pub sftp: Option<SftpOptions>,
    /// How long a backup is kept there, in the place of its own retention.
    pub retention: Option<Retention>,
    /// The most bytes that are sent to it or read from it within a second.
    pub bytes_per_second: Option<NonZeroU64>,
}

/// Places while they are read.
#[derive(Debug, Default)]
pub(super) struct PlacesReading {
    pub(super) places: BTreeMap<PlaceName, PlaceReading>,
    pub(super) copies_min: Option<u32>,
}

/// One place while it is read.
#[derive(Debug, Default)]
pub(super) struct PlaceReading {
    pub(super) location: Option<Location>,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) secret: Option<SecretText>,
    pub(super) token: Option<SecretText>,
    pub(super) credentials: Option<OwnCredentials>,
    pub(super) path_style: bool,
    pub(super) storage_class: Option<String>,
    pub(super) lock: Option<LockMode>,
    pub(super) ssh_key: Option<SshKeySource>,
    pub(super) ssh_passphrase: Option<SecretText>,
    pub(super) password: Option<SecretText>,
    pub(super) host_keys: Option<HostKeys>,
    pub(super) retention: Option<Retention>,
    pub(super) bytes_per_second: Option<NonZeroU64>,
    /// The names in the table of the settings that only a place on S3 has, as far as they were set.
    pub(super) of_s3: Vec<&'static str>,
    /// The same of those that only a place on a server has.
    pub(super) of_server: Vec<&'static str>,
}

impl PlacesReading {
    /// The place of this name, to be read on.
    pub(super) fn of(&mut self, name: PlaceName) -> &mut PlaceReading {
        self.places.entry(name).or_default()
    }

    /// The places, and how many of them have to hold a backup, if that is set.
    pub(super) fn finish(
        self,
        bucket: Option<&Location>,
        http_hosts: &HttpHosts,
        wrong: &BTreeSet<String>,
        faults: &mut Vec<Fault>,
    ) -> (Vec<PlaceSettings>, Option<u32>) {
        let count = self.places.len();
        if let Some(copies_min) = self.copies_min.filter(|min| *min as usize > count) {
            faults.push(Fault {
                variable: COPIES_MIN.to_owned(),
                why: match count {
                    0 => "no place that holds copies is configured".to_owned(),
                    _ => format!("{copies_min} places are to hold each backup, and {count} are configured"),
                },
                hint: Some(format!("set {URL} for each place, or lower it")),
            });
        }
        let mut places: Vec<PlaceSettings> = Vec::new();
        for (name, reading) in self.places {
            if wrong.contains(&of_place(URL, &name)) {
                continue;
            }
            match reading.finish(name, http_hosts) {
                Ok(place) => places.push(place),
                Err(fault) => faults.extend(fault.filter(|fault| !wrong.contains(&fault.variable))),
            }
        }
        faults.extend(same_places(&places, bucket));
        (places, self.copies_min)
    }
}

impl PlaceReading {
    fn finish(self, name: PlaceName, http_hosts: &HttpHosts) -> Result<PlaceSettings, Option<Fault>> {
        let fault = |setting: &str, why: &str, hint: String| {
            Err(Some(Fault {
                variable: of_place(setting, &name),
                why: why.to_owned(),
                hint: Some(hint),
            }))
        };
        let url = of_place(URL, &name);
        let Some(location) = self.location.clone() else {
            let hint = format!("write {FORMS} into it");
            return fault(URL, "other settings of this place are there, and it is not", hint);
        };
        let (what, foreign) = match &location {
            Location::Bucket(_) => ("on S3", self.of_server.first()),
            Location::Folder(_) => ("a folder", self.of_s3.iter().chain(&self.of_server).next()),
            Location::Server(_) => ("on a server", self.of_s3.first()),
        };
        if let Some(setting) = foreign {
            let kind = if self.of_s3.contains(setting) {
                "on S3"
            } else {
                "on a server"
            };
            let why = format!("only a place {kind} has that, and this one is {what}");
            return fault(setting, &why, format!("unset it, or name another place in {url}"));
        }
        let own_service = match location {
            Location::Bucket(_) => Some(OwnService {
                settings: name.settings(),
                credentials: self.credentials(&name)?,
                endpoint: self.endpoint.clone(),
                region: self.region.clone(),
            }),
            Location::Folder(_) | Location::Server(_) => None,
        };
        let sftp = match &location {
            Location::Server(server) => Some(SftpOptions {
                settings: name.settings(),
                host_keys: self.host_keys.unwrap_or_default(),
                key: self.ssh_key,
                passphrase: self.ssh_passphrase,
                password: self.password,
                ..SftpOptions::new(server.clone())
            }),
            Location::Bucket(_) | Location::Folder(_) => None,
        };
        let store = Options {
            path_style: self.path_style,
            storage_class: self.storage_class,
            lock: self.lock,
            http_hosts: http_hosts.clone(),
            own_service,
            settings: Some(name.settings()),
            ..Options::default()
        };
        Ok(PlaceSettings {
            name,
            location,
            store,
            sftp,
            retention: self.retention,
            bytes_per_second: self.bytes_per_second,
        })
    }

    /// The credentials of a place on S3, which are never the bucket's unless that is said.
    fn credentials(&self, name: &PlaceName) -> Result<OwnCredentials, Option<Fault>> {
        let (id, secret) = (of_place(ACCESS_KEY_ID, name), of_place(SECRET_ACCESS_KEY, name));
        let credentials = of_place(CREDENTIALS, name);
        let fault = |variable: String, why: String, hint: String| {
            Err(Some(Fault {
                variable,
                why,
                hint: Some(hint),
            }))
        };
        match (&self.key_id, &self.secret, &self.credentials) {
            (None, None, Some(credentials)) => Ok(credentials.clone()),
            (Some(id), Some(secret), None) => Ok(OwnCredentials::Key {
                id: id.clone(),
                secret: secret.clone(),
                token: self.token.clone(),
            }),
            (None, None, None) => fault(
                id.clone(),
                "this place has no credentials, and those of the bucket don't stand in for them".to_owned(),
                format!(
                    "set {id} and {secret}; or {credentials}=profile:NAME, or {credentials}=bucket where the same \
                     credentials are right for both"
                ),
            ),
            (_, _, Some(_)) => fault(
                credentials,
                format!("{id} or {secret} is set as well"),
                "keep one of them".to_owned(),
            ),
            (Some(_), None, None) => fault(secret, format!("{id} is set, and it is not"), "set both".to_owned()),
            (None, Some(_), None) => fault(id, format!("{secret} is set, and it is not"), "set both".to_owned()),
        }
    }
}

/// Places that are one: a copy there would be none.
fn same_places(places: &[PlaceSettings], bucket: Option<&Location>) -> Vec<Fault> {
    let endpoint = |place: &PlaceSettings| place.store.own_service.as_ref().and_then(|own| own.endpoint.clone());
    let mut faults = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let is_same = |other: &&PlaceSettings| other.location == place.location && endpoint(other) == endpoint(place);
        let is_folder = place.location.bucket().is_none();
        let other = match places[..index].iter().find(is_same) {
            Some(other) => Some(of_place(URL, &other.name)),
            None if is_folder && bucket == Some(&place.location) => Some("PGCOFFER_BUCKET".to_owned()),
            None => None,
        };
        faults.extend(other.map(|other| Fault {
            variable: of_place(URL, &place.name),
            why: format!("it is the same place as {other}, so what is there would be no copy"),
            hint: Some("name another place".to_owned()),
        }));
        if let (Location::Folder(path), Some(Location::Folder(bucket))) = (&place.location, bucket)
            && path != bucket
            && (path.starts_with(bucket) || bucket.starts_with(path))
        {
            faults.push(Fault {
                variable: of_place(URL, &place.name),
                why: "it and PGCOFFER_BUCKET lie within each other, so both are lost together".to_owned(),
                hint: Some("name a folder on another disk or machine".to_owned()),
            });
        }
    }
    faults
}
