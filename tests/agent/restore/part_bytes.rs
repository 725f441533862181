//! A part costs its own bytes, and every one of them is checked before anything is committed.

use std::io::Read as _;

use pgcoffer::{
    backup::Record,
    compress,
    seal::{Content, MasterKey, PayloadCompression, Secret, open_bytes},
};
use serde_json::Value;

use crate::{
    stage::{KEY, Stage},
    testbed::{Call, Fault, Rule, sealed, sealed_payload},
};

/// Two large tables that hardly compress, and small ones before, between and behind them.
pub(super) const TABLES: &str = "
    create table a_small (n int); insert into a_small select n from generate_series(1, 100) n;
    create table b_large (id int primary key, noise bytea); alter table b_large alter noise set storage external;
    insert into b_large select n, (select decode(string_agg(md5(random()::text || n || m), ''), 'hex')
        from generate_series(1, 256) m) from generate_series(1, 6000) n;
    create table c_small (n int); insert into c_small select n from generate_series(1, 100) n;
    create table d_large (id int primary key, noise bytea); alter table d_large alter noise set storage external;
    insert into d_large select n, (select decode(string_agg(md5(random()::text || n || m), ''), 'hex')
        from generate_series(1, 256) m) from generate_series(1, 3000) n;
    create table e_small (n int); insert into e_small select n from generate_series(1, 100) n;";

/// Bytes of a frame in the object, and what a chunk can have at the most.
const FRAME_BYTES: u64 = (256 << 10) + 64;
const CHUNK_BYTES: u64 = (512 << 10) + 4096;

/// How many bytes of an archive a call asked for.
pub(super) fn range_bytes(call: &Call) -> Option<u64> {
    if !call.key.contains("/archives/") {
        return None;
    }
    let range = call.header("range")?.strip_prefix("bytes=")?.to_owned();
    let (start, end) = range.split_once('-')?;
    Some(end.parse::<u64>().ok()? + 1 - start.parse::<u64>().ok()?)
}

/// Runs something; how many bytes of archives it asked for, and by how many requests.
pub(super) fn cost(stage: &Stage, run: impl FnOnce()) -> (u64, usize) {
    let before = stage.bucket.calls().len();
    run();
    let calls = stage.bucket.calls().split_off(before);
    let ranges: Vec<u64> = calls.iter().filter_map(range_bytes).collect();
    (ranges.iter().sum(), ranges.len())
}

#[test]
fn a_table_costs_contents_its_own_frames_and_at_most_two_chunks() {
    let stage = Stage::backed_up(TABLES);
    let details = details(&stage);
    let stored = |name: &str| {
        let table = table(&details, name);
        let lengths: Vec<u64> = numbers(&details["chunks"][0]);
        let (start, end) = (table["span"][0].as_u64().unwrap(), table["span"][1].as_u64().unwrap());
        // of the chunks that lie in it as a whole
        let (first, behind) = (start.div_ceil(512 << 10), end / (512 << 10));
        let chunks = lengths.iter().skip(usize::try_from(first).unwrap());
        chunks
            .take(usize::try_from(behind.saturating_sub(first)).unwrap())
            .sum::<u64>()
    };
    let contents = (16 << 10) + FRAME_BYTES;
    for name in ["a_small", "b_large", "c_small", "d_large", "e_small"] {
        let table = format!("public.{name}");
        let get = || {
            stage
                .run(["get", "latest", "--table", &table, "-q", "-o", "-"])
                .success();
        };
        let restore = || {
            stage.restore_with(&stage.target(), ["--table", &table, "-q"]).success();
        };
        let (got, get_requests) = cost(&stage, get);
        let (restored, restore_requests) = cost(&stage, restore);
        // header, last frame, contents; its chunks with one more at either end, and the rest of the frames around them
        let own = stored(name) + 2 * CHUNK_BYTES;
        let framed = own + own / (256 << 10) * 64 + 2 * FRAME_BYTES;
        let at_most = 2 * contents + 2 * FRAME_BYTES + framed;
        assert!(
            got <= at_most && restored <= at_most,
            "{name}: {got} {restored} of {at_most}"
        );
        // no more requests than 4 MiB each and one for header, last frame and contents
        let requests = usize::try_from(framed.div_ceil(4 << 20)).unwrap() + 4;
        assert!(
            get_requests <= requests && restore_requests <= requests,
            "{name}: {get_requests} {restore_requests} of {requests}"
        );
    }
    let whole = stage.bucket.read(&stage.key("/archives/")).unwrap().len() as u64;
    let (got, _) = cost(&stage, || {
        stage
            .run(["get", "latest", "--table", "c_small", "-q", "-o", "-"])
            .success();
    });
    assert!(got < whole / 10, "{got} of {whole}");
}

