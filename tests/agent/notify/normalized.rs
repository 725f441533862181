//! Texts that people are told, without what changes from run to run.

use pgcoffer::backup::BackupId;

/// Ids, moments, ages, sizes, ports and names of databases put in brackets; everything else as it stands, blanks
/// included.
pub(crate) fn told(text: &str) -> String {
    let text = &without_ids(text);
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// Ids inside of words, such as keys in the bucket.
fn without_ids(text: &str) -> String {
    const LENGTH: usize = "20261120T070000Z-rkropyeppww6".len();
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let id = rest.get(..LENGTH).filter(|id| BackupId::parse(id).is_ok());
        let used = id.map_or(first.len_utf8(), str::len);
        out.push_str(id.map_or(&rest[..used], |_| "[id]"));
        rest = &rest[used..];
    }
    out
}

fn line(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (open, bare, close) = parts(words[at]);
        let next = words.get(at + 1).map(|word| parts(word));
        let (what, used, close) = match (kind(bare), next) {
            ("date", Some((_, clock, close))) if kind(clock) == "clock" => ("[time]", 2, close),
            ("span", Some((_, span, close))) if kind(span) == "span" => ("[span]", 2, close),
            ("number", Some((_, unit, close))) if kind(unit) == "unit" => ("[size]", 2, close),
            ("span", _) => ("[span]", 1, close),
            ("number", Some((_, length, close))) if is_length(length) => ("[span]", 2, close),
            ("port", _) => ("[host]", 1, close),
            _ => (bare, 1, close),
        };
        out.push(format!("{open}{what}{close}"));
        at += used;
    }
    out.join(" ")
}

/// A unit of an age in words: `5 hours`.
fn is_length(word: &str) -> bool {
    ["second", "minute", "hour", "day"].contains(&word.trim_end_matches('s'))
}

fn parts(word: &str) -> (&str, &str, &str) {
    let bare = word.trim_start_matches(['(', '`']);
    let open = &word[..word.len() - bare.len()];
    let inner = bare.trim_end_matches([')', '`', '.', ',', ';', ':', '\r']);
    (open, inner, &bare[inner.len()..])
}

fn kind(word: &str) -> &'static str {
    if word.contains("127.0.0.1:") {
        return "port";
    }
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let unit = shape.trim_start_matches('9');
    match shape.as_str() {
        "9999-99-99" => "date",
        "99:99" => "clock",
        "B" | "KiB" | "MiB" => "unit",
        _ if word.parse::<f64>().is_ok() => "number",
        _ if unit.len() < shape.len() && ["m", "h", "d"].contains(&unit) => "span",
        _ => "",
    }
}
