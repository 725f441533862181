//! What a page shows of a command's output against what the command printed.

use std::sync::LazyLock;

use regex::Regex;

/// What differs from run to run, and what stands for it. In this order.
static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"PGCOFFER-KEY-1[0-9A-Z]+", "<key>"),
        (r"\b\d{8}T\d{4,6}Z?(-[a-z2-7]{12})?\b", "<id>"),
        // of a table: before a tier, or before an age
        (
            r"(^|  )[a-z2-7]{6,12}(  +(?:manual|hourly|daily|weekly|monthly|yearly|now|\d+ \w+ ago)  )",
            "$1<id>$2",
        ),
        (r"\b(now|\d+ (s|min|h|d|mo|y) ago)\b", "<age>"),
        (r"\b\d{2}-\d{2} \d{2}:\d{2}\b", "<time>"),
        (r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z?", "<time>"),
        (r"\b\d{4}-\d{2}-\d{2}\b", "<date>"),
        (r"\b\d{2}:\d{2}(:\d{2})?\b", "<clock>"),
        (r"\b\d[\d,.]* (B|kB|MB|GB|KiB|MiB|GiB|TiB|bytes)(/s)?\b", "<size>"),
        (r"\b\d+(d|h|m|min)( \d+(h|m|min|s))+", "<span>"),
        (r"\b\d+(\.\d+)? ?(ms|s|m|seconds?|minutes?|hours?|days old)\b", "<span>"),
        (r"\b\d{1,3}(,\d{3})+\b", "<number>"),
        (r"\b\d+ rows?\b", "<number> rows"),
        (r"<number> rows?\b", "<number> rows"),
        (r"\b[0-9a-f]{12,}\b", "<hex>"),
        (r"127\.0\.0\.1:\d+", "<server>"),
        (r"[-─]{3,}", "---"),
        (r"\s+", " "),
    ]
    .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
    .into()
});

/// Beginnings of lines that go to stderr.
const TO_STDERR: &[&str] = &["error:", "hint:", "INFO", "WARN", "ERROR"];

/// A line without what may differ.
pub(crate) fn plain(line: &str) -> String {
    let mut line = line.trim_end().to_owned();
    for (pattern, name) in VARYING.iter() {
        line = pattern.replace_all(&line, *name).into_owned();
    }
    line.trim().to_owned()
}

/// Why what is shown is not what was printed; none where it is.
pub(crate) fn difference(shown: &[String], stdout: &str, stderr: &str) -> Option<String> {
    let goes_to_stderr = |line: &&String| TO_STDERR.iter().any(|start| line.starts_with(start));
    let (errors, results): (Vec<&String>, Vec<&String>) = shown
        .iter()
        .filter(|line| !line.trim().is_empty())
        .partition(goes_to_stderr);
    let printed: Vec<&str> = stdout.lines().filter(|line| !line.trim().is_empty()).collect();
    if !matches(&results, &printed) {
        return Some("stdout is another one".to_owned());
    }
    let mut said = stderr.lines();
    for line in errors {
        let pattern = pattern(line);
        // log lines begin with their time
        if !said.any(|other| pattern.is_match(&plain(other)) || pattern.is_match(&without_time(other))) {
            return Some(format!("stderr lacks: {line}"));
        }
    }
    None
}

/// A log line without the time that it begins with.
fn without_time(line: &str) -> String {
    let line = plain(line);
    let rest = line.strip_prefix("<time>").unwrap_or(&line);
    rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == 'Z')
        .trim_start()
        .to_owned()
}

/// Whether these lines match, where a line of `…` stands for any number of them.
fn matches(shown: &[&String], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line.trim() == "…" => (0..=printed.len()).any(|at| matches(rest, &printed[at..])),
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| pattern(line).is_match(&plain(first)) && matches(rest, others)),
    }
}

/// A shown line as a pattern, in which `…` stands for anything.
fn pattern(line: &str) -> Regex {
    let line = plain(line);
    let pieces: Vec<_> = line.split('…').map(|piece| regex::escape(piece.trim())).collect();
    Regex::new(&format!("^{}$", pieces.join(".*").replace(".*", r"\s*.*\s*"))).unwrap()
}

#[test]
fn what_may_differ_does_and_nothing_else() {
    let shown = ["Backed up main as 20261120T085002Z-dbdqbupdpedn, 4 tables, 500,055 rows, 48.06 MiB, 1s".to_owned()];
    let printed = |text: &str| difference(&shown, text, "");
    assert_eq!(
        printed("Backed up main as 20251120T085002Z-aaaaaaaaaaaa,  4 tables, 20 rows, 1 B, 12 ms\n"),
        None
    );
    assert!(printed("Backed up other as 20251120T085002Z-aaaaaaaaaaaa, 4 tables, 20 rows, 1 B, 12 ms\n").is_some());
    assert!(printed("Backed up main as 20251120T085002Z-aaaaaaaaaaaa, 5 tables, 20 rows, 1 B, 12 ms\n").is_some());
    assert!(printed("").is_some());
}

#[test]
fn ellipses_stand_for_anything() {
    let shown = ["a … z", "…", "end"].map(str::to_owned);
    assert_eq!(difference(&shown, "a b z\n1\n2\nend\n", ""), None);
    assert_eq!(difference(&shown, "a z\nend\n", ""), None);
    assert!(difference(&shown, "a b z\n1\n", "").is_some());
    assert!(difference(&shown, "b z\nend\n", "").is_some());
}

#[test]
fn errors_stand_in_stderr_in_their_order() {
    let shown = ["error: no", "hint: yes"].map(str::to_owned);
    assert_eq!(difference(&shown, "", "log\nerror: no\nhint: yes\n"), None);
    assert!(difference(&shown, "", "hint: yes\nerror: no\n").is_some());
    assert!(difference(&shown, "error: no\nhint: yes\n", "").is_some());
}
