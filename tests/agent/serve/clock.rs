//! `serve`: a clock that nothing stops but a signal.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::{
    backup::kills::BACKUP,
    output::goldens::{assert_keys, assert_said},
    stage::{HUGE, Stage, wait_until},
    testbed::{Agent, Fault, Outcome, Rule, Running},
    tick::past::calm,
};

const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/none";

/// A `serve` under way.
pub(crate) struct Serving {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Starts it on any port, with a second between its ticks, and waits until it listens.
pub(crate) fn serve(agent: &Agent) -> Serving {
    serve_with(agent, ["--listen", "127.0.0.1:0"])
}

pub(crate) fn serve_with<'a>(agent: &Agent, args: impl IntoIterator<Item = &'a str>) -> Serving {
    let base = ["serve", "--shortest-wait", "1", "--log-format", "json"];
    let mut running = agent.spawn(base.into_iter().chain(args));
    let mut port = None;
    wait_until("it listens", || {
        port = listening_port(running.pid());
        port.is_some() || running.has_ended()
    });
    let Some(port) = port else {
        panic!("it ended: {}", running.wait().stderr);
    };
    Serving {
        running,
        address: SocketAddr::from(([127, 0, 0, 1], port)),
    }
}

/// The port that a process listens on, as the kernel tells.
fn listening_port(pid: u32) -> Option<u16> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let sockets: BTreeSet<String> = links
        .filter_map(|link| {
            let target = std::fs::read_link(link.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        // 0A is LISTEN: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = words[3] == "0A" && sockets.contains(words[9]);
        let port = words[1].rsplit(':').next()?;
        listens.then(|| u16::from_str_radix(port, 16).unwrap())
    })
}

impl Serving {
    /// Sends this, with an end of head, and reads the answer to its end.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .write_all(format!("{request}\r\nHost: localhost\r\n\r\n").as_bytes())
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer to {request}: {text}"));
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"))
    }

    pub(crate) fn health(&self) -> Value {
        serde_json::from_str(&self.get("/healthz").body).unwrap()
    }

    /// Waits until so many ticks have ended.
    #[track_caller]
    pub(crate) fn wait_for_ticks(&self, count: u64) {
        wait_until("ticks", || self.metric("pgcoffer_ticks_total") >= Some(count as f64));
    }

    /// The value of one series as it is scraped.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics").body;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(self) -> Outcome {
        self.running.signal("TERM");
        self.running.wait()
    }
}

