//! Settings of the databases that are backed up.

use super::super::setting::{Characters, DefaultValue, Section, Setting, Take};
use crate::postgres::DatabaseUrl;

pub(in super::super) const URL: &str = "PGCOFFER_DB_<NAME>_URL";
pub(in super::super) const AUTH: &str = "PGCOFFER_DB_<NAME>_AUTH";

pub(super) const SECTION: Section = Section {
    title: "Databases",
    settings: &[
        Setting {
            name: URL,
            secret: true,
            default: DefaultValue::None,
            help: "a database, labelled <name>: postgres://user:password@host:5432/db",
            doc: "a database, labelled `<name>`; letters, digits and `_`: [its parameters](#the-databases-url)",
            characters: Characters::Visible,
            take: Take::per_database(|reading, label, text| {
                reading.named.insert(label.clone());
                let url = DatabaseUrl::parse(text).map_err(|e| (e.to_string(), Some(e.hint())))?;
                reading.urls.insert(label, url);
                Ok(())
            }),
        },
        Setting {
            name: AUTH,
            secret: false,
            default: DefaultValue::Described("the URL's password"),
            help: "aws-iam: log in to RDS or Aurora by tokens of IAM",
            doc: "`aws-iam`: [tokens of IAM](platforms.md#tokens-of-iam) in place of a password, for RDS and Aurora",
            characters: Characters::Visible,
            take: Take::per_database(|reading, label, text| match text {
                "aws-iam" => {
                    reading.by_iam.insert(label);
                    Ok(())
                }
                _ => {
                    let hint = "aws-iam makes a token of AWS IAM for each connection to RDS or Aurora; unset it to log \
                        in by the URL's password";
                    Err(("it is not aws-iam".to_owned(), Some(hint.to_owned())))
                }
            }),
        },
    ],
};
