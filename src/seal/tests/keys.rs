//! Keys and passphrases as people write them.

use super::*;

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn fault(text: &str) -> KeyFault {
    match MasterKey::parse(text).unwrap_err() {
        Error::Key(fault) => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn all_spellings_mean_one_key() {
    let key = MasterKey::parse(HEX).unwrap();
    let text = key.encode();
    assert!(text.starts_with("PGCOFFER-KEY-1"));
    assert_eq!(text.len(), 72);
    let spellings = [
        text.to_string(),
        text.to_lowercase(),
        HEX.to_uppercase(),
        BASE64.into(),
        format!(" {HEX}\n"),
    ];
    for spelling in spellings {
        assert_eq!(
            MasterKey::parse(&spelling).unwrap().key_id(),
            key.key_id(),
            "{spelling}"
        );
    }
}

/// As it stands on a printed sheet.
fn in_groups(text: &str, between: &str) -> String {
    let groups: Vec<&str> = (14..72).step_by(4).map(|at| &text[at..72.min(at + 4)]).collect();
    format!("{}{between}{}", &text[..14], groups.join(between))
}

#[test]
fn a_key_may_be_typed_in_groups() {
    let key = MasterKey::parse(HEX).unwrap();
    let text = key.encode();
    for between in [" ", "-", "\n", " - "] {
        let typed = in_groups(&text, between);
        assert_eq!(MasterKey::parse(&typed).unwrap().key_id(), key.key_id());
    }
    // a fault stands where it was typed: five characters to a group behind `PGCOFFER-KEY-1 `
    let mut typed = in_groups(&text, " ");
    typed.replace_range(21..22, "B");
    assert!(matches!(fault(&typed), KeyFault::Lookalike { position: 22, .. }));
    assert_eq!(fault(&in_groups(&text, "_")), KeyFault::Character { position: 15 });
    let short = in_groups(&text, " ");
    assert_eq!(
        fault(&short[..short.len() - 1]),
        KeyFault::Length {
            found: 71,
            expected: 72
        }
    );
}

#[test]
fn every_mistyped_character_is_found() {
    let text = MasterKey::parse(HEX).unwrap().encode();
    for at in "PGCOFFER-KEY-1".len()..text.len() {
        for typed in "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".chars() {
            if text[at..].starts_with(typed) {
                continue;
            }
            let mut mistyped = text.to_string();
            mistyped.replace_range(at..=at, &typed.to_string());
            let position = Some(at + 1);
            assert_eq!(fault(&mistyped), KeyFault::Checksum { position }, "{mistyped}");
        }
    }
}

#[test]
fn each_fault_has_its_own_error() {
    let text = MasterKey::parse(HEX).unwrap().encode().to_string();
    assert_eq!(fault("  \n"), KeyFault::Empty);
    assert_eq!(fault("correct horse battery staple"), KeyFault::IsPassphrase);
    assert_eq!(fault("apple-river-stone-cloud-tiger-window"), KeyFault::IsPassphrase);
    for path in [
        "/path/key",
        "/home/somebody/pgcoffer/secret/of/main/key",
        "~/key.txt",
        "./key",
    ] {
        assert_eq!(fault(path), KeyFault::IsFileName, "{path}");
    }
    assert_eq!(fault("hunter2"), KeyFault::Unrecognised);
    assert_eq!(fault(&text.replacen("PG", "pg", 1)), KeyFault::MixedCase);
    assert_eq!(
        fault(&text[..71]),
        KeyFault::Length {
            found: 71,
            expected: 72
        }
    );
    assert_eq!(fault(&format!("{text}Q")), KeyFault::Followed { count: 1 });
    assert_eq!(
        fault("pgcoffer-key-"),
        KeyFault::Length {
            found: 13,
            expected: 72
        }
    );
    assert_eq!(fault(&text.replacen('1', "7", 1)), KeyFault::Character { position: 14 });
    let with_b = format!("{}B{}", &text[..20], &text[21..]);
    assert!(matches!(
        fault(&with_b),
        KeyFault::Lookalike {
            position: 21,
            is_right: false,
            ..
        }
    ));
    let with_dollar = format!("{}$${}", &text[..20], &text[22..]);
    assert_eq!(fault(&with_dollar), KeyFault::Character { position: 21 });
    assert_eq!(
        fault(&HEX[..62]),
        KeyFault::Length {
            found: 62,
            expected: 64
        }
    );
    assert_eq!(
        fault(&BASE64[..43]),
        KeyFault::Length {
            found: 43,
            expected: 44
        }
    );
    // 32 bytes leave two bits over in the last digit, which have to be zero.
    assert_eq!(
        fault(&BASE64.replace("Hh8=", "Hh9=")),
        KeyFault::Character { position: 43 }
    );
}

#[test]
fn only_zeros_are_a_placeholder() {
    let hrp = bech32::Hrp::parse("pgcoffer-key-").unwrap();
    for zeros in [
        "00".repeat(32),
        format!("{}=", "A".repeat(43)),
        bech32::encode_upper::<bech32::Bech32>(hrp, &[0; 32]).unwrap(),
    ] {
        assert_eq!(fault(&zeros), KeyFault::Zero, "{zeros}");
    }
    for byte in 1..=255_u8 {
        MasterKey::parse(&format!("{byte:02x}").repeat(32)).unwrap();
    }
    for at in 0..32 {
        let mut digits = vec!["00"; 32];
        digits[at] = "01";
        MasterKey::parse(&digits.concat()).unwrap();
    }
}

#[test]
fn bech32m_is_not_taken_for_bech32() {
    let hrp = bech32::Hrp::parse("pgcoffer-key-").unwrap();
    let text = bech32::encode_lower::<bech32::Bech32m>(hrp, &bytes(32)).unwrap();
    assert!(matches!(fault(&text), KeyFault::Checksum { .. }));
}

#[test]
fn bits_left_over_have_to_be_zero() {
    use bech32::primitives::iter::{ByteIterExt, Fe32IterExt};
    let hrp = bech32::Hrp::parse("pgcoffer-key-").unwrap();
    let mut digits: Vec<_> = bytes(32).into_iter().bytes_to_fes().collect();
    let text = |digits: &[bech32::Fe32]| -> String {
        digits
            .iter()
            .copied()
            .with_checksum::<bech32::Bech32>(&hrp)
            .chars()
            .collect()
    };
    MasterKey::parse(&text(&digits)).unwrap();
    digits[51] += bech32::Fe32::P;
    assert_eq!(fault(&text(&digits)), KeyFault::Checksum { position: None });
}

#[test]
fn generated_keys_differ() {
    let [one, other] = [(); 2].map(|()| MasterKey::generate().unwrap().encode());
    assert_ne!(one, other);
}

#[test]
fn nothing_secret_is_printed() {
    let text = "hamster waltz onyx brisk";
    let passphrase = Secret::Passphrase(Passphrase::for_reading(text.into()));
    let key = key(1);
    let printed = format!(
        "{key:?} {passphrase:?} {:?}",
        key.identity(&repository(), "main").unwrap()
    );
    assert!(
        !printed.contains("hamster") && !printed.contains("01, 2") && !printed.contains("0102"),
        "{printed}"
    );
}

#[test]
fn weak_passphrases_are_refused_with_advice() {
    for weak in [
        "",
        "password",
        "correcthorse",
        "Tr0ub4dour&3",
        "qwertyuiop",
        "pgcoffer backup",
    ] {
        let Err(Error::WeakPassphrase { advice }) = Passphrase::new(weak.into()) else {
            panic!("accepted {weak:?}");
        };
        assert!(!advice.is_empty());
        Passphrase::for_reading(weak.into());
    }
    Passphrase::new("unwound-cosigner-plank-dizzy-refurbish-atop-halogen".into()).unwrap();
}

#[test]
fn identities_depend_on_key_and_repository_and_with_a_passphrase_on_the_label() {
    let (here, elsewhere) = (repository(), RepositoryId::generate().unwrap());
    let owner = |repository: &RepositoryId, label: &str| {
        let identity = key(1).identity(repository, label).unwrap();
        (identity.owner(), identity.mac("d", b"message"))
    };
    assert_eq!(owner(&here, "main"), owner(&here, "other"));
    assert_ne!(owner(&here, "main").0, owner(&elsewhere, "main").0);
    assert_ne!(owner(&here, "main").1, owner(&elsewhere, "main").1);
    let passphrase = Passphrase::for_reading("hamster waltz onyx brisk".into());
    let identity = |repository: &RepositoryId, label: &str| {
        let secret = Secret::Passphrase(passphrase.clone());
        secret.identity(repository, label).unwrap()
    };
    let (main, other) = (identity(&here, "main"), identity(&here, "other"));
    assert_ne!(main.owner(), other.owner());
    assert_ne!(main.mac("d", b"message"), other.mac("d", b"message"));
    assert_ne!(main.mac("d", b"message"), main.mac("e", b"message"));
    assert_eq!(passphrase.remembered(), 2);
    // two customers with one passphrase and one label have nothing in common
    assert_ne!(identity(&elsewhere, "main").owner(), main.owner());
    assert_ne!(identity(&elsewhere, "main").slot_salt(), main.slot_salt());
    assert_eq!(passphrase.remembered(), 3);
}

/// What people do to a key in a paste, or as they type it.
#[test]
fn every_slip_is_named() {
    let text = MasterKey::parse(HEX).unwrap().encode().to_string();
    for doubled in [
        format!("{text}{text}"),
        format!("{text} {text}"),
        format!("{text}, {text}"),
        format!("{HEX}{HEX}"),
    ] {
        assert_eq!(fault(&doubled), KeyFault::Twice, "{doubled}");
    }
    for named in [
        format!("PGCOFFER_KEY={text}"),
        format!("export PGCOFFER_KEY={text}"),
        format!("Key           {text}"),
        format!("key: {HEX}"),
        format!("KEY={BASE64}"),
        format!("\"{text}\""),
        format!("\u{201c}{text}\u{201d}"),
        format!("<{text}>"),
    ] {
        assert_eq!(fault(&named), KeyFault::Preceded, "{named}");
    }
    for short in ["PGCOFFER-KEY-1\u{2026}", "PGCOFFER-KEY-1QQQS...", "0001\u{2026}"] {
        assert_eq!(fault(short), KeyFault::Abbreviated, "{short}");
    }
    assert_eq!(fault(&format!("{text}   # of main")), KeyFault::Followed { count: 7 });
    assert_eq!(fault(&format!("{text}\"")), KeyFault::Followed { count: 1 });
    assert_eq!(fault("fc7f010c9ecc9505"), KeyFault::IsKeyId);
}

#[test]
fn a_character_that_looks_alike_is_named_with_the_right_one() {
    let text = MasterKey::parse(HEX).unwrap().encode().to_string();
    let at = text.rfind('0').unwrap();
    let mut typed = text.clone();
    typed.replace_range(at..=at, "O");
    let (position, meant) = (at + 1, '0');
    assert_eq!(
        fault(&typed),
        KeyFault::Lookalike {
            position,
            typed: 'O',
            meant,
            is_right: true,
        }
    );
    assert_eq!(
        fault(&typed.to_lowercase()),
        KeyFault::Lookalike {
            position,
            typed: 'o',
            meant,
            is_right: true,
        }
    );
    // where it isn't the only slip, it is named none the less
    let other = text.rfind('Q').unwrap();
    typed.replace_range(other..=other, "P");
    assert!(
        fault(&typed)
            .to_string()
            .contains("looks like it, and with that alone the key is not right")
    );
}

#[test]
fn a_key_without_its_beginning_is_known_by_its_checksum() {
    let key = MasterKey::parse(HEX).unwrap();
    let text = key.encode();
    let data = &text[14..];
    for typed in [
        data.to_owned(),
        data.to_lowercase(),
        format!("1{data}"),
        format!("KEY-1{data}"),
        format!("-KEY-1 {data}"),
        format!("PGC0FFER-KEY-l{data}"),
        format!("pgcofferkey1{data}"),
        data.as_bytes()
            .chunks(4)
            .map(|four| format!("{}-", String::from_utf8_lossy(four)))
            .collect(),
    ] {
        assert_eq!(MasterKey::parse(&typed).unwrap().key_id(), key.key_id(), "{typed}");
    }
    // with a slip in it, it might be anything
    let mut typed = data.to_owned();
    typed.replace_range(3..4, if &data[3..4] == "Q" { "P" } else { "Q" });
    assert!(MasterKey::parse(&typed).is_err());
    assert!(MasterKey::parse(&format!("PGCOFFER-CATALOG-1{data}")).is_err());
}

#[test]
fn neighbours_that_changed_places_are_found() {
    let text = MasterKey::parse(HEX).unwrap().encode().to_string();
    for at in 14..71 {
        let mut swapped = text.clone().into_bytes();
        if swapped[at] == swapped[at + 1] {
            continue;
        }
        swapped.swap(at, at + 1);
        let swapped = String::from_utf8(swapped).unwrap();
        assert_eq!(fault(&swapped), KeyFault::Swapped { position: at + 1 }, "{swapped}");
    }
}

#[test]
fn blanks_may_stand_anywhere_in_a_key() {
    let key = MasterKey::parse(HEX).unwrap();
    let text = key.encode();
    let spaced = |text: &str| text.chars().map(|c| format!("{c} ")).collect::<String>();
    for typed in [spaced(&text), spaced(HEX), spaced(BASE64)] {
        assert_eq!(MasterKey::parse(&typed).unwrap().key_id(), key.key_id(), "{typed}");
    }
}
