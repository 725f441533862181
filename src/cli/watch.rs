//! Progress: a bar on a terminal, a line about every 30 seconds elsewhere.

mod shown;

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pgcoffer::operation::Progress;
use tokio::time::Instant;

use self::shown::{Course, Shown};
use super::{global::Global, terminal};

const REDRAW: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows `progress` while `work` runs.
pub(super) async fn watched<T>(global: &Global, doing: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
    let is_shown = !global.no_progress;
    let bar = (is_shown && !global.quiet && terminal::stderr_can_redraw()).then(|| Bar::new(doing));
    let mut course = Course::new(Instant::now());
    let mut last_line = Instant::now();
    let mut tick = tokio::time::interval(REDRAW);
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = tick.tick() => {}
        }
        let now = Instant::now();
        let shown = course.look(progress, now);
        if let Some(bar) = &bar {
            bar.draw(&shown);
        } else if is_shown && shown != Shown::Nothing && last_line.elapsed() >= LINE_EVERY {
            last_line = now;
            tracing::info!("{doing}: {}", shown.line(progress.moved_bytes()));
        }
    };
    if let Some(bar) = bar {
        bar.0.finish_and_clear();
    }
    result
}

/// A bar on standard error, which is not drawn before there is something to show.
struct Bar(ProgressBar);

impl Bar {
    fn new(doing: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // the template is a constant; a wrong one only costs the looks
        let style = ProgressStyle::with_template("{prefix} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_prefix(doing.to_owned());
        Self(bar)
    }

    fn draw(&self, shown: &Shown) {
        let bar = &self.0;
        if *shown == Shown::Nothing {
            return;
        }
        // behind the last character a cursor may stand
        let room = terminal::stderr_columns().saturating_sub(bar.prefix().len() + 2);
        bar.set_message(shown.drawn(room, terminal::is_utf8()));
        if bar.is_hidden() && std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}
