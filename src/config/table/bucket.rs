//! Settings of the bucket, and of what its service wants.

use aws_sdk_s3::types::{ObjectCannedAcl, ServerSideEncryption};

use super::super::{
    setting::{Characters, DefaultValue, Section, Setting, Take},
    values::boolean,
    wrong::Wrong,
};
use crate::{
    plain_http::HttpHosts,
    rights::AccessMode,
    store::{Location, LockMode},
};

pub(in super::super) const SSE_KMS_KEY_ID: &str = "PGCOFFER_SSE_KMS_KEY_ID";

pub(super) const SECTION: Section = Section {
    title: "The bucket",
    settings: &[
        Setting {
            name: "PGCOFFER_BUCKET",
            secret: false,
            default: DefaultValue::None,
            help: "s3://bucket/prefix, or a folder: file:///path/to/folder",
            doc: "`s3://bucket/prefix`, or [a folder](folder.md): `file:///path/to/folder`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                let location = Location::parse(text).map_err(|e| (e.why, e.cure))?;
                if let Location::Server(_) = location {
                    let hint = "name it as another place, which holds copies: PGCOFFER_COPY_<NAME>_URL, such as \
                        PGCOFFER_COPY_OFFSITE_URL; the bucket itself is s3://bucket/prefix or file:///path/to/folder";
                    let why = "a server that is reached by SFTP holds copies, and is not the bucket".to_owned();
                    return Err((why, Some(hint.to_owned())));
                }
                reading.config.location = Some(location);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_MODE",
            secret: false,
            default: DefaultValue::Text("full"),
            help: "drop-box: the bucket's credentials may only write",
            doc: "`full`; `drop-box`: the bucket's credentials may only write: [drop-box.md](drop-box.md); or `drill`: they read, and \
                add reports of drills: [drills.md](drills.md#a-machine-of-its-own)",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.mode = mode(text)?;
                reading.config.store.write_only = reading.config.mode == AccessMode::DropBox;
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_LOCK",
            secret: false,
            default: DefaultValue::None,
            help: "governance or compliance: Object Lock until the retention ends",
            doc: "`governance` or `compliance`: Object Lock until the retention ends. A bucket with Object Lock needs \
                `Content-MD5` with each write. pgcoffer sends it if this is set, or when the bucket asks for it, as a \
                bucket with a default retention does",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.store.lock = Some(lock_mode(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_S3_PATH_STYLE",
            secret: false,
            default: DefaultValue::Text("false"),
            help: "true: the bucket's name stands in the path",
            doc: "`true`: the bucket's name is in the path, as most services other than AWS need. If the endpoint has \
                a path, this is automatic",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.store.path_style = boolean(text)?;
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_ALLOW_HTTP",
            secret: false,
            default: DefaultValue::None,
            help: "hosts that may be reached by http://: minio.internal, 10.0.0.7",
            doc: "hosts, without scheme and port, separated by commas. The bucket's endpoint and a collector of \
                traces may use `http://` with these hosts, and always with this machine: \
                [security.md](security.md#http-in-your-own-network)",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.config.store.http_hosts = http_hosts(text)?;
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_STORAGE_CLASS",
            secret: false,
            default: DefaultValue::Described("the bucket's"),
            help: "storage class of archives",
            doc: "storage class of archives; records stay in the bucket's default class",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.store.storage_class = Some(storage_class(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_SSE",
            secret: false,
            default: DefaultValue::Described("`aws:kms` where a key is named, else none"),
            help: "server-side encryption: AES256, aws:kms, aws:kms:dsse",
            doc: "server-side encryption on top of pgcoffer's own, if the bucket's policy requires its name in each \
                request: `AES256`, `aws:kms`, `aws:kms:dsse`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.store.encryption = Some(encryption(text)?);
                Ok(())
            }),
        },
        Setting {
            name: SSE_KMS_KEY_ID,
            secret: false,
            default: DefaultValue::Described("the bucket's"),
            help: "the KMS key for that",
            doc: "the KMS key for server-side encryption",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.store.kms_key = Some(text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_ACL",
            secret: false,
            default: DefaultValue::None,
            help: "canned ACL of what is written, as another account's bucket wants",
            doc: "canned ACL of new objects, if the bucket belongs to another account and its policy requires one: \
                `bucket-owner-full-control`, `bucket-owner-read`, `private`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.store.acl = Some(acl(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_REQUESTER_PAYS",
            secret: false,
            default: DefaultValue::Text("false"),
            help: "true: these credentials pay for requests",
            doc: "`true`: these credentials pay for requests and traffic, as a bucket with Requester Pays requires",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.store.requester_pays = boolean(text)?;
                Ok(())
            }),
        },
    ],
};

fn http_hosts(text: &str) -> Result<HttpHosts, Wrong> {
    HttpHosts::parse(text).map_err(|why| {
        let hint = "name hosts without scheme and port, separated by commas: minio.internal, 10.0.0.7";
        (why, Some(hint.to_owned()))
    })
}

/// Classes that S3 takes at upload; the cold ones make an archive that must be thawed before it can be read.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
pub(super) fn storage_class(text: &str) -> Result<String, Wrong> {
    const CLASSES: [&str; 9] = [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "GLACIER_IR",
        "DEEP_ARCHIVE",
        "EXPRESS_ONEZONE",
    ];
    let upper = text.to_ascii_uppercase();
    if CLASSES.contains(&upper.as_str()) {
        Ok(upper)
    } else {
        Err((format!("{text:?} is none of {}", CLASSES.join(", ")), None))
    }
}

/// What S3 may be told to encrypt with on top of pgcoffer's own.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html#API_PutObject_RequestSyntax>
fn encryption(text: &str) -> Result<ServerSideEncryption, Wrong> {
    let known = [
        ServerSideEncryption::Aes256,
        ServerSideEncryption::AwsKms,
        ServerSideEncryption::AwsKmsDsse,
    ];
    one_of(known, ServerSideEncryption::as_str, text)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl>
fn acl(text: &str) -> Result<ObjectCannedAcl, Wrong> {
    let known = [
        ObjectCannedAcl::Private,
        ObjectCannedAcl::BucketOwnerFullControl,
        ObjectCannedAcl::BucketOwnerRead,
        ObjectCannedAcl::AuthenticatedRead,
        ObjectCannedAcl::AwsExecRead,
        ObjectCannedAcl::PublicRead,
        ObjectCannedAcl::PublicReadWrite,
    ];
    let acl = one_of(known, ObjectCannedAcl::as_str, text)?;
    match acl {
        ObjectCannedAcl::PublicRead | ObjectCannedAcl::PublicReadWrite | ObjectCannedAcl::AuthenticatedRead => Err((
            format!("{text:?} lets everybody read backups"),
            Some("use private, bucket-owner-full-control or bucket-owner-read".to_owned()),
        )),
        acl => Ok(acl),
    }
}

/// One of these, by its name in whatever case.
fn one_of<T, const N: usize>(known: [T; N], name: impl Fn(&T) -> &str, text: &str) -> Result<T, Wrong> {
    let names: Vec<String> = known.iter().map(|one| name(one).to_owned()).collect();
    let mut known = known.into_iter();
    let found = known.find(|one| name(one).eq_ignore_ascii_case(text));
    found.ok_or_else(|| (format!("{text:?} is none of {}", names.join(", ")), None))
}

pub(super) fn lock_mode(text: &str) -> Result<LockMode, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "governance" => Ok(LockMode::Governance),
        "compliance" => Ok(LockMode::Compliance),
        other => {
            let hint = match other {
                "no" | "off" | "false" | "none" | "0" => "unset it: then nothing is locked",
                _ => "write governance for locks that some may lift, or compliance for those that nobody can",
            };
            let why = format!("{text:?} is neither governance nor compliance");
            Err((why, Some(hint.to_owned())))
        }
    }
}

/// Of the modes, those in which an agent runs: the others have their commands, and need no setting.
fn mode(text: &str) -> Result<AccessMode, Wrong> {
    let parsed = text.parse().ok();
    parsed
        .filter(|mode| matches!(mode, AccessMode::Full | AccessMode::DropBox | AccessMode::Drill))
        .ok_or_else(|| {
            let hint = "drop-box is for credentials that may only write, drill for those of a machine that only drills; leave it \
                        unset otherwise";
            (format!("{text:?} is none of full, drop-box, drill"), Some(hint.to_owned()))
        })
}
