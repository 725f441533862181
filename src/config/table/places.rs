//! Settings of the places that hold copies of the backups.

use std::num::NonZeroU64;

use super::{
    super::{
        places::{
            ACCESS_KEY_ID, COPIES_MIN, CREDENTIALS, ENDPOINT_URL, HOST_KEY, LOCK, PASSWORD, PATH_STYLE, RATE, REGION,
            RETAIN, SECRET_ACCESS_KEY, SESSION_TOKEN, SSH_KEY, SSH_PASSPHRASE, STORAGE_CLASS, URL,
        },
        setting::{Characters, DefaultValue, Section, Setting, Take},
        values::boolean,
        wrong::Wrong,
    },
    bucket::{lock_mode, storage_class},
};
use crate::{
    backup::Retention,
    redact::SecretText,
    store::{HostKeys, Location, OwnCredentials, SshKeySource},
};

pub(super) const SECTION: Section = Section {
    title: "Other places",
    settings: &[
        Setting {
            name: URL,
            secret: false,
            default: DefaultValue::None,
            help: "a place for copies, called <name>: s3://…, sftp://…, file://…",
            doc: "[another place](places.md), called `<name>`, that holds a copy of each backup: `s3://bucket/prefix`, \
                `sftp://user@host/path` or `file:///path/to/folder`",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let location = Location::parse(text).map_err(|e| (e.why, e.cure))?;
                reading.places.of(place).location = Some(location);
                Ok(())
            }),
        },
        Setting {
            name: ACCESS_KEY_ID,
            secret: false,
            default: DefaultValue::None,
            help: "the id of its access key, where it is on S3",
            doc: "the id of the access key of a place on S3. The bucket's credentials are never used there, unless \
                `PGCOFFER_COPY_<NAME>_CREDENTIALS` says so",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.key_id = Some(text.to_owned());
                place.of_s3.push(ACCESS_KEY_ID);
                Ok(())
            }),
        },
        Setting {
            name: SECRET_ACCESS_KEY,
            secret: true,
            default: DefaultValue::None,
            help: "the secret of that key",
            doc: "the secret of that key",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.secret = Some(SecretText::new(text.to_owned()));
                place.of_s3.push(SECRET_ACCESS_KEY);
                Ok(())
            }),
        },
        Setting {
            name: SESSION_TOKEN,
            secret: true,
            default: DefaultValue::None,
            help: "the token of a temporary key",
            doc: "the token that belongs to a temporary key",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.token = Some(SecretText::new(text.to_owned()));
                place.of_s3.push(SESSION_TOKEN);
                Ok(())
            }),
        },
        Setting {
            name: CREDENTIALS,
            secret: false,
            default: DefaultValue::Described("the access key"),
            help: "profile:NAME of ~/.aws, or bucket for the bucket's own",
            doc: "in the place of an access key: `profile:NAME`, a profile of `~/.aws`; or `bucket`, the credentials \
                of the bucket itself, where one role or key is right for both",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.credentials = Some(credentials(text)?);
                place.of_s3.push(CREDENTIALS);
                Ok(())
            }),
        },
        Setting {
            name: ENDPOINT_URL,
            secret: false,
            default: DefaultValue::Described("AWS"),
            help: "the address of its S3 service, where that is not AWS",
            doc: "the address of its S3 service: `https://s3.example.com`. Without it the place is on AWS, whatever \
                `AWS_ENDPOINT_URL` says of the bucket",
            characters: Characters::Visible,
            take: Take::PerPlace {
                read: |reading, place, text| {
                    let place = reading.places.of(place);
                    place.endpoint = Some(text.to_owned());
                    place.of_s3.push(ENDPOINT_URL);
                    Ok(())
                },
                // the URL of a place that is called x_endpoint
                is_other: |text| {
                    ["s3://", "file://", "sftp://"]
                        .iter()
                        .any(|scheme| text.starts_with(scheme))
                },
            },
        },
        Setting {
            name: REGION,
            secret: false,
            default: DefaultValue::Described("`us-east-1` with an endpoint of its own, else the bucket's"),
            help: "its region",
            doc: "the region of a place on S3",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.region = Some(text.to_owned());
                place.of_s3.push(REGION);
                Ok(())
            }),
        },
        Setting {
            name: PATH_STYLE,
            secret: false,
            default: DefaultValue::Text("false"),
            help: "true: its bucket's name stands in the path",
            doc: "`true`: the name of its bucket is in the path, as for `PGCOFFER_S3_PATH_STYLE`",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.path_style = boolean(text)?;
                place.of_s3.push(PATH_STYLE);
                Ok(())
            }),
        },
        Setting {
            name: STORAGE_CLASS,
            secret: false,
            default: DefaultValue::Described("the default of its bucket"),
            help: "storage class of archives there",
            doc: "storage class of archives there. One that has to be thawed is refused, since a copy is read back",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.storage_class = Some(warm_class(text)?);
                place.of_s3.push(STORAGE_CLASS);
                Ok(())
            }),
        },
        Setting {
            name: LOCK,
            secret: false,
            default: DefaultValue::None,
            help: "governance or compliance: Object Lock until retention ends",
            doc: "`governance` or `compliance`: Object Lock there, until the retention of that place ends, whether or \
                not the bucket has locks",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.lock = Some(lock_mode(text)?);
                place.of_s3.push(LOCK);
                Ok(())
            }),
        },
        Setting {
            name: SSH_KEY,
            secret: true,
            default: DefaultValue::Described("the keys of the SSH agent"),
            help: "private key of its login on a server: the key, or its file",
            doc: "the private key of the login at a place on a server: the key itself, or the path of its file. Without it the SSH agent of `SSH_AUTH_SOCK` is asked",
            characters: Characters::Any,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.ssh_key = Some(SshKeySource::of_setting(&SecretText::new(text.to_owned())));
                place.of_server.push(SSH_KEY);
                Ok(())
            }),
        },
        Setting {
            name: SSH_PASSPHRASE,
            secret: true,
            default: DefaultValue::None,
            help: "opens that key, where it is encrypted",
            doc: "opens that key, if it is encrypted",
            characters: Characters::Any,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.ssh_passphrase = Some(SecretText::new(text.to_owned()));
                place.of_server.push(SSH_PASSPHRASE);
                Ok(())
            }),
        },
        Setting {
            name: PASSWORD,
            secret: true,
            default: DefaultValue::None,
            help: "the password of the login, where there is no key",
            doc: "the password of the login, for a server that takes no key",
            characters: Characters::Any,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.password = Some(SecretText::new(text.to_owned()));
                place.of_server.push(PASSWORD);
                Ok(())
            }),
        },
        Setting {
            name: HOST_KEY,
            secret: false,
            default: DefaultValue::None,
            help: "its server's key: SHA256:…, a line or file of known_hosts",
            doc: "the key that its server must have: a fingerprint (`SHA256:…`), a line of `known_hosts`, or the path of such a file. It is never learnt from the server; `pgcoffer check` shows the one to compare and set",
            characters: Characters::Lines,
            take: Take::per_place(|reading, place, text| {
                let place = reading.places.of(place);
                place.host_keys = Some(HostKeys::of_setting(text).map_err(|e| (e.why, e.cure))?);
                place.of_server.push(HOST_KEY);
                Ok(())
            }),
        },
        Setting {
            name: RETAIN,
            secret: false,
            default: DefaultValue::Described("as in the bucket"),
            help: "how long backups are kept there: 90d, 1y, forever",
            doc: "[how long backups are kept there](places.md#retention), from their beginning on, in the place of \
                their own retention: `30d`, `12mo`, `7y`, `forever`",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                reading.places.of(place).retention = Some(retention(text)?);
                Ok(())
            }),
        },
        Setting {
            name: RATE,
            secret: false,
            default: DefaultValue::Described("as fast as it goes"),
            help: "the most bytes a second that are copied: 10MB",
            doc: "the most that is copied to it or read back from it in a second: `500kB`, `10MB`, `1MiB`",
            characters: Characters::Visible,
            take: Take::per_place(|reading, place, text| {
                reading.places.of(place).bytes_per_second = Some(rate(text)?);
                Ok(())
            }),
        },
        Setting {
            name: COPIES_MIN,
            secret: false,
            default: DefaultValue::Described("all places"),
            help: "how many places beside the bucket have to hold a backup",
            doc: "how many places beside the bucket have to hold a backup before it counts as safe: with fewer, \
                `status` and `tick` end with status 8",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                let number = text.parse().map_err(|_| {
                    let hint = "write a whole number, such as 1";
                    (format!("{text:?} is no number of places"), Some(hint.to_owned()))
                });
                reading.places.copies_min = Some(number?);
                Ok(())
            }),
        },
    ],
};

