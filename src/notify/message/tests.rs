#![allow(clippy::unwrap_used)]

use std::mem::discriminant;

use super::*;
use crate::{
    backup::{
        BackupId, CopyEvent, DigestLine, DrillEvent, DrillVerdict, EventKind, Label, LatePlace, LateTier, Origin,
        PlaceName, ProvenBackup, RunsOn, Tier,
    },
    cause::{Bucket, Cause},
};

fn at(hour: i8) -> Timestamp {
    format!("2026-11-20T{hour:02}:00:00Z").parse().unwrap()
}

fn id() -> BackupId {
    BackupId::parse("20261120T020000Z-rkropyeppww6").unwrap()
}

fn summary() -> BackupSummary {
    BackupSummary {
        id: id(),
        tiers: vec![Tier::Daily, Tier::Weekly],
        bytes: 5 << 20,
    }
}

fn error() -> RunError {
    RunError {
        cause: Cause::from(Bucket::BucketFull),
        exit_status: 4,
        run: Some(id()),
    }
}

fn late() -> Vec<LateTier> {
    vec![LateTier {
        tier: Tier::Daily,
        due: at(2),
        newest: None,
    }]
}

fn event(what: Occurrence) -> Event {
    Event {
        at: at(7),
        origin: Origin {
            host: "scheduler.1".into(),
            location: Some("s3://bucket/prefix".into()),
            runs_on: RunsOn::Machine,
        },
        database: Some(Label::parse("main").unwrap()),
        newest_good: NewestGood::Is {
            id: id(),
            started: at(2),
        },
        what,
    }
}

/// Every occurrence, with its title and with what its message must say.
fn every_occurrence() -> Vec<Event> {
    vec![
        event(Occurrence::Failed {
            error: error(),
            failures: 3,
            since: at(1),
            late: late(),
            retry_at: Some(at(8)),
        }),
        event(Occurrence::Interrupted {
            error: error(),
            failures: 0,
            since: None,
            late: Vec::new(),
            retry_at: Some(at(7)),
        }),
        event(Occurrence::Trouble {
            topic: Topic::Bucket,
            error: error(),
        }),
        event(Occurrence::Missed {
            late: late(),
            error: None,
            failures: 0,
            retry_at: None,
        }),
        event(Occurrence::CaughtUp {
            late: late(),
            backup: summary(),
        }),
        event(Occurrence::Recovered {
            failures: 2,
            since: Some(at(1)),
            backup: summary(),
        }),
        event(Occurrence::Suspicious {
            backup: summary(),
            reasons: vec![Reason::MoreLosses { tables: 2 }],
        }),
        event(Occurrence::Succeeded {
            backup: summary(),
            reasons: Vec::new(),
        }),
        event(Occurrence::Digest {
            databases: vec![DigestLine {
                database: Label::parse("main").unwrap(),
                newest_good: Some(id()),
                newest_started: Some(at(2)),
                good_this_week: 7,
                failed_this_week: 1,
                good: 9,
                bytes: 5 << 30,
                held: 1,
                suspicious: 0,
                problems: vec!["something is wrong".into()],
            }],
        }),
        event(Occurrence::Drill(DrillEvent::Failed { error: error() })),
        event(Occurrence::Copies(CopyEvent::Behind {
            places: vec![
                LatePlace {
                    name: PlaceName::parse("nas").unwrap(),
                    missing: Some(2),
                    since: Some(at(3)),
                },
                LatePlace {
                    name: PlaceName::parse("vps").unwrap(),
                    missing: None,
                    since: None,
                },
            ],
            complete: 0,
            of: 2,
            error: Some(error()),
        })),
        event(Occurrence::Test),
    ]
}

