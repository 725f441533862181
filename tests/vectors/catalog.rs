//! The files of `sealed/` in which catalog keys are at issue.

use super::faults::{DATA_KEY, Held, MASTER_KEY, OTHER_KEY, Vector, fails, object, opens, plaintext};
use super::writer::{FRAME_SIZE, catalog_key, catalog_slot, entry_slot, frames, header, key_slot, lines_of};

fn sealed(content: &str, slots: &[String]) -> Vec<u8> {
    let head = header(&DATA_KEY, &[lines_of(content), slots.to_vec()].concat());
    object(head, &frames(&DATA_KEY, FRAME_SIZE, &plaintext(100)))
}

pub(crate) fn catalog_keys() -> Vec<Vector> {
    let of_key = entry_slot(&MASTER_KEY, &DATA_KEY);
    let of_archive = key_slot(&MASTER_KEY, &DATA_KEY);
    let catalog = catalog_slot(&catalog_key(&MASTER_KEY), &DATA_KEY);
    let other = catalog_slot(&catalog_key(&OTHER_KEY), &DATA_KEY);
    let both = [of_key.clone(), catalog.clone()];
    // a wrapped key that AES key wrap refuses, under the right id
    let (start, wrapped) = catalog.rsplit_once(' ').unwrap();
    let changed = match wrapped.strip_prefix('A') {
        Some(rest) => format!("{start} B{rest}"),
        None => format!("{start} A{}", &wrapped[1..]),
    };
    let opens_for = |name: &str, held: Held, content: &str, slots: &[String]| {
        opens(name, held, sealed(content, slots), plaintext(100))
    };
    let fails_for = |name: &str, held: Held, verdict: &str, content: &str, slots: &[String]| {
        let vector = fails(name, verdict, sealed(content, slots));
        Vector { held, ..vector }
    };
    let mut vectors = Vec::new();
    for content in ["record", "mark", "drill", "repository", "audit"] {
        for (whose, held) in [("key", Held::Key), ("catalog_key", Held::CatalogKey)] {
            let name = format!("catalog_{content}_under_{whose}");
            vectors.push(opens_for(&name, held, content, &both));
            let name = format!("catalog_{content}_of_catalog_key_under_{whose}");
            let alone = std::slice::from_ref(&catalog);
            vectors.push(opens_for(&name, held, content, alone));
        }
    }
    for content in ["archive", "details", "findings", "settings"] {
        let slots = [of_archive.clone()];
        let name = format!("catalog_key_and_{content}");
        let beyond = "beyond catalog key";
        vectors.push(fails_for(&name, Held::CatalogKey, beyond, content, &slots));
        let name = format!("catalog_slot_in_{content}");
        let slots = [of_archive.clone(), catalog.clone()];
        let malformed = "header malformed, line 8";
        vectors.push(fails_for(&name, Held::Key, malformed, content, &slots));
        // the slot of an entry, whose data key the holder of a catalog key knows
        let name = format!("catalog_{content}_with_slot_of_record");
        let slots = [of_key.clone()];
        vectors.push(fails_for(&name, Held::Key, "header changed", content, &slots));
    }
    let malformed = |name: &str, slot: String| {
        let verdict = "header malformed, line 7";
        fails_for(name, Held::Key, verdict, "record", &[slot])
    };
    vectors.extend([
        fails_for(
            "catalog_record_with_slot_of_archive",
            Held::Key,
            "header changed",
            "record",
            &[of_archive],
        ),
        fails_for(
            "catalog_key_of_another",
            Held::CatalogKey,
            "wrong key",
            "record",
            std::slice::from_ref(&other),
        ),
        opens_for(
            "catalog_second_slot_opens",
            Held::CatalogKey,
            "mark",
            &[other, changed.clone(), catalog.clone()],
        ),
        fails_for(
            "catalog_slot_changed",
            Held::CatalogKey,
            "header changed",
            "mark",
            &[changed],
        ),
        malformed("catalog_key_id_in_upper_case", {
            let fields: Vec<&str> = catalog.split(' ').collect();
            format!("slot catalog {} {}", fields[2].to_uppercase(), fields[3])
        }),
        malformed("catalog_wrapped_key_too_short", catalog[..catalog.len() - 4].to_owned()),
    ]);
    vectors
}
