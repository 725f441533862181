//! OpenSSH's server on a port of its own, with its own keys and settings. It ends when it is dropped.
//!
//! It runs as an ordinary user, also where the tests are root's: so the permissions of files count.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pgcoffer::store::{HostKeys, Location, SftpLocation, SftpOptions, SshKeySource};

use super::{
    INSTALL_HINT, is_root,
    postgres::{as_server_user, free_port, server_user},
    project, temporary_root,
};

/// Starts it in the foreground, waits for the end of its own standard input, and stops it with its sessions.
const WATCHDOG: &str = r#"
limit=$1; shift
[ "$limit" = none ] || ulimit -f "$limit"
"$@" </dev/null &
server=$!
echo "$server"
cat >/dev/null
kill "$server" 2>/dev/null
wait "$server"
"#;

/// What is special about a server.
#[derive(Debug, Clone)]
pub struct SshdOptions {
    /// The line `Subsystem sftp …`.
    pub subsystem: String,
    /// Further lines of its settings.
    pub settings: String,
    /// Runs it as root, as `ChrootDirectory` needs it.
    pub as_root: bool,
    /// The largest file that it may write, in KiB.
    pub file_kib_max: Option<u64>,
    /// The types of its host keys, as `ssh-keygen -t` names them.
    pub host_keys: &'static [&'static str],
}

