//! PgBouncer between agent and server, and an application in the same pool that goes on working while every command
//! runs. A pooler that hands connections on between transactions is refused before anything is set or locked.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use crate::{
    check::everything::{assert_found, found},
    serve::clock::serve,
    stage::{SMALL, Stage, Target},
    testbed::{Agent, Heap, Manner, Pooler},
};

const TAKES_ALL: &str = "ignore_startup_parameters=extra_float_digits,options";

/// Clients of the pool, each of which keeps one connection and does short transactions, until it is told to stop.
struct Application {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Result<u32, String>>>,
}

impl Application {
    fn start(url: &str, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..clients).map(|_| {
            let (url, stop) = (url.to_owned(), Arc::clone(&stop));
            std::thread::spawn(move || work(psql(&url), &stop))
        });
        Self {
            clients: clients.collect(),
            stop,
        }
    }

    /// What failed, or how many rounds went well.
    fn stop(self) -> Result<u32, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().map(|client| client.join().unwrap()).sum()
    }
}

fn psql(url: &str) -> Child {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    psql.spawn().unwrap()
}

fn work(mut psql: Child, stop: &AtomicBool) -> Result<u32, String> {
    // an unqualified name and a write: both fail on a connection that was left with settings of ours
    let round = b"select count(*) from people; update people set note = note where id = 1; select pg_sleep(0.002);\n";
    let mut stdin = psql.stdin.take().unwrap();
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) && stdin.write_all(round).is_ok() {
        rounds += 1;
        // psql reads ahead as far as the pipe is long
        std::thread::sleep(std::time::Duration::from_millis(8));
    }
    drop(stdin);
    let output = psql.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(rounds),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Looks at each connection of the pool for what an agent could have left there.
#[track_caller]
fn assert_nothing_is_left(stage: &Stage, url: &str) {
    let held = "select count(*) from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' \
        and d.datname = ";
    let held = stage.cluster.psql("postgres", &format!("{held}'{}'", stage.database));
    assert_eq!(held, "0", "a lock is left");
    let sql = "select name || ' = ' || setting from pg_settings where source = 'session' and name not in \
        ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle', \
        'standard_conforming_strings')";
    // more at once than the pool has, so that each of its connections is looked at
    let clients: Vec<Child> = (0..8)
        .map(|_| {
            let mut client = psql(url);
            let look = format!("begin; {sql}; select pg_sleep(0.2); commit;\n");
            client.stdin.take().unwrap().write_all(look.as_bytes()).unwrap();
            client
        })
        .collect();
    for client in clients {
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "");
    }
}

fn through(stage: &Stage, url: &str) -> Agent {
    stage
        .agent()
        .env("PGCOFFER_DB_MAIN_URL", url)
        .env("PGCOFFER_SCHEDULE", "hourly keep 24h")
}

/// Each command that comes to the database, and those that only might.
#[track_caller]
fn every_command_is_refused(stage: &Stage, name: &str, url: &str, into: &str, target: &Target) {
    let agent = through(stage, url);
    // repositories of their own, since a tick waits after another's failure
    let elsewhere = |what: &str| {
        let bucket = format!("s3://testbed/{what}-{name}");
        agent.clone().env("PGCOFFER_BUCKET", bucket)
    };
    let restore = ["restore", "latest", "--to", into, "--confirm", &target.name];
    let commands: [(&[&str], &Agent); 5] = [
        (&["check"], &agent),
        (&["check", "--fix-sql"], &agent),
        (&["backup"], &agent),
        (&["tick"], &elsewhere("ticks")),
        (&restore, &stage.agent()),
    ];
    for (command, agent) in commands {
        let outcome = agent.run(command);
        let said = format!("{}{}", outcome.text(), outcome.stderr);
        assert!([3, 8].contains(&outcome.code()), "{name}: {command:?}: {said}");
        for word in ["transaction mode", "PgBouncer", "server itself"] {
            assert!(said.contains(word), "{name}: {command:?}: {word} is not in {said}");
        }
    }
    let database = format!("main={url}");
    let init = agent.run(["init", "--yes", "--database", &database, "--output", "env"]);
    assert!(
        init.code() != 0 && init.stderr.contains("transaction mode"),
        "{name}: {}{}",
        init.text(),
        init.stderr
    );
    let serving = serve(&elsewhere("serves"));
    serving.wait_for_ticks(1);
    let served = serving.end();
    assert!(served.stderr.contains("transaction mode"), "{}", served.stderr);
    // what asks the bucket alone has no part in it
    for command in [
        &["status"][..],
        &["list"],
        &["verify", "latest"],
        &["prune", "--dry-run"],
    ] {
        let outcome = agent.run(command);
        let said = format!("{}{}", outcome.text(), outcome.stderr);
        // the runs that failed are late by then
        assert!([0, 8].contains(&outcome.code()), "{name}: {command:?}: {said}");
    }
}

