//! Reports of drills: what was proven of a backup, in a small sealed object, and what was found, in another one that no
//! catalog key opens.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{Catalog, Maker, READS_AT_ONCE, SUFFIX, reading::Expected};
use crate::{
    backup::{
        AHEAD_MAX, CERTIFICATE_BYTES_MAX, DrillFindings, DrillName, DrillRecord, Label, TurnName, UnreadableDrill,
    },
    compress,
    error::{Error, Result},
    seal::{self, Content},
    store::{Kind, Object},
};

/// The folder of a database's drills.
pub(super) const FOLDER: &str = "drills";
/// The end of the name that is taken before a drill begins.
pub(super) const BEGUN: &str = ".begun";
/// The end of the name of findings.
pub(super) const FINDINGS: &str = ".findings.pgc";

/// The longest report: a certificate in base64, and some KiB.
const REPORT_BYTES_MAX: u64 = (CERTIFICATE_BYTES_MAX as u64) * 2 + (64 << 10);
/// The longest findings, sealed, and what they may decompress to.
const FINDINGS_BYTES_MAX: u64 = 64 << 20;
const FINDINGS_JSON_BYTES_MAX: u64 = 384 << 20;

/// The drills of one database, by their names alone.
#[derive(Debug, Clone, Default)]
pub struct DrillNames {
    /// Those that one of the keys made, the last one first.
    pub drills: Vec<DrillObjects>,
    /// Those that are dated by a clock that was ahead: after the moment at which the place has stored them. They are in
    /// no order with the others, so they are passed over wherever the last drill counts.
    pub ahead: Vec<DrillObjects>,
    /// The turns that machines have taken, with the moment at which each drill was due.
    pub turns: Vec<(Timestamp, Object)>,
    /// The number of objects in the folder that aren't ours.
    pub foreign: usize,
    /// Every key that was listed, ours or not.
    pub keys: BTreeSet<String>,
}

/// The objects of one drill.
#[derive(Debug, Clone)]
pub struct DrillObjects {
    /// The name of the drill.
    pub name: DrillName,
    /// What was written when it began.
    pub begun: Option<Object>,
    /// What it found.
    pub findings: Option<Object>,
    /// Its report. Without one, the drill goes on or was killed.
    pub report: Option<Object>,
}

/// How many reports are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportsRead {
    /// The newest ones until one tells which backup came back last, and at most so many: usually one.
    UntilProven(usize),
    /// So many of the newest ones.
    Newest(usize),
}

/// What the reports of a database's drills say.
#[derive(Debug, Default)]
pub struct DrillHistory {
    /// The reports that were read, the last drill first.
    pub reports: Vec<DrillRecord>,
    /// Drills that have begun and have no report, the last one first.
    pub without_report: Vec<DrillName>,
    /// The keys of reports that can't be read, and why.
    pub unreadable: Vec<(String, Error)>,
}

impl Catalog {
    pub(super) fn drill_key(&self, database: &Label, name: &DrillName, end: &str) -> String {
        let below = format!("{database}/{FOLDER}/{name}{end}");
        self.store.location().key(&below)
    }

    /// The key of a drill's report, from the bucket's root.
    #[must_use]
    pub fn report_key(&self, database: &Label, name: &DrillName) -> String {
        self.drill_key(database, name, SUFFIX)
    }

    /// Lists the drills of this database. The MAC of each name is checked before anything is fetched, once for all
    /// objects of one name, and only where the name has the form of ours. One listing.
    ///
    /// # Errors
    /// Any error of the bucket while it is listed; [`Error::Seal`] if there is no memory to stretch a passphrase.
    pub async fn drill_names(&self, database: &Label) -> Result<DrillNames> {
        let folder = self.store.location().key(&format!("{database}/{FOLDER}/"));
        let objects = self.store.list(&folder).await?;
        let mut names = DrillNames::default();
        if objects.is_empty() {
            return Ok(names);
        }
        let makers = self.makers(database).await?;
        // by name, with whether one of the keys made it: a MAC for each name, and none for what has another form
        let mut drills: BTreeMap<String, Option<DrillObjects>> = BTreeMap::new();
        for object in objects {
            names.keys.insert(object.key.clone());
            let path = object.key.strip_prefix(&folder).unwrap_or_default();
            let Some((name, part)) = parse(path) else {
                let mut due = makers
                    .iter()
                    .filter_map(|one| TurnName::drill_due(path, &one.identity, database));
                match due.next() {
                    Some(due) => names.turns.push((due, object)),
                    None => names.foreign += 1,
                }
                continue;
            };
            let drill = drills.entry(name.as_str().to_owned()).or_insert_with(|| {
                let is_ours = makers.iter().any(|one| one.made_drill(&name, database));
                is_ours.then(|| DrillObjects::new(name))
            });
            match drill {
                Some(drill) => *drill.part(part) = Some(object),
                None => names.foreign += 1,
            }
        }
        let now = self.store.service_time();
        (names.ahead, names.drills) = drills.into_values().flatten().partition(|drill| drill.is_ahead(now));
        for some in [&mut names.drills, &mut names.ahead] {
            some.sort_by(|a, b| (b.name.began(), b.name.as_str()).cmp(&(a.name.began(), a.name.as_str())));
        }
        Ok(names)
    }

