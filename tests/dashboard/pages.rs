//! What pages say, and what they cost the bucket.

use std::time::Instant;

use crate::{
    served::{PASSWORD, serve, with_dashboard},
    signing_in::agent,
    stage::{KEY, SMALL, Stage, wait_until},
    testbed::{Agent, Fault, Rule, S3Server},
    tick::past::{Run, calm, hours},
};

#[test]
fn the_overview_answers_the_three_questions() {
    let stage = Stage::of(SMALL);
    stage.back_up();
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    wait_until("the backup of the schedule is shown", || {
        reader.get("/").text().contains("daily due in")
    });
    let text = reader.get("/").text();
    for said in [
        "The database is backed up",
        "never proven",
        "Newest good backup",
        "good backups",
        "Does it come back? Not proven yet",
        "Where is it? In 1 place",
        "From the bucket",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    served.end().success();
}

/// Three places: the bucket, a folder that holds a copy, and a server that is away.
#[test]
fn every_page_says_in_how_many_places_a_backup_is() {
    let stage = Stage::of(SMALL);
    let folder = tempfile::tempdir().unwrap();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    // then nothing is due while the pages are read
    agent.run(["tick"]).success();
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    let agent = agent.env("PGCOFFER_COPY_NAS_URL", format!("file://{}", folder.path().display()));
    agent.run(["copy"]).success();
    let agent = agent
        .env("PGCOFFER_COPY_GONE_URL", "sftp://nobody@127.0.0.1:1/backups")
        .env("PGCOFFER_COPY_GONE_PASSWORD", "not-asked-for")
        .env("PGCOFFER_COPY_GONE_HOST_KEY", format!("SHA256:{}", "A".repeat(43)));
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    for (path, words) in [
        (
            "/".to_owned(),
            vec![
                "Where is it? In 2 of 3 places",
                "nas: complete, 1 backup",
                "gone: can't be looked at",
            ],
        ),
        ("/databases/main".to_owned(), vec!["In 2 of 3 places", "2 of 3"]),
        (
            format!("/databases/main/backups/{id}"),
            vec!["In 2 of 3 places", ", nas", "gone can't be looked at"],
        ),
    ] {
        wait_until(&format!("{path} has an answer"), || {
            reader.get(&path).text().contains("places")
        });
        let text = reader.get(&path).text();
        for said in words {
            assert!(text.contains(said), "{path}: {said}: {text}");
        }
    }
    served.end().success();
}

#[test]
fn what_needs_a_look_is_first_and_says_what_to_do() {
    let bucket = S3Server::start();
    Run::ago(hours(30)).serving("daily", "7d").put(&bucket);
    Run::ago(hours(1)).of("well", KEY).serving("daily", "7d").put(&bucket);
    let agent = Agent::new()
        .s3(&bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .database_url("well", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    wait_until("the run has failed", || {
        reader.get("/").text().contains("the last run failed")
    });
    let text = reader.get("/").text();
    assert!(text.contains("needs a look") || text.contains("need a look"), "{text}");
    assert!(text.contains("What to do:"), "{text}");
    let places = [text.find("late").unwrap(), text.find("well").unwrap()];
    assert!(places.is_sorted(), "{text}");
    served.end().success();
}

#[test]
fn a_hundred_readers_cost_the_bucket_no_more_than_one() {
    let bucket = S3Server::start();
    let served = serve(&with_dashboard(agent(&bucket)));
    let mut reader = served.signed_in(PASSWORD);
    wait_until("it looked", || reader.get("/").body.contains("From the bucket"));
    // the rounds of serve ask the bucket as well, and pages nothing
    let lists = || bucket.count("ListObjectsV2");
    let before = lists();
    let began = Instant::now();
    let mut pages = 0;
    while began.elapsed().as_secs() < 3 || pages < 100 {
        assert_eq!(reader.get("/").status, 200);
        pages += 1;
    }
    let cost = lists() - before;
    assert!(cost < 40, "{pages} pages, {cost} lists");
    served.end().success();
}

#[test]
fn what_is_gone_from_the_bucket_is_not_shown_as_a_backup() {
    let stage = Stage::backed_up(SMALL);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    assert!(reader.get("/databases/main").text().contains("good"));
    let missing = reader.get("/databases/main/backups/20200101T000000Z-aaaaaaaaaaaa");
    assert_eq!(missing.status, 404);
    let key = stage.keys("/archives/").remove(0);
    stage.bucket.delete(&key);
    wait_until("the page says that it is gone", || {
        reader.get("/databases/main").text().contains("its archive is gone")
    });
    assert!(reader.get("/").text().contains("needs a look"));
    assert_eq!(reader.get(&format!("/databases/main/backups/{id}")).status, 200);
    served.end().success();
}

#[test]
fn a_bucket_that_is_away_is_said_and_what_was_known_is_shown_as_older() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    assert!(reader.get("/").text().contains("From the bucket"));
    stage
        .bucket
        .inject(Rule::on("ListObjectsV2").times(100_000), Fault::access_denied());
    wait_until("it is said", || {
        let text = reader.get("/").text();
        text.contains("can't be seen") && text.contains("What to do:")
    });
    stage.bucket.heal();
    wait_until("it is seen again", || !reader.get("/").text().contains("can't be seen"));
    served.end().success();
}

#[test]
fn with_the_catalog_key_alone_everything_but_names_is_shown() {
    let stage = Stage::backed_up(SMALL);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    let printed = Agent::new()
        .env("PGCOFFER_KEY", KEY)
        .run(["keygen", "--catalog"])
        .success();
    let monitor = Agent::new()
        .s3(&stage.bucket)
        .env("PGCOFFER_CATALOG_KEY", printed.text().trim());
    let monitor = with_dashboard(monitor);
    let served = serve(&monitor);
    let mut reader = served.signed_in(PASSWORD);
    let overview = reader.get("/");
    assert!(overview.text().contains("Newest good backup"), "{}", overview.text());
    let page = reader.get("/databases/main");
    assert_eq!(page.status, 200, "{}", page.text());
    let of_backup = reader.get(&format!("/databases/main/backups/{id}"));
    assert!(of_backup.text().contains("2 tables, 500 rows"), "{}", of_backup.text());
    assert!(
        of_backup.text().contains("a catalog key alone is set"),
        "{}",
        of_backup.text()
    );
    let schedule = reader.get("/databases/main/schedule");
    for page in [&overview, &page, &of_backup, &schedule] {
        assert!(!page.body.contains("visits"), "{}", page.body);
        // nothing is offered that takes the key, or a database of the settings
        for act in ["what=back-up", "what=drill", "what=verify", "Show what it keeps"] {
            assert!(!page.body.contains(act), "{act}: {}", page.body);
        }
    }
    assert!(of_backup.body.contains("what=hold"), "{}", of_backup.body);
    assert!(
        page.text().contains("where its URL and the key are set"),
        "{}",
        page.text()
    );
    let link = monitor.run(["dashboard", "open"]).success();
    assert!(
        link.text().starts_with("http://localhost:9187/open/"),
        "{}",
        link.text()
    );
    served.end().success();
}

#[test]
fn a_backup_says_what_is_inside_and_how_to_get_it_back() {
    let stage = Stage::backed_up(SMALL);
    crate::stage::next_second();
    stage.cluster.psql(
        &stage.database,
        "insert into people (name) select 'new' from generate_series(1, 7)",
    );
    let record = stage.back_up();
    let id = record["id"].as_str().unwrap();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    let page = reader.get(&format!("/databases/main/backups/{id}"));
    let text = page.text();
    for said in [
        "public.people 507",
        "+7",
        "public.visits 0",
        "same",
        "2 tables, 507 rows",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // the commands are the exact ones
    let command = format!(
        "pgcoffer restore {id} --to env:TARGET_URL --confirm {}_again",
        stage.database
    );
    assert!(page.body.contains(&command), "{}", page.body);
    let target = format!("{}_again", stage.database);
    stage.cluster.create_database(&target);
    let restoring = stage.agent().env("TARGET_URL", stage.cluster.url(&target));
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    restoring.run(words).success();
    assert_eq!(stage.cluster.psql(&target, "select count(*) from people").trim(), "507");
    served.end().success();
}

#[test]
fn a_thousand_backups_are_one_quick_page() {
    let bucket = S3Server::start();
    for n in 0..400 {
        Run::ago(hours(2 + n)).serving("hourly", "90d").put(&bucket);
    }
    let agent = Agent::new()
        .s3(&bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    wait_until("it is known", || {
        reader.get("/databases/main").text().contains("Page 1 of ")
    });
    let began = Instant::now();
    let page = reader.get("/databases/main");
    let took = began.elapsed();
    assert!(page.body.len() < 200_000, "{}", page.body.len());
    assert!(took.as_millis() < 2000, "{took:?}");
    let older = reader.get("/databases/main?page=2");
    assert!(older.text().contains("Page 2 of "), "{}", older.text());
    let manual = reader.get("/databases/main?tier=manual").text();
    assert!(
        manual.contains("History 0 of 40") && manual.contains("There is no such run."),
        "{manual}"
    );
    served.end().success();
}
