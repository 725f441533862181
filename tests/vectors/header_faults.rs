//! The files of `sealed/` in which the header is at issue.

use data_encoding::BASE64;

use super::faults::{
    DATA_KEY, Held, MASTER_KEY, OTHER_KEY, PASSPHRASE, Vector, fails, head, header_with, object, opens, plaintext,
    whole,
};
use super::writer::{BACKUP, FRAME_SIZE, frames, header, key_slot, passphrase_slot, passphrase_slot_salted};

pub(crate) fn headers() -> Vec<Vector> {
    let text = String::from_utf8(head()).unwrap();
    let small = frames(&DATA_KEY, FRAME_SIZE, &plaintext(100));
    // The MAC is right: it is the grammar that is broken.
    let replace = |name: &str, verdict: &str, from: &str, to: &str| {
        let (before, _) = text.rsplit_once("\nmac ").unwrap();
        let lines = before
            .replacen(from, to, 1)
            .split('\n')
            .map(str::to_owned)
            .collect::<Vec<_>>();
        fails(name, verdict, object(header(&DATA_KEY, &lines), &small))
    };
    // The MAC is what it was.
    let change = |name: &str, verdict: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        fails(name, verdict, object(text.replacen(from, to, 1).into_bytes(), &small))
    };
    let slot = text.lines().nth(6).unwrap();
    let mac = text.lines().last().unwrap();
    let other_digit = if mac.as_bytes()[4] == b'A' { "B" } else { "A" };
    let changed_mac = format!("mac {other_digit}{}", &mac[5..]);
    let too_long = format!("{slot}\nslot other {}", "x".repeat(16384));
    let mut faults: Vec<Vector> = (1..=5)
        .map(|at| {
            let line = text.lines().nth(at).unwrap();
            let name = format!("header_line_{}_missing", at + 1);
            replace(
                &name,
                &format!("header malformed, line {}", at + 1),
                &format!("{line}\n"),
                "",
            )
        })
        .collect();
    faults.extend([
        replace(
            "header_line_repeated",
            "header malformed, line 7",
            "frame 4096",
            "frame 4096\nframe 4096",
        ),
        replace(
            "header_slot_repeated",
            "header malformed, line 8",
            slot,
            &format!("{slot}\n{slot}"),
        ),
        replace(
            "header_lines_swapped",
            "header malformed, line 4",
            "content archive\ncompression none",
            "compression none\ncontent archive",
        ),
        replace("header_too_long", "header malformed, line 8", slot, &too_long),
        replace(
            "header_carriage_return",
            "header malformed, line 4",
            "archive",
            "archive\r",
        ),
        replace(
            "header_double_space",
            "header malformed, line 7",
            "slot key ",
            "slot key  ",
        ),
        replace("header_not_ascii", "header malformed, line 3", BACKUP, "caf\u{e9}"),
        replace("header_unknown_content", "header malformed, line 4", "archive", "dump"),
        replace("header_unknown_compression", "header malformed, line 5", "none", "gzip"),
        replace("frame_size_not_multiple", "header malformed, line 6", "4096", "4104"),
        replace("frame_size_too_small", "header malformed, line 6", "4096", "4080"),
        replace("frame_size_too_large", "header malformed, line 6", "4096", "16777232"),
        replace("frame_size_leading_zero", "header malformed, line 6", "4096", "04096"),
        replace("newer_version", "newer version", "pgcoffer/1", "pgcoffer/2"),
        replace("not_sealed", "not sealed", "pgcoffer/1", "PGDMP"),
        change("header_mac_changed", "header changed", mac, &changed_mac),
        change(
            "header_content_changed",
            "header changed",
            "content archive",
            "content record",
        ),
        replace(
            "repository_in_upper_case",
            "header malformed, line 2",
            "c0ffee00",
            "C0FFEE00",
        ),
        replace("repository_too_short", "header malformed, line 2", "c0ffee00", "c0ffee"),
        change("header_repository_changed", "header changed", "c0ffee00", "c0ffee01"),
        change("header_backup_changed", "header changed", "20261120", "20271120"),
        change("header_frame_size_changed", "header changed", "4096", "8192"),
        change(
            "header_mac_unpadded",
            "header malformed, line 8",
            mac,
            mac.trim_end_matches('='),
        ),
        fails("cut_inside_header", "header cut short", text.as_bytes()[..100].to_vec()),
    ]);
    faults
}

