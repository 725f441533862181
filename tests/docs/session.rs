//! One page, run in one shell.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    console,
    kinds::Fate,
    page::Page,
    script::{Exchange, Script, exchanges, output_name},
    stage::{Scene, Stage},
    testbed::{other_date, project},
};

/// Read by bash before the page's script. The trap tells the place and the command of the first failure.
const PRELUDE: &str = r#"
unset BASH_ENV
docs_fault() { [ -e "$DOCS_OUT/fault" ] || printf '%s\n%s\n%s' "$2" "$1" "$3" >"$DOCS_OUT/fault"; }
trap 'docs_fault $? $LINENO "$BASH_COMMAND"' ERR
set -Eeu
"#;

/// How long a page may take before it counts as hung.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Runs a page; what went wrong.
pub(crate) fn run(stage: &Stage, page: &Page) -> Vec<String> {
    let played = |fate| matches!(fate, Some(Fate::Run | Fate::Played | Fate::LookedAt));
    if !page.blocks.iter().any(|block| played(block.fate())) {
        return Vec::new();
    }
    let scene = stage.set();
    let resolve = |text: &str| scene.resolve(text);
    let mut faults = syntax_faults(page, &Script::looked_at(page, &resolve), &scene);
    let script = Script::of(page, &resolve);
    let out = scene.backstage.path();
    for (name, content) in &script.files {
        std::fs::write(out.join(name), content).unwrap();
    }
    std::fs::write(out.join("prelude"), PRELUDE.to_owned() + &before(page)).unwrap();
    std::fs::write(out.join("page"), &script.text).unwrap();
    let ended = run_bash(
        Command::new("bash")
            .arg(out.join("page"))
            .env_clear()
            .envs(other_date())
            .envs(stage.variables(page, &scene))
            .env("BASH_ENV", out.join("prelude"))
            .current_dir(scene.folder.path()),
        &out.join("shell"),
    );
    faults.extend(shell_fault(page, &scene, ended));
    faults.extend(console_faults(page, &scene));
    faults
}

/// What is done before a page in which no comments may stand.
fn before(page: &Page) -> String {
    let name = page.path.with_extension("sh");
    let file = project().join("tests/docs/before").join(name.file_name().unwrap());
    std::fs::read_to_string(file).unwrap_or_default()
}

/// What bash says of blocks that are not run.
fn syntax_faults(page: &Page, script: &str, scene: &Scene) -> Vec<String> {
    let file = scene.backstage.path().join("looked-at");
    std::fs::write(&file, script).unwrap();
    let output = Command::new("bash").arg("-n").arg(&file).output().unwrap();
    if output.status.success() {
        return Vec::new();
    }
    let said = String::from_utf8_lossy(&output.stderr).replace(file.to_str().unwrap(), page.path.to_str().unwrap());
    vec![said]
}

