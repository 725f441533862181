//! Progress: a bar on a terminal, a line about every 30 seconds elsewhere.

mod shown;

use std::{borrow::Cow, io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pgcoffer::operation::Progress;
use tokio::time::Instant;

use self::shown::{Course, Shown};
use super::{global::Global, styled::cut, terminal};

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
        let bar = ProgressBar::with_draw_target(Some(shown::PARTS), ProgressDrawTarget::hidden());
        bar.set_prefix(doing.to_owned());
        Self(bar)
    }

    fn draw(&self, shown: &Shown) {
        let bar = &self.0;
        if *shown == Shown::Nothing {
            return;
        }
        let (template, parts) = match shown.parts() {
            Some(parts) => ("{prefix} [{wide_bar}] {msg}", parts),
            None => ("{prefix} {msg}", 0),
        };
        // the templates are constants; a wrong one only costs the looks
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let (chars, mark) = if terminal::is_utf8() {
            ("█▉▊▋▌▍▎▏ ", "…")
        } else {
            ("=> ", "...")
        };
        bar.set_style(style.progress_chars(chars));
        let room = terminal::stderr_columns().saturating_sub(bar.prefix().len() + 1);
        bar.set_position(parts);
        bar.set_message(Cow::Owned::<'static, str>(cut(&shown.short(), room, mark)));
        if bar.is_hidden() && std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}
