//! Traces: what a collector receives of real runs, read by OpenTelemetry's own definitions.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;

use crate::{
    stage::{KEY, Stage},
    testbed::Agent,
    tick::past::calm,
};

/// A collector, which keeps what it gets.
struct Collector {
    address: SocketAddr,
    got: Arc<Mutex<Got>>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Got {
    requests: Vec<ExportTraceServiceRequest>,
    headers: Vec<HeaderMap>,
}

async fn take(State(got): State<Arc<Mutex<Got>>>, headers: HeaderMap, body: Bytes) {
    let mut got = got.lock().unwrap();
    got.requests.push(ExportTraceServiceRequest::decode(body).unwrap());
    got.headers.push(headers);
}

impl Collector {
    fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let got = Arc::<Mutex<Got>>::default();
        let app = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&got));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            got,
            _runtime: runtime,
        }
    }

    fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        let resources = got.requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// What is said of the program itself.
    fn resource(&self) -> BTreeMap<String, String> {
        let got = self.got.lock().unwrap();
        let resource = got.requests[0].resource_spans[0].resource.clone().unwrap();
        attributes(&resource.attributes)
    }

    fn agent(&self, stage: &Stage) -> Agent {
        stage
            .agent()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.address))
            .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

#[track_caller]
fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0]
}

#[test]
fn a_tick_is_a_tree_of_spans_with_facts_and_no_secrets() {
    let (stage, collector) = (Stage::small(), Collector::start());
    let agent = collector.agent(&stage).env("OTEL_EXPORTER_OTLP_HEADERS", "x-team=shop");
    let outcome = agent.run(["tick"]).success();
    assert!(!outcome.stderr.contains("trace"), "{}", outcome.stderr);
    let spans = collector.spans();
    let tick = named(&spans, "tick");
    assert!(tick.parent_span_id.is_empty());
    for (child, parent) in [
        ("backup", "tick"),
        ("prune", "tick"),
        ("prepare", "backup"),
        ("dump", "backup"),
        ("upload", "backup"),
        ("commit", "backup"),
    ] {
        let (child, parent) = (named(&spans, child), named(&spans, parent));
        assert_eq!(child.parent_span_id, parent.span_id, "{}", child.name);
        assert_eq!(child.trace_id, tick.trace_id);
        assert!(child.start_time_unix_nano >= parent.start_time_unix_nano);
        assert!(child.end_time_unix_nano <= parent.end_time_unix_nano);
    }
    assert_eq!(spans.len(), 7);

    let record = &stage.records()[0];
    let backup = attributes(&named(&spans, "backup").attributes);
    let wanted = [
        ("database", "main".to_owned()),
        ("id", record["id"].as_str().unwrap().to_owned()),
        ("tier", "daily".to_owned()),
        ("dump_bytes", record["sealed"]["dump_bytes"].to_string()),
        ("stored_bytes", record["sealed"]["objects"][0]["bytes"].to_string()),
        ("outcome", "done".to_owned()),
    ];
    assert_eq!(
        backup,
        BTreeMap::from(wanted.map(|(key, value)| (key.to_owned(), value)))
    );
    assert_eq!(collector.resource()["service.name"], "pgcoffer");
    let got = collector.got.lock().unwrap();
    assert_eq!(got.headers[0]["x-team"], "shop");
    assert_eq!(got.headers[0]["content-type"], "application/x-protobuf");
    let all = format!("{:?}", got.requests);
    let (_, secret) = stage.bucket.credentials();
    assert!(!all.contains(KEY) && !all.contains(secret));
}

#[test]
fn what_fails_says_by_which_side_and_not_in_whose_words() {
    let (stage, collector) = (Stage::small(), Collector::start());
    let agent = collector
        .agent(&stage)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none");
    agent
        .env("OTEL_SERVICE_NAME", "shop-backups")
        .run(["backup"])
        .ended_with(3);
    let spans = collector.spans();
    for name in ["backup", "prepare"] {
        let span = named(&spans, name);
        // ERROR: https://opentelemetry.io/docs/specs/otel/trace/api/#set-status
        assert_eq!(span.status.as_ref().unwrap().code, 2);
        let attributes = attributes(&span.attributes);
        assert_eq!(
            (attributes["outcome"].as_str(), attributes["exit_status"].as_str()),
            ("failed", "3")
        );
    }
    assert!(!format!("{spans:?}").contains("127.0.0.1"));
    assert_eq!(collector.resource()["service.name"], "shop-backups");
}

#[test]
fn restores_and_verifications_are_traced() {
    let (stage, collector) = (Stage::backed_up(crate::stage::SMALL), Collector::start());
    let agent = collector.agent(&stage);
    agent.run(["verify"]).success();
    let target = stage.target();
    agent.run(crate::stage::restore_args(&target)).success();
    let spans = collector.spans();
    for name in ["verify", "restore"] {
        let attributes = attributes(&named(&spans, name).attributes);
        assert_eq!(
            (attributes["database"].as_str(), attributes["outcome"].as_str()),
            ("main", "done")
        );
    }
}

#[test]
fn a_collector_that_is_away_costs_a_warning() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@127.0.0.1:1");
    let outcome = agent.run(["backup"]).success();
    let warned = "traces can't be sent to 127.0.0.1:1, and are lost while that is so";
    assert_eq!(outcome.stderr.matches(warned).count(), 1, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("user:secret"), "{}", outcome.stderr);
    // one that takes the connection and says nothing
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let outcome = stage
        .agent()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .run(["backup"])
        .success();
    assert_eq!(
        outcome.stderr.matches("traces can't be sent").count(),
        1,
        "{}",
        outcome.stderr
    );
}

#[test]
fn nothing_is_traced_where_the_environment_says_so() {
    let (stage, collector) = (Stage::small(), Collector::start());
    let agent = collector.agent(&stage);
    agent
        .clone()
        .env("OTEL_SDK_DISABLED", "true")
        .run(["status"])
        .ended_with(8);
    agent
        .clone()
        .env("OTEL_TRACES_EXPORTER", "none")
        .run(["status"])
        .ended_with(8);
    let grpc = agent
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .run(["backup"])
        .success();
    assert!(grpc.stderr.contains("speaks http/protobuf alone"), "{}", grpc.stderr);
    assert_eq!(collector.spans().len(), 0);
}
