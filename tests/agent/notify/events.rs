//! Every event provoked for real, and what people read of it.

use std::time::Duration;

use serde_json::Value;

use crate::{
    notify::normalized::told,
    output::goldens::{assert_golden, assert_keys},
    stage::{BULKY, SMALL, Stage, next_second, wait_until},
    testbed::{Agent, Fault, Hearer, Rule, slack},
    tick::past::{Run, calm, hours, minutes},
};

pub(crate) const NOWHERE: &str = "postgres://backups@127.0.0.1:1/shop";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A stage whose agent tells a channel of Slack and a webhook.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) slack: Hearer,
    pub(crate) webhook: Hearer,
    /// one and the same over all runs: the minute passes meanwhile
    schedule: String,
}

impl Scene {
    pub(crate) fn of(sql: &'static str) -> Self {
        Self {
            stage: Stage::of(sql),
            slack: slack::start(),
            webhook: Hearer::start(),
            schedule: calm("daily at HH:MM keep 7d"),
        }
    }

    pub(crate) fn small() -> Self {
        Self::of(SMALL)
    }

    /// The agent, with a daily schedule.
    pub(crate) fn agent(&self) -> Agent {
        self.stage
            .agent()
            .env("HOSTNAME", "scheduler.1")
            .env("PGCOFFER_SCHEDULE", &self.schedule)
            .env("PGCOFFER_SLACK_WEBHOOK_URL", self.slack.url(slack::PATH))
            .env("PGCOFFER_WEBHOOK_URL", self.webhook.url("/hook"))
            .env("PGCOFFER_WEBHOOK_SECRET", SECRET)
    }

    /// The agent, with a database that isn't there.
    pub(crate) fn down(&self) -> Agent {
        self.agent().env("PGCOFFER_DB_MAIN_URL", NOWHERE)
    }