pub(crate) fn slots() -> Vec<Vector> {
    let body = plaintext(100);
    let key = key_slot(&MASTER_KEY, &DATA_KEY);
    let other = key_slot(&OTHER_KEY, &DATA_KEY);
    let cheap = passphrase_slot(PASSPHRASE, 64, 1, 1, &DATA_KEY);
    let unknown = "slot x25519 some-stanza AAAA".to_owned();
    let sealed = |slots: &[String]| whole(header_with(slots), 100);
    let opens = |name: &str, held: Held, slots: &[String]| opens(name, held, sealed(slots), body.clone());
    let fails = |name: &str, verdict: &str, slots: &[String]| fails(name, verdict, sealed(slots));
    let costly = |m: u32, t: u32, p: u32| cheap.replace("m=64 t=1 p=1", &format!("m={m} t={t} p={p}"));
    let as_held = |vector: Vector, held: Held| Vector { held, ..vector };
    let unknown_kinds = |count: usize| (0..count).map(|at| format!("slot kind-{at}"));
    // A wrapped key that AES key wrap refuses, under the right key's id.
    let damaged = key_slot(&MASTER_KEY, &DATA_KEY).replacen("QU", "RU", 1);
    assert_ne!(damaged, key);
    vec![
        opens(
            "passphrase",
            Held::Passphrase(PASSPHRASE),
            &[passphrase_slot(PASSPHRASE, 65536, 3, 4, &DATA_KEY)],
        ),
        opens(
            "passphrase_of_little_cost",
            Held::Passphrase(PASSPHRASE),
            std::slice::from_ref(&cheap),
        ),
        opens("second_slot_opens", Held::Key, &[other.clone(), key.clone()]),
        opens("passphrase_and_key", Held::Key, &[cheap.clone(), key.clone()]),
        opens("unknown_slot_skipped", Held::Key, &[unknown.clone(), key.clone()]),
        opens(
            "unknown_passphrase_function_skipped",
            Held::Key,
            &["slot passphrase scrypt N=2 AAAA".to_owned(), key.clone()],
        ),
        opens(
            "sixteen_slots",
            Held::Key,
            &unknown_kinds(15).chain([key.clone()]).collect::<Vec<_>>(),
        ),
        fails(
            "seventeen_slots",
            "header malformed, line 23",
            &unknown_kinds(16).chain([key.clone()]).collect::<Vec<_>>(),
        ),
        fails("only_unknown_slots", "wrong key", &[unknown]),
        fails("no_slot", "header malformed, line 7", &[]),
        fails("wrong_key", "wrong key", &[other]),
        as_held(
            fails("wrong_key_held", "wrong key", std::slice::from_ref(&key)),
            Held::OtherKey,
        ),
        as_held(
            fails("wrong_passphrase", "wrong key", std::slice::from_ref(&cheap)),
            Held::Passphrase("another one"),
        ),
        fails("slot_changed", "header changed", &[damaged]),
        fails(
            "key_id_in_upper_case",
            "header malformed, line 7",
            &[key.replace("fc7f010c9ecc9505", "FC7F010C9ECC9505")],
        ),
        fails(
            "wrapped_key_too_short",
            "header malformed, line 7",
            &[key[..key.len() - 4].to_owned()],
        ),
        fails("argon2_above_ceiling", "above ceiling", &[costly(131_073, 1, 1)]),
        fails("argon2_too_many_passes", "above ceiling", &[costly(32_768, 7, 4)]),
        fails("argon2_too_many_lanes", "above ceiling", &[costly(65_536, 3, 9)]),
        fails(
            "argon2_sum_above_ceiling",
            "above ceiling",
            &[costly(131_072, 3, 1), cheap.clone()],
        ),
        fails("argon2_no_passes", "header malformed, line 7", &[costly(65_536, 0, 4)]),
    ]
}

/// Passphrase slots beside others: each is tried until one opens.
pub(crate) fn several_slots() -> Vec<Vector> {
    let other_key = key_slot(&OTHER_KEY, &DATA_KEY);
    let other_passphrase = passphrase_slot("another one", 64, 1, 1, &DATA_KEY);
    let passphrase = passphrase_slot(PASSPHRASE, 72, 1, 1, &DATA_KEY);
    let unknown = "slot x25519 some-stanza AAAA".to_owned();
    vec![
        opens(
            "passphrase_in_fourth_slot",
            Held::Passphrase(PASSPHRASE),
            whole(
                header_with(&[other_key.clone(), unknown.clone(), other_passphrase.clone(), passphrase]),
                100,
            ),
            plaintext(100),
        ),
        Vector {
            held: Held::Passphrase(PASSPHRASE),
            ..fails(
                "no_slot_of_three_opens",
                "wrong key",
                whole(header_with(&[other_key, unknown, other_passphrase]), 100),
            )
        },
    ]
}

/// Salts of other lengths than the 16 bytes that are written.
pub(crate) fn salts() -> Vec<Vector> {
    let sealed = |slot: String| whole(header_with(&[slot]), 100);
    let salt = |len: u8| (0..len).collect::<Vec<_>>();
    let slot = |len: u8| passphrase_slot_salted(PASSPHRASE, &salt(len), 64, 1, 1, &DATA_KEY);
    let opening = [8, 24, 32, 64].map(|len| {
        opens(
            &format!("salt_{len}_bytes"),
            Held::Passphrase(PASSPHRASE),
            sealed(slot(len)),
            plaintext(100),
        )
    });
    // Argon2 itself refuses to make a key with so short a salt.
    let too_short = slot(8).replace(&BASE64.encode(&salt(8)), &BASE64.encode(&salt(7)));
    let malformed = [("salt_7_bytes", too_short), ("salt_65_bytes", slot(65))].map(|(name, slot)| Vector {
        held: Held::Passphrase(PASSPHRASE),
        ..fails(name, "header malformed, line 7", sealed(slot))
    });
    opening.into_iter().chain(malformed).collect()
}
