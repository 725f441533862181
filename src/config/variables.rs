//! Settings as they stand in the environment: ours, and those of others that are read for us.

use std::{ffi::OsString, path::Path};

use zeroize::Zeroizing;

use super::{
    blanks::trimmed,
    characters,
    entry::{SettingEntry, SettingOrigin, Value, cut, of_file_or_text},
    names::PREFIX,
    table::{Shape, foreign},
};
use crate::{error::Fault, text::escaped};

/// The environment's settings; an empty value is how compose files and some shells say "not set".
pub(super) fn entries(vars: Vec<(OsString, OsString)>) -> Vec<SettingEntry> {
    let entries = vars.into_iter().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let (value, is_text) = match value.into_string() {
            Ok(value) => (value, true),
            Err(value) => (value.to_string_lossy().into_owned(), false),
        };
        let value = Zeroizing::new(value);
        match value.is_empty() {
            true => empty(name),
            false if foreign(&name).is_some_and(|variable| variable.shape != Shape::Unchecked) => {
                of_others(name, value, is_text)
            }
            false => variable(name, cut(value), is_text),
        }
    });
    entries.collect()
}

/// The AWS SDK takes an empty endpoint for an address, and reaches nothing by it.
fn empty(name: String) -> Option<SettingEntry> {
    if !name.starts_with("AWS_ENDPOINT_URL") {
        return None;
    }
    let fault = Fault {
        variable: name.clone(),
        why: "it is set, and empty".to_owned(),
        hint: Some("unset it: AWS needs none, and any other service its address, https://…".to_owned()),
    };
    Some(SettingEntry {
        name,
        value: Err(fault),
        origin: SettingOrigin::Variable,
    })
}

/// Whether a variable of others is read here as well.
fn is_read_here(name: &str) -> bool {
    foreign(name).is_some_and(|variable| variable.take.is_some())
}

/// A variable that the AWS SDK or a client of HTTP reads as it stands.
fn of_others(name: String, value: Zeroizing<String>, is_text: bool) -> Option<SettingEntry> {
    let wrong = match is_text {
        true => characters::fault_of_others(&name, &value),
        false => {
            let hint = "write it in UTF-8".to_owned();
            Some(("its value is not valid UTF-8".to_owned(), Some(hint)))
        }
    };
    let value = match wrong {
        Some((why, hint)) => Err(Fault {
            variable: name.clone(),
            why,
            hint,
        }),
        None if is_read_here(&name) => Ok(Value::Text(value)),
        None => return None,
    };
    Some(SettingEntry {
        name,
        value,
        origin: SettingOrigin::Variable,
    })
}

fn variable(name: String, value: Zeroizing<String>, is_text: bool) -> Option<SettingEntry> {
    if value.is_empty() {
        return None;
    }
    let upper = trimmed(&name).to_ascii_uppercase();
    let ours = upper.strip_prefix(PREFIX);
    let is_ours = ours.is_some_and(|setting| setting != "CONFIG" && !is_injected(setting, &value));
    if !is_ours && !is_read_here(&name) {
        return None;
    }
    let fault = |why: &str, hint: String| Fault {
        variable: escaped(&name).into_owned(),
        why: why.to_owned(),
        hint: Some(hint),
    };
    if name != upper {
        let why =
            "names of variables are in upper case here, without anything around them, and this one is passed over";
        let fault = fault(why, format!("call it {upper}"));
        let value = Err(fault);
        // under its own name, beside the right one where that is set as well
        return Some(SettingEntry {
            name,
            value,
            origin: SettingOrigin::Variable,
        });
    }
    if !is_text {
        let hint = "write it in UTF-8; in a URL, percent-encode what is not ASCII".to_owned();
        let value = Err(fault("its value is not valid UTF-8", hint));
        return Some(SettingEntry {
            name,
            value,
            origin: SettingOrigin::Variable,
        });
    }
    let (name, value) = of_file_or_text(name, value, Path::new(""));
    Some(SettingEntry {
        name,
        value: Ok(value),
        origin: SettingOrigin::Variable,
    })
}

/// Whether a platform set this variable for a service that is called pgcoffer too: Kubernetes does for each service
/// (`PGCOFFER_SERVICE_HOST`, `PGCOFFER_PORT_9187_TCP_ADDR`, …), and so did Docker's links.
/// <https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>
fn is_injected(setting: &str, value: &str) -> bool {
    let named = |part: &str| setting == part || setting.ends_with(&format!("_{part}"));
    let service = named("SERVICE_HOST") || named("SERVICE_PORT") || setting.contains("SERVICE_PORT_");
    let address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let port = named("PORT") && address;
    let words: Vec<&str> = setting.split('_').collect();
    let of_port = words
        .windows(3)
        .any(|w| w[0] == "PORT" && w[1].bytes().all(|b| b.is_ascii_digit()) && ["TCP", "UDP", "SCTP"].contains(&w[2]));
    service || port || of_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_platform_sets_for_a_service_of_our_name_is_no_setting() {
        for (name, value) in [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "9187"),
            ("SERVICE_PORT_METRICS", "9187"),
            ("METRICS_SERVICE_HOST", "10.0.0.1"),
            ("PORT", "tcp://10.0.0.1:9187"),
            ("PORT_9187_TCP", "tcp://10.0.0.1:9187"),
            ("PORT_9187_TCP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_injected(name, value), "{name}");
        }
        for (name, value) in [("PORT", "1"), ("DB_MAIN_PORT", "1"), ("KEY", "tcp://x")] {
            assert!(!is_injected(name, value), "{name}");
        }
    }
}
