#![allow(clippy::unwrap_used)]

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::*;
use crate::backup::Details;

/// One reason of each kind that a comparison can find, and what it is in words. A new kind does not compile without
/// its words here.
fn every_kind() -> Vec<(Reason, &'static str)> {
    let (schema, table): (Untrusted, Untrusted) = ("public".into(), "orders".into());
    let all = vec![
        Reason::ShorterDump {
            bytes: 1000,
            least_bytes: 2_001_000,
            backups: 5,
        },
        Reason::FewerTables {
            tables: 1,
            least_tables: 1234,
            backups: 1,
        },
        Reason::FewerLargeObjects {
            large_objects: 1,
            least_large_objects: 1200,
            backups: 2,
        },
        Reason::Incompressible {
            dump_bytes: 4_194_304,
            stored_bytes: 4_194_400,
        },
        Reason::AllChanged {
            changed: 9,
            tables: 10,
            backups: 3,
        },
        Reason::LostRows {
            schema: schema.clone(),
            table: table.clone(),
            rows: 1,
            least_rows: 10_230,
            backups: 3,
        },
        Reason::LostTable {
            schema,
            table,
            least_rows: 4000,
            backups: 1,
        },
        Reason::MoreLosses { tables: 2 },
        Reason::KindOnly(Anomaly::AllChanged),
        Reason::Unknown {
            kind: "lost_index".into(),
        },
    ];
    let words = |reason: &Reason| match reason {
        Reason::ShorterDump { .. } => "the dump has 1,000 bytes, the last 5 backups had 2,001,000 or more",
        Reason::FewerTables { .. } => "it holds 1 table, the last backup had 1,234 or more",
        Reason::FewerLargeObjects { .. } => "it holds 1 large object, the last 2 backups had 1,200 or more",
        Reason::Incompressible { .. } => {
            "its 4,194,304 bytes compress to 4,194,400 only, as if they were encrypted, and those of the last backups \
             did to six tenths or less"
        }
        Reason::AllChanged { .. } => "9 of the 10 tables that were the same in the last 3 backups have changed at once",
        Reason::LostRows { .. } => "table public.orders has 1 row, the last 3 backups had 10,230 or more",
        Reason::LostTable { .. } => "table public.orders is gone, the last backup had 4,000 rows or more",
        Reason::MoreLosses { .. } => "and 2 more tables lost half or all of the rows",
        Reason::KindOnly(_) => "tables that never changed have all changed",
        Reason::Unknown { .. } => "it looks wrong in a way that this version of pgcoffer does not know (lost_index)",
    };
    all.into_iter().map(|reason| (reason.clone(), words(&reason))).collect()
}

#[test]
fn every_reason_has_its_words() {
    let all = every_kind();
    for (reason, words) in &all {
        assert_eq!(reason.to_string(), *words);
    }
    // none was left out above
    let kinds: std::collections::BTreeSet<_> = all
        .iter()
        .map(|(reason, _)| format!("{:?}", discriminant(reason)))
        .collect();
    assert_eq!(kinds.len(), 10);
}

#[test]
fn every_anomaly_has_its_words_and_its_name() {
    for anomaly in [
        Anomaly::ShorterDump,
        Anomaly::FewerTables,
        Anomaly::FewerLargeObjects,
        Anomaly::Incompressible,
        Anomaly::AllChanged,
        Anomaly::LostRows,
        Anomaly::Other,
    ] {
        assert_eq!(json!(anomaly), anomaly.as_str());
        assert_eq!(Reason::KindOnly(anomaly).to_string(), anomaly.to_string());
        assert_eq!(Anomaly::parse(anomaly.as_str()).is_some(), anomaly != Anomaly::Other);
    }
}

