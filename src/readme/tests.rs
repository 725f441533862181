use super::*;

#[test]
fn each_explanation_is_known_again() {
    for explanation in explanations() {
        assert_eq!(
            found(&explanation, explanation.text.as_bytes()),
            Found::Current,
            "{}",
            explanation.name
        );
        // a byte more, and a byte that is another
        for changed in [
            explanation.text.clone() + "\n",
            explanation.text.replacen("the", "thx", 1),
            explanation.text.lines().next().unwrap_or_default().to_owned(),
        ] {
            assert_eq!(found(&explanation, changed.as_bytes()), Found::Changed);
        }
        let [first, second] = explanations();
        let other = if first == explanation { second } else { first };
        assert_eq!(found(&explanation, other.text.as_bytes()), Found::Changed);
        let older = explanation.text.replacen(VERSION, "0.0.9", 1);
        assert_eq!(found(&explanation, older.as_bytes()), Found::Older);
        let newer = explanation.text.replacen(VERSION, "99.0.0", 1);
        assert_eq!(found(&explanation, newer.as_bytes()), Found::Newer([99, 0, 0]));
        assert!(explanation.text.len() as u64 <= BYTES_MAX);
        assert_eq!(
            explanations().into_iter().find(|one| *one == explanation),
            Some(explanation)
        );
    }
}

#[test]
fn what_others_put_there_is_theirs() {
    let [readme, _] = explanations();
    for text in [
        "",
        "Dear colleagues,\n",
        "pgcoffer put this text here.\n",
        "pgcoffer x.y.z put this text here.\n",
        "pgcoffer 0.1 put this text here.\n",
        "# Restoring by hand\n",
    ] {
        assert_eq!(found(&readme, text.as_bytes()), Found::Foreign, "{text}");
    }
    assert_eq!(found(&readme, &[0xff, 0xfe]), Found::Foreign);
}

#[test]
fn the_text_is_whole_and_of_this_version() {
    let [readme, page] = explanations();
    assert!(readme.text.contains(&program_sha256()) && readme.text.contains(RUNBOOK));
    for left in ["VERSION", "SHA256"] {
        assert!(!readme.text.contains(left), "{left}");
    }
    assert!(readme.text.contains(EXTRACT), "the command is the one of the sheet");
    assert!(readme.text.is_ascii() && readme.text.lines().all(|line| line.len() <= 88));
    assert!(page.text.ends_with(BY_HAND));
}

#[test]
fn the_program_is_what_the_page_shows() {
    let program = program();
    assert!(program.starts_with("\"\"\"Checks and decrypts"), "{program}");
    assert!(program.ends_with("main(*sys.argv[1:])\n"), "{program}");
    assert!(!program.contains("```"));
}

/// The command that people type gives the program whose SHA-256 they compare.
#[test]
fn the_command_takes_the_program_out_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let [_, page] = explanations();
    std::fs::write(folder.path().join(BY_HAND_NAME), page.text).unwrap();
    let status = std::process::Command::new("sh")
        .args(["-c", EXTRACT])
        .current_dir(folder.path())
        .status();
    assert!(status.unwrap().success());
    let taken = std::fs::read_to_string(folder.path().join("open_sealed.py")).unwrap();
    assert_eq!(taken, program());
}