/// Runs it in a process group of its own, which is killed when its time is up. None where it was.
fn run_bash(command: &mut Command, log: &Path) -> Option<i32> {
    let log = std::fs::File::create(log).unwrap();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0)
        .spawn()
        .unwrap();
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        if began.elapsed() > TIMEOUT {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where the shell stopped, if not at its end.
fn shell_fault(page: &Page, scene: &Scene, ended: Option<i32>) -> Option<String> {
    if ended == Some(0) {
        return None;
    }
    let read = |name: &str| std::fs::read_to_string(scene.backstage.path().join(name)).unwrap_or_default();
    let told = read("fault");
    let mut told = told.splitn(3, '\n');
    let line: usize = told.next().and_then(|line| line.parse().ok()).unwrap_or(0);
    let (status, command) = (told.next().unwrap_or("?"), told.next().unwrap_or("?"));
    let how = match ended {
        None => format!("did not end within {} s", TIMEOUT.as_secs()),
        Some(code) => format!("`{command}` ended with {status} (the shell: {code})"),
    };
    // the block that was the last to say something, where the shell could not tell
    let ran = |line: usize| scene.backstage.path().join(output_name(line)).exists();
    let mut begun = page.blocks.iter().filter(|block| ran(block.line));
    let block = match line {
        0 => begun.next_back(),
        line => page.blocks.iter().rfind(|block| block.line <= line),
    };
    let said = block.map(|block| read(&output_name(block.line))).unwrap_or_default();
    let at = page.at(if line > 0 {
        line
    } else {
        block.map_or(0, |block| block.line)
    });
    let said = indented(&said) + &indented(&read("shell"));
    let script = scene.backstage.path().join("page");
    let said = said.replace(script.to_str().unwrap(), page.path.to_str().unwrap());
    Some(format!("{at}: {how}\n{said}"))
}

/// Commands whose output or status is another than what is shown.
fn console_faults(page: &Page, scene: &Scene) -> Vec<String> {
    let run = |fate| matches!(fate, Some(Fate::Run | Fate::Played));
    page.blocks
        .iter()
        .filter(|block| block.kind == "console" && run(block.fate()))
        .flat_map(exchanges)
        .filter_map(|exchange| {
            let fault = exchange_fault(&exchange, scene)?;
            Some(format!("{}: {fault}", page.at(exchange.line)))
        })
        .collect()
}

fn exchange_fault(exchange: &Exchange, scene: &Scene) -> Option<String> {
    let read = |name: &str| {
        let path = scene.backstage.path().join(format!("{}.{name}", exchange.line));
        std::fs::read_to_string(path).unwrap_or_default()
    };
    // what was never reached is the shell's fault, which is told
    let status: i32 = read("status").trim().parse().ok()?;
    let (stdout, stderr) = (read("stdout"), read("stderr"));
    let fails = exchange.shown.iter().any(|line| line.starts_with("error:"));
    let as_it_should = match exchange.status {
        Some(wanted) => status == wanted,
        None => (status != 0) == fails,
    };
    let shown: Vec<String> = exchange.shown.iter().map(|line| scene.resolve(line)).collect();
    let why = if as_it_should {
        console::difference(&shown, &stdout, &stderr)?
    } else {
        "it ended otherwise than shown".to_owned()
    };
    Some(format!(
        "`{}`: {why}; status {status}, stdout:\n{}stderr:\n{}",
        exchange.command,
        indented(&stdout),
        indented(&stderr)
    ))
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + "    " + line + "\n")
}

#[test]
fn what_goes_wrong_is_told_with_page_line_and_command() {
    let stage = Stage::start();
    let told = |text: &str| run(&stage, &Page::parse("docs/x.md".into(), text)).join("\n");
    let fault = told("# X\n\n```sh\ntrue\nls /nowhere\n```\n");
    assert!(fault.starts_with("docs/x.md:5: `ls /nowhere` ended with 2"), "{fault}");
    assert!(fault.contains("No such file"), "{fault}");

    let fault = told("```console\n$ echo a\nb\n$ false\n$ true\nerror: no\n```\n");
    let lines: Vec<_> = fault.lines().filter(|line| line.starts_with("docs/")).collect();
    assert_eq!(lines.len(), 3, "{fault}");
    assert!(
        lines[0].starts_with("docs/x.md:2: `echo a`: stdout is another one"),
        "{fault}"
    );
    assert!(lines[1].contains("md:4: `false`: it ended otherwise"), "{fault}");

    let fault = told("```sh needs=heroku\nheroku pg:promote X -a your-app --now\n```\n");
    assert!(
        fault.starts_with("docs/x.md:2:") && fault.contains("pg:promote has no flag --now"),
        "{fault}"
    );
    let fault = told("```sh needs=aws\naws iam create-user --name x\n```\n");
    assert!(
        fault.starts_with("docs/x.md:2:") && fault.contains("--user-name"),
        "{fault}"
    );
    let fault = told("```sh needs=docker\nif true\n```\n");
    assert!(fault.contains("docs/x.md") && fault.contains("syntax error"), "{fault}");
    let fault = told("```sql\nselect 1;\nselect nothing;\n```\n");
    assert!(fault.contains("docs/x.md:1:") && fault.contains(":3: ERROR"), "{fault}");
}
