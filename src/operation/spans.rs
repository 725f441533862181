//! Spans of a run, for tracing: what was done, how long it took, how it ended. Their target keeps them out of the log.
//! They contain labels, ids, counts and exit statuses, and never a message of a server, which may quote rows.

use tracing::{Instrument as _, Span, field};

use crate::{
    error::{Error, Result},
    postgres,
};

/// The target of all spans. The log shows none of them.
pub const SPANS: &str = "pgcoffer::spans";

/// The target of log lines that repeat the report. A caller that prints the report may hide them.
pub const OUTCOME: &str = "pgcoffer::outcome";

/// Creates a span with the fields that are known at its beginning. Those that are known later are given as
/// `field::Empty`.
macro_rules! step {
    ($name:literal $(, $($key:ident).+ = $value:expr)* $(,)?) => {
        tracing::info_span!(
            target: $crate::operation::SPANS,
            $name,
            $($($key).+ = $value,)*
            outcome = tracing::field::Empty,
            exit_status = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
        )
    };
}
pub(super) use step;

/// Runs a step in its span, which records how it ended. The future is boxed, since nested steps would otherwise take
/// several times their size on the stack, which is small on some systems.
pub(super) fn traced<T>(span: Span, work: impl Future<Output = Result<T>>) -> impl Future<Output = Result<T>> {
    let work = Box::pin(work);
    async move {
        let result = work.instrument(span.clone()).await;
        ended(&span, result.as_ref().err());
        result
    }
}

/// Records how a step ended.
pub(super) fn ended(span: &Span, error: Option<&Error>) {
    let Some(error) = error else {
        span.record("outcome", "done");
        return;
    };
    let outcome = match error {
        Error::Interrupted { .. } => "interrupted",
        // another run does it, or has done it
        Error::NotDue { .. } | Error::Postgres(postgres::Error::Locked { .. }) => "left to another",
        _ => "failed",
    };
    span.record("outcome", outcome);
    span.record("exit_status", error.exit_status().number());
    if outcome == "failed" {
        span.record("otel.status_code", field::display("ERROR"));
    }
}
