//! What a person sees and types at a terminal.

use crate::{
    stage::Stage,
    testbed::{Agent, Terminal},
};

/// The lines of a screen without what moves the cursor to their beginning.
fn lines(screen: &str) -> Vec<&str> {
    let lines = screen.lines();
    lines
        .map(|line| line.trim_end_matches('\r').trim_start_matches("\r\u{1b}[2K"))
        .collect()
}

#[test]
fn long_messages_fit_the_terminal_and_what_is_copied_stays_whole() {
    let stage = Stage::small();
    let agent = stage.agent().without("PGCOFFER_KEY");
    let hint = |stderr: &str| stderr.lines().filter(|line| line.starts_with("hint: ")).count();
    for (columns, widest) in [(60, 60), (80, 80), (200, 100)] {
        let mut terminal = Terminal::of_columns(columns, &agent, ["list"]);
        assert_eq!(terminal.ended(), 2);
        let screen = terminal.screen();
        let lines = lines(&screen);
        assert!(lines.iter().all(|line| line.chars().count() <= widest), "{lines:#?}");
        for command in ["`pgcoffer keygen --catalog`", "`pgcoffer init`"] {
            assert!(lines.iter().any(|line| line.contains(command)), "{command}: {lines:#?}");
        }
        let mut behind = lines.iter().skip_while(|line| !line.starts_with("hint: ")).skip(1);
        let more: Vec<&&str> = behind.by_ref().take_while(|line| !line.is_empty()).collect();
        assert!(
            !more.is_empty() && more.iter().all(|line| line.starts_with("      ")),
            "{lines:#?}"
        );
    }
    // elsewhere a message is one line, for logs and for programs
    let outcome = agent.run(["list"]).ended_with(2);
    assert_eq!(
        (hint(&outcome.stderr), outcome.stderr.lines().count()),
        (1, 2),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_password_that_is_too_short_is_refused_before_it_is_typed_again() {
    let mut terminal = Terminal::start(&Agent::new(), ["dashboard", "password"]);
    terminal.expect_hidden("Password (not shown)");
    terminal.answer("hunter2");
    terminal.expect("fewer than 12 characters");
    terminal.expect_hidden("Password (not shown)");
    assert!(!terminal.screen().contains("Once more"), "{}", terminal.screen());
    terminal.answer("correct horse battery");
    terminal.expect_hidden("Once more");
    terminal.answer("correct horse battery");
    terminal.expect("$argon2id$");
    assert_eq!(terminal.ended(), 0);
}