fn daily(stage: &Stage) -> Agent {
    stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

#[test]
fn it_backs_up_what_is_due_and_tells_how_it_stands() {
    let stage = Stage::small();
    let serving = serve(&daily(&stage));
    serving.wait_for_ticks(1);
    let records = stage.records();
    assert_eq!((records.len(), &records[0]["tier"]), (1, &"daily".into()));

    let health = serving.health();
    assert_keys(
        &health,
        "status version serving_since last_tick next_tick tick_running databases",
    );
    assert_keys(
        &health["databases"][0],
        "database state newest_good next_due last_look last_look_succeeded",
    );
    assert_eq!(
        (&health["status"], &health["databases"][0]["state"]),
        (&"ok".into(), &"ok".into())
    );
    // to the second
    let newest = health["databases"][0]["newest_good"].as_str().unwrap();
    let began = records[0]["started"].as_str().unwrap();
    assert_eq!(newest, format!("{}Z", &began[.."2026-11-20T14:47:20".len()]));

    let sealed = &records[0]["sealed"];
    for (series, value) in [
        ("pgcoffer_good_backups{database=\"main\"}", 1.0),
        ("pgcoffer_tier_good_backups{database=\"main\",tier=\"daily\"}", 1.0),
        ("pgcoffer_late{database=\"main\",tier=\"daily\"}", 0.0),
        ("pgcoffer_last_run_success{database=\"main\"}", 1.0),
        (
            "pgcoffer_last_success_stored_bytes{database=\"main\"}",
            sealed["objects"][0]["bytes"].as_f64().unwrap(),
        ),
        (
            "pgcoffer_last_success_dumped_bytes{database=\"main\"}",
            sealed["dump_bytes"].as_f64().unwrap(),
        ),
    ] {
        assert_eq!(serving.metric(series), Some(value), "{series}");
    }
    // whoever asks asks nothing of the bucket
    let calls = stage.bucket.calls().len();
    for _ in 0..5 {
        serving.get("/metrics");
        serving.get("/healthz");
    }
    assert_eq!(stage.bucket.calls().len(), calls);

    let address = serving.address;
    let outcome = serving.end().success();
    assert_said(&outcome, &["backed up", "stopped"]);
    TcpStream::connect(address).unwrap_err();
    stage.assert_no_secret(&outcome, &[]);
}

#[test]
fn it_outlives_a_bucket_and_a_database_that_are_away() {
    let stage = Stage::small();
    stage
        .bucket
        .inject(Rule::on("ListObjectsV2").times(3), Fault::access_denied());
    let agent = daily(&stage).database_url("away", NOWHERE);
    let serving = serve(&agent);
    wait_until("a backup of the one that is there", || {
        serving.metric("pgcoffer_good_backups{database=\"main\"}") == Some(1.0)
    });
    let failures = || serving.metric("pgcoffer_failures_since_success{database=\"away\"}");
    wait_until("a failure of the one that is not", || failures() == Some(1.0));
    // the next attempt waits for its pause, whatever the others do
    let ticks = serving.metric("pgcoffer_ticks_total").unwrap();
    serving.wait_for_ticks(ticks as u64);
    let health = serving.health();
    assert_eq!(health["status"], "ok");
    let state = |n: usize| health["databases"][n]["state"].clone();
    assert_eq!([state(0), state(1)], ["problem", "ok"]);
    assert!(serving.metric("pgcoffer_ticks_failed_total") >= Some(1.0));
    let outcome = serving.end().success();
    assert_eq!(
        outcome.stderr.matches("\"due: daily\",\"database\":\"away\"").count(),
        1,
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_signal_gives_up_the_run_under_way() {
    let stage = Stage::of(HUGE);
    let stalled = Fault::Stall { after_bytes: 100 };
    stage.bucket.inject(Rule::on("UploadPart").times(100), stalled);
    let serving = serve(&daily(&stage).env("PGCOFFER_COMPRESSION", "none"));
    wait_until("an upload is under way", || stage.bucket.count("UploadPart") > 0);
    assert_eq!(serving.health()["tick_running"], true);
    stage.bucket.heal();
    let outcome = serving.end();
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
    assert!(outcome.elapsed < Duration::from_secs(90), "{:?}", outcome.elapsed);
    stage.assert_no_backup();
    assert_eq!(stage.failure()["exit_status"], 143);
    // the next one takes it at once: a signal says nothing against the database
    assert_eq!(BACKUP[0], "backup");
    stage.back_up();
}

#[test]
fn what_it_cannot_begin_with_it_says_at_once() {
    let stage = Stage::small();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let refused = |agent: &Agent, args: &[&str], status| {
        let outcome = agent.run(["serve"].iter().chain(args)).ended_with(status);
        // a schedule that is stored in the bucket is asked for, and nothing else
        let calls = stage.bucket.calls();
        assert!(calls.iter().all(|call| call.operation == "ListObjectsV2"), "{calls:?}");
        outcome.stderr
    };
    let hook = crate::testbed::Hearer::start();
    let told = |agent: Agent| {
        agent
            .env("PGCOFFER_WEBHOOK_URL", hook.url("/hook"))
            .env("PGCOFFER_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    };
    let agent = told(daily(&stage));
    let said = refused(&agent, &["--listen", &listen], 1);
    assert!(
        said.contains(&format!("listen on {listen}")) && said.contains("PGCOFFER_LISTEN"),
        "{said}"
    );
    let said = refused(&agent, &["--listen", "everywhere"], 2);
    assert!(said.contains("--listen: \"everywhere\" is no address"), "{said}");
    let said = refused(&told(stage.agent()), &["--listen", "127.0.0.1:0"], 2);
    assert!(said.contains("main has no schedule"), "{said}");
    let off = told(stage.agent()).env("PGCOFFER_DB_MAIN_SCHEDULE", "off");
    assert!(refused(&off, &[], 2).contains("every database's schedule is off"));
    assert!(refused(&agent.env("PORT", "eighty"), &[], 2).contains("PORT: \"eighty\" is no port"));
    // nobody reads the log of what a platform starts again and again
    let kinds = hook.take().into_iter().map(|one| one.json()["type"].clone());
    assert_eq!(kinds.collect::<Vec<_>>(), ["backup.failed"; 5]);
}
