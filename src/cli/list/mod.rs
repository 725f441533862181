//! What `list` shows: an answer for each database, and a line for each backup.

mod answer;
mod rows;

use pgcoffer::{
    Error, Result,
    agent::ListedBackup,
    backup::Label,
    catalog::{ListedRuns, Listing, NearbyPlace},
    store::Location,
    text::counted,
};
use serde_json::{Value, json};

use self::{
    answer::{answer, answer_json},
    rows::{backups_table, left_out},
};
use super::{
    ids::ShownIds,
    output::Output,
    screen::{message, print_styled},
    styled::Styled,
    table::Room,
    terminal::stdout_columns,
    width::wrapped,
    zone::Zone,
};

/// What of a listing is shown, and how.
pub(super) struct ListView<'a> {
    pub(super) runs: ListedRuns,
    /// Whether everything is shown, however long the lines are.
    pub(super) is_wide: bool,
    /// Databases of which backups can be expected.
    pub(super) expected: &'a [Label],
    /// The only database that was asked for.
    pub(super) only: Option<&'a Label>,
    pub(super) location: &'a Location,
    pub(super) zone: &'a Zone,
}

impl Output {
    pub(super) fn list(self, listing: &Listing, view: &ListView<'_>) -> Result<()> {
        let databases = databases(listing, view.expected);
        if self.json {
            return self.print_json(&list_json(listing, &databases, view.location));
        }
        print_styled(&list_text(listing, &databases, view))?;
        for (_, why) in &listing.unreadable {
            message(&format!("warning: {why}"));
        }
        for (place, why) in &listing.copies.unseen {
            message(&format!("warning: the place {place} can't be looked at: {why}"));
        }
        for (label, count) in listing.others.iter().filter(|_| !listing.entries.is_empty()) {
            message(&format!(
                "warning: {} in the folder of {label} under no key that is set here, passed over",
                counted(count, "record")
            ));
        }
        for (label, other) in listing.of_other_repositories() {
            let (count, id) = (counted(other.records, "record"), other.repository);
            message(&format!(
                "warning: {count} in the folder of {label} of another repository, {id}, under the same key, passed over"
            ));
        }
        Ok(())
    }
}

fn list_json(listing: &Listing, databases: &[Label], location: &Location) -> Value {
    let backups = listing.entries.iter().map(|one| ListedBackup::of(listing, one));
    let unreadable = listing.unreadable.iter();
    let unreadable: Vec<Value> = unreadable
        .map(|(key, why)| json!({ "key": key, "why": why_alone(why) }))
        .collect();
    let answers: Vec<Value> = databases.iter().map(|label| answer_json(listing, label)).collect();
    json!({
        "location": location.to_string(),
        "databases": answers,
        "backups": backups.collect::<Vec<_>>(),
        "unreadable": unreadable,
        "others": listing.others,
        "other_repositories": listing.other_repositories,
        "more": listing.more,
        "elsewhere": listing.elsewhere,
        "places": listing.copies.places,
        "places_unseen": listing.copies.unseen.iter().map(|(place, _)| place).collect::<Vec<_>>(),
    })
}

fn list_text(listing: &Listing, databases: &[Label], view: &ListView<'_>) -> Styled {
    let columns = stdout_columns();
    let mut text = Styled::default();
    for label in databases {
        for (style, line) in answer(listing, label, view.location) {
            text.push(style, wrapped(&line, 2, columns));
            text.push_str("\n");
        }
    }
    if databases.is_empty() {
        text.push_str(&wrapped(&nothing(listing, view), 0, columns));
    }
    if let Some(elsewhere) = NearbyPlace::all_said(&listing.elsewhere) {
        text.push_str(&wrapped(&format!("But {elsewhere}\n"), 2, columns));
    }
    if !listing.entries.is_empty() {
        let all = listing.entries.iter().map(|one| &one.record.id);
        let ids = ShownIds::new(all, view.is_wide);
        text.push_str("\n");
        text.push_str(&view.zone.line(listing.seen));
        let table = backups_table(listing, view.runs, &ids, view.zone);
        text.append(table.lines(Room::of_stdout(view.is_wide)));
    } else if view.runs == ListedRuns::Good && !databases.is_empty() {
        text.push_str("\nNone is good as far as they were looked at; --all shows every run.\n");
    }
    let rest = left_out(listing, view.runs);
    if !rest.is_empty() {
        text.push_str(&format!("\n{rest}"));
    }
    text
}

/// That nothing was found, and where.
fn nothing(listing: &Listing, view: &ListView<'_>) -> String {
    let location = view.location;
    let others: usize = listing.others.values().sum();
    let elsewhere: usize = listing.of_other_repositories().map(|(_, one)| one.records).sum();
    match listing.unreadable.len() + others {
        0 if elsewhere > 0 => format!(
            "{} in {location}, and none of the repository that PGCOFFER_REPOSITORY says.\n",
            counted(elsewhere, "record")
        ),
        0 => match view.only {
            Some(label) => format!("There are no backups of {label} in {location}.\n"),
            None if !listing.elsewhere.is_empty() => format!("There are no backups in {location}.\n"),
            None => format!(
                "There are no backups in {location}. Is that the right bucket and prefix? The recovery sheet has \
                 both.\n"
            ),
        },
        1 => format!("There is 1 record in {location}, and no key or passphrase here opens it.\n"),
        n => format!("There are {n} records in {location}, and no key or passphrase here opens one.\n"),
    }
}

/// Databases that have records here or are configured, in order.
pub(super) fn databases(listing: &Listing, expected: &[Label]) -> Vec<Label> {
    let standing = listing.entries.iter().chain(&listing.beside);
    let listed = standing.map(|one| one.record.database.clone());
    let mut labels: Vec<Label> = expected.iter().cloned().chain(listed).collect();
    labels.sort();
    labels.dedup();
    labels
}

/// An error without the key of the object, which stands beside it.
fn why_alone(error: &Error) -> String {
    match error {
        Error::Seal { source, .. } => source.to_string(),
        Error::Record { source, .. } => source.to_string(),
        Error::Differs { what, .. } => what.clone(),
        other => other.to_string(),
    }
}
