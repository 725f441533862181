//! Where else backups stand: for a user who named the wrong prefix of a bucket, or the wrong folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use futures_util::future::join_all;
use serde::{Serialize, Serializer};
use tokio::time::timeout;

use super::{Catalog, names::ALL_FOLDERS};
use crate::{backup::Label, store::Location, text::shell_word};

/// The most folders that are looked into.
const LOOKED_AT_MAX: usize = 48;
/// How many are looked into at once.
const AT_ONCE: usize = 8;
/// How far below the place that was named places are found: the folder of a database is one step below its place.
const STEPS_BELOW: usize = 3;
/// The time limit: it is a hint, and the user waits.
const WITHIN: Duration = Duration::from_secs(5);
/// The most places, and the most databases of each, that are named.
const NAMED_MAX: usize = 4;

/// A place beside the one that was named, with folders of databases in it. Whose they are isn't known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NearbyPlace {
    /// Where.
    #[serde(serialize_with = "as_text")]
    pub location: Location,
    /// The databases whose folders are there.
    pub databases: Vec<Label>,
    /// The setting that would lead there, in the place of the one that was looked around.
    #[serde(skip)]
    pub setting: String,
}

fn as_text<S: Serializer>(location: &Location, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(location)
}

impl fmt::Display for NearbyPlace {
    /// `main and shop in s3://bucket/backups`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.databases.iter().map(Label::as_str).take(NAMED_MAX).collect();
        match (names.as_slice(), self.databases.len().saturating_sub(NAMED_MAX)) {
            ([rest @ .., last], 0) if !rest.is_empty() => write!(f, "{} and {last}", rest.join(", "))?,
            (names, 0) => f.write_str(&names.join(", "))?,
            (names, more) => write!(f, "{} and {more} more", names.join(", "))?,
        }
        write!(f, " in {}", self.location)
    }
}

impl NearbyPlace {
    /// That there are backups in these places, and how they are reached: one sentence without a stop. `None` if there are
    /// none.
    #[must_use]
    pub fn all_said(places: &[Self]) -> Option<String> {
        let first = places.first()?;
        let named: Vec<String> = places.iter().map(ToString::to_string).collect();
        let setting = match places.len() {
            1 => format!("{}={}", first.setting, shell_word(&first.location.to_string())),
            _ => format!("{} to one of them", first.setting),
        };
        Some(format!(
            "there are backups of {}: if you mean these, set {setting}",
            named.join(", and of ")
        ))
    }
}

impl Catalog {
    /// Looks for places with backups above, below and beside this one, the nearest first. A hint: at most 48 requests
    /// in five seconds, none of them repeated; what can't be read is passed over, and in drop-box mode there is none.
    pub async fn nearby_places(&self) -> Vec<NearbyPlace> {
        let mut found = BTreeMap::new();
        // what was found until then is good enough
        let _ = timeout(WITHIN, self.look_around(&mut found)).await;
        let here = self.store.location().steps();
        let mut places: Vec<(Vec<String>, BTreeSet<Label>)> = found.into_iter().collect();
        places.retain(|(steps, _)| *steps != here);
        places.sort_by_key(|(steps, _)| steps_apart(steps, &here));
        let places = places.into_iter().filter_map(|(steps, databases)| {
            Some(NearbyPlace {
                // a name that no setting could have is no place of ours
                location: self.store.location().at(&steps).ok()?,
                databases: databases.into_iter().collect(),
                setting: self.store.setting(),
            })
        });
        places.take(NAMED_MAX).collect()
    }

    async fn look_around(&self, found: &mut BTreeMap<Vec<String>, BTreeSet<Label>>) {
        let here = self.store.location().steps();
        let deepest = here.len() + STEPS_BELOW;
        let mut waiting: Vec<Vec<String>> = (0..=here.len()).rev().map(|n| here[..n].to_vec()).collect();
        let mut left = LOOKED_AT_MAX;
        while !waiting.is_empty() && left > 0 {
            // the nearest first, and what is below in turn with all else: either may be folders by the thousand
            waiting.sort_by_key(|steps| steps_apart(steps, &here));
            let (below, beside) = waiting.into_iter().partition(|steps| steps.starts_with(&here));
            waiting = in_turn(below, beside);
            let at_once = waiting.len().min(AT_ONCE).min(left);
            left -= at_once;
            let looks = waiting.drain(..at_once).map(|steps| async {
                let names = match self.store.location().at(&steps) {
                    Ok(place) => self.store.some_folders_at(&place).await.unwrap_or_default(),
                    Err(_) => Vec::new(),
                };
                (steps, names)
            });
            let looks: Vec<_> = looks.collect();
            for (steps, names) in join_all(looks).await {
                if let Some((label, place)) = as_database(&steps, &names) {
                    found.entry(place.to_vec()).or_default().insert(label);
                    continue;
                }
                let is_known = |below: &Vec<String>| here.starts_with(below);
                let below = names.into_iter().map(|name| [steps.as_slice(), &[name]].concat());
                waiting.extend(below.filter(|below| below.len() <= deepest && !is_known(below)));
            }
        }
    }
}

/// How many steps up and down lead from one place to another.
fn steps_apart(one: &[String], other: &[String]) -> usize {
    let common = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    one.len() + other.len() - 2 * common
}

fn in_turn<T>(one: Vec<T>, other: Vec<T>) -> Vec<T> {
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut all = Vec::with_capacity(one.len() + other.len());
    while one.len() + other.len() > 0 {
        all.extend(one.next());
        all.extend(other.next());
    }
    all
}

/// The database whose folder this is, and the place that it is in. A database may itself be called `records`, so most
/// of what is in its folder has to be ours.
fn as_database<'a>(steps: &'a [String], names: &[String]) -> Option<(Label, &'a [String])> {
    let (name, place) = steps.split_last()?;
    let label = Label::parse(name).ok().filter(|label| label.as_str() == name)?;
    let ours = names.iter().filter(|name| ALL_FOLDERS.contains(&name.as_str())).count();
    (ours > 0 && 2 * ours >= names.len()).then_some((label, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn the_folder_of_a_database_is_known_by_what_is_in_it() {
        let is = |path: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            as_database(&steps(path), &names).map(|(label, place)| (label.to_string(), place.to_vec()))
        };
        let main = Some(("main".to_owned(), steps("backups")));
        assert_eq!(is("backups/main", &["archives", "details", "records"]), main);
        assert_eq!(is("backups/main", &["records", "junk"]), main);
        assert_eq!(is("backups/main", &["daily", "hourly"]), None);
        // a place whose first database is called so
        assert_eq!(is("backups", &["main", "records", "shop"]), None);
        assert_eq!(is("backups/Main", &["records"]), None);
        assert_eq!(is("backups/main", &[]), None);
    }
}
