//! What is sealed in any pieces opens in any pieces, and with a byte changed, cut off or added it
//! doesn't.
//!
//! The first byte chooses the fault, the next seven the cuts; the rest is the plaintext.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pgcoffer::seal::{Compression, Content, Error, Header, MasterKey, Opener, Sealer, Secret, Subject};

static SECRET: LazyLock<Secret> =
    LazyLock::new(|| Secret::Key(MasterKey::generate().expect("randomness is there")));

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_at_checked(8) else {
        return;
    };
    let (fault, cuts) = (choice[0], &choice[1..]);
    // Repeated, so that a short input also fills frames and groups.
    let plaintext = rest.repeat(1 + usize::from(fault >> 2));
    let object = seal(&plaintext, cuts);
    match fault % 4 {
        0 => assert_eq!(open(&object, cuts).as_ref(), Ok(&plaintext)),
        1 => {
            let mut changed = object;
            let at = place(cuts, changed.len());
            changed[at] ^= cuts[0] | 1;
            assert!(open(&changed, cuts).is_err());
        }
        2 => assert!(open(&object[..place(cuts, object.len())], cuts).is_err()),
        _ => assert!(open(&[&object[..], cuts].concat(), cuts).is_err()),
    }
});

fn seal(mut plaintext: &[u8], cuts: &[u8]) -> Vec<u8> {
    let repository = "c0ffee00112233445566778899aabbcc".parse().expect("it is one");
    let subject = Subject {
        repository: &repository,
        backup: "20261120T070000Z-abcdefghijkl",
        content: Content::Archive,
        compression: Compression::None,
        database: "main",
    };
    let secrets = std::slice::from_ref(&*SECRET);
    let (mut sealer, mut object) = Sealer::with_frame_size(&subject, secrets, 4096)
    .expect("all of it is allowed");
    for cut in cuts.iter().cycle() {
        let (mut piece, behind) =
            plaintext.split_at(plaintext.len().min(1 + usize::from(*cut) * 99));
        while let Some(group) = sealer.push(&mut piece) {
            object.extend(group.seal().expect("randomness is there"));
        }
        plaintext = behind;
        if plaintext.is_empty() {
            break;
        }
    }
    object.extend(sealer.finish().seal().expect("randomness is there"));
    object
}

fn open(object: &[u8], cuts: &[u8]) -> Result<Vec<u8>, Error> {
    let (header, header_len) = Header::parse_whole(object)?;
    let keys = header.unlock(std::slice::from_ref(&*SECRET))?;
    let mut opener = Opener::new(keys, header.frame_size);
    let mut plaintext = Vec::new();
    let mut sealed = &object[header_len..];
    for cut in cuts.iter().cycle() {
        let (mut piece, behind) = sealed.split_at(sealed.len().min(1 + usize::from(*cut) * 101));
        while let Some(group) = opener.push(&mut piece) {
            plaintext.extend(group.open()?);
        }
        sealed = behind;
        if sealed.is_empty() {
            break;
        }
    }
    plaintext.extend(opener.finish().open()?);
    Ok(plaintext)
}

/// A place in the object, spread over all of it.
fn place(cuts: &[u8], len: usize) -> usize {
    let number = cuts
        .iter()
        .fold(0, |number: u64, cut| number << 8 | u64::from(*cut));
    (number % len as u64) as usize
}
