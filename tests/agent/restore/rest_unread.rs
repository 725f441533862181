//! A restore of a part: pg_restore stops reading after the last entry that it restores, and the rest of the archive is
//! still read and checked.

use crate::{
    stage::Stage,
    testbed::{Fault, Rule},
};

/// A table of few rows before one of 4 MB that doesn't compress, which is many times what a pipe holds.
const FEW_AND_MANY: &str = "
    create table aaa (id int primary key, at text);
    insert into aaa select n, 'row' from generate_series(1, 10) n;
    create table zzz (id int primary key, noise bytea);
    insert into zzz select n, (select decode(string_agg(md5(random()::text || n || m), ''), 'hex')
                                 from generate_series(1, 256) m) from generate_series(1, 1000) n;";

const ROWS: &str = "select (select count(*) from aaa), to_regclass('zzz') is null";

#[test]
fn only_the_first_of_two_tables_is_restored() {
    let stage = Stage::backed_up(FEW_AND_MANY);
    for more in [&[][..], &["--single-transaction"], &["--keep-going"]] {
        let target = stage.target();
        let only = ["--only", "table:aaa"].into_iter().chain(more.iter().copied());
        stage.restore_with(&target, only).success();
        assert_eq!(stage.cluster.psql(&target.name, ROWS), "10|t", "{more:?}");
    }
}

#[test]
fn rows_left_out_at_the_end_of_the_archive_are_skipped() {
    let stage = Stage::backed_up(FEW_AND_MANY);
    let target = stage.target();
    let rows = "select (select count(*) from aaa), (select count(*) from zzz)";
    let clean = ["--clean", "--leave-out", "table:zzz"];
    let without_transaction = [&clean[..], &["--no-single-transaction"]].concat();
    for more in [&["--leave-out", "data:zzz"][..], &clean, &without_transaction] {
        stage.restore_with(&target, more.iter().copied()).success();
        assert_eq!(stage.cluster.psql(&target.name, rows), "10|0", "{more:?}");
    }
}

/// A failure of pg_restore's own is told in its words, and not as success or as a pipe that broke.
#[test]
fn a_restore_that_fails_before_the_rest_says_why() {
    let stage = Stage::of(FEW_AND_MANY);
    let here = "do $$ begin execute format('alter table aaa add constraint at_home check (current_database() = %L)',
        current_database()); end $$";
    stage.cluster.psql(&stage.database, here);
    stage.back_up();
    let said = stage
        .restore_with(&stage.target(), ["--only", "table:aaa"])
        .ended_with(3)
        .stderr;
    assert!(said.contains("at_home"), "{said}");
    assert!(!said.contains("roken pipe"), "{said}");
}

/// What pg_restore doesn't want of a whole archive is checked all the same: a backup whose end is damaged is told to
/// be.
#[test]
fn damage_after_the_restored_entries_is_reported() {
    let stage = Stage::backed_up(FEW_AND_MANY);
    let last = Rule::on("GetObject").key("/archives/").always();
    stage.bucket.inject(last, Fault::FlipBit { at_byte: 4_000_000 });
    let said = stage
        .restore_with(&stage.target(), ["--leave-out", "table:zzz"])
        .ended_with(5)
        .stderr;
    assert!(said.contains(&stage.key("/archives/")), "{said}");
    // of a part nothing else is read but the end, and that is said
    stage.bucket.heal();
    let elsewhere = Rule::on("GetObject").key("/archives/").always();
    stage.bucket.inject(elsewhere, Fault::FlipBit { at_byte: 2_000_000 });
    let outcome = stage.restore_with(&stage.target(), ["--only", "table:aaa"]).success();
    assert!(
        outcome.text().contains("what was not read is not proven"),
        "{}",
        outcome.text()
    );
}
