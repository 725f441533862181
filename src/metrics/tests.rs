use super::*;
use crate::{
    backup::{LateTier, Tier},
    operation::{Figures, GoodFigures, LastRun, Next, TierFigures},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn health() -> Health {
    let started = at("2026-11-20T02:30:00Z");
    let tiers = Tier::ALL.map(|tier| TierFigures {
        tier,
        good: usize::from(tier == Tier::Daily) * 7,
        bytes: u64::from(tier == Tier::Daily) * 7_000_000,
        newest: (tier == Tier::Daily).then_some(started),
    });
    Health {
        database: Label::parse("main").unwrap(),
        schedule: Some("daily at 02:30 keep 7d".into()),
        newest_good: None,
        last_read_back: None,
        age_seconds: None,
        good: 7,
        bytes: 7_000_000,
        last_failure: None,
        late: vec![LateTier {
            tier: Tier::Daily,
            due: started,
            newest: None,
        }],
        next_due: Some(Next {
            tier: Tier::Daily,
            at: at("2026-11-21T02:30:00Z"),
        }),
        paused_until: None,
        under_way: Vec::new(),
        held: Vec::new(),
        suspicious: Vec::new(),
        lost: Vec::new(),
        unsure: Vec::new(),
        without_record: Vec::new(),
        ahead: Vec::new(),
        implausible: Vec::new(),
        unreadable: Vec::new(),
        clock_seconds: Some(-2),
        others: 0,
        other_repositories: Vec::new(),
        unsettled: false,
        too_late: 0,
        came_late: 0,
        foreign: 0,
        undelivered: None,
        drills: crate::operation::DrillHealth::default(),
        places: Vec::new(),
        copies_min: 0,
        figures: Figures {
            looked: at("2026-11-20T03:00:00Z"),
            tiers: tiers.to_vec(),
            scheduled: vec![Tier::Daily],
            newest_good: Some(GoodFigures {
                started,
                seconds: 61,
                stored_bytes: 1_000_000,
                dump_bytes: 4_000_000,
            }),
            last_run: Some(LastRun {
                started,
                succeeded: true,
            }),
            failed: 1,
            failed_since_good: 0,
        },
    }
}

fn snapshot() -> Snapshot {
    let unseen = DatabaseMetrics {
        database: Label::parse("shop").unwrap(),
        health: None,
        look_succeeded: false,
        may_look: true,
    };
    let seen = DatabaseMetrics {
        database: Label::parse("main").unwrap(),
        health: Some(health()),
        look_succeeded: true,
        may_look: true,
    };
    Snapshot {
        databases: vec![seen, unseen],
        rounds: Some(Rounds {
            ended: 3,
            failed: 1,
            running: true,
            ..Rounds::default()
        }),
    }
}

#[track_caller]
fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|one| one == *line), "{line} is not in:\n{text}");
    }
}

#[test]
fn a_scrape_has_values_with_units_by_database_and_tier() {
    let text = snapshot().open_metrics(at("2026-11-20T03:30:00Z"));
    assert_has(
        &text,
        &[
            "# TYPE pgcoffer_last_success_timestamp_seconds gauge",
            "# UNIT pgcoffer_last_success_timestamp_seconds seconds",
            "pgcoffer_last_success_timestamp_seconds{database=\"main\"} 1795141800",
            "pgcoffer_last_success_age_seconds{database=\"main\"} 3600",
            "pgcoffer_last_success_duration_seconds{database=\"main\"} 61",
            "pgcoffer_last_success_stored_bytes{database=\"main\"} 1000000",
            "pgcoffer_last_success_dumped_bytes{database=\"main\"} 4000000",
            "pgcoffer_tier_good_backups{database=\"main\",tier=\"daily\"} 7",
            "pgcoffer_tier_good_backups{database=\"main\",tier=\"yearly\"} 0",
            "pgcoffer_late{database=\"main\",tier=\"daily\"} 1",
            "pgcoffer_clock_ahead_seconds{database=\"main\"} -2",
            "pgcoffer_catalog_look_success{database=\"main\"} 1",
            "pgcoffer_catalog_look_success{database=\"shop\"} 0",
            "# TYPE pgcoffer_ticks counter",
            "pgcoffer_ticks_total 3",
            "pgcoffer_ticks_failed_total 1",
            "pgcoffer_tick_running 1",
        ],
    );
    assert!(text.ends_with("# EOF\n"));
    // what was never seen is told by no number
    assert!(!text.contains("good_backups{database=\"shop\""));
}

#[test]
fn a_file_holds_nothing_that_would_stand_still_in_it() {
    let text = snapshot().textfile();
    assert!(!text.contains("_age_seconds"), "{text}");
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    assert_has(
        &text,
        &[
            "# TYPE pgcoffer_ticks_total counter",
            "# TYPE pgcoffer_build_info gauge",
            "pgcoffer_last_success_timestamp_seconds{database=\"main\"} 1795141800",
        ],
    );
}

#[test]
fn a_file_is_replaced_whole_and_everybody_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pgcoffer.prom");
    std::fs::write(&path, "old").unwrap();
    write_textfile(&path, &snapshot()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), snapshot_text(&path));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "a half-written file was left behind");
    write_textfile(&folder.path().join("no/such.prom"), &snapshot()).unwrap_err();
}

/// What stands in the file, if every line of it is one of the snapshot's, whose families come in any order of labels.
fn snapshot_text(path: &std::path::Path) -> String {
    let found = std::fs::read_to_string(path).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&found), sorted(&snapshot().textfile()));
    found
}

#[test]
fn where_nobody_may_look_no_look_is_said_to_fail() {
    let mut snapshot = snapshot();
    for known in &mut snapshot.databases {
        known.may_look = false;
    }
    let text = snapshot.open_metrics(at("2026-11-20T03:30:00Z"));
    assert!(!text.contains("catalog_look_success"), "{text}");
}