    /// What the newest reports of a database's drills say. A report that is not one of ours, under its own name and as
    /// it was sealed, says nothing.
    ///
    /// # Errors
    /// Those of [`Catalog::drill_names`], and errors that concern more than one object.
    pub async fn drill_history(&self, database: &Label, read: ReportsRead) -> Result<DrillHistory> {
        let names = self.drill_names(database).await?;
        self.read_reports(database, &names, read).await
    }

    /// The same of drills that were listed.
    ///
    /// # Errors
    /// Errors that concern more than one object.
    pub async fn read_reports(&self, database: &Label, names: &DrillNames, read: ReportsRead) -> Result<DrillHistory> {
        let mut history = DrillHistory {
            without_report: names.without_report().cloned().collect(),
            ..DrillHistory::default()
        };
        let with_report = names.drills.iter().filter(|drill| drill.report.is_some());
        let (count_max, at_once) = match read {
            ReportsRead::UntilProven(count) => (count, 1),
            ReportsRead::Newest(count) => (count, READS_AT_ONCE),
        };
        let wanted: Vec<&DrillObjects> = with_report.take(count_max).collect();
        for some in wanted.chunks(at_once) {
            let opening = some.iter().map(|drill| self.open_report(database, drill));
            let opened: Vec<_> = stream::iter(opening).buffered(at_once).collect().await;
            for (drill, report) in some.iter().zip(opened) {
                match report {
                    Ok(report) => history.reports.push(report),
                    // deleted since the listing
                    Err(Error::Store(error)) if error.kind == Kind::NotFound => {}
                    Err(Error::Store(error)) if error.kind.is_of_all_objects() => return Err(error.into()),
                    Err(error) => {
                        let key = self.report_key(database, &drill.name);
                        history.unreadable.push((key, error));
                    }
                }
            }
            // it names the last drill whose backup came back
            let tells_all = |report: &DrillRecord| report.series().iter().any(|one| one.verdict.came_back());
            if history.reports.last().is_some_and(tells_all) && matches!(read, ReportsRead::UntilProven(_)) {
                break;
            }
        }
        Ok(history)
    }

    /// Opens the report of a drill that was listed, or takes it from the cache.
    ///
    /// # Errors
    /// Any error of the bucket; [`Error::Seal`] and [`Error::Differs`] for what is not the report that was sealed under
    /// this name.
    pub async fn open_report(&self, database: &Label, drill: &DrillObjects) -> Result<DrillRecord> {
        let key = self.report_key(database, &drill.name);
        if let Some(known) = drill.report.as_ref().and_then(|object| self.known_drills.get(object)) {
            return Ok(known);
        }
        let expected = self.expected_report(database, drill);
        let json = self.read_sealed(&key, &expected).await?;
        let report = DrillRecord::from_json(&json, &drill.name, database);
        let report = report.map_err(|why| unreadable(&key, &why))?;
        if let Some(object) = &drill.report {
            self.known_drills.keep(object, &report);
        }
        Ok(report)
    }

    /// What the report of a drill must match.
    pub(super) fn expected_report<'a>(&self, database: &'a Label, drill: &'a DrillObjects) -> Expected<'a> {
        Expected {
            database: Some(database),
            name: drill.name.as_str(),
            made: drill.name.began(),
            content: Content::Drill,
            bytes_max: REPORT_BYTES_MAX,
            sha256: None,
        }
    }

