//! What programs and people read: JSON, help, logs, metrics, traces.

mod completion_in_shell;
pub(crate) mod goldens;
mod help;
pub(crate) mod hostile_text;
mod json_log;
mod lists;
mod monitoring;
mod on_terminals;
mod restore_phases;
mod said_once;
pub(crate) mod shapes;
mod traces;
