//! Certificates that are missing, doubled, exchanged or of others.

use std::collections::BTreeMap;

use super::scene::{Scene, findings};
use crate::certificate::*;

/// A chain of so many certificates.
fn chain(scene: &Scene, count: u8) -> Vec<Certificate> {
    let mut chain: Vec<Certificate> = Vec::new();
    for day in 1..=count {
        chain.push(scene.certificate(day, chain.last()));
    }
    chain
}

/// What is wrong with these, in words; files are called by letters.
fn faults(certificates: &[&Certificate]) -> Vec<String> {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let chains = check_chains(names.into_iter().zip(certificates.iter().copied()));
    chains
        .iter()
        .flat_map(|chain| chain.faults.iter().map(ToString::to_string))
        .collect()
}

#[test]
fn a_whole_chain_is_whole_in_whatever_order_it_is_given() {
    let scene = Scene::new(1, 1);
    let all = chain(&scene, 5);
    let refs: Vec<&Certificate> = all.iter().collect();
    assert_eq!(faults(&refs), [""; 0]);
    let shuffled = [refs[3], refs[0], refs[4], refs[2], refs[1]];
    assert_eq!(faults(&shuffled), [""; 0]);
    // from the middle on it is whole as well, and says where it begins
    let chains = check_chains([("a", refs[2]), ("b", refs[3])]);
    assert_eq!((chains[0].first, chains[0].last, chains[0].count), (3, 4, 2));
    assert_eq!(chains[0].faults, []);
    // the form with names stands for the one without
    let named = all[1].statement().with_names(all[1].digest(), findings());
    let named = Certificate::sign(named, &scene.key);
    assert_eq!(faults(&[refs[0], &named, refs[2]]), [""; 0]);
    assert_eq!(faults(&[refs[0], &named, refs[1], refs[2]]), [""; 0]);
}

#[test]
fn a_missing_doubled_exchanged_or_backdated_one_is_named() {
    let scene = Scene::new(1, 1);
    let all = chain(&scene, 5);
    let refs: Vec<&Certificate> = all.iter().collect();
    assert_eq!(
        faults(&[refs[0], refs[1], refs[3]]),
        ["number 3 is missing, between b and c"]
    );
    assert_eq!(
        faults(&[refs[0], refs[4]]),
        ["numbers 2 to 4 are missing, between a and b"]
    );
    assert_eq!(
        faults(&[refs[0], refs[1], refs[1]]),
        ["b and c are the same certificate, number 2"]
    );
    // one of the key's own making in place of a number that should not be seen
    let better = scene.certificate(9, Some(&all[1]));
    assert_eq!(
        faults(&[refs[1], &better, refs[3]]),
        ["c follows another certificate than b: one of the two was exchanged"]
    );
    assert_eq!(faults(&[refs[1], refs[2], &better, refs[3]]).len(), 1);
    let early = scene.certificate(1, Some(&all[3]));
    assert_eq!(faults(&[refs[3], &early]), ["b was made before a, which it follows"]);
}

#[test]
fn certificates_of_others_are_chains_of_their_own() {
    let (scene, elsewhere) = (Scene::new(1, 1), Scene::new(1, 2));
    let here = chain(&scene, 2);
    let there = chain(&elsewhere, 1);
    let chains = check_chains([("a", &here[0]), ("b", &there[0]), ("c", &here[1])]);
    let counts: BTreeMap<String, u64> = chains
        .iter()
        .map(|one| (one.repository.to_string(), one.count))
        .collect();
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [2, 1]);
}