fn credentials(text: &str) -> Result<OwnCredentials, Wrong> {
    match text.split_once(':') {
        None if text.eq_ignore_ascii_case("bucket") => Ok(OwnCredentials::OfBucket),
        Some(("profile", name)) if !name.trim().is_empty() => Ok(OwnCredentials::Profile(name.trim().to_owned())),
        _ => {
            let hint = "write profile:NAME for a profile of ~/.aws, or bucket for the bucket's own credentials";
            Err(("it names no credentials".to_owned(), Some(hint.to_owned())))
        }
    }
}

/// A copy is read back once it is written.
fn warm_class(text: &str) -> Result<String, Wrong> {
    let class = storage_class(text)?;
    match ["GLACIER", "DEEP_ARCHIVE"].contains(&class.as_str()) {
        true => {
            let hint = "use GLACIER_IR, or have a lifecycle rule of that bucket move archives later";
            let why = format!("what is in {class} can't be read back, and a copy counts once it was read back");
            Err((why, Some(hint.to_owned())))
        }
        false => Ok(class),
    }
}

/// A retention by age: a count would need the schedule, which is the bucket's.
fn retention(text: &str) -> Result<Retention, Wrong> {
    let hint = || Some("write for example 90d, 12mo or forever".to_owned());
    match text.parse() {
        Ok(Retention::Newest(_)) => Err(("a place keeps backups by age, and not by count".to_owned(), hint())),
        Ok(retention) => Ok(retention),
        Err(error) => Err((error.to_string(), hint())),
    }
}