#[test]
fn what_is_said_to_be_read_is_what_is_read() {
    let stage = Stage::backed_up(TABLES);
    let target = stage.target();
    let mut report = Value::Null;
    let (read, _) = cost(&stage, || {
        report = stage
            .restore_with(&target, ["--table", "b_large", "--json"])
            .success()
            .json();
    });
    let said = report["read_bytes"].as_u64().unwrap();
    let whole = stage.bucket.read(&stage.key("/archives/")).unwrap().len() as u64;
    assert_eq!(report["stored_bytes"], whole);
    // header and last frame come to it
    assert!(
        said <= read && read <= said + (16 << 10) + 2 * FRAME_BYTES,
        "{said} {read}"
    );
    let preview = stage
        .restore_with(&stage.target(), ["--table", "b_large", "--preview", "--json"])
        .success()
        .json();
    assert_eq!(preview["read_bytes"], said);
    assert_eq!((&preview["tables"], &preview["rows"]), (&1.into(), &6000.into()));
}

#[test]
fn a_fault_at_any_request_is_outlived_or_leaves_nothing() {
    let stage = Stage::backed_up(TABLES);
    let restore = |stage: &Stage, name: &str| {
        let target = stage.target();
        let outcome = stage.restore_with(&target, ["--table", "d_large"]);
        let rows = stage.cluster.try_psql(&target.name, "select count(*) from d_large");
        let rows = rows.unwrap_or_else(|_| "none".to_owned());
        match outcome.code() {
            0 => assert_eq!(rows, "3000", "{name}"),
            _ => assert_eq!(rows, "none", "{name}: {}", outcome.stderr),
        }
        outcome.code()
    };
    let (_, requests) = cost(&stage, || {
        restore(&stage, "whole");
    });
    for nth in 1..=requests {
        let rule = || Rule::on("GetObject").key("/archives/").nth(nth);
        let fault = match nth % 3 {
            0 => Fault::slow_down(),
            1 => Fault::Cut { after_bytes: 1000 },
            _ => Fault::Shorten { to_bytes: 100 },
        };
        stage.bucket.inject(rule(), fault);
        assert_eq!(restore(&stage, &format!("fault {nth}")), 0, "{nth}");
        stage.bucket.heal();
        stage.bucket.inject(rule().always(), Fault::access_denied());
        assert_eq!(restore(&stage, &format!("denied {nth}")), 4, "{nth}");
        stage.bucket.heal();
    }
}

#[test]
fn a_flipped_bit_in_any_range_is_found_and_nothing_is_committed() {
    let stage = Stage::backed_up(TABLES);
    let details = details(&stage);
    let payload = |name: &str, end: usize| {
        let chunk = table(&details, name)["span"][end].as_u64().unwrap() / (512 << 10);
        let lengths: Vec<u64> = numbers(&details["chunks"][0]);
        let before: u64 = lengths.iter().take(usize::try_from(chunk).unwrap()).sum();
        400 + before / (256 << 10) * FRAME_BYTES + before % (256 << 10)
    };
    let key = stage.key("/archives/");
    let good = stage.bucket.read(&key).unwrap();
    let (start, end) = (payload("d_large", 0), payload("d_large", 1));
    for (at, ways) in [
        (0, 1),
        (100, 1),
        (2000, 1),
        (start + 1000, 2),
        ((start + end) / 2, 1),
        (end, 2),
        (good.len() as u64 - 1, 1),
    ] {
        let rule = Rule::on("GetObject").key("/archives/").always();
        stage.bucket.inject(rule, Fault::FlipBit { at_byte: at });
        for more in [&["--no-single-transaction"][..], &[]].into_iter().take(ways) {
            let target = stage.target();
            let args = [&["--table", "d_large"], more].concat();
            stage.restore_with(&target, args).ended_with(5);
            let rows = stage.cluster.try_psql(&target.name, "select count(*) from d_large");
            let rows = rows.unwrap_or_else(|_| "none".to_owned());
            assert!(rows == "none" || (rows == "0" && !more.is_empty()), "{at}: {rows}");
        }
        stage.bucket.heal();
    }
    // what another table's frames hold is not read, and not proven
    let elsewhere = payload("b_large", 0) + 3 * FRAME_BYTES;
    let rule = Rule::on("GetObject").key("/archives/").always();
    stage.bucket.inject(rule, Fault::FlipBit { at_byte: elsewhere });
    let outcome = stage.restore_with(&stage.target(), ["--table", "d_large"]).success();
    assert!(
        outcome.text().contains("what was not read is not proven"),
        "{}",
        outcome.text()
    );
    stage.run(["verify", "latest"]).ended_with(5);
}

