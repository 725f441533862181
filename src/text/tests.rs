use super::*;

#[test]
fn what_a_terminal_obeys_is_shown_as_an_escape() {
    for (text, shown) in [
        ("\x1b[2Jgone", "\\u{1b}[2Jgone"),
        ("a\nb\r\tc\0", "a\\nb\\r\\tc\\0"),
        ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
        ("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\u{85}"),
        ("abc\u{202e}fed\u{2066}x", "abc\\u{202e}fed\\u{2066}x"),
        ("in\u{200b}visible\u{feff}", "in\\u{200b}visible\\u{feff}"),
        ("tag\u{e0041}", "tag\\u{e0041}"),
    ] {
        assert_eq!(Untrusted::from(text).to_string(), shown);
        assert!(!format!("{:?}", Untrusted::from(text)).contains(text));
    }
}

#[test]
fn what_can_not_be_seen_is_shown_as_an_escape() {
    for c in "\u{34f}\u{ad}\u{61c}\u{115f}\u{17b5}\u{180e}\u{200d}\u{200f}\u{2060}\u{2069}\u{3164}\u{fe00}\u{ffa0}\u{e0001}\u{e0100}\u{a0}\u{3000}\u{fff9}\u{e000}".chars() {
        let shown = Untrusted::from(format!("a{c}b")).to_string();
        assert_eq!(shown, format!("a\\u{{{:x}}}b", u32::from(c)));
    }
    // accents that would cover the lines above and below
    let towering = format!("a{}", "\u{301}".repeat(50));
    let shown = Untrusted::from(towering.as_str()).to_string();
    assert_eq!(shown.matches('\u{301}').count(), 4);
    assert!(Untrusted::from("\u{301}a").to_string().starts_with("\\u{301}"));
}

#[test]
fn what_is_long_is_cut_and_says_so() {
    let long = Untrusted::from("ä".repeat(5000));
    assert!(long.to_string().ends_with("ä … and 4000 more characters"));
    assert!(format!("{long:?}").len() < 2100);
    let many = Untrusted::from("line\n".repeat(100));
    assert_eq!(many.lines().to_string().lines().count(), 42);
    let message = format!("failed: {}", "x\n".repeat(1 << 20));
    assert!(continued(&message).ends_with("… and 1048537 more lines"));
    assert!(continued(&"x".repeat(1 << 20)).len() < 5000);
}

#[test]
fn no_line_of_theirs_passes_for_one_of_ours() {
    let said = Untrusted::from("it failed\r\nerror: all is lost\n\thint: \x1b[2J\n");
    assert_eq!(
        format!("pg_dump: {}", said.lines()),
        "pg_dump: \n  it failed\n  error: all is lost\n  \\thint: \\u{1b}[2J"
    );
    assert_eq!(Untrusted::from("one\n").lines().to_string(), "one");
    assert_eq!(said.first_line().to_string(), "it failed");
}

#[test]
fn what_people_write_stays_as_it_is() {
    for text in [
        "orders",
        "O'Brien \"q\" \\ back",
        "Bücher",
        "cafe\u{301}",
        "表",
        "заказы",
        "हिन्दी",
        "Việt Nam",
        "שָׁלוֹם",
        "🐘",
        "☎\u{fe0f}",
    ] {
        assert_eq!(Untrusted::from(text).to_string(), text);
    }
}

#[test]
fn names_that_could_be_misread_are_quoted() {
    for (name, shown) in [
        ("orders_2026", "orders_2026"),
        ("a b", r#""a b""#),
        ("a\nb", r#"U&"a\000ab""#),
        (r#"a"b\"#, r#""a""b\""#),
        ("a\"b\\\n", r#"U&"a""b\\\000a""#),
        ("\u{3164}", r#"U&"\3164""#),
        ("\u{e0100}", r#"U&"\+0e0100""#),
        ("", r#""""#),
    ] {
        assert_eq!(Untrusted::from(name).identifier(), shown);
    }
}

#[test]
fn a_message_of_ours_has_one_line_that_begins_it() {
    assert_eq!(continued("one"), "one");
    assert_eq!(
        continued("pg_dump: x\nerror: y\n  z\x1b"),
        "pg_dump: x\n  error: y\n  z\\u{1b}"
    );
}

#[test]
fn lines_of_our_own_stay_lines() {
    assert_eq!(escaped_lines("a\n\tb\x1b[m"), "a\n\\tb\\u{1b}[m");
}

#[test]
fn json_says_the_same_and_moves_no_terminal() {
    let name = "a\u{9b}31m\u{2028}\u{202e}\u{7f}\u{e0041}ä";
    let json = serde_json::to_string_pretty(&serde_json::json!({ "name": name })).unwrap();
    let shown = escaped_json(&json);
    assert!(
        shown.contains("\\u009b31m\\u2028\\u202e\\u007f\\udb40\\udc41ä"),
        "{shown}"
    );
    let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(read["name"], name);
}

#[test]
fn as_json_it_is_the_text_itself() {
    let name = Untrusted::from("a\u{1b}\nb");
    let json = serde_json::to_string(&name).unwrap();
    assert_eq!(serde_json::from_str::<Untrusted>(&json).unwrap(), name);
    assert_eq!(name.raw(), "a\u{1b}\nb");
}

#[test]
fn bytes_of_another_encoding_keep_their_difference() {
    assert_eq!(decoded("naïve".as_bytes()), "naïve");
    assert_eq!(decoded(b"na\xefve"), r"na\xefve");
    assert_eq!(decoded(b"gr\xf6\xdfe \xe2\x82"), r"gr\xf6\xdfe \xe2\x82");
}
