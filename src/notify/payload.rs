use serde_json::{Value, json};

use super::Message;
use crate::{
    backup::{DrillEvent, Event, NewestGood, Occurrence, ProvenBackup, Reason},
    text::Untrusted,
};

/// The facts of an event for a webhook, with the message as `text`. An unknown field is null.
#[must_use]
pub(super) fn payload(event: &Event) -> Value {
    let message = Message::new(event);
    let mut data = json!({
        "agent": { "host": event.origin.host, "version": env!("CARGO_PKG_VERSION") },
        "location": event.origin.location,
        "subject": message.subject,
        "text": message.text(),
    });
    let mut add = |name: &str, value: Value| data[name] = value;
    match &event.what {
        Occurrence::Test => {}
        Occurrence::Digest { databases } => add("databases", json!(databases)),
        _ => {
            let error = event.error();
            add("database", json!(event.database));
            add("what", event.topic().as_str().into());
            add("since", json!(event.since()));
            add("failures", json!(event.failures()));
            add("cause", json!(error.map(|error| error.cause.code())));
            add("error", json!(error.map(|error| error.cause.to_string())));
            add("hint", json!(event.hint()));
            add("run", json!(error.and_then(|error| error.run.as_ref())));
            add("exit_status", json!(error.map(|error| error.exit_status)));
            add("interrupted", json!(event.is_interrupted()));
            add("newest_good", newest_good(event));
            add("newest_good_known", json!(event.newest_good != NewestGood::Unknown));
            add("retry_at", json!(event.retry_at()));
            add("late", json!(event.late()));
            add("backup", json!(event.backup()));
            if let Occurrence::Drill(drill) = &event.what {
                add("drill", drill_facts(drill));
            }
            add("reasons", event.reasons().iter().map(reason).collect());
        }
    }
    data
}

/// What became of a drill.
fn drill_facts(drill: &DrillEvent) -> Value {
    let (outcome, more) = match drill {
        DrillEvent::Failed { .. } => ("failed", json!({})),
        DrillEvent::Overdue { due, .. } => ("overdue", json!({ "due": due })),
        DrillEvent::NotProven {
            differences,
            checks_failed,
            ..
        } => (
            "not_proven",
            json!({ "differences": differences, "checks_failed": checks_failed }),
        ),
        DrillEvent::Recovered(proven) => ("recovered", proven_facts(proven)),
        DrillEvent::Proven(proven) => ("proven", proven_facts(proven)),
    };
    let mut value = json!({ "outcome": outcome, "id": drill.backup() });
    if let (Some(object), Value::Object(mut more)) = (value.as_object_mut(), more) {
        object.append(&mut more);
    }
    value
}

fn proven_facts(proven: &ProvenBackup) -> Value {
    json!({
        "verdict": proven.verdict,
        "restore_ms": proven.restore_ms,
        "not_compared": proven.not_compared,
    })
}

/// A reason with escaped names: anyone who may create a table chooses its name, and programs pass messages on to places
/// that interpret some characters.
fn reason(reason: &Reason) -> Value {
    let mut value = reason.to_value();
    for name in ["kind", "schema", "table"] {
        if let Some(Value::String(text)) = value.get_mut(name) {
            *text = Untrusted::from(text.as_str()).to_string();
        }
    }
    value
}

fn newest_good(event: &Event) -> Value {
    match &event.newest_good {
        NewestGood::Is { id, started } => json!({
            "id": id,
            "started": started,
            "age_seconds": event.at.as_second() - started.as_second(),
        }),
        NewestGood::None | NewestGood::Unknown => Value::Null,
    }
}