#[test]
fn a_reason_is_sealed_as_data_and_shown_with_its_words() {
    for (reason, words) in every_kind() {
        let sealed = json!(reason);
        assert_eq!(sealed["kind"], reason.kind());
        assert!(sealed.get("text").is_none(), "{sealed}");
        assert_eq!(read(sealed.clone()), reason);
        let mut shown = reason.to_value();
        assert_eq!(shown["text"], words);
        shown.as_object_mut().unwrap().remove("text");
        assert_eq!(shown, sealed);
    }
    assert_eq!(
        json!(every_kind()[5].0),
        json!({
            "kind": "lost_rows", "schema": "public", "table": "orders", "rows": 1, "least_rows": 10_230, "backups": 3,
        })
    );
}

#[test]
fn the_same_thing_is_recognised_whatever_its_numbers() {
    let lost = |table: &str, rows| Reason::LostRows {
        schema: "public".into(),
        table: table.into(),
        rows,
        least_rows: 500,
        backups: 5,
    };
    assert!(lost("people", 3).is_about_the_same(&lost("people", 1)));
    assert!(!lost("orders_1", 3).is_about_the_same(&lost("orders_2", 3)));
    // a name that reads like the words of another reason is a name
    let odd = "people has 3 rows, the last 5 backups had 500 or more";
    assert!(!lost(odd, 3).is_about_the_same(&lost("people", 3)));
    let gone = Reason::LostTable {
        schema: "public".into(),
        table: "people".into(),
        least_rows: 500,
        backups: 5,
    };
    assert!(!lost("people", 3).is_about_the_same(&gone));
    let more = |tables| Reason::MoreLosses { tables };
    assert!(more(1).is_about_the_same(&more(2)));
    for (at, (one, _)) in every_kind().iter().enumerate() {
        for (other_at, (other, _)) in every_kind().iter().enumerate() {
            assert_eq!(one.is_about_the_same(other), at == other_at, "{one:?} {other:?}");
        }
    }
}

fn read(value: Value) -> Reason {
    serde_json::from_str(&value.to_string()).unwrap()
}

#[test]
fn an_unknown_kind_and_absurd_facts_are_unknown_and_harmless() {
    let lost = |name: &str, value: Value| {
        let mut reason = json!({
            "kind": "lost_rows", "schema": "s", "table": "t", "rows": 3, "least_rows": 500, "backups": 5,
        });
        reason[name] = value;
        reason
    };
    assert!(matches!(read(lost("rows", 4.into())), Reason::LostRows { .. }));
    for strange in [
        json!({"kind": "lost_index", "index": "i"}),
        json!({"kind": "other"}),
        lost("rows", 500.into()),
        lost("rows", (-3).into()),
        lost("rows", 1.5.into()),
        lost("rows", "3".into()),
        lost("rows", json!([[[]]])),
        lost("backups", 0.into()),
        lost("backups", u64::MAX.into()),
        lost("table", Value::Null),
        lost("table", json!({"a": 1})),
        json!({"kind": "lost_rows", "rows": 3}),
        json!({"kind": "all_changed", "changed": 9, "tables": 8, "backups": 3}),
        json!({"kind": "incompressible", "dump_bytes": 0, "stored_bytes": 0}),
        json!({"kind": "more_losses", "tables": 0}),
    ] {
        let reason = read(strange.clone());
        let kind = strange["kind"].as_str().unwrap();
        assert_eq!(reason, Reason::Unknown { kind: kind.into() }, "{strange}");
        assert_eq!(reason.anomaly(), Anomaly::Other);
    }
    // no reason at all
    for strange in [
        json!("table people has 3 rows"),
        json!(7),
        json!(-7),
        json!(7.5),
        json!(null),
        json!(true),
        json!([]),
        json!([[{"kind": "lost_rows"}]]),
        json!({}),
        json!({"kind": 7}),
        json!({"kind": ["lost_rows"]}),
    ] {
        let reason = read(strange.clone());
        assert_eq!(reason, Reason::Unknown { kind: "".into() }, "{strange}");
        assert_eq!(reason.to_string(), Anomaly::Other.to_string());
    }
}

