//! Settings of drills.

use std::path::PathBuf;

use super::super::setting::{Characters, DefaultValue, Section, Setting, Take};
use crate::{operation::DrillGround, postgres::DatabaseUrl};

/// The value that means a server of the agent's own.
const LOCAL: &str = "local";

pub(super) const SECTION: Section = Section {
    title: "Drills",
    settings: &[
        Setting {
            name: "PGCOFFER_SCRATCH_URL",
            secret: true,
            default: DefaultValue::Text(LOCAL),
            help: "where drills restore: local, or the URL of a server or database",
            doc: "where [drills](drills.md) restore: `local`, a server of pgcoffer's own that is made for the drill; \
                the URL of a server on which databases may be created; or that of an empty database that is \
                [reserved for drills](drills.md#a-reserved-database)",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.drill_ground = match text {
                    LOCAL => DrillGround::Local,
                    url => DrillGround::Server(DatabaseUrl::parse(url).map_err(|e| (e.to_string(), Some(e.hint())))?),
                };
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_DRILL_SQL",
            secret: false,
            default: DefaultValue::None,
            help: "a file of statements, each with what a drill expects of it",
            doc: "a file of [statements of your own](drills.md#statements-of-your-own), each with the answer that a drill \
                expects",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.drill_sql = Some(PathBuf::from(text));
                Ok(())
            }),
        },
    ],
};