/// Poolers that announce what a server announced, that take from either end of their heap, that have one connection.
#[test]
fn poolers_of_other_makes_are_refused_by_how_they_behave() {
    let stage = Stage::backed_up(SMALL);
    let target = stage.target();
    let manners = [
        (true, true, 3),
        (true, false, 3),
        (false, true, 3),
        (false, false, 3),
        (true, false, 1),
    ];
    for (repeats_the_server, last_first, size) in manners {
        let manner = Manner {
            repeats_the_server,
            last_first,
            size,
        };
        let pooler = Heap::start(stage.cluster, &stage.database, manner);
        let other = Heap::start(stage.cluster, &target.name, manner);
        let url = pooler.url(&stage.database);
        let application = Application::start(&url, size - 1);
        let name = format!("heap-{repeats_the_server}-{last_first}-{size}");
        every_command_is_refused(&stage, &name, &url, &other.url(&target.name), &target);
        assert_nothing_is_left(&stage, &url);
        let worked = application.stop();
        assert!(worked.is_ok_and(|rounds| size == 1 || rounds > 0), "{manner:?}");
    }
}

/// An address that is translated on the way is no pooler, nor is a forwarder that the server sees in our place.
#[test]
fn a_forwarder_is_no_pooler() {
    let stage = Stage::of(SMALL);
    let to = stage.cluster.port();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = std::net::TcpStream::connect(("127.0.0.1", to)) else {
                return;
            };
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    let url = format!("postgres://postgres@127.0.0.1:{port}/{}", stage.database);
    let agent = through(&stage, &url);
    let report = agent.run(["check", "--json"]).json();
    assert_found(&report, ("database", "pooler"), "ok", &["none"]);
    agent.run(["backup"]).success();
}

#[test]
fn every_command_refuses_a_transaction_pooler_and_the_application_goes_on() {
    let stage = Stage::backed_up(SMALL);
    let before = stage.keys("");
    let target = stage.target();
    // either end of the pool's list, a pool of one, and one that an application keeps busy
    let pools = [
        ("default_pool_size=5", 4),
        ("default_pool_size=5\nserver_round_robin=1", 4),
        ("default_pool_size=5\nserver_round_robin=1", 0),
        ("default_pool_size=2", 1),
        ("default_pool_size=1", 0),
    ];
    for (n, (more, clients)) in pools.into_iter().enumerate() {
        let pooler = Pooler::start(stage.cluster, "transaction", &format!("{TAKES_ALL}\n{more}"));
        let url = pooler.url(&stage.database);
        let application = Application::start(&url, clients);
        let into = pooler.url(&target.name);
        every_command_is_refused(&stage, &format!("pgbouncer-{n}"), &url, &into, &target);
        assert_nothing_is_left(&stage, &url);
        let worked = application
            .stop()
            .unwrap_or_else(|error| panic!("{more}: the application failed: {error}"));
        assert!(clients == 0 || worked > 0);
    }
    let records = stage.keys("/archives/");
    assert!(
        before
            .iter()
            .filter(|key| key.contains("/archives/"))
            .eq(records.iter()),
        "no backup was made"
    );
    let there = stage
        .cluster
        .psql(&target.name, "select count(*) from pg_class where relname = 'people'");
    assert_eq!(there, "0", "nothing was restored");
}

#[test]
fn a_session_pooler_will_do() {
    let stage = Stage::of(SMALL);
    let pooler = Pooler::start(stage.cluster, "session", TAKES_ALL);
    let url = pooler.url(&stage.database);
    let agent = through(&stage, &url);
    assert_found(
        &agent.run(["check", "--json"]).json(),
        ("database", "pooler"),
        "ok",
        &["session mode"],
    );
    agent.run(["backup"]).success();
    agent.run(["check", "--fix-sql"]).success();
    let target = stage.target();
    let into = pooler.url(&target.name);
    stage
        .run(["restore", "latest", "--to", &into, "--confirm", &target.name])
        .success();
    assert_nothing_is_left(&stage, &url);
}

/// Where a pooler in session mode doesn't clean up behind its clients, they have to.
#[test]
fn nothing_is_left_where_a_session_pooler_resets_nothing() {
    let stage = Stage::of(SMALL);
    let more = format!("{TAKES_ALL}\nserver_reset_query=\ndefault_pool_size=3");
    let pooler = Pooler::start(stage.cluster, "session", &more);
    let url = pooler.url(&stage.database);
    let agent = through(&stage, &url);
    agent.run(["check"]).success();
    agent.run(["check", "--fix-sql"]).success();
    assert_nothing_is_left(&stage, &url);
}

#[test]
fn a_pooler_that_allows_no_transactions_is_refused_as_one() {
    let stage = Stage::of(SMALL);
    let pooler = Pooler::start(stage.cluster, "statement", TAKES_ALL);
    let outcome = through(&stage, &pooler.url(&stage.database))
        .run(["backup"])
        .ended_with(3);
    assert!(outcome.stderr.contains("PgBouncer"), "{}", outcome.stderr);
    // and one that doesn't take what the url asks for
    let pooler = Pooler::start(stage.cluster, "transaction", "");
    let url = format!("{}?options=-cgeqo%3Doff", pooler.url(&stage.database));
    let (verdict, detail, cure) = found(
        &through(&stage, &url).run(["check", "--json"]).json(),
        "database",
        "reachable",
    );
    assert_eq!(verdict, "failed", "{detail}");
    assert!(cure.contains("PgBouncer") && cure.contains("server itself"), "{cure}");
}
