//! Which setting was probably meant by a name that none has.

use super::{
    super::names::{NAME, PREFIX},
    all, names_of_kind,
};

/// Things of which there may be several, each with a label in the names of its settings: how those names begin, and
/// what such a thing is called.
const KINDS: [(&str, &str); 2] = [("PGCOFFER_DB_", "database"), ("PGCOFFER_COPY_", "place")];

/// The setting that was probably meant by this variable, as a hint.
pub(in super::super) fn nearest(variable: &str) -> String {
    let (stem, file) = match variable.strip_suffix("_FILE") {
        Some(stem) => (stem, "_FILE"),
        None => (variable, ""),
    };
    let kinds = KINDS.iter();
    let labelled = kinds.filter_map(|(before, noun)| Some((*before, *noun, stem.strip_prefix(before)?)));
    for (before, noun, rest) in labelled {
        if let Some((label, end)) = nearest_with_label(&ends(before), rest) {
            return format!("did you mean {before}{label}_{end}{file}?");
        }
        if let (Some(names), true) = (names_of_kind(before), rest.contains('_')) {
            return format!("a {noun} has {names}");
        }
    }
    let stem = stem.strip_prefix(PREFIX).unwrap_or(stem);
    let of_database = ["DB_", "DATABASE", "POSTGRES"];
    if of_database.iter().any(|start| stem.starts_with(start)) || stem == "URL" {
        let what = nearest_of(&ends(KINDS[0].0), stem.rsplit('_').next().unwrap_or(stem));
        let what = what.unwrap_or("URL");
        return format!(
            "a database's settings bear its name: PGCOFFER_DB_<NAME>_{what}, such as PGCOFFER_DB_MAIN_{what}"
        );
    }
    let likely = nearest_of(&of_whole_agent(), stem);
    if let Some(label) = stem.strip_suffix("_URL")
        && likely.is_none_or(|name| strsim::damerau_levenshtein(name, stem) > 1 && first_word(name) != first_word(stem))
    {
        return format!("a database's URL is PGCOFFER_DB_{label}_URL");
    }
    match likely {
        Some(name) => format!("did you mean PGCOFFER_{name}{file}?"),
        None => "`pgcoffer --help` lists all settings".to_owned(),
    }
}

/// Settings of the whole agent, without their prefix.
fn of_whole_agent() -> Vec<&'static str> {
    let names = all().map(|setting| setting.name).filter(|name| !name.contains(NAME));
    names.filter_map(|name| name.strip_prefix(PREFIX)).collect()
}

/// What follows the label in the names of settings that begin so.
fn ends(before: &str) -> Vec<&'static str> {
    let names = all().map(|setting| setting.name);
    let behind = names.filter_map(|name| name.strip_prefix(before)?.strip_prefix(NAME)?.strip_prefix('_'));
    behind.collect()
}

/// The label and the most similar end of `LABEL_END`; an end of two words is compared with the last two words.
fn nearest_with_label<'a>(ends: &[&'static str], rest: &'a str) -> Option<(&'a str, &'static str)> {
    let scored = ends.iter().filter_map(|end| {
        let words = end.split('_').count();
        let (at, _) = rest.rmatch_indices('_').nth(words - 1)?;
        let (label, written) = (&rest[..at], &rest[at + 1..]);
        let score = strsim::normalized_damerau_levenshtein(end, written);
        (!label.is_empty() && score >= SIMILAR).then_some((score, label, *end))
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(a.2.len().cmp(&b.2.len())));
    best.map(|(_, label, end)| (label, end))
}

/// From this similarity on, 1 being the same, a name is suggested.
const SIMILAR: f64 = 0.6;

/// The least similarity of a name whose first word is the same.
const SAME_FIRST_WORD: f64 = 0.65;

/// The most similar of some names; the longest that one is part of the other counts as well.
fn nearest_of(names: &[&'static str], wrong: &str) -> Option<&'static str> {
    let scored = names.iter().map(|name| {
        let score = strsim::normalized_damerau_levenshtein(name, wrong);
        let same_word = first_word(name) == first_word(wrong) && wrong.contains('_');
        let part = wrong.contains(name) || name.contains(wrong);
        let least = match wrong.len() > 2 {
            true if same_word => SAME_FIRST_WORD,
            true if part => SIMILAR,
            _ => 0.0,
        };
        (score.max(least), *name)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.len().cmp(&b.1.len())));
    best.filter(|(score, _)| *score >= SIMILAR).map(|(_, name)| name)
}

fn first_word(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}
