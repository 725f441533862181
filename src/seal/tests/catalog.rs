//! The catalog key: what it opens and seals, and what it can't be made to open.

use data_encoding::BASE64;
use hmac::Mac as _;

use super::super::data_key::DataKey;
use super::*;

const OF_CATALOG: [Content; 5] = [
    Content::Record,
    Content::Mark,
    Content::Drill,
    Content::Repository,
    Content::Audit,
];
const INSIDE: [Content; 4] = [Content::Archive, Content::Details, Content::Findings, Content::Settings];

fn of(content: Content, repository: &RepositoryId) -> Subject<'_> {
    Subject {
        content,
        ..archive(repository)
    }
}

fn seal(content: Content, secrets: &[Secret]) -> Result<Vec<u8>, Error> {
    seal_bytes(&of(content, &repository()), secrets, b"inside")
}

fn catalog_key(first: u8) -> CatalogKey {
    key(first).catalog_key().unwrap()
}

fn catalog(first: u8) -> Secret {
    Secret::Catalog(catalog_key(first))
}

fn slots(object: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(object);
    let slots = text.lines().filter(|line| line.starts_with("slot "));
    slots.map(str::to_owned).collect()
}

fn fault(text: &str) -> KeyFault {
    match CatalogKey::parse(text).unwrap_err() {
        Error::Key(fault) => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn it_is_read_as_a_key_is_and_never_for_one() {
    let key = catalog_key(1);
    let text = key.encode();
    assert!(text.starts_with("PGCOFFER-CATALOG-1") && text.len() == 76);
    let grouped = |between: &str| {
        let (start, rest) = text.split_at(18);
        let groups: Vec<&str> = (0..58).step_by(4).map(|at| &rest[at..58.min(at + 4)]).collect();
        format!("{start}{between}{}", groups.join(between))
    };
    for typed in [
        text.to_string(),
        text.to_lowercase(),
        format!(" {}\n", *text),
        grouped(" "),
        grouped("-"),
        grouped("\n  "),
    ] {
        assert_eq!(CatalogKey::parse(&typed).unwrap().key_id(), key.key_id(), "{typed}");
    }
    let mut typed = grouped(" ");
    typed.replace_range(25..26, "B");
    assert!(matches!(fault(&typed), KeyFault::Lookalike { position: 26, .. }));
    let wrong_length = |found| KeyFault::Length { found, expected: 76 };
    assert_eq!(fault(&text[..75]), wrong_length(75));
    assert_eq!(fault("pgcoffer-catalog-"), wrong_length(17));
    assert_eq!(fault(&text.replacen("PG", "pg", 1)), KeyFault::MixedCase);
    let last = if text.ends_with('Q') { "P" } else { "Q" };
    assert_eq!(
        fault(&format!("{}{last}", &text[..75])),
        KeyFault::Checksum { position: Some(76) }
    );
    assert_eq!(fault(" "), KeyFault::Empty);
    let hrp = bech32::Hrp::parse("pgcoffer-catalog-").unwrap();
    let zeros = bech32::encode_upper::<bech32::Bech32>(hrp, &[0; 32]).unwrap();
    assert_eq!(fault(&zeros), KeyFault::Zero);
    // no spelling of one kind is taken for the other kind
    let master = MasterKey::parse(&"01".repeat(32)).unwrap();
    assert_eq!(fault(&master.encode()), KeyFault::IsMasterKey);
    assert_eq!(fault(&"01".repeat(32)), KeyFault::NotCatalogKey);
    for typed in [text.to_string(), text.to_lowercase(), grouped(" ")] {
        let error = MasterKey::parse(&typed).unwrap_err();
        assert_eq!(error, Error::Key(KeyFault::IsCatalogKey));
    }
}

#[test]
fn nothing_of_it_is_printed() {
    let printed = format!("{:?} {:?}", catalog_key(1), catalog(1));
    assert_eq!(printed, "CatalogKey { .. } Catalog(CatalogKey { .. })");
    assert_eq!(
        catalog(1).describe(),
        format!("catalog key {}", catalog_key(1).key_id())
    );
}

#[test]
fn it_makes_the_names_of_its_key_and_a_passphrase_has_none() {
    let identity = |secret: &Secret| secret.identity(&repository(), "main").unwrap();
    let (one, other) = (identity(&key(1)), identity(&catalog(1)));
    assert_eq!(one.owner(), other.owner());
    assert_eq!(one.mac("d", b"message"), other.mac("d", b"message"));
    assert_ne!(one.owner(), identity(&catalog(2)).owner());
    let passphrase = Secret::Passphrase(Passphrase::for_reading("hamster waltz".into()));
    assert!(passphrase.catalog_key().is_none());
}

#[test]
fn it_opens_entries_marks_and_repositories_and_nothing_else() {
    for content in Content::ALL {
        let object = seal(content, &[key(1)]).unwrap();
        assert_eq!(open(&object, &key(1)).unwrap(), b"inside");
        let slots = slots(&object);
        let opened = open(&object, &catalog(1));
        if OF_CATALOG.contains(&content) {
            assert_eq!(opened.unwrap(), b"inside");
            assert!(slots[0].starts_with("slot key ") && slots[1].starts_with("slot catalog "));
            assert_eq!(slots.len(), 2);
            // of another key it opens none
            let Err(Error::WrongKey { sealed_for, held }) = open(&object, &catalog(2)) else {
                panic!("{content:?}");
            };
            assert_eq!(
                sealed_for,
                [key(1).describe(), catalog(1).describe()],
                "both are said to whoever holds a catalog key"
            );
            assert_eq!(held, [catalog(2).describe()]);
            // and nobody else hears of it
            let Err(Error::WrongKey { sealed_for, .. }) = open(&object, &key(2)) else {
                panic!("{content:?}");
            };
            assert_eq!(sealed_for, [key(1).describe()]);
        } else {
            assert!(INSIDE.contains(&content));
            assert_eq!(opened, Err(Error::BeyondCatalogKey { content }));
            assert_eq!(slots.len(), 1);
        }
    }
}

#[test]
fn what_it_seals_opens_under_its_key_and_it_seals_nothing_else() {
    for content in OF_CATALOG {
        let object = seal(content, &[catalog(1)]).unwrap();
        assert!(matches!(&slots(&object)[..], [slot] if slot.starts_with("slot catalog ")));
        for secret in [key(1), catalog(1)] {
            assert_eq!(open(&object, &secret).unwrap(), b"inside");
        }
        let Err(Error::WrongKey { sealed_for, .. }) = open(&object, &key(2)) else {
            panic!("{content:?}");
        };
        assert_eq!(sealed_for, [catalog(1).describe()]);
    }
    for content in INSIDE {
        let refused = seal(content, &[catalog(1)]);
        assert_eq!(refused, Err(Error::BeyondCatalogKey { content }));
        // also beside a key that could
        assert_eq!(seal(content, &[key(2), catalog(1)]), refused);
    }
}

/// A header of these lines with a right MAC, and its one frame.
fn forged(data_key: &DataKey, content: &str, slots: &[String]) -> Vec<u8> {
    let slots = slots.join("\n");
    let mut text = format!(
        "pgcoffer/1\nrepository {}\nbackup {BACKUP}\ncontent {content}\ncompression none\nframe 4096\n{slots}\nmac ",
        repository()
    );
    let mac = data_key.header_hmac().chain_update(&text).finalize();
    text.push_str(&BASE64.encode(&mac.into_bytes()));
    text.push('\n');
    let (header, _) = SealedHeader::parse_whole(&text.clone().into_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(header.content.as_str(), content);
    text.into_bytes()
}

/// Whoever has the catalog key learns the data key of an entry. Put into an archive with the slots of that entry, it
/// must open under no key: otherwise a monitor could forge what is restored.
#[test]
fn a_data_key_that_it_knows_makes_no_archive_that_its_key_opens() {
    let object = seal(Content::Record, &[key(1)]).unwrap();
    let (header, _) = SealedHeader::parse_whole(&object).unwrap();
    let learnt = header.slots[1].open(&catalog(1), Content::Record);
    let data_key = learnt.unwrap().unwrap();
    let slots = slots(&object);
    for content in ["archive", "details", "findings", "settings"] {
        let archive = forged(&data_key, content, &slots[..1]);
        let (header, _) = SealedHeader::parse_whole(&archive).unwrap();
        let refused = header.unlock(&[key(1)]).unwrap_err();
        assert_eq!(refused, Error::HeaderChanged, "{content}");
    }
    // what it may seal anyway it may also alter
    let mark = forged(&data_key, "mark", &slots);
    let (header, _) = SealedHeader::parse_whole(&mark).unwrap();
    header.unlock(&[key(1)]).unwrap();
}

/// A catalog slot in an archive could only be put there by somebody who knows its data key. It is refused before any
/// key is tried.
#[test]
fn a_catalog_slot_elsewhere_is_refused_whatever_key_is_at_hand() {
    let object = seal(Content::Record, &[key(1)]).unwrap();
    for content in INSIDE {
        let text = String::from_utf8_lossy(&object).into_owned();
        let text = text.replace("content record", &format!("content {}", content.as_str()));
        for secret in [key(1), catalog(1)] {
            let refused = open(text.as_bytes(), &secret).unwrap_err();
            let Error::HeaderMalformed { line: 8, what } = refused else {
                panic!("{refused}");
            };
            assert!(what.contains("catalog slot"), "{what}");
        }
    }
}

#[test]
fn of_two_slots_of_one_id_the_one_that_opens_counts() {
    let data_key = DataKey::generate().unwrap();
    let other = DataKey::generate().unwrap();
    let mark = Content::Mark;
    let right = KeySlot::seal_catalog(&data_key, &catalog_key(1), mark).unwrap();
    let wrong = right.replace(right.rsplit(' ').next().unwrap(), &BASE64.encode(&other.wrap(&[7; 32])));
    let unlock = |slots: &[String]| {
        let object = forged(&data_key, "mark", slots);
        let (header, _) = SealedHeader::parse_whole(&object).unwrap();
        [key(1), catalog(1)].map(|secret| header.unlock(&[secret]).map(drop))
    };
    assert_eq!(unlock(&[wrong.clone(), right.clone()]), [Ok(()), Ok(())]);
    assert_eq!(unlock(&[right.clone(), wrong.clone()]), [Ok(()), Ok(())]);
    let changed = Err(Error::HeaderChanged);
    assert_eq!(unlock(&[wrong]), [changed.clone(), changed.clone()]);
    // one that wraps another data key under the right id decides, and the header's MAC refuses it
    let another = KeySlot::seal_catalog(&other, &catalog_key(1), mark).unwrap();
    assert_eq!(unlock(&[another, right]), [changed.clone(), changed]);
}

#[test]
fn every_key_in_use_opens_however_many_there_are() {
    for count in [1, 8, 9, 16] {
        let keys: Vec<Secret> = (0..count).map(|at| key(at * 7 + 1)).collect();
        let object = seal(Content::Repository, &keys).unwrap();
        for secret in &keys {
            assert_eq!(open(&object, secret).unwrap(), b"inside", "{count}");
            let catalog = Secret::Catalog(secret.catalog_key().unwrap());
            assert_eq!(open(&object, &catalog).unwrap(), b"inside", "{count}");
        }
    }
    // two databases with one key of their own
    for content in Content::ALL {
        let object = seal(content, &[key(1), key(1)]).unwrap();
        assert_eq!(open(&object, &key(1)).unwrap(), b"inside");
    }
}