#[test]
fn names_and_kinds_from_outside_are_escaped_and_bounded() {
    let long = "x".repeat(1 << 20);
    for text in ["\u{1b}[2J", "a\nerror: b", "a\u{202e}b", "<!channel>", long.as_str()] {
        let reasons = [
            json!({"kind": text}),
            json!({"kind": "lost_rows", "schema": text, "table": text, "rows": 3, "least_rows": 9, "backups": 5}),
            json!({text: text, "kind": "lost_rows"}),
        ];
        for reason in reasons.map(read) {
            let words = reason.to_string();
            assert!(!words.contains(|c: char| c.is_control() || c == '\u{202e}'), "{words}");
            assert!(words.chars().count() < 3000, "{}", words.len());
        }
    }
}

#[test]
fn a_list_of_reasons_is_read_within_bounds() {
    let details = |suspicious: Value| serde_json::from_value::<Details>(json!({ "suspicious": suspicious }));
    let many = vec![json!({"kind": "more_losses", "tables": 3}); 100_000];
    assert_eq!(details(many.into()).unwrap().suspicious.len(), 20);
    let many_fields: serde_json::Map<String, Value> = (0..1000).map(|n| (format!("f{n}"), n.into())).collect();
    assert_eq!(details(json!([many_fields])).unwrap().suspicious.len(), 1);
    assert!(details(json!("a text")).is_err());
}

fn any_name() -> impl Strategy<Value = Untrusted> {
    any::<String>().prop_map(Untrusted::from)
}

/// Any reason that a comparison may find.
fn any_reason() -> impl Strategy<Value = Reason> {
    let fall = (0..u64::MAX).prop_flat_map(|now| (Just(now), now + 1..=u64::MAX));
    (0..8_usize, fall, 1..=1000_u64, any_name(), any_name()).prop_map(|(kind, (now, least), backups, schema, table)| {
        match kind {
            0 => Reason::ShorterDump {
                bytes: now,
                least_bytes: least,
                backups,
            },
            1 => Reason::FewerTables {
                tables: now,
                least_tables: least,
                backups,
            },
            2 => Reason::FewerLargeObjects {
                large_objects: now,
                least_large_objects: least,
                backups,
            },
            3 => Reason::Incompressible {
                dump_bytes: least,
                stored_bytes: least,
            },
            4 => Reason::AllChanged {
                changed: least,
                tables: u64::MAX,
                backups,
            },
            5 => Reason::LostRows {
                schema,
                table,
                rows: now,
                least_rows: least,
                backups,
            },
            6 => Reason::LostTable {
                schema,
                table,
                least_rows: least,
                backups,
            },
            _ => Reason::MoreLosses { tables: least },
        }
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just("lost_rows".into()),
    ];
    let names = prop_oneof![
        Just("kind".to_owned()),
        Just("rows".to_owned()),
        Just("least_rows".to_owned()),
        any::<String>()
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        let names = names.clone();
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            vec((names, inner), 0..12).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reasons_survive_being_sealed_and_read(reasons in vec(any_reason(), 0..=20)) {
        let details = Details { suspicious: reasons, ..Details::default() };
        let json = serde_json::to_vec(&details).unwrap();
        let read: Details = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(read.suspicious, details.suspicious);
    }

    #[test]
    fn whatever_stands_in_the_details_is_read_and_shown_safely(values in vec(any_json(), 0..40)) {
        let json = json!({ "suspicious": values }).to_string();
        let details: Details = serde_json::from_str(&json).unwrap();
        for reason in &details.suspicious {
            let words = reason.to_string();
            prop_assert!(!words.contains(char::is_control) && words.chars().count() < 3000);
            let shown = reason.to_value();
            prop_assert_eq!(shown["text"].as_str(), Some(words.as_str()));
        }
    }
}
