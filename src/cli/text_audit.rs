//! The audit trail, as people and programs read it.

use pgcoffer::{
    Result,
    agent::{AuditLine, AuditLines, MissingAudit},
    backup::{AuditEvent, AuditName, AuditOutcome},
    text::{counted, escaped},
};
use serde_json::{Value, json};

use super::{
    output::{Output, to_json},
    screen::print_styled,
    styled::Styled,
    table::{Room, Table},
    zone::Zone,
};

impl Output {
    pub(super) fn audit(self, found: &AuditLines, zone: &Zone) -> Result<()> {
        if self.json {
            let lines: Result<Vec<Value>> = found.lines.iter().map(line_json).collect();
            let unreadable = found.unreadable.iter();
            let unreadable: Vec<Value> = unreadable
                .map(|(name, why)| json!({ "name": name, "why": why.raw() }))
                .collect();
            return self.print_json(&json!({
                "entries": lines?,
                "unreadable": unreadable,
                "missing": found.missing.iter().map(missing_json).collect::<Vec<_>>(),
                "more": found.has_more,
                "months_passed_over": found.months_passed_over,
            }));
        }
        let mut text = Styled::default();
        match found.lines.is_empty() {
            true => text.push_str("Nothing was done in the dashboard yet\n"),
            false => text.append(table(found, zone).lines(Room::of_stdout(false))),
        }
        if found.has_more {
            text.push_str("There are older ones: --limit 0 shows them\n");
        }
        if found.months_passed_over > 0 {
            text.push_str(&format!(
                "Passed over: {} of months long ago or yet to come, in which nobody looks for entries\n",
                counted(found.months_passed_over, "folder")
            ));
        }
        for (name, why) in &found.unreadable {
            text.push_str(&format!("NOT what was sealed: {}: {why}\n", escaped(name)));
        }
        for missing in &found.missing {
            text.push_str(&missing_line(missing, zone));
        }
        print_styled(&text)
    }
}

fn missing_line(missing: &MissingAudit, zone: &Zone) -> String {
    let moment = |name: &AuditName| zone.minute(name.time());
    let seen = match &missing.named_by {
        Some(later) => format!("the entry of {} names it", moment(later)),
        None => "this program has seen it".to_owned(),
    };
    format!(
        "GONE: an entry of {}: {seen}, so somebody deleted it, or a rule of the bucket did: {}\n",
        moment(&missing.name),
        missing.name.as_str()
    )
}

fn missing_json(missing: &MissingAudit) -> Value {
    json!({
        "name": missing.name,
        "asked": missing.name.time(),
        "named_by": missing.named_by,
    })
}

fn table(found: &AuditLines, zone: &Zone) -> Table {
    let heads = ["WHEN", "WHAT", "OF", "WHO", "FROM", "ENDED", "DETAIL"];
    let mut table = Table::new(heads).cut(6, 12);
    for line in &found.lines {
        let last = &line.last().event;
        let times = match last.count {
            1 => String::new(),
            count => format!(" ({count} times)"),
        };
        table.row([
            zone.minute(line.entry.name.time()),
            format!("{}{times}", last.action.words()),
            about(last),
            last.who.to_string(),
            last.from.to_string(),
            last.outcome.words().to_owned(),
            last.detail.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    table
}

fn about(event: &AuditEvent) -> String {
    match (&event.database, &event.backup) {
        (_, Some(id)) => id.to_string(),
        (Some(label), None) => label.to_string(),
        (None, None) => "–".to_owned(),
    }
}

fn line_json(line: &AuditLine) -> Result<Value> {
    let last = line.last();
    let mut value = to_json(&last.event)?;
    if let Some(object) = value.as_object_mut() {
        let ended = line.ended.as_ref().map(|ended| ended.name.time());
        // what is done at once has no second entry
        let at_once = (last.event.outcome != AuditOutcome::Asked).then(|| last.name.time());
        object.insert("name".to_owned(), json!(line.entry.name));
        object.insert("asked".to_owned(), json!(line.entry.name.time()));
        object.insert("ended".to_owned(), json!(ended.or(at_once)));
        let detail = line.entry.event.detail.as_ref().map(|detail| detail.raw());
        let why = match last.event.outcome {
            AuditOutcome::Failed if line.ended.is_some() => last.event.detail.as_ref().map(|why| why.raw()),
            _ => None,
        };
        object.insert("detail".to_owned(), json!(detail));
        object.insert("why".to_owned(), json!(why));
        for name in ["database", "backup"] {
            object.entry(name).or_insert(Value::Null);
        }
    }
    Ok(value)
}