/// A new occurrence does not compile without its words here.
fn words(what: &Occurrence) -> (&'static str, &'static [&'static str]) {
    match what {
        Occurrence::Failed { .. } => (
            "backup of main FAILED",
            &[
                "The backup of main failed at 2026-11-20 07:00 UTC.",
                "`pgcoffer show 20261120T020000Z-rkropyeppww6` has what was said in full.",
                "It has failed 3 times in a row since 2026-11-20 01:00 UTC.",
                "The daily backup has been due since 2026-11-20 02:00 UTC.",
                "Newest good backup: 20261120T020000Z-rkropyeppww6, 5 hours old",
                "The first tick after 2026-11-20 08:00 UTC tries again.",
                "What to do: ",
                "`pgcoffer check main` tries every part of it",
            ],
        ),
        Occurrence::Interrupted { .. } => (
            "backup of main interrupted",
            &[
                "something told it to stop before it was done",
                "There is no backup of this run.",
            ],
        ),
        Occurrence::Trouble { .. } => (
            "a backup of main is GONE",
            &["It is the backup 20261120T020000Z-rkropyeppww6.", "Why: "],
        ),
        Occurrence::Missed { .. } => (
            "backup of main MISSED",
            &[
                "No attempt is known to have been made.",
                "see whether whatever starts `pgcoffer tick` still does",
            ],
        ),
        Occurrence::CaughtUp { .. } => (
            "backup of main was late, and is made",
            &["It has been caught up now: 20261120T020000Z-rkropyeppww6 (daily, weekly, 5.00 MiB)."],
        ),
        Occurrence::Recovered { .. } => (
            "backup of main is good again",
            &["There is a good backup of main again. 2 runs failed before, since 2026-11-20 01:00 UTC."],
        ),
        Occurrence::Suspicious { .. } => (
            "backup of main looks SUSPICIOUS",
            &[
                "    and 2 more tables lost half or all of the rows",
                "`pgcoffer accept 20261120T020000Z-rkropyeppww6`",
            ],
        ),
        Occurrence::Succeeded { .. } => (
            "backup of main is good",
            &["main was backed up at 2026-11-20 07:00 UTC."],
        ),
        Occurrence::Digest { .. } => (
            "weekly digest: 1 of 1 databases NEEDS A LOOK",
            &[
                "main: newest good 20261120T020000Z-rkropyeppww6, 5 hours old; this week 7 good, 1 failed; 9 kept, 5.00 GiB, 1 held",
                "! something is wrong",
            ],
        ),
        Occurrence::Drill(_) => (
            "drill of main FAILED",
            &[
                "The drill of main could not be carried out at 2026-11-20 07:00 UTC",
                "Newest good backup: 20261120T020000Z-rkropyeppww6",
                "What to do: ",
            ],
        ),
        Occurrence::Copies(_) => (
            "copies of main are BEHIND",
            &[
                "0 of 2 places complete",
                "nas: 2 backups missing, behind since 2026-11-20 03:00 UTC.",
                "vps: it could not be looked at.",
                "Why: ",
                "What to do: `pgcoffer copy --to nas`",
                "Newest good backup: 20261120T020000Z-rkropyeppww6",
            ],
        ),
        Occurrence::Test => ("test: this channel works", &["This is a test, sent at"]),
    }
}

#[test]
fn every_occurrence_has_its_words() {
    let all = every_occurrence();
    for event in &all {
        let (title, parts) = words(&event.what);
        let message = Message::new(event);
        assert_eq!(message.title, title);
        let text = message.text();
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
        assert!(text.ends_with("on scheduler.1, s3://bucket/prefix\n"), "{text}");
    }
    let kinds: std::collections::BTreeSet<_> = all.iter().map(|one| format!("{:?}", discriminant(&one.what))).collect();
    assert_eq!(kinds.len(), 12, "an occurrence is missing above");
}

/// Each with its title, and whether it leads to the runbook.
#[test]
fn what_becomes_of_a_drill_is_said_once_with_why() {
    let proven = |verdict| ProvenBackup {
        backup: id(),
        verdict,
        restore_ms: 372_000,
        not_compared: 3,
    };
    let not_proven = |differences, checks_failed| DrillEvent::NotProven {
        backup: id(),
        differences,
        checks_failed,
    };
    let overdue = |error| DrillEvent::Overdue { due: at(1), error };
    for (drill, subject, part) in [
        (
            not_proven(2, 0),
            "backup of main did NOT come back: 2 parts came back otherwise",
            "`pgcoffer show 20261120T020000Z-rkropyeppww6` names what differs",
        ),
        (
            not_proven(1, 1),
            "backup of main did NOT come back: 1 part came back otherwise, 1 own check failed",
            "did not come back as it was dumped",
        ),
        (
            not_proven(0, 2),
            "own checks of main FAILED in a drill: 2 own checks failed",
            "came back in a drill",
        ),
        (
            overdue(None),
            "drill of main OVERDUE",
            "`pgcoffer drill latest --database main` drills now",
        ),
        (
            overdue(Some(error())),
            "drill of main OVERDUE: there is no more room in the bucket",
            "Why: ",
        ),
        (
            DrillEvent::Recovered(proven(DrillVerdict::Proven)),
            "backup of main came back again",
            "Backup: 20261120T020000Z-rkropyeppww6, proven, restored in 6 min 12 s.",
        ),
        (
            DrillEvent::Proven(proven(DrillVerdict::PartlyProven)),
            "backup of main came back",
            "partly proven, restored in 6 min 12 s. 3 parts could not be compared",
        ),
    ] {
        let event = event(Occurrence::Drill(drill.clone()));
        let message = Message::new(&event);
        let why = error().cause.to_string();
        let subject = match subject.split_once(": there is no more room") {
            Some((title, _)) => format!("{title}: {why}"),
            None => subject.to_owned(),
        };
        assert_eq!(message.subject, subject);
        assert!(message.text().contains(part), "{}", message.text());
        assert_eq!(message.text().contains("/docs/recovery.md"), drill.is_bad());
        let data = crate::notify::payload::payload(&event);
        assert_eq!(data["what"], "drill");
        assert!(data["drill"]["outcome"].is_string(), "{data:#}");
    }
}

#[test]
fn every_topic_of_trouble_has_a_title_of_its_own() {
    let title = |topic| {
        let trouble = event(Occurrence::Trouble { topic, error: error() });
        Message::new(&trouble).title
    };
    let topics = [
        Topic::Backup,
        Topic::Retention,
        Topic::Bucket,
        Topic::Repository,
        Topic::Drill,
    ];
    let titles = topics.map(title);
    let different: std::collections::BTreeSet<&String> = titles.iter().collect();
    assert_eq!(different.len(), 5, "{titles:?}");
}

#[test]
fn every_kind_of_event_can_be_chosen_and_read_again() {
    for event in every_occurrence() {
        let kind = event.kind();
        assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        assert_eq!(EventKind::CHOICES.contains(&kind), kind != EventKind::Test);
    }
    assert_eq!(EventKind::parse("drill_failed"), None);
}

/// Programs read facts, not words.
#[test]
fn a_webhook_carries_the_facts_of_every_occurrence() {
    for event in every_occurrence() {
        let data = crate::notify::payload::payload(&event);
        assert_eq!(data["text"], Message::new(&event).text());
        if matches!(event.what, Occurrence::Test | Occurrence::Digest { .. }) {
            continue;
        }
        assert_eq!(data["what"], event.topic().as_str());
        assert_eq!(data["failures"], event.failures());
        assert_eq!(data["late"].as_array().unwrap().len(), event.late().len());
        assert_eq!(data["backup"].is_null(), event.backup().is_none());
        assert_eq!(data["cause"].is_null(), event.error().is_none());
        assert_eq!(data["interrupted"], event.is_interrupted());
        for (told, reason) in data["reasons"].as_array().unwrap().iter().zip(event.reasons()) {
            assert_eq!(
                (&told["kind"], &told["text"]),
                (&reason.kind().into(), &reason.to_string().into())
            );
        }
    }
}

#[test]
fn a_subject_says_what_broke_and_why() {
    for event in every_occurrence() {
        let message = Message::new(&event);
        let why = event.error().map(|error| error.cause.to_string());
        match &event.what {
            Occurrence::Failed { .. } | Occurrence::Trouble { .. } | Occurrence::Drill(_) => {
                assert_eq!(message.subject, format!("{}: {}", message.title, why.unwrap()));
            }
            Occurrence::Copies(_) => assert_eq!(message.subject, format!("{}: nas, vps", message.title)),
            Occurrence::Suspicious { .. } => {
                let reason = event.reasons()[0].to_string();
                assert!(message.subject.starts_with(&message.title), "{}", message.subject);
                assert!(reason.starts_with(message.subject[message.title.len() + 2..].trim_end_matches('…')));
            }
            _ => assert_eq!(message.subject, message.title),
        }
        assert!(message.subject.chars().count() <= 161 && !message.subject.contains('\n'));
    }
}

/// A person copies a command out of a message, and it runs.
#[test]
fn on_heroku_commands_run_as_they_are_written() {
    let on = |app: Option<&str>| {
        let app = app.map(str::to_owned);
        let mut failed = every_occurrence().swap_remove(0);
        failed.origin.runs_on = RunsOn::Heroku { app };
        Message::new(&failed).text()
    };
    let text = on(Some("acme-backups"));
    for command in [
        "`heroku run -a acme-backups -- pgcoffer check main`",
        "`heroku run -a acme-backups -- pgcoffer show ",
        "`heroku addons:create heroku-postgresql:standard-0 --as RESTORED --wait -a acme-backups`",
        "--to env:RESTORED_URL`",
    ] {
        assert!(text.contains(command), "{command} is not in {text}");
    }
    for (before, _) in text.match_indices("`pgcoffer ").map(|(at, _)| text.split_at(at)) {
        assert!(before.ends_with("by "), "{text}");
    }
    for unknown in [None, Some("x; rm -rf /")] {
        assert!(on(unknown).contains("`heroku run -a YOUR-APP -- pgcoffer check main`"));
    }
    let mut missed = every_occurrence().swap_remove(3);
    missed.origin.runs_on = RunsOn::Heroku { app: None };
    let text = Message::new(&missed).text();
    assert!(text.contains("whatever starts `pgcoffer tick`"), "{text}");
}

#[test]
fn who_has_to_act_is_led_to_the_runbook() {
    for event in every_occurrence() {
        let text = Message::new(&event).text();
        let is_bad = matches!(
            event.what,
            Occurrence::Failed { .. }
                | Occurrence::Trouble { .. }
                | Occurrence::Missed { .. }
                | Occurrence::Suspicious { .. }
                | Occurrence::Drill(_)
                | Occurrence::Copies(_)
        );
        assert_eq!(text.contains("/docs/recovery.md"), is_bad, "{text}");
    }
}