    /// The kinds of events that the webhook heard since this was asked last.
    pub(crate) fn types(&self) -> Vec<String> {
        let heard = self.webhook.take();
        heard
            .iter()
            .map(|one| one.json()["type"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The one thing that Slack shows, held against a golden file; and the webhook's data.
    #[track_caller]
    pub(crate) fn assert_told(&self, golden: &str) -> Value {
        let shown = slack::shown(&self.slack.only());
        let event = self.webhook.only().json();
        assert_eq!(event["data"]["agent"]["host"], "scheduler.1");
        assert_golden(&format!("notice-{golden}"), &told(&self.without_names(&shown)));
        event
    }

    /// A text without this stage's own bucket and database.
    fn without_names(&self, text: &str) -> String {
        let bucket = format!("s3://{}/{}", self.stage.bucket.bucket(), self.stage.bucket.prefix());
        text.replace(&bucket, "s3://BUCKET/PREFIX")
            .replace(&self.stage.database, "DATABASE")
    }
}

#[test]
fn a_first_failure_and_a_later_one() {
    let scene = Scene::small();
    scene.down().run(["tick"]).ended_with(3);
    let event = scene.assert_told("failure-first");
    assert_eq!(event["type"], "backup.failed");
    let data = &event["data"];
    assert_keys(
        data,
        "agent location subject text database what since failures error hint cause run exit_status interrupted newest_good \
         newest_good_known \
         retry_at late backup reasons",
    );
    assert_eq!((&data["failures"], &data["exit_status"]), (&1.into(), &3.into()));
    assert_eq!(
        (&data["newest_good"], &data["newest_good_known"]),
        (&Value::Null, &true.into())
    );
    // it waits now, and nobody is told so
    scene.down().run(["tick"]).ended_with(8);
    assert_eq!(scene.types(), [""; 0]);

    let scene = Scene::small();
    scene.stage.put(Run::ago(hours(80)).serving("daily", "7d"));
    for n in [9, 8] {
        scene.stage.put(Run::ago(hours(n)).failed(3).serving("daily", "7d"));
    }
    scene.down().run(["tick"]).ended_with(3);
    let event = scene.assert_told("failure-later");
    assert_eq!(event["data"]["failures"], 3);
    assert_eq!(event["data"]["late"][0]["tier"], "daily");
}

#[test]
fn a_good_backup_after_failures_is_told_once() {
    let scene = Scene::small();
    scene.stage.put(Run::ago(hours(50)).serving("daily", "7d"));
    for n in [9, 8] {
        scene.stage.put(Run::ago(hours(n)).failed(3).serving("daily", "7d"));
    }
    scene.agent().run(["tick"]).success();
    assert_eq!(scene.assert_told("recovery")["type"], "backup.recovered");
    scene.agent().run(["backup"]).success();
    assert_eq!(scene.types(), [""; 0]);
}

#[test]
fn backups_that_nobody_made_are_told_by_the_run_that_catches_up() {
    let scene = Scene::small();
    scene.stage.put(Run::ago(hours(24 * 4)).serving("daily", "7d"));
    scene.agent().run(["tick"]).success();
    let event = scene.assert_told("caught-up");
    assert_eq!(event["type"], "backup.missed");
    assert!(event["data"]["backup"]["id"].is_string());
    scene.agent().run(["tick"]).success();
    assert_eq!(scene.types(), [""; 0]);
}

#[test]
fn the_very_first_backup_is_nothing_to_tell_unless_success_is() {
    let scene = Scene::small();
    scene.agent().run(["tick"]).success();
    assert_eq!(scene.types(), [""; 0]);
    let agent = scene.agent().env("PGCOFFER_NOTIFY_ON", "success");
    scene.slack.take();
    agent.run(["backup"]).success();
    assert_eq!(scene.assert_told("success")["type"], "backup.succeeded");
    let none = scene.down().env("PGCOFFER_NOTIFY_ON", "none");
    none.run(["backup"]).ended_with(3);
    assert_eq!(scene.types(), [""; 0]);
}

#[test]
fn a_backup_that_looks_wrong_is_told() {
    let scene = Scene::small();
    for n in 0..6 {
        scene.stage.put(Run::ago(hours(40 + n)).serving("daily", "7d"));
    }
    scene
        .stage
        .cluster
        .psql(&scene.stage.database, "delete from people where id > 3");
    scene.agent().run(["backup"]).success();
    let event = scene.assert_told("suspicious");
    assert_eq!(event["type"], "backup.suspicious");
    // nor does a tick that finds nothing due tell it again
    scene.agent().run(["tick"]);
    assert!(!scene.types().contains(&"backup.suspicious".to_owned()));
}

#[test]
fn another_loss_is_told_though_one_was_told_before() {
    let scene = Scene::small();
    for n in 0..6 {
        scene.stage.put(Run::ago(hours(40 + n)).serving("daily", "7d"));
    }
    let agent = scene.agent().env("PGCOFFER_NOTIFY_ON", "all");
    let psql = |sql| scene.stage.cluster.psql(&scene.stage.database, sql);
    let told = || {
        agent.run(["backup"]).success();
        scene.types()
    };
    psql("delete from people where id > 3");
    // one message for one run
    assert_eq!(told(), ["backup.suspicious"]);
    agent.run(["accept", "latest"]).success();
    psql("drop table visits");
    assert_eq!(told(), ["backup.suspicious"]);
    // the same once more is known
    assert_eq!(told(), ["backup.succeeded"]);
}

#[test]
fn a_run_that_is_told_to_stop_tells_it_in_time() {
    let scene = Scene::of(BULKY);
    let delayed = Rule::on("UploadPart").times(3);
    scene.stage.bucket.inject(delayed, Fault::Delay { millis: 60_000 });
    for command in ["tick", "backup"] {
        let agent = scene.agent().env("PGCOFFER_COMPRESSION", "none");
        let before = scene.stage.bucket.count("UploadPart");
        let running = agent.spawn([command]);
        wait_until("an upload", || scene.stage.bucket.count("UploadPart") > before);
        running.signal("TERM");
        let outcome = running.wait().ended_with(143);
        assert!(outcome.elapsed < Duration::from_secs(30), "{:?}", outcome.elapsed);
        let event = scene.assert_told(&format!("interrupted-{command}"));
        assert_eq!(event["data"]["interrupted"], true);
        next_second();
    }
}

#[test]
fn a_manual_backup_that_fails_is_told() {
    let scene = Scene::small();
    scene.stage.back_up();
    scene.down().run(["backup"]).ended_with(3);
    scene.assert_told("failure-manual");
}

#[test]
fn what_has_no_record_is_told_as_well() {
    let scene = Scene::small();
    let nowhere = scene.agent().env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
    nowhere.run(["tick"]).ended_with(4);
    scene.assert_told("failure-bucket");
    for agent in [
        scene.agent().without("PGCOFFER_KEY"),
        scene.agent().without("PGCOFFER_SCHEDULE"),
        scene.agent().without("PGCOFFER_DB_MAIN_URL"),
        scene.agent().env("PGCOFFER_TYPO", "1"),
    ] {
        agent.run(["tick"]).ended_with(2);
        assert_eq!(scene.types(), ["backup.failed"]);
    }
}

#[test]
fn retention_that_fails_is_told_once_a_day() {
    let scene = Scene::small();
    let agent = scene.agent().env("PGCOFFER_KEEP_LAST", "1");
    scene.stage.put(Run::ago(hours(24 * 9)).serving("daily", "7d"));
    // the newest that has stood for a week
    scene.stage.put(Run::ago(hours(24 * 8)).serving("daily", "7d"));
    scene.stage.put(Run::ago(hours(2)).serving("daily", "7d"));
    scene
        .stage
        .bucket
        .inject(Rule::on("DeleteObject").always(), Fault::access_denied());
    agent.run(["tick"]).ended_with(4);
    let event = scene.assert_told("retention");
    assert_eq!(event["data"]["what"], "retention");
    agent.run(["tick"]).ended_with(4);
    assert_eq!(scene.types(), [""; 0]);
}

#[test]
fn an_archive_that_somebody_deleted_is_told_once_a_day() {
    let scene = Scene::small();
    scene.stage.put(Run::ago(hours(24)).serving("daily", "30d"));
    scene.stage.put(Run::ago(hours(2)).serving("daily", "30d"));
    let archive = scene.stage.keys("/archives/").remove(0);
    assert!(scene.stage.bucket.delete(&archive));
    scene.agent().run(["tick"]).ended_with(8);
    let event = scene.assert_told("gone");
    assert_eq!(event["data"]["what"], "bucket");
    scene.agent().run(["tick"]).ended_with(8);
    assert_eq!(scene.types(), [""; 0]);
}

#[test]
fn rows_of_tables_stay_in_the_sealed_record() {
    let scene = Scene::of(
        "create table people (id int, email text); insert into people values (1, 'ann@example.com');
         create function leak(text) returns boolean language plpgsql as $$ begin raise exception 'invalid input: \
             \"%\"', $1 using detail = 'Key (email)=(' || $1 || ')'; end $$;
         create role plain login; grant select on people to plain; grant usage on schema public to plain;
         alter table people enable row level security; create policy own on people using (leak(email));",
    );
    let url = scene.stage.cluster.url_as("plain", None, &scene.stage.database);
    let agent = scene.agent().env("PGCOFFER_DB_MAIN_URL", url);
    agent.run(["tick"]).ended_with(3);
    for heard in [scene.slack.only(), scene.webhook.only()] {
        assert!(!heard.text().contains("ann@"), "{}", heard.text());
    }
}

#[test]
fn the_digest_is_sent_once_a_week_by_the_first_run() {
    let scene = Scene::small();
    let due = jiff::Timestamp::now() - hours(1);
    let agent = scene
        .agent()
        .env("PGCOFFER_SCHEDULE", calm("hourly at :MM keep 24h"))
        .env("PGCOFFER_NOTIFY_ON", "digest")
        .env("PGCOFFER_DIGEST", due.strftime("%A %H:%M").to_string());
    scene.stage.put(Run::ago(hours(30)).serving("hourly", "7d"));
    scene.stage.put(Run::ago(hours(29)).failed(3).serving("hourly", "7d"));
    scene.stage.put(Run::ago(minutes(26 * 60)).serving("hourly", "7d"));
    // by hand, it takes the week's digest from nobody
    agent.run(["backup"]).success();
    assert_eq!(scene.types(), [""; 0]);
    agent.run(["tick"]).success();
    let event = scene.assert_told("digest");
    let main = &event["data"]["databases"][0];
    assert_eq!(
        (&main["good_this_week"], &main["failed_this_week"]),
        (&4.into(), &1.into())
    );
    agent.run(["backup"]).success();
    agent.run(["tick"]).success();
    assert_eq!(scene.types(), [""; 0]);
}
