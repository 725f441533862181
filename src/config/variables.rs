//! Settings as they stand in the environment: ours, and those of others that are read for us.

use std::{ffi::OsString, path::Path};

use zeroize::Zeroizing;

use super::{
    characters::{self, trimmed},
    settings::{Entry, Origin, PREFIX, Value, cut, of_file_or_text},
    values::is_injected,
};
use crate::{error::Fault, text::escaped};

/// Variables that belong to others and mean something here, too.
const OF_OTHERS: [&str; 3] = [
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    // of the platform
    "PORT",
    // of the heroku CLI
    "HEROKU_API_URL",
];

/// The environment's settings; an empty value is how compose files and some shells say "not set".
pub(super) fn entries(vars: Vec<(OsString, OsString)>) -> Vec<Entry> {
    let entries = vars.into_iter().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let (value, is_text) = match value.into_string() {
            Ok(value) => (value, true),
            Err(value) => (value.to_string_lossy().into_owned(), false),
        };
        let value = Zeroizing::new(value);
        match value.is_empty() {
            true => empty(name),
            false if characters::is_of_others(&name) => of_others(name, value, is_text),
            false => variable(name, cut(value), is_text),
        }
    });
    entries.collect()
}

/// The AWS SDK takes an empty endpoint for an address, and reaches nothing by it.
fn empty(name: String) -> Option<Entry> {
    if !name.starts_with("AWS_ENDPOINT_URL") {
        return None;
    }
    let fault = Fault {
        variable: name.clone(),
        why: "it is set, and empty".to_owned(),
        hint: Some("unset it: AWS needs none, and any other service its address, https://…".to_owned()),
    };
    Some(Entry {
        name,
        value: Err(fault),
        origin: Origin::Variable,
    })
}

/// A variable that the AWS SDK or a client of HTTP reads as it stands.
fn of_others(name: String, value: Zeroizing<String>, is_text: bool) -> Option<Entry> {
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
        None if OF_OTHERS.contains(&name.as_str()) => Ok(Value::Text(value)),
        None => return None,
    };
    Some(Entry {
        name,
        value,
        origin: Origin::Variable,
    })
}

fn variable(name: String, value: Zeroizing<String>, is_text: bool) -> Option<Entry> {
    if value.is_empty() {
        return None;
    }
    let upper = trimmed(&name).to_ascii_uppercase();
    let ours = upper.strip_prefix(PREFIX);
    let is_ours = ours.is_some_and(|setting| setting != "CONFIG" && !is_injected(setting, &value));
    if !is_ours && !OF_OTHERS.contains(&name.as_str()) {
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
        return Some(Entry {
            name,
            value,
            origin: Origin::Variable,
        });
    }
    if !is_text {
        let hint = "write it in UTF-8; in a URL, percent-encode what is not ASCII".to_owned();
        let value = Err(fault("its value is not valid UTF-8", hint));
        return Some(Entry {
            name,
            value,
            origin: Origin::Variable,
        });
    }
    let (name, value) = of_file_or_text(name, value, Path::new(""));
    Some(Entry {
        name,
        value: Ok(value),
        origin: Origin::Variable,
    })
}
