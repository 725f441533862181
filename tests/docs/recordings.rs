//! The recordings that README shows: small pictures that need nothing from elsewhere. `make recording` makes them.

use std::fs;

use crate::testbed::project;

const NAMES: [&str; 4] = ["init", "init-still", "restore", "restore-still"];

/// A README is read on slow networks, too.
const MOST_BYTES: usize = 150_000;

fn recording(name: &str) -> String {
    fs::read_to_string(project().join(format!("docs/recording/{name}.svg"))).unwrap()
}

/// What a picture has that a browser would fetch or run, or that a page of ours must not have.
fn faults(text: &str) -> Vec<String> {
    let document = match roxmltree::Document::parse(text) {
        Ok(document) => document,
        Err(why) => return vec![why.to_string()],
    };
    let mut faults = Vec::new();
    let known = ["svg", "title", "style", "rect", "circle", "text", "defs", "g", "use"];
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        let name = element.tag_name().name();
        if !known.contains(&name) {
            faults.push(format!("an element {name}"));
        }
        for attribute in element.attributes() {
            let leads_out = attribute.name() == "href" && !attribute.value().starts_with('#');
            if leads_out || attribute.name().starts_with("on") {
                faults.push(format!("{}={}", attribute.name(), attribute.value()));
            }
        }
        let style = element.text().filter(|_| name == "style").unwrap_or_default();
        if ["url(", "@import", "@font-face"]
            .iter()
            .any(|word| style.contains(word))
        {
            faults.push("a style that fetches".to_owned());
        }
    }
    if text.len() > MOST_BYTES {
        faults.push(format!("{} bytes", text.len()));
    }
    faults
}

#[test]
fn the_recordings_are_small_and_need_nothing_from_elsewhere() {
    for name in NAMES {
        assert_eq!(faults(&recording(name)), [""; 0], "{name}");
    }
}

#[test]
fn a_recording_that_moves_stands_still_for_printers_and_for_those_who_ask_for_it() {
    for name in NAMES {
        let moves = !name.ends_with("-still");
        let text = recording(name);
        assert_eq!(text.contains("@keyframes"), moves, "{name}");
        assert_eq!(
            text.contains("@media print,(prefers-reduced-motion:reduce)"),
            moves,
            "{name}"
        );
    }
}

/// They end with what a run that went well prints.
#[test]
fn the_recordings_show_runs_that_went_well() {
    for (name, words) in [("init-still", "pgcoffer backup"), ("restore-still", "Restored ")] {
        let text = recording(name);
        assert!(text.contains(words), "{name}: {text}");
        assert!(!text.contains("error:"), "{name}");
    }
}

#[test]
fn a_picture_that_fetches_or_runs_something_is_a_fault() {
    for inside in [
        "<script/>",
        r#"<image href="x.png"/>"#,
        r#"<use href="https://x.org/y"/>"#,
        r#"<g onclick="x()"/>"#,
        "<style>@import 'x'</style>",
        "<style>@font-face{src:url(x)}</style>",
        "<g>",
    ] {
        let text = format!(r#"<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>"#);
        assert!(!faults(&text).is_empty(), "{inside}");
    }
}
