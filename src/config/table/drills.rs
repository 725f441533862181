//! Settings of drills.

use std::path::PathBuf;

use super::super::{
    drills::{DRILL, DRILL_OF_DATABASE},
    setting::{Characters, DefaultValue, Section, Setting, Take},
    values::duration,
};
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
                    word if strsim::damerau_levenshtein(&word.to_ascii_lowercase(), LOCAL) <= 2 => {
                        return Err((
                            format!("{word:?} is neither local nor a URL"),
                            Some("did you mean local?".to_owned()),
                        ));
                    }
                    url => DrillGround::Server(DatabaseUrl::parse(url).map_err(|e| (e.to_string(), Some(e.hint())))?),
                };
                Ok(())
            }),
        },
        Setting {
            name: DRILL,
            secret: false,
            default: DefaultValue::Described("only by hand"),
            help: "weekly on sunday at 04:00: when tick and serve drill",
            doc: "when `tick` and `serve` [drill](drills.md#scheduled) the newest good backup of each database, in the \
                words of a schedule without `keep`: `weekly on sunday at 04:00`, `daily at 05:00`, `monthly on 1`; `off` for none",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.drills.for_all = Some(text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: DRILL_OF_DATABASE,
            secret: false,
            default: DefaultValue::Described("`PGCOFFER_DRILL`"),
            help: "when one database is drilled, or off",
            doc: "when the backups of this database alone are drilled, or `off`",
            characters: Characters::List,
            take: Take::per_database(|reading, label, text| {
                reading.drills.own.insert(label, text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_DRILL_TIMEOUT",
            secret: false,
            default: DefaultValue::Text("4h"),
            help: "after which time a scheduled drill is ended",
            doc: "after which time a scheduled drill is ended, and its database removed: `90m`, `12h`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.drills.time_limit = Some(duration(text)?);
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