/// Bytes in a second: `10MB`, `10MB/s`, `512KiB`, `1000000`.
fn rate(text: &str) -> Result<NonZeroU64, Wrong> {
    let wrong = || {
        let hint = "write for example 500kB, 10MB or 1MiB: bytes, and not bits, in a second";
        (format!("{text:?} is no rate"), Some(hint.to_owned()))
    };
    let plain = text.trim().trim_end_matches("/s");
    let unit = plain.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = plain[..plain.len() - unit.len()].parse().map_err(|_| wrong())?;
    let times: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(times).and_then(NonZeroU64::new).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_bytes_in_a_second() {
        for (text, bytes) in [
            ("1000000", Some(1_000_000)),
            ("10MB", Some(10_000_000)),
            ("10 MB/s", Some(10_000_000)),
            ("512KiB", Some(512 << 10)),
            ("1m", Some(1_000_000)),
            ("0", None),
            ("10Mbit", None),
            ("fast", None),
            ("99999999999GB", None),
        ] {
            assert_eq!(rate(text).ok().map(NonZeroU64::get), bytes, "{text}");
        }
    }

    #[test]
    fn a_place_keeps_by_age_and_can_be_read_back() {
        assert_eq!(retention("90d"), Ok(Retention::Days(90)));
        assert!(retention("7").is_err() && retention("long").is_err());
        assert!(warm_class("GLACIER").is_err() && warm_class("deep_archive").is_err());
        assert_eq!(warm_class("glacier_ir"), Ok("GLACIER_IR".to_owned()));
    }
}