    /// What a drill found, with the names of tables. Their verdict is that of the report, which a holder of the catalog
    /// key alone could have sealed.
    ///
    /// # Errors
    /// Any error of the bucket, also if they are gone; [`Error::Seal`] without a request if there is only a catalog
    /// key; [`Error::Seal`], [`Error::Payload`] and [`Error::Differs`] for findings that are not those that were
    /// written with this report.
    pub async fn drill_findings(&self, report: &DrillRecord) -> Result<DrillFindings> {
        let (database, name) = (&report.database, &report.name);
        let key = self.drill_key(database, name, FINDINGS);
        let content = Content::Findings;
        let made = |maker: Maker| !maker.secret.is_catalog_key() && maker.made_drill(name, database);
        if !self.makers(database).await?.into_iter().any(made) {
            return Err(Error::seal(key, seal::Error::BeyondCatalogKey { content }));
        }
        if report.findings_bytes == 0 {
            return Err(Error::differs(key, "the drill could not write it"));
        }
        let expected = Expected {
            database: Some(database),
            name: name.as_str(),
            made: name.began(),
            content,
            bytes_max: report.findings_bytes.min(FINDINGS_BYTES_MAX),
            sha256: Some(&report.findings_sha256),
        };
        let payload = self.read_sealed(&key, &expected).await?;
        let open = || compress::Reader::new(&payload, FINDINGS_JSON_BYTES_MAX);
        let findings = DrillFindings::read(open, name, database).map_err(|why| unreadable(&key, &why))?;
        match report.verdict() {
            Some(verdict) if verdict != findings.verdict() => Err(unreadable(&key, &UnreadableDrill::OtherVerdict)),
            _ => Ok(findings),
        }
    }
}

/// A part of a drill's objects.
#[derive(Clone, Copy)]
enum Part {
    Begun,
    Findings,
    Report,
}

impl DrillObjects {
    fn new(name: DrillName) -> Self {
        Self {
            name,
            begun: None,
            findings: None,
            report: None,
        }
    }

    /// When the place stored the first of its objects, where the place says so.
    #[must_use]
    pub fn stored(&self) -> Option<Timestamp> {
        let objects = [&self.begun, &self.findings, &self.report].into_iter().flatten();
        objects.filter_map(|object| object.modified).min()
    }

    /// Whether it says that it began after it was stored, or after `now`, the place's own time.
    fn is_ahead(&self, now: Option<Timestamp>) -> bool {
        let latest = self.stored().into_iter().chain(now).min();
        latest.is_some_and(|latest| self.name.began().duration_since(latest) > AHEAD_MAX)
    }

    fn part(&mut self, part: Part) -> &mut Option<Object> {
        match part {
            Part::Begun => &mut self.begun,
            Part::Findings => &mut self.findings,
            Part::Report => &mut self.report,
        }
    }
}

impl DrillNames {
    /// Every drill, also those that are dated by a clock that was ahead.
    pub fn all(&self) -> impl Iterator<Item = &DrillObjects> {
        self.drills.iter().chain(&self.ahead)
    }

    /// The same drills with none passed over, for what is in no order of time: those that are ahead come last.
    #[must_use]
    pub fn with_ahead(mut self) -> Self {
        self.drills.append(&mut self.ahead);
        self
    }

    /// The drills that have begun and have no report, the last one first.
    pub fn without_report(&self) -> impl Iterator<Item = &DrillName> {
        let begun = self.drills.iter().filter(|drill| drill.report.is_none());
        begun.map(|drill| &drill.name)
    }
}

impl Maker {
    /// Whether this key made the name of a drill, while it was in use.
    fn made_drill(&self, name: &DrillName, database: &Label) -> bool {
        self.was_in_use_at(name.began()) && name.is_by(&self.identity, database)
    }
}

/// The name of a drill in a path below its folder, and which of its objects it is.
fn parse(path: &str) -> Option<(DrillName, Part)> {
    let ends = [(BEGUN, Part::Begun), (FINDINGS, Part::Findings), (SUFFIX, Part::Report)];
    let found = ends
        .iter()
        .find_map(|(end, part)| Some((path.strip_suffix(end)?, *part)));
    let (name, part) = found?;
    Some((DrillName::parse(name).ok()?, part))
}

fn unreadable(key: &str, why: &UnreadableDrill) -> Error {
    Error::differs(key, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_that_of_one_object_of_a_drill() {
        let name = "20261120T070000Z-abcdefghij23-20261121T040000Z-klmnopqrstuv";
        let is = |path: &str| parse(path).map(|(name, part)| (name.as_str().to_owned(), part as u8));
        assert_eq!(is(&format!("{name}.begun")), Some((name.to_owned(), 0)));
        assert_eq!(is(&format!("{name}.findings.pgc")), Some((name.to_owned(), 1)));
        assert_eq!(is(&format!("{name}.pgc")), Some((name.to_owned(), 2)));
        for other in [
            "",
            ".pgc",
            "x.pgc",
            &format!("{name}.details.pgc"),
            &format!("a/{name}.pgc"),
        ] {
            assert_eq!(is(other), None, "{other}");
        }
    }
}
