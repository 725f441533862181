//! Traces by OpenTelemetry, where the environment names a collector.
//!
//! The variables are those of <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>, most of them read by the
//! exporter itself. A collector that is away costs a warning and never a backup, nor more than a moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{self, SdkTracerProvider, SpanData},
};
use pgcoffer::{
    config::unseen,
    operation::SPANS,
    plain_http::{HttpHosts, RefusedHost, address_of},
    text::Untrusted,
};
use reqwest::{blocking::Client, redirect::Policy};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// How long a request may take, where the environment doesn't say.
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options>
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of a run waits for the collector.
const FLUSH: Duration = Duration::from_secs(3);
/// Why nothing is traced, and the cure.
type Trouble = (String, Option<&'static str>);

/// What collects the spans of this run.
pub(super) struct Traces {
    provider: SdkTracerProvider,
    trouble: WarnOnce,
}

impl Traces {
    /// Begins to trace where the environment asks for it, and gives the layer that does.
    pub(super) fn begin<S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync>()
    -> Result<Option<(impl Layer<S>, Self)>, Trouble> {
        let Some(endpoint) = endpoint()? else {
            return Ok(None);
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client()?)
            // what is lost is a trace; what waits for it is a backup
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| (error.to_string(), None))?;
        let trouble = WarnOnce {
            // without what may be a secret in it
            collector: address_of(&endpoint).unwrap_or_default(),
            once: Arc::default(),
        };
        let exporter = WarningExporter {
            exporter,
            trouble: trouble.clone(),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource())
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("pgcoffer"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::INFO));
        Ok(Some((layer, Self { provider, trouble })))
    }

    /// Sends what is left, and waits for that a moment at most.
    pub(super) fn end(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH) {
            self.trouble.warn(&error);
        }
    }
}

/// Where to, if anywhere.
fn endpoint() -> Result<Option<String>, Trouble> {
    let is = |name: &str, word: &str| variable(name).is_some_and(|value| value.eq_ignore_ascii_case(word));
    if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    let endpoint = either("ENDPOINT");
    if let Some(endpoint) = &endpoint {
        refuse_unseen()?;
        let hosts = variable("PGCOFFER_ALLOW_HTTP").unwrap_or_default();
        let hosts = HttpHosts::parse(&hosts).map_err(|why| (why, None))?;
        hosts.check(endpoint).map_err(refused)?;
    }
    match either("PROTOCOL").as_deref() {
        Some("grpc") if endpoint.is_some() => Err((
            "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and pgcoffer speaks http/protobuf alone".to_owned(),
            Some(
                "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and the endpoint to the collector's port for it, mostly \
                 4318",
            ),
        )),
        _ => Ok(endpoint),
    }
}

fn refused(host: RefusedHost) -> Trouble {
    let hint = "write https:// in OTEL_EXPORTER_OTLP_ENDPOINT; where the whole way to that host is your own network, \
        name the host in the variable PGCOFFER_ALLOW_HTTP";
    (host.to_string(), Some(hint))
}

/// A client that follows no redirect: the headers that go with each request may hold the key to a collector, which is
/// for the host that somebody chose and for no other. It is made on a thread of its own, as the exporter makes the one
/// that it replaces.
fn client() -> Result<Client, Trouble> {
    let timeout = either("TIMEOUT").and_then(|millis| millis.trim().parse().ok());
    let timeout = timeout.map_or(TIMEOUT, Duration::from_millis);
    let build = move || {
        Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .timeout(timeout)
            .user_agent(concat!("pgcoffer/", env!("CARGO_PKG_VERSION")))
            .build()
    };
    match std::thread::spawn(build).join() {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err((error.to_string(), None)),
        Err(_) => Err(("no client for HTTP could be made".to_owned(), None)),
    }
}

/// What nobody sees in a variable would be taken for a part of it.
fn refuse_unseen() -> Result<(), Trouble> {
    for (name, value) in std::env::vars_os() {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        if name.starts_with("OTEL_")
            && let Some(why) = unseen(&value)
        {
            let hint = "write it without that character; backups go on without traces";
            return Err((format!("{name}: {why}"), Some(hint)));
        }
    }
    Ok(())
}

/// The variable for traces, or the one for everything.
fn either(name: &str) -> Option<String> {
    let of_traces = variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
    of_traces.or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What traces it: `pgcoffer`, unless the environment names it otherwise.
fn resource() -> Resource {
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let named = variable("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name=");
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if named {
        builder.build()
    } else {
        builder.with_service_name("pgcoffer").build()
    }
}

/// Logs the first failure of the collector, and no other.
#[derive(Debug, Clone)]
struct WarnOnce {
    collector: String,
    once: Arc<AtomicBool>,
}

impl WarnOnce {
    fn warn(&self, error: &OTelSdkError) {
        if !self.once.swap(true, Ordering::Relaxed) {
            let hint = "check OTEL_EXPORTER_OTLP_ENDPOINT; backups go on without traces";
            let to = &self.collector;
            let why = Untrusted::from(match error {
                OTelSdkError::InternalFailure(why) => why.clone(),
                other => other.to_string(),
            });
            tracing::warn!(
                hint,
                "traces can't be sent to {to}, and are lost while that is so: {why}"
            );
        }
    }
}

/// An exporter that logs when traces can't be sent.
#[derive(Debug)]
struct WarningExporter {
    exporter: SpanExporter,
    trouble: WarnOnce,
}

impl trace::SpanExporter for WarningExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        if let Err(error) = &result {
            self.trouble.warn(error);
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
