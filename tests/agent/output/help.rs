//! Help, hints, manual pages and completions: what leads people to the command that they look for.

use std::process::Command;

use crate::{
    output::goldens::assert_said,
    stage::{KEY, SMALL, Stage},
    testbed::{Agent, Outcome, S3Server, binary},
};

fn run(words: &str) -> Outcome {
    Agent::new().run(words.split(' '))
}

#[test]
fn help_of_a_command_is_found_in_each_way() {
    let by_option = run("restore --help").success();
    assert_eq!(run("help restore").success().text(), by_option.text());
    assert_eq!(run("restore -h").success().text(), by_option.text());
    let plan = run("help lifecycle plan").success();
    assert_eq!(plan.text(), run("lifecycle plan --help").success().text());
    let all = run("--help").success();
    assert!(all.text().contains("PGCOFFER_SCHEDULE") && all.text().contains("Exit status:"));
    let short = run("help").success();
    assert!(!short.text().contains("PGCOFFER_SCHEDULE"), "{}", short.text());
    assert!(short.text().contains("`pgcoffer --help` lists every setting"));
}

#[test]
fn a_command_of_another_tool_leads_to_the_one_that_does_it() {
    for (typed, does_it) in [
        ("capture", "`pgcoffer backup`"),
        ("pg:backups:capture", "`pgcoffer backup`"),
        ("info", "`pgcoffer show latest`"),
        ("create", "`pgcoffer backup`"),
        ("expire", "`pgcoffer prune --dry-run`"),
        ("pg_restore", "`pgcoffer restore latest"),
        ("stanza-create", "`pgcoffer check`"),
        ("crontab", "`pgcoffer schedule show`"),
    ] {
        let outcome = run(typed).ended_with(2);
        assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
        assert_said(&outcome, &["error: there is no command", typed, "hint: ", does_it]);
    }
    // a typing error has the nearest command
    assert_said(&run("restroe").ended_with(2), &["did you mean `pgcoffer restore`?"]);
    let json = run("capture --log-format json").ended_with(2);
    assert!(json.stderr.contains("pgcoffer backup"), "{}", json.stderr);
}

#[test]
fn aliases_do_what_their_command_does() {
    let bucket = S3Server::start();
    let agent = Agent::new().s3(&bucket).key(KEY);
    let listed = agent.run(["list"]).success();
    for alias in ["ls", "backups", "snapshots"] {
        assert_eq!(agent.run([alias]).success().text(), listed.text());
    }
    assert_eq!(run("version").success().text(), run("--version").success().text());
    assert_eq!(
        run("completion bash").success().text(),
        run("completions bash").success().text()
    );
}

/// What is only tried is asked for by the same letter everywhere.
#[test]
fn a_dry_run_has_one_letter() {
    let stage = Stage::backed_up(SMALL);
    let before = stage.bucket.snapshot();
    stage.run(["prune", "-n"]).success();
    let target = stage.target();
    for dry in ["-n", "--dry-run", "--preview"] {
        let args = ["restore", "latest", "--to", target.url.as_str(), dry];
        assert!(stage.run(args).success().text().contains("Nothing was touched"));
    }
    let planned = stage
        .run(["lifecycle", "apply", "-n", "--cold", "monthly to glacier after 30d"])
        .success();
    assert!(planned.text().contains("Nothing was changed"), "{}", planned.text());
    assert_eq!(stage.bucket.snapshot(), before);
}

#[test]
fn every_command_has_a_manual_page_that_man_can_show() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    Agent::new().run(["man", "--dir", pages.to_str().unwrap()]).success();
    let names: Vec<String> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for page in [
        "pgcoffer.1",
        "pgcoffer-restore.1",
        "pgcoffer-lifecycle-plan.1",
        "pgcoffer-man.1",
    ] {
        assert!(names.contains(&page.to_owned()), "{page}: {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("complete.1")), "{names:?}");
    for name in names {
        let text = std::fs::read_to_string(pages.join(&name)).unwrap();
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH \"SEE ALSO\""] {
            assert!(text.contains(section), "{name} has no {section}");
        }
        // the program that sets manual pages, where there is one, has nothing against it
        if let Ok(set) = Command::new("groff")
            .args(["-k", "-man", "-Tutf8", "-ww", "-z"])
            .arg(pages.join(&name))
            .output()
        {
            assert!(
                set.stderr.is_empty(),
                "{name}: {}",
                String::from_utf8_lossy(&set.stderr)
            );
        }
    }
    let restore = run("man restore").success();
    assert_eq!(
        restore.text(),
        std::fs::read_to_string(pages.join("pgcoffer-restore.1")).unwrap()
    );
    assert!(restore.text().contains("EXAMPLES") && restore.text().contains("TARGET_URL"));
    let whole = run("man").success();
    assert!(whole.text().contains("PGCOFFER_SCHEDULE") && whole.text().contains("EXIT STATUS"));
    run("man nothing").ended_with(2);
}

/// A folder of pages may be anybody's to write in.
#[test]
fn manual_pages_are_not_written_through_links() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (pages, other) = (folder.path().join("man1"), folder.path().join("other"));
    std::fs::create_dir(&pages).unwrap();
    std::fs::write(&other, "somebody's own").unwrap();
    let page = pages.join("pgcoffer-restore.1");
    std::os::unix::fs::symlink(&other, &page).unwrap();
    std::fs::write(pages.join("pgcoffer.1"), "an older one").unwrap();
    let dir = pages.to_str().unwrap();
    Agent::new().run(["man", "--dir", dir]).success();
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "somebody's own");
    let meta = std::fs::symlink_metadata(&page).unwrap();
    assert!(meta.is_file());
    // to be read by all, as any new file is
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    let mode = |meta: std::fs::Metadata| meta.permissions().mode() & 0o777;
    assert_eq!(mode(meta), mode(std::fs::metadata(&plain).unwrap()));
    assert!(
        std::fs::read_to_string(pages.join("pgcoffer.1"))
            .unwrap()
            .contains(".TH")
    );
    let names = std::fs::read_dir(&pages).unwrap().map(|one| one.unwrap().file_name());
    assert!(names.into_iter().all(|name| name.to_str().unwrap().ends_with(".1")));
}

