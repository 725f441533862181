//! What programs and people read: JSON, help, logs, metrics, traces.

pub(crate) mod goldens;
pub(crate) mod hostile_text;
mod json_log;
mod monitoring;
mod said_once;
pub(crate) mod shapes;
mod traces;
