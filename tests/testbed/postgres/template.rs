//! The files that initdb makes, copied: a tenth of its work, and the suite makes hundreds of clusters.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::making::{as_server_user, initdb, run};
use super::{ClusterOptions, server_folder};

/// Removes the template when its own standard input closes: when the process ends, however it does.
const WATCHDOG: &str = r#"cat >/dev/null; rm -rf "$1""#;

/// What initdb has made with one version's programs and no password. Nobody starts it.
struct Template {
    dir: PathBuf,
    /// holds the pipe
    _watchdog: Child,
}

impl Template {
    fn make(bin: &Path) -> Self {
        let dir = server_folder();
        let watchdog = as_server_user("sh")
            .args(["-c", WATCHDOG, "template-watchdog"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        initdb(bin, &dir, &ClusterOptions::default());
        // pg_resetwal makes a log anew
        for entry in std::fs::read_dir(dir.join("data/pg_wal")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        Self {
            dir,
            _watchdog: watchdog,
        }
    }
}

/// Puts a new cluster's files into `dir`, as initdb does without a password, with a system identifier of their own.
pub(super) fn copy(bin: &Path, dir: &Path) {
    static TEMPLATES: Mutex<BTreeMap<PathBuf, Template>> = Mutex::new(BTreeMap::new());
    let from = {
        let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
        let template = templates.entry(bin.to_owned()).or_insert_with(|| Template::make(bin));
        template.dir.join("data")
    };
    let data = dir.join("data");
    let mut command = as_server_user("cp");
    command.args(["--recursive", "--preserve=mode"]).arg(from).arg(&data);
    run(command);
    // Its first field in each version. The checksum no longer fits then, which --force passes over.
    let control = File::options()
        .write(true)
        .open(data.join("global/pg_control"))
        .unwrap();
    control.write_all_at(&system_identifier().to_ne_bytes(), 0).unwrap();
    let mut command = as_server_user(bin.join("pg_resetwal"));
    command.arg("--force").arg(&data);
    run(command);
}

/// As initdb makes it: the time in its upper half.
fn system_identifier() -> u64 {
    let mut random = [0; 4];
    getrandom::fill(&mut random).unwrap();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    (seconds << 32) | u64::from(u32::from_ne_bytes(random))
}
