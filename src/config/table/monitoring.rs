//! Settings of `serve`, of the log and of monitoring.

use std::path::PathBuf;

use super::super::{
    monitoring::{METRICS_OPEN, listen},
    setting::{Characters, DefaultValue, Section, Setting, Take},
    values::boolean,
    wrong::Wrong,
};
use crate::web::Token;

/// A value, or what is wrong with it and the cure.
type Read<T> = Result<T, Wrong>;

pub(super) const SECTION: Section = Section {
    title: "Log, monitoring, serve",
    settings: &[
        Setting {
            name: "PGCOFFER_LOG_FORMAT",
            secret: false,
            default: DefaultValue::Text("text"),
            help: "text or json",
            doc: "`text` or `json`, if `--log-format` is not given",
            characters: Characters::Visible,
            // the log begins before settings are read: here it is only looked at
            take: Take::Once(|_, text| log_format(text)),
        },
        Setting {
            name: "PGCOFFER_METRICS_FILE",
            secret: false,
            default: DefaultValue::None,
            help: "a .prom file for node_exporter, written after every run",
            doc: "a file for node_exporter, ending in `.prom`: [monitoring.md](monitoring.md)",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.serving.metrics_file = Some(metrics_file(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_LISTEN",
            secret: false,
            default: DefaultValue::Described("`127.0.0.1:9187`, or the platform's `PORT` on all addresses"),
            help: "where `serve` answers: 127.0.0.1:9187",
            doc: "where `serve` answers: address and port, or only a port, which is then open to this machine alone",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.serving.listen = Some(listen(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_METRICS_TOKEN",
            secret: true,
            default: DefaultValue::None,
            help: "bearer token for /metrics, 16 characters at least",
            doc: "bearer token for `/metrics` and the names in `/healthz`, at least 16 characters",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                let token = Token::parse(text);
                reading.config.serving.token = Some(token.map_err(|fault| (fault.to_string(), Some(fault.hint())))?);
                Ok(())
            }),
        },
        Setting {
            name: METRICS_OPEN,
            secret: false,
            default: DefaultValue::Text("false"),
            help: "true: metrics are shown without a token",
            doc: "`true`: everybody who reaches the address that you chose can read them without a token: \
                [monitoring.md](monitoring.md#pgcoffer-serve)",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.serving.open = boolean(text)?;
                Ok(())
            }),
        },
    ],
};

fn metrics_file(text: &str) -> Read<PathBuf> {
    if text.ends_with(".prom") && !text.ends_with("/.prom") {
        return Ok(PathBuf::from(text));
    }
    let hint = "name it for example /var/lib/prometheus/node-exporter/pgcoffer.prom";
    let why = "node_exporter reads only files that end in .prom";
    Err((why.to_owned(), Some(hint.to_owned())))
}

fn log_format(text: &str) -> Read<()> {
    match text {
        "text" | "json" => Ok(()),
        _ => Err((format!("{text:?} is neither text nor json"), None)),
    }
}
