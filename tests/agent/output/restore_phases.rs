//! What a restore shows of its course: rows, then each index and constraint with its number.

use crate::{
    stage::{Stage, restore_args},
    testbed::Terminal,
};

/// An index that takes seconds whatever the machine: each of its entries sleeps.
const SLOW: &str = "
    create function slow(n int) returns int language plpgsql immutable as
        $$ begin perform pg_catalog.pg_sleep(0.4); return n; end $$;
    create table items (id int primary key, name text);
    insert into items select n, 'item ' || n from generate_series(1, 4) n;
    create index items_name on items (name);
    create index items_slow on items (slow(id));
    create table orders (id int primary key, item int references items);
";

#[test]
fn each_index_is_shown_with_its_number_while_it_is_made() {
    let stage = Stage::backed_up(SLOW);
    // the archive into pg_restore alone, and as a script for psql
    for more in [&[][..], &["--clean"]] {
        let target = stage.target();
        let mut terminal = Terminal::of_columns(
            80,
            &stage.agent(),
            restore_args(&target).into_iter().chain(more.iter().copied()),
        );
        terminal.expect("index 2 of 2, for 1s: public.items_slow");
        assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
        let screen = terminal.screen();
        // the terminal's width has broken the line
        let words: Vec<&str> = screen.split_whitespace().collect();
        assert!(
            words
                .join(" ")
                .contains("pg_restore continues: 2 indexes, 3 constraints"),
            "{screen}"
        );
        assert!(!screen.contains("0s left"), "{screen}");
    }
}

/// Of a part there is nothing left that pg_restore could go on with.
#[test]
fn a_restore_in_part_is_not_said_to_continue() {
    let stage = Stage::backed_up(SLOW);
    let target = stage.target();
    let args = restore_args(&target).into_iter().chain(["--only", "function:slow"]);
    let outcome = stage.run(args).success();
    assert!(outcome.stderr.contains("the part was read"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("pg_restore continues"), "{}", outcome.stderr);
}

/// A name that looks like a line of pg_restore's own is shown nowhere as one, and nothing is warned of.
#[test]
fn a_name_with_a_line_break_forges_nothing() {
    let stage = Stage::backed_up(
        "create table \"a\npg_restore: error: forged\" (id int primary key);
         create index \"b\npg_restore: warning: forged\" on \"a\npg_restore: error: forged\" (id);",
    );
    let target = stage.target();
    let report = stage
        .run(restore_args(&target).into_iter().chain(["--json"]))
        .success()
        .json();
    assert_eq!(report["warnings"].as_array().unwrap().len(), 0, "{report}");
}

/// Who watches a command needs no times of its notes, but for finding out what takes long; elsewhere they are exact.
#[test]
fn the_log_has_seconds_on_a_terminal_and_only_if_more_is_asked_for() {
    let stage = Stage::small();
    let moment = |text: &str, pattern: &str| regex::Regex::new(pattern).unwrap().is_match(text);
    for (args, has_times) in [(&["backup"][..], false), (&["backup", "-v"], true)] {
        let mut terminal = Terminal::of_columns(80, &stage.agent(), args.iter().copied());
        assert_eq!(terminal.ended(), 0);
        let screen = terminal.screen();
        assert_eq!(moment(&screen, r"\d\d:\d\d:\d\dZ"), has_times, "{screen}");
    }
    let outcome = stage.run(["backup"]).success();
    assert!(moment(&outcome.stderr, r"\d\d:\d\d:\d\d\.\d{6}Z"), "{}", outcome.stderr);
}