impl Default for SshdOptions {
    fn default() -> Self {
        Self {
            subsystem: "internal-sftp".to_owned(),
            settings: String::new(),
            as_root: false,
            file_kib_max: None,
            host_keys: &["ed25519"],
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Sshd {
    port: u16,
    options: SshdOptions,
    child: Option<Child>,
    /// The process of the server itself.
    pid: u32,
    dir: tempfile::TempDir,
}

impl Sshd {
    pub fn start() -> Self {
        Self::with(SshdOptions::default())
    }

    pub fn with(options: SshdOptions) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("pgcoffer-sshd-")
            .tempdir_in(temporary_root())
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut sshd = Self {
            port: free_port(),
            options,
            child: None,
            pid: 0,
            dir,
        };
        for (name, kind) in sshd
            .options
            .host_keys
            .iter()
            .map(|kind| (format!("host_{kind}"), *kind))
        {
            sshd.make_key(&name, &["-t", kind]);
        }
        sshd.make_key("client", &["-t", "ed25519"]);
        sshd.authorize("client");
        fs::create_dir(sshd.folder()).unwrap();
        sshd.give(&sshd.folder());
        // between choosing a free port and taking it somebody else may take it
        while !sshd.try_restart() {
            sshd.port = free_port();
        }
        sshd
    }

    /// Makes a key pair, `name` and `name.pub`, beside its settings.
    pub fn make_key(&self, name: &str, options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-C", "test", "-f"]).arg(&path).args(options);
        if !options.contains(&"-N") {
            command.args(["-N", ""]);
        }
        let made = command
            .status()
            .unwrap_or_else(|_| panic!("found no ssh-keygen: {INSTALL_HINT}"));
        assert!(made.success());
        if name.starts_with("host_") {
            self.give(&path);
        }
        path
    }

    /// Lets who has this key log in.
    pub fn authorize(&self, name: &str) {
        use std::io::Write as _;
        let key = fs::read(self.path(&format!("{name}.pub"))).unwrap();
        let path = self.path("authorized_keys");
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
        file.write_all(&key).unwrap();
    }

    /// A path beside its settings.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The folder for backups.
    pub fn folder(&self) -> PathBuf {
        self.path("place")
    }

    /// Makes the server's user the owner.
    pub fn give(&self, path: &Path) {
        if let Some((uid, gid)) = server_user().filter(|_| !self.options.as_root) {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user as whom one logs in: the one that the server runs as.
    pub fn user(&self) -> String {
        if is_root() {
            return if self.options.as_root { "root" } else { "postgres" }.to_owned();
        }
        let id = Command::new("id").arg("-un").output().unwrap();
        String::from_utf8(id.stdout).unwrap().trim().to_owned()
    }

    /// The line of the public host key of this type.
    pub fn host_key(&self, kind: &str) -> String {
        fs::read_to_string(self.path(&format!("host_{kind}.pub"))).unwrap()
    }

    /// `SHA256:…`
    pub fn fingerprint(&self, kind: &str) -> String {
        let shown = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.path(&format!("host_{kind}.pub")))
            .output()
            .unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        shown
            .split(' ')
            .find(|word| word.starts_with("SHA256:"))
            .unwrap()
            .to_owned()
    }

    /// The location of a path on it.
    pub fn location(&self, path: impl AsRef<Path>) -> SftpLocation {
        let text = format!(
            "sftp://{}@127.0.0.1:{}{}",
            self.user(),
            self.port,
            path.as_ref().display()
        );
        match Location::parse(&text).unwrap() {
            Location::Server(location) => location,
            other => panic!("{other}"),
        }
    }

    /// What it takes to reach the folder for backups.
    pub fn sftp_options(&self) -> SftpOptions {
        SftpOptions {
            host_keys: HostKeys::of_setting(&self.fingerprint(self.options.host_keys[0])).unwrap(),
            key: Some(SshKeySource::File(self.path("client"))),
            ..SftpOptions::new(self.location(self.folder()))
        }
    }

    /// Stops it and starts it again, at the same port.
    pub fn restart(&mut self) {
        assert!(self.try_restart(), "somebody else has taken port {}", self.port);
    }

    /// Starts it, or stops it and starts it again. False where the port was taken.
    fn try_restart(&mut self) -> bool {
        self.stop();
        fs::write(self.path("sshd_config"), self.settings()).unwrap();
        let program = program();
        let mut command = match self.options.as_root {
            true => {
                assert!(is_root());
                // the folder that sshd's privileged process chroots into, which a service would make
                let _ = fs::create_dir("/run/sshd");
                Command::new("sh")
            }
            false => as_server_user("sh"),
        };
        let limit = self
            .options
            .file_kib_max
            .map_or("none".to_owned(), |kib| (kib * 2).to_string());
        let log = fs::File::create(self.path("log")).unwrap();
        let mut child = command
            .args(["-c", WATCHDOG, "sshd-watchdog", &limit])
            .arg(&program)
            .args(["-D", "-e", "-f"])
            .arg(self.path("sshd_config"))
            .env("LD_LIBRARY_PATH", libraries(&program))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        self.pid = line.trim().parse().unwrap();
        self.child = Some(child);
        let began = Instant::now();
        loop {
            // by its own log, as somebody else may answer at this port
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            if log.contains("Server listening on ") {
                return true;
            }
            if log.contains("Address already in use") {
                return false;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "sshd did not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it, with its sessions.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let sessions = descendants(self.pid);
            drop(child.stdin.take());
            let _ = child.wait();
            kill(&sessions);
        }
    }

    /// Starts it again with further lines of its settings.
    pub fn set(&mut self, settings: String) {
        self.options.settings = settings;
        self.restart();
    }

    /// Starts it again with another line `Subsystem sftp …`.
    pub fn set_subsystem(&mut self, subsystem: &str) {
        self.options.subsystem = subsystem.to_owned();
        self.restart();
    }

    /// Starts it again without a limit of its files.
    pub fn lift_file_limit(&mut self) {
        self.options.file_kib_max = None;
        self.restart();
    }

    /// Has its sessions do nothing until this is dropped.
    pub fn hold_sessions(&self) -> Held {
        let sessions = descendants(self.pid);
        assert!(!sessions.is_empty());
        signal("-STOP", &sessions);
        Held(sessions)
    }

    /// Kills its sessions, and goes on taking connections. Returns how many processes that were.
    pub fn kill_sessions(&self) -> usize {
        let sessions = descendants(self.pid);
        kill(&sessions);
        sessions.len()
    }

    /// The connections that were logged in so far, by its log.
    pub fn logins(&self) -> usize {
        let log = fs::read_to_string(self.path("log")).unwrap();
        log.matches("Accepted publickey for ").count()
    }

    /// The bytes that it received over all connections that have ended, by its log.
    pub fn received(&self) -> u64 {
        let log = fs::read_to_string(self.path("log")).unwrap();
        let ends = log.split("Transferred: sent ").skip(1);
        let received = ends.filter_map(|end| end.split("received ").nth(1)?.split(' ').next()?.parse::<u64>().ok());
        received.sum()
    }

    fn settings(&self) -> String {
        let SshdOptions {
            subsystem, settings, ..
        } = &self.options;
        let keys = self
            .options
            .host_keys
            .iter()
            .map(|kind| format!("HostKey {}\n", self.path(&format!("host_{kind}")).display()));
        let beside = program();
        let beside = beside.parent().unwrap().join("../lib/openssh");
        // from OpenSSH 9.8 on it is several programs
        let parts = [("SshdSessionPath", "sshd-session"), ("SshdAuthPath", "sshd-auth")];
        let parts = parts.map(|(setting, name)| (setting, beside.join(name)));
        let parts = parts
            .iter()
            .filter(|(_, path)| path.exists())
            .map(|(setting, path)| format!("{setting} {}\n", path.display()));
        format!(
            "Port {}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
             AuthorizedKeysFile {}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n\
             MaxStartups 100\n{}{}Subsystem sftp {subsystem}\n{settings}\n",
            self.port,
            self.path("authorized_keys").display(),
            keys.collect::<String>(),
            parts.collect::<String>(),
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The program: this machine's, or the one that was unpacked for the tests.
fn program() -> PathBuf {
    let own = project().join(".testbed/openssh/usr/sbin/sshd");
    let found = [PathBuf::from("/usr/sbin/sshd"), own]
        .into_iter()
        .find_map(|path| path.canonicalize().ok());
    found.unwrap_or_else(|| panic!("found no sshd: {INSTALL_HINT}"))
}

/// Where the libraries lie that were unpacked with it.
fn libraries(program: &Path) -> PathBuf {
    let root = program.parent().unwrap().join("../lib");
    let folders = fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let found = folders.into_iter().find(|folder| folder.join("libwrap.so.0").exists());
    found.unwrap_or(root)
}

/// All processes below this one.
fn descendants(pid: u32) -> Vec<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| parent(&entry.path()))
        .collect();
    let mut found = vec![pid];
    let mut at = 0;
    while at < found.len() {
        let above = found[at];
        let below = all.iter().filter(|(_, parent)| *parent == above);
        found.extend(below.map(|(pid, _)| *pid));
        at += 1;
    }
    found.remove(0);
    found
}

/// A process and its parent, from `/proc/PID`.
fn parent(path: &Path) -> Option<(u32, u32)> {
    let pid = path.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    // the name, which may contain anything, stands in parentheses
    let behind = stat.rsplit_once(')')?.1;
    let parent = behind.split_whitespace().nth(1)?.parse().ok()?;
    Some((pid, parent))
}

fn kill(processes: &[u32]) {
    signal("-KILL", processes);
}

fn signal(signal: &str, processes: &[u32]) {
    for pid in processes {
        let _ = Command::new("kill")
            .args([signal, &pid.to_string()])
            .stderr(Stdio::null())
            .status();
    }
}

/// Processes that do nothing for the time being.
#[derive(Debug)]
pub struct Held(Vec<u32>);

impl Drop for Held {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}
