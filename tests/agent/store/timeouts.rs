//! What is waited for, and what is given up: an endpoint, a body, a part or a source of credentials that says nothing
//! is told within two minutes; what is slow, or away for half a minute, is outlived. All at once, since most of it is
//! waiting.

use std::{any::Any, time::Duration};

use crate::{
    stage::{SMALL, Stage},
    store::credentials::{assumed, bare, busy_for, by_web_identity, of_container, of_instance},
    testbed::{Agent, Fault, Outcome, Relay, Rule, Running, Wire},
};

const TWO_MINUTES: Duration = Duration::from_secs(120);

/// A command under way, what it needs to live, and how it has to end.
struct Case {
    name: String,
    running: Running,
    ends: Box<dyn Fn(&Outcome)>,
    _alive: Vec<Box<dyn Any>>,
}

impl Case {
    fn new(agent: &Agent, command: &str, ends: impl Fn(&Outcome) + 'static) -> Self {
        Self {
            name: command.to_owned(),
            running: agent.spawn([command]),
            ends: Box::new(ends),
            _alive: Vec::new(),
        }
    }

    fn with(mut self, name: &str, alive: impl Any) -> Self {
        self.name = format!("{name}: {}", self.name);
        self._alive.push(Box::new(alive));
        self
    }
}

/// It fails with 4 or 8, in time, and says this.
fn told(words: &'static str) -> impl Fn(&Outcome) {
    move |outcome| {
        let said = format!("{}{}", outcome.text(), outcome.stderr);
        assert!([4, 8].contains(&outcome.code()), "{said}");
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
        assert!(outcome.elapsed < TWO_MINUTES, "{:?}: {said}", outcome.elapsed);
    }
}

fn succeeds(outcome: &Outcome) {
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
}

fn scheduled(agent: Agent) -> Agent {
    agent.env("PGCOFFER_SCHEDULE", "hourly keep 7d")
}

/// It takes connections, and says nothing.
fn silent_endpoints(cases: &mut Vec<Case>) {
    // who waits for a command learns after seconds that it waits
    let early = "has not answered for 5 s; still waiting";
    for (command, words) in [
        ("list", early),
        ("status", early),
        ("tick", "has not answered for"),
        ("check", early),
    ] {
        let stage = Stage::backed_up(SMALL);
        let relay = Relay::start(&stage.bucket.endpoint(), Wire::Silent);
        let agent = scheduled(stage.agent()).env("AWS_ENDPOINT_URL_S3", relay.endpoint());
        let case = Case::new(&agent, command, told(words));
        cases.push(case.with("silent", (stage, relay)));
    }
}

/// Listings come, and each object's bytes stop after some: every attempt heard something.
fn stalled_bodies(cases: &mut Vec<Case>) {
    for command in ["list", "status", "tick", "verify"] {
        let stage = Stage::backed_up(SMALL);
        let stall = Fault::Stall { after_bytes: 10 };
        stage.bucket.inject(Rule::on("GetObject").always(), stall);
        let case = Case::new(&scheduled(stage.agent()), command, told("can't read"));
        cases.push(case.with("stalled", stage));
    }
}

/// The service answers others, and never this part.
fn unanswered_parts(cases: &mut Vec<Case>) {
    for command in ["backup", "tick"] {
        let stage = Stage::small();
        let stall = Fault::Stall { after_bytes: 10 };
        stage.bucket.inject(Rule::on("UploadPart").always(), stall);
        let words = told("nothing has moved for");
        let case = Case::new(&scheduled(stage.agent()), command, words);
        cases.push(case.with("unanswered", stage));
    }
}

/// STS fails for good, and for half a minute; so does what a container asks.
fn sources_of_credentials(cases: &mut Vec<Case>) {
    for command in ["list", "tick"] {
        let stage = Stage::backed_up(SMALL);
        let sts = busy_for(Duration::from_secs(9999), String::new());
        let agent = scheduled(by_web_identity(&stage, &sts));
        let case = Case::new(&agent, command, told("what gives the credentials"));
        cases.push(case.with("STS is away", (stage, sts)));
    }
    let stage = Stage::small();
    let (id, secret) = stage.bucket.credentials();
    let sts = busy_for(Duration::from_secs(30), assumed(id, secret));
    let case = Case::new(&by_web_identity(&stage, &sts), "backup", succeeds);
    cases.push(case.with("STS has a hiccup", (stage, sts)));
    let stage = Stage::small();
    let (id, secret) = stage.bucket.credentials();
    let metadata = busy_for(Duration::from_secs(30), of_container(id, secret));
    let agent = bare(&stage).env("AWS_CONTAINER_CREDENTIALS_FULL_URI", metadata.url("/c"));
    let case = Case::new(&agent, "backup", succeeds);
    cases.push(case.with("the container's metadata has a hiccup", (stage, metadata)));
    let stage = Stage::small();
    let (id, secret) = stage.bucket.credentials();
    let metadata = of_instance(id, secret, Duration::from_secs(30));
    let agent = bare(&stage)
        .env("AWS_EC2_METADATA_DISABLED", "false")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url(""));
    let case = Case::new(&agent, "backup", succeeds);
    cases.push(case.with("the instance's metadata has a hiccup", (stage, metadata)));
}

/// Sockets take all of it at once, and the answer comes after a minute.
fn slow_uplinks(cases: &mut Vec<Case>) {
    let stage = Stage::of(
        "create table bulk (id int, body text); alter table bulk alter body set storage external;
        insert into bulk select n, repeat(md5(n::text), 320) from generate_series(1, 160) n;",
    );
    let wire = Wire::SlowUplink {
        bytes_per_second: 25_000,
    };
    let relay = Relay::start(&stage.bucket.endpoint(), wire);
    let agent = stage
        .agent()
        .env("AWS_ENDPOINT_URL_S3", relay.endpoint())
        .env("PGCOFFER_COMPRESSION", "none");
    let case = Case::new(&agent, "backup", succeeds);
    cases.push(case.with("slow", (stage, relay)));
}

#[test]
fn what_says_nothing_is_told_within_two_minutes_and_what_is_slow_is_waited_for() {
    let mut cases = Vec::new();
    silent_endpoints(&mut cases);
    stalled_bodies(&mut cases);
    unanswered_parts(&mut cases);
    sources_of_credentials(&mut cases);
    slow_uplinks(&mut cases);
    let mut failures = Vec::new();
    for case in cases {
        let outcome = case.running.wait();
        let ends = std::panic::AssertUnwindSafe(|| (case.ends)(&outcome));
        if std::panic::catch_unwind(ends).is_err() {
            failures.push(case.name);
        }
    }
    assert_eq!(failures, [""; 0]);
}
