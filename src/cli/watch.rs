//! Progress: a bar on a terminal, a line about every 30 seconds elsewhere.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pgcoffer::operation::Progress;
use tokio::time::Instant;

use super::global::Global;

const REDRAW: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows `progress` while `work` runs.
pub(super) async fn watched<T>(global: &Global, doing: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
    let bar = (!global.no_progress && !global.quiet && std::io::stderr().is_terminal()).then(|| new_bar(doing));
    let began = Instant::now();
    let mut last_line = began;
    let mut tick = tokio::time::interval(REDRAW);
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = tick.tick() => {}
        }
        if let Some(bar) = &bar {
            draw(bar, progress);
        } else if !global.no_progress && progress.expected_bytes() > 0 && last_line.elapsed() >= LINE_EVERY {
            last_line = Instant::now();
            line(doing, progress, began.elapsed());
        }
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    result
}

fn new_bar(doing: &str) -> ProgressBar {
    // nothing is drawn before there is something to show: a full bar of nothing would pass for a run that is done
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template(
        "{prefix} {wide_bar} {bytes} of about {total_bytes}  {bytes_per_sec}  {eta} left  {msg}",
    );
    // the template is a constant; a wrong one only costs the looks
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(doing.to_owned());
    bar
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    let done = progress.done_bytes();
    // nothing has begun yet
    if progress.expected_bytes() == 0 {
        return;
    }
    if bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    bar.set_length(progress.expected_bytes().max(done));
    bar.set_position(done);
    bar.set_message(format!("bucket: {}", HumanBytes(progress.moved_bytes())));
}

fn line(doing: &str, progress: &Progress, elapsed: Duration) {
    let done = progress.done_bytes();
    let rate = done / elapsed.as_secs().max(1);
    let expected = progress.expected_bytes().max(done);
    let left = match (expected - done).checked_div(rate) {
        Some(seconds) => format!("about {seconds} s left"),
        None => "no telling how long".to_owned(),
    };
    tracing::info!(
        "{doing}: {} of about {}, {}/s, {left}, bucket: {}",
        HumanBytes(done),
        HumanBytes(expected),
        HumanBytes(rate),
        HumanBytes(progress.moved_bytes()),
    );
}
