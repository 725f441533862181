//! Converts OpenMetrics text to Prometheus' older format, which node_exporter's textfile collector and simple scrapers
//! read.
//!
//! The differences that matter here: the family of a counter has its samples' full name with `_total`; there is no type
//! `info`, so that is a gauge; there are no units and no end mark.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::{collections::BTreeMap, fmt::Write as _};

/// The same metrics in the older format.
pub(super) fn classic(open_metrics: &str) -> String {
    let declared = |line| described("# TYPE ", line);
    let types: BTreeMap<&str, &str> = open_metrics.lines().filter_map(declared).collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        if let Some((name, help)) = described("# HELP ", line) {
            let (name, _) = family(name, types.get(name).copied());
            let _ = writeln!(text, "# HELP {name} {help}");
        } else if let Some((name, kind)) = described("# TYPE ", line) {
            let (name, kind) = family(name, Some(kind));
            let _ = writeln!(text, "# TYPE {name} {kind}");
        } else if !line.starts_with('#') {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The name and the rest of a comment line of this kind.
fn described<'a>(what: &str, line: &'a str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(what)?.split_once(' ')
}

/// A family's name and type in the older format.
fn family<'a>(name: &str, kind: Option<&'a str>) -> (String, &'a str) {
    match kind {
        Some("counter") => (format!("{name}_total"), "counter"),
        Some("info") => (format!("{name}_info"), "gauge"),
        Some(kind) => (name.to_owned(), kind),
        None => (name.to_owned(), "untyped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_types_and_ends_are_those_of_the_older_format() {
        let open = "# HELP a_build Which.\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n\
            # HELP a_ticks All.\n# TYPE a_ticks counter\na_ticks_total 3\n\
            # HELP a_kept_bytes Kept.\n# TYPE a_kept_bytes gauge\n# UNIT a_kept_bytes bytes\n\
            a_kept_bytes{database=\"#\"} 7\n# EOF\n";
        let old = "# HELP a_build_info Which.\n# TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n\
            # HELP a_ticks_total All.\n# TYPE a_ticks_total counter\na_ticks_total 3\n\
            # HELP a_kept_bytes Kept.\n# TYPE a_kept_bytes gauge\na_kept_bytes{database=\"#\"} 7\n";
        assert_eq!(classic(open), old);
    }
}