#[test]
fn details_that_lie_are_found_and_nothing_is_committed() {
    let stage = Stage::backed_up(TABLES);
    let honest = details(&stage);
    let index = |name: &str| {
        let mut tables = honest["tables"].as_array().unwrap().iter();
        tables.position(|table| table["name"] == name).unwrap()
    };
    let (small, large) = (index("c_small"), index("d_large"));
    let span = |at: usize| honest["tables"][at]["span"].clone();
    let shifted = |by: i64| {
        let number = |at: usize| honest["tables"][large]["span"][at].as_i64().unwrap() + by;
        Value::from(vec![number(0), number(1)])
    };
    let end = honest["tables"][large]["span"][1].as_u64().unwrap();
    let mut shifted_chunks: Vec<u64> = numbers(&honest["chunks"][0]);
    let first = usize::try_from(honest["tables"][large]["span"][0].as_u64().unwrap() / (512 << 10)).unwrap();
    shifted_chunks[first - 1] += 1;
    shifted_chunks[first] -= 1;
    let lies: Vec<(&str, Value, u8)> = vec![
        ("/tables/L/span", span(small), 5),
        ("/tables/L/span", shifted(1), 5),
        ("/tables/L/span", shifted(-1), 5),
        ("/tables/L/span", shifted(512 << 10), 5),
        ("/tables/L/span", Value::from(vec![end, end]), 5),
        ("/tables/L/span", Value::from(vec![end, 0]), 5),
        ("/tables/L/span", Value::from(vec![0_u64, end]), 5),
        ("/tables/L/span", Value::from(vec![0, u64::MAX]), 5),
        ("/tables/L/span", Value::from(vec![u64::MAX - 1, u64::MAX]), 5),
        ("/tables/L/rows", Value::from(2999), 5),
        ("/tables/L/fingerprint", Value::from("0".repeat(32)), 5),
        ("/tables/L/name", Value::from("other"), 5),
        ("/chunks/0", Value::from(shifted_chunks), 5),
        // these are no index of this archive, so the whole of it is read, which needs none
        ("/chunks/0", Value::from(vec![1_u32, 2, 3]), 0),
        ("/chunks", Value::from(Vec::<Vec<u32>>::new()), 0),
        ("/chunks/0", Value::from(Vec::<u32>::new()), 0),
    ];
    for (pointer, lie, status) in lies {
        let pointer = pointer.replace('L', &large.to_string());
        let mut details = honest.clone();
        *details.pointer_mut(&pointer).unwrap() = lie.clone();
        write_details(&stage, &details);
        let target = stage.target();
        let outcome = stage
            .restore_with(&target, ["--table", "d_large"])
            .ended_with(i32::from(status));
        let rows = stage.cluster.try_psql(&target.name, "select count(*) from d_large");
        let rows = rows.unwrap_or_else(|_| "none".to_owned());
        assert_eq!(rows, if status == 0 { "3000" } else { "none" }, "{pointer} {lie}");
        if status == 0 {
            assert!(
                outcome.text().contains("the whole archive is read"),
                "{pointer}: {}",
                outcome.text()
            );
        }
        let got = stage.run(["get", "latest", "--table", "d_large", "-q", "-o", "rows.copy"]);
        let got = got.ended_with(i32::from(status));
        assert_eq!(
            stage.file("rows.copy").exists(),
            status == 0,
            "{pointer} {lie}: {}",
            got.stderr
        );
        std::fs::remove_file(stage.file("rows.copy")).ok();
    }
}

#[test]
fn a_large_table_takes_no_more_memory_than_a_restore() {
    let stage = Stage::backed_up(TABLES);
    let get = stage
        .run(["get", "latest", "--table", "b_large", "-q", "-o", "-"])
        .success();
    assert!(get.peak_memory_bytes < 160 << 20, "{}", get.peak_memory_bytes);
}

fn table<'a>(details: &'a Value, name: &str) -> &'a Value {
    let mut tables = details["tables"].as_array().unwrap().iter();
    tables.find(|table| table["name"] == name).unwrap()
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_u64().unwrap())
        .collect()
}

fn secret() -> Secret {
    Secret::Key(MasterKey::parse(KEY).unwrap())
}

/// The details of the one backup, opened.
pub(super) fn details(stage: &Stage) -> Value {
    let sealed = stage.bucket.read(&stage.key("/details/")).unwrap();
    let (_, payload) = open_bytes(&sealed, &[secret()]).unwrap();
    let mut json = Vec::new();
    compress::Reader::new(&payload, u64::MAX)
        .read_to_end(&mut json)
        .unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Puts other details into the place of those of the one backup, as who has its key could.
pub(super) fn write_details(stage: &Stage, details: &Value) {
    let key = stage.key("/records/");
    let (_, json) = open_bytes(&stage.bucket.read(&key).unwrap(), &[secret()]).unwrap();
    let mut record = Record::from_json(&json).unwrap();
    let mut payload = compress::Writer::new(3);
    serde_json::to_writer(&mut payload, details).unwrap();
    let sealed_details = sealed_payload(&mut record, &payload.finish().unwrap(), &secret());
    stage.bucket.write(&stage.key("/details/"), sealed_details);
    let json = serde_json::to_vec(&record).unwrap();
    let (id, label) = (record.id.as_str(), record.database.as_str());
    let record = sealed(id, Content::Record, PayloadCompression::None, label, &secret(), &json);
    stage.bucket.write(&key, record);
}