/// What a shell is offered for this line, whose last word is being typed.
fn offered(agent: &Agent, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let index = (words.len() - 1).to_string();
    let args = ["complete", &index, "--"].into_iter().chain(words);
    let outcome = agent.run(args).success();
    assert_eq!(outcome.stderr, "");
    let lines = outcome
        .text()
        .lines()
        .map(|line| line.split('\t').next().unwrap().to_owned());
    lines.collect()
}

#[test]
fn completions_know_commands_values_databases_and_ids() {
    let stage = Stage::small();
    let id = stage.back_up()["id"].as_str().unwrap().to_owned();
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_SHOP_URL", "postgres://nobody@127.0.0.1:1/shop");
    assert!(offered(&agent, "pgcoffer re").contains(&"restore".to_owned()));
    assert_eq!(offered(&agent, "pgcoffer backup --tier d"), ["daily"]);
    assert_eq!(offered(&agent, "pgcoffer list --color a"), ["auto", "always"]);
    assert_eq!(offered(&agent, "pgcoffer status "), ["main", "shop"]);
    assert_eq!(offered(&agent, "pgcoffer verify --database s"), ["shop"]);
    assert_eq!(offered(&agent, "pgcoffer show "), ["latest", &id]);
    assert_eq!(offered(&agent, &format!("pgcoffer show {}", &id[..8])), [id.as_str()]);
    let random = &id.rsplit('-').next().unwrap()[..5];
    assert_eq!(offered(&agent, &format!("pgcoffer restore {random}")), [id.as_str()]);
    assert!(offered(&agent, "pgcoffer get latest:").contains(&"latest:monthly".to_owned()));
    // options where one begins to type them
    assert!(offered(&agent, "pgcoffer restore latest --dr").contains(&"--dry-run".to_owned()));
    let with_url = agent.clone().env("TARGET_URL", "postgres://app:s3cret@127.0.0.1:1/x");
    let urls = offered(&with_url, "pgcoffer restore latest --to env:TARGET");
    assert_eq!(urls, ["env:TARGET_URL"]);
}

/// Whatever is wrong: nothing is said, nothing is told of secrets, and nobody waits.
#[test]
fn completions_are_silent_and_quick_whatever_is_wrong() {
    // a service that takes connections and says nothing
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let bucket = S3Server::start();
    let good = Agent::new()
        .s3(&bucket)
        .key(KEY)
        .database_url("main", "postgres://a:s3cret@127.0.0.1:1/x");
    for agent in [
        good.clone()
            .env("AWS_ENDPOINT_URL_S3", &url)
            .env("AWS_ENDPOINT_URL", &url),
        good.clone().env("PGCOFFER_BUCKET", "nonsense"),
        good.clone().env("PGCOFFER_KEY", "nonsense"),
        good.clone().env("PGCOFFER_NO_SUCH_THING", "x"),
        Agent::new(),
    ] {
        let outcome = agent.run(["complete", "2", "--", "pgcoffer", "show", ""]).success();
        assert_eq!(outcome.text(), "latest\tthe newest good one\n");
        assert_eq!(outcome.stderr, "");
        assert!(
            outcome.elapsed < std::time::Duration::from_secs(20),
            "{:?}",
            outcome.elapsed
        );
    }
    // labels come from the settings, whatever is wrong with others of them
    let wrong = good.env("PGCOFFER_KEY", "nonsense");
    assert_eq!(offered(&wrong, "pgcoffer backup "), ["main"]);
    // nothing is left of a line that can't be completed
    assert_eq!(offered(&Agent::new(), "pgcoffer no-such-command x"), [""; 0]);
}

/// bash itself, with the script that it is given.
#[test]
fn bash_completes_by_its_script() {
    let stage = Stage::backed_up(SMALL);
    let folder = binary().parent().unwrap().to_str().unwrap().to_owned();
    let complete = |line: &str| {
        let script = format!(
            "PATH={folder}:$PATH; source <(pgcoffer completions bash); COMP_LINE={line:?}; COMP_POINT=${{#COMP_LINE}}; \
             COMP_WORDBREAKS=$' \\t\\n\"'\\''><=;|&(:'; _pgcoffer; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = stage.agent().command("bash", ["--norc", "-c", script.as_str()]);
        let output = bash.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(complete("pgcoffer backup --tier wee"), ["weekly"]);
    assert_eq!(complete("pgcoffer status "), ["main"]);
    // behind a colon bash begins a word of its own
    assert_eq!(complete("pgcoffer show latest:mon"), ["monthly"]);
    assert_eq!(complete("pgcoffer no-such-thing x"), [""]);
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = run(&format!("completions {shell}")).success();
        assert!(script.text().contains("pgcoffer"), "{shell}");
        // a shell that is here reads it
        if let Ok(mut checking) = Command::new(shell)
            .args(["-n", "/dev/stdin"])
            .stdin(std::process::Stdio::piped())
            .spawn()
        {
            std::io::Write::write_all(&mut checking.stdin.take().unwrap(), script.text().as_bytes()).unwrap();
            assert!(checking.wait().unwrap().success(), "{shell}");
        }
    }
}
