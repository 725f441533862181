//! Whether several certificates are all that a database has from one to another: a missing, doubled, exchanged or
//! foreign one is named.

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Certificate, Sha256Digest, predicate::DrillPredicate};
use crate::{backup::Label, seal::RepositoryId};

/// How far the clocks of two machines may differ before a certificate counts as made before the one that it follows.
const CLOCKS_DIFFER_MAX: SignedDuration = SignedDuration::from_mins(15);

/// The certificates of one database, as far as they are at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateChain {
    /// The repository.
    pub repository: RepositoryId,
    /// The database.
    pub database: Label,
    /// The lowest number at hand. Whether the ones before it are missing can't be known where it is not 1.
    pub first: u64,
    /// The highest number at hand. Whether there are later ones can't be known.
    pub last: u64,
    /// When the last one was made.
    pub last_made: Timestamp,
    /// How many there are, each once.
    pub count: u64,
    /// What is wrong with them.
    pub faults: Vec<ChainFault>,
}

/// What is wrong with a chain. Certificates are named by their files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChainFault {
    /// Certificates with these numbers are not at hand.
    Missing {
        /// The first of them.
        from: u64,
        /// The last of them.
        to: u64,
        /// The certificate before them.
        before: String,
        /// The certificate behind them.
        behind: String,
    },
    /// Two files are the same certificate.
    Doubled {
        /// Its number.
        number: u64,
        /// One file.
        one: String,
        /// The other file.
        other: String,
    },
    /// Two certificates have one number.
    SameNumber {
        /// The number.
        number: u64,
        /// One file.
        one: String,
        /// The other file.
        other: String,
    },
    /// A certificate follows another one than the one at hand that has the number before it.
    Exchanged {
        /// The certificate that stands before it.
        before: String,
        /// The certificate that follows another one.
        behind: String,
    },
    /// A certificate was made before the one that it follows.
    OutOfOrder {
        /// The certificate that stands before it.
        before: String,
        /// The certificate that was made earlier.
        behind: String,
    },
}

/// Checks the certificates of each database. The order of the files says nothing: a chain is in the order of its
/// numbers.
#[must_use]
pub fn check_chains<'a>(certificates: impl IntoIterator<Item = (&'a str, &'a Certificate)>) -> Vec<CertificateChain> {
    let mut of_each: BTreeMap<(RepositoryId, &Label), Vec<Link<'_>>> = BTreeMap::new();
    for (file, certificate) in certificates {
        let DrillPredicate {
            repository, database, ..
        } = &certificate.statement().predicate;
        let links = of_each.entry((*repository, database)).or_default();
        links.push(Link::new(file, certificate));
    }
    of_each
        .into_iter()
        .map(|((repository, database), links)| check(repository, database.clone(), links))
        .collect()
}

/// A certificate as a part of its chain.
#[derive(Clone, Copy)]
struct Link<'a> {
    file: &'a str,
    number: u64,
    digest: Sha256Digest,
    previous: Option<Sha256Digest>,
    has_names: bool,
    made: Timestamp,
}

impl<'a> Link<'a> {
    fn new(file: &'a str, certificate: &'a Certificate) -> Self {
        let DrillPredicate { chain, drill, .. } = &certificate.statement().predicate;
        Self {
            file,
            number: chain.number,
            digest: certificate.link_digest(),
            previous: chain.previous_sha256,
            has_names: certificate.has_names(),
            made: drill.finished_on,
        }
    }
}

fn check(repository: RepositoryId, database: Label, mut links: Vec<Link<'_>>) -> CertificateChain {
    links.sort_by_key(|link| (link.number, link.digest, link.has_names));
    let mut faults = Vec::new();
    let mut each: Vec<Link<'_>> = Vec::new();
    for link in links {
        let same = each.iter().rev().find(|other| other.digest == link.digest);
        match same {
            Some(other) if other.has_names == link.has_names => faults.push(ChainFault::Doubled {
                number: link.number,
                one: other.file.to_owned(),
                other: link.file.to_owned(),
            }),
            // the form with names beside the one without: both are the same link
            Some(_) => {}
            None => each.push(link),
        }
    }
    for two in each.windows(2) {
        faults.extend(between(two[0], two[1], &each));
    }
    let (first, last) = (each[0], each[each.len() - 1]);
    CertificateChain {
        repository,
        database,
        first: first.number,
        last: last.number,
        last_made: last.made,
        count: u64::try_from(each.len()).unwrap_or(u64::MAX),
        faults,
    }
}

/// What is wrong between two neighbours in the order of numbers.
fn between(before: Link<'_>, behind: Link<'_>, all: &[Link<'_>]) -> Option<ChainFault> {
    let (one, other) = (before.file.to_owned(), behind.file.to_owned());
    if before.number == behind.number {
        return Some(ChainFault::SameNumber {
            number: before.number,
            one,
            other,
        });
    }
    if before.number + 1 < behind.number {
        return Some(ChainFault::Missing {
            from: before.number + 1,
            to: behind.number - 1,
            before: one,
            behind: other,
        });
    }
    let mut with_number = all.iter().filter(|link| link.number == before.number);
    if !with_number.any(|link| behind.previous == Some(link.digest)) {
        return Some(ChainFault::Exchanged {
            before: one,
            behind: other,
        });
    }
    let is_earlier = before.made.duration_since(behind.made) > CLOCKS_DIFFER_MAX;
    is_earlier.then_some(ChainFault::OutOfOrder {
        before: one,
        behind: other,
    })
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing {
                from,
                to,
                before,
                behind,
            } if from == to => write!(f, "number {from} is missing, between {before} and {behind}"),
            Self::Missing {
                from,
                to,
                before,
                behind,
            } => write!(f, "numbers {from} to {to} are missing, between {before} and {behind}"),
            Self::Doubled { number, one, other } => {
                write!(f, "{one} and {other} are the same certificate, number {number}")
            }
            Self::SameNumber { number, one, other } => {
                write!(f, "{one} and {other} are two certificates with the number {number}")
            }
            Self::Exchanged { before, behind } => {
                write!(
                    f,
                    "{behind} follows another certificate than {before}: one of the two was exchanged"
                )
            }
            Self::OutOfOrder { before, behind } => {
                write!(f, "{behind} was made before {before}, which it follows")
            }
        }
    }
}
