//! Numbers over time as a small plot that can be read alone: with its range, its dates and its last value.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::{dashboard::site::Site, text::day};

/// A line of numbers over time.
pub(super) struct Plot<'a> {
    /// What the numbers are.
    pub(super) title: &'a str,
    /// Each moment with its number, the oldest first.
    pub(super) points: Vec<(Timestamp, u64)>,
    /// How a number is written.
    pub(super) show: fn(u64) -> String,
}

/// The size of the picture in its own units, and the room around the line.
const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 8.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 22.0;
/// Points that are drawn: more than that nobody can tell apart, and a page would only grow.
const POINTS_MAX: usize = 170;
/// Up to so many points, each is a dot as well.
const DOTS_MAX: usize = 40;

impl Plot<'_> {
    /// The plot; none where there is too little for one.
    pub(super) fn markup(&self, site: &Site) -> Option<Markup> {
        let points = thinned(&self.points);
        let ([(first, _), .., (last, newest)], Some(most)) =
            (&points[..], points.iter().map(|(_, value)| *value).max())
        else {
            return None;
        };
        let day_of = |time: Timestamp| time.to_zoned(site.zone.clone()).strftime("%-d %b %y").to_string();
        let least = points.iter().map(|(_, value)| *value).min().unwrap_or(0);
        let x = |time: Timestamp| {
            LEFT + share(
                time.as_second() - first.as_second(),
                last.as_second() - first.as_second(),
            ) * (WIDTH - LEFT - RIGHT)
        };
        // from zero on, so that a small change doesn't look like a large one
        let y = |value: u64| HEIGHT - BOTTOM - part(value, most) * (HEIGHT - TOP - BOTTOM);
        let line: Vec<String> = points
            .iter()
            .map(|(time, value)| format!("{:.1},{:.1}", x(*time), y(*value)))
            .collect();
        let said = format!(
            "{}: {} on {}, between {} and {} since {}",
            self.title,
            (self.show)(*newest),
            day(*last),
            (self.show)(least),
            (self.show)(most),
            day(*first)
        );
        Some(html! {
            figure.plot {
                figcaption { h3 { (self.title) ": " ((self.show)(*newest)) } }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said) {
                    line.grid x1=(LEFT) y1=(y(most)) x2=(WIDTH - RIGHT) y2=(y(most)) {}
                    line.grid x1=(LEFT) y1=(y(0)) x2=(WIDTH - RIGHT) y2=(y(0)) {}
                    text x=(LEFT) y=(y(most) - 5.0) { ((self.show)(most)) }
                    text x=(LEFT) y=(HEIGHT - 6.0) { (day_of(*first)) }
                    text x=(WIDTH - RIGHT) y=(HEIGHT - 6.0) text-anchor="end" { (day_of(*last)) }
                    polyline.line points=(line.join(" ")) {}
                    @if points.len() <= DOTS_MAX {
                        @for (time, value) in &points {
                            circle.dot cx=(format!("{:.1}", x(*time))) cy=(format!("{:.1}", y(*value))) r="2.6" {
                                title { (day_of(*time)) ": " ((self.show)(*value)) }
                            }
                        }
                    }
                }
            }
        })
    }
}

/// Not more points than can be told apart: of neighbours the highest is kept, so that no peak is lost.
fn thinned(points: &[(Timestamp, u64)]) -> Vec<(Timestamp, u64)> {
    let at_once = points.len().div_ceil(POINTS_MAX).max(1);
    let groups = points.chunks(at_once);
    groups
        .filter_map(|group| group.iter().max_by_key(|(_, value)| *value).copied())
        .collect()
}

fn share(part: i64, whole: i64) -> f64 {
    match whole {
        0 => 1.0,
        whole => part as f64 / whole as f64,
    }
}

fn part(value: u64, most: u64) -> f64 {
    match most {
        0 => 0.0,
        most => value as f64 / most as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_points_are_thinned_and_no_peak_is_lost() {
        let at = |n: i64| Timestamp::from_second(n * 3600).unwrap();
        let points: Vec<_> = (0..5000)
            .map(|n| (at(n), if n == 777 { 9000 } else { n as u64 }))
            .collect();
        let few = thinned(&points);
        assert!((100..=POINTS_MAX).contains(&few.len()), "{}", few.len());
        assert!(few.contains(&(at(777), 9000)));
        assert!(few.is_sorted_by_key(|(time, _)| *time));
        assert_eq!(thinned(&points[..3]), points[..3]);
        assert!(thinned(&[]).is_empty());
    }
}
