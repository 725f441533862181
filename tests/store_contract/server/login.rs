//! Keys, agents, and the keys of servers.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pgcoffer::{
    redact::SecretText,
    store::{Error, HostKeys, Kind, SftpOptions, SshKeySource, Store},
};

use super::scene::Scene;
use crate::testbed::{INSTALL_HINT, SshdOptions};

/// An agent on a socket of its own. It ends when it is dropped.
struct SshAgent {
    child: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl SshAgent {
    fn start(keys: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn();
        let child = child.unwrap_or_else(|_| panic!("found no ssh-agent: {INSTALL_HINT}"));
        let began = Instant::now();
        while !socket.exists() {
            assert!(began.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(10));
        }
        for key in keys {
            let added = Command::new("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", &socket)
                .status();
            assert!(added.unwrap().success());
        }
        Self {
            child,
            socket,
            _folder: folder,
        }
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: PathBuf) -> Option<SshKeySource> {
    let setting = SecretText::new(fs::read_to_string(path).unwrap());
    Some(SshKeySource::of_setting(&setting))
}

fn phrase(text: &str) -> Option<SecretText> {
    Some(SecretText::new(text.to_owned()))
}

#[test]
fn each_type_of_key_logs_in() {
    let scene = Scene::new();
    let forms: [(&str, &[&str]); 10] = [
        ("ed", &["-t", "ed25519"]),
        ("ec256", &["-t", "ecdsa", "-b", "256"]),
        ("ec384", &["-t", "ecdsa", "-b", "384"]),
        ("ec521", &["-t", "ecdsa", "-b", "521"]),
        ("rsa2048", &["-t", "rsa", "-b", "2048"]),
        ("rsa3072", &["-t", "rsa", "-b", "3072"]),
        ("rsa_pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("rsa_pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"]),
        ("ec_pem", &["-t", "ecdsa", "-m", "PEM"]),
        ("ec_pkcs8", &["-t", "ecdsa", "-m", "PKCS8"]),
    ];
    for (name, options) in forms {
        let path = scene.sshd.make_key(name, options);
        let login = |key| scene.reach(|options| options.key = key);
        let refused = login(Some(SshKeySource::File(path.clone()))).unwrap_err();
        assert_eq!(refused.kind, Kind::WrongCredentials, "{name}: {refused}");
        assert!(refused.why.contains("it takes publickey"), "{name}: {refused}");
        let public = fs::read_to_string(path.with_extension("pub")).unwrap();
        let public = public.split(' ').nth(1).unwrap();
        assert!(refused.hint().unwrap().contains(public), "{name}: {:?}", refused.hint());
        scene.sshd.authorize(name);
        login(Some(SshKeySource::File(path.clone()))).unwrap_or_else(|e| panic!("{name}: {e}"));
        login(text(path)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn an_encrypted_key_is_opened_by_its_passphrase() {
    let scene = Scene::new();
    for (name, kind) in [("locked", "ed25519"), ("locked_rsa", "rsa")] {
        let path = scene.sshd.make_key(name, &["-t", kind, "-N", "open sesame", "-a", "1"]);
        scene.sshd.authorize(name);
        let login = |passphrase: Option<&str>| {
            scene.reach(|options| {
                options.key = Some(SshKeySource::File(path.clone()));
                options.passphrase = passphrase.and_then(phrase);
            })
        };
        login(Some("open sesame")).unwrap();
        for (wrong, hint) in [
            (None, "give its passphrase"),
            (Some("sesame"), "correct the passphrase"),
        ] {
            let refused = login(wrong).unwrap_err();
            assert_eq!(refused.kind, Kind::Configuration, "{refused}");
            assert!(refused.hint().unwrap().contains(hint), "{refused} {:?}", refused.hint());
        }
    }
}

#[test]
fn what_is_no_key_is_refused_before_anything_is_asked() {
    let scene = Scene::new();
    let public = scene.sshd.path("client.pub");
    let missing = scene.sshd.path("missing");
    for path in [public, missing] {
        let key = Some(SshKeySource::File(path));
        let refused = scene.connect(|options| options.key = key).err().unwrap();
        assert_eq!(refused.kind, Kind::Configuration, "{refused}");
    }
    let nothing = scene.connect(|options| options.key = None).err().unwrap();
    assert_eq!(nothing.kind, Kind::NoCredentials);
    assert!(nothing.hint().unwrap().contains("ssh-keygen"));
    assert_eq!(scene.sshd.logins(), 0);
}

#[test]
fn the_keys_of_an_agent_log_in() {
    let scene = Scene::new();
    let others: Vec<PathBuf> = (0..2)
        .map(|n| scene.sshd.make_key(&format!("other{n}"), &["-t", "ed25519"]))
        .collect();
    let rsa = scene.sshd.make_key("rsa", &["-t", "rsa"]);
    scene.sshd.authorize("rsa");
    let login = |agent: &SshAgent| {
        scene.reach(|options| {
            options.key = None;
            options.agent = Some(agent.socket.clone());
        })
    };
    let mut keys = others.clone();
    keys.push(rsa);
    login(&SshAgent::start(&keys)).unwrap();
    login(&SshAgent::start(&[scene.sshd.path("client")])).unwrap();
    let refused = login(&SshAgent::start(&others)).unwrap_err();
    assert_eq!(refused.kind, Kind::WrongCredentials);
    assert!(refused.why.contains("2 keys of the agent"), "{refused}");
    let mut agent = SshAgent::start(&[]);
    let empty = login(&agent).unwrap_err();
    assert!(
        empty.kind == Kind::NoCredentials && empty.why.contains("has no key"),
        "{empty}"
    );
    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    assert_eq!(login(&agent).unwrap_err().kind, Kind::NoCredentials);
}

/// A server with several host keys shows one of them in each connection.
#[test]
fn any_of_the_servers_keys_may_be_pinned() {
    let scene = Scene::with(
        SshdOptions {
            host_keys: &["ed25519", "ecdsa", "rsa"],
            ..SshdOptions::default()
        },
        |_| {},
    );
    let (sshd, port) = (&scene.sshd, scene.sshd.port());
    let known = scene.sshd.path("known_hosts");
    fs::write(
        &known,
        format!(
            "other {}[127.0.0.1]:{port} {}",
            sshd.host_key("rsa"),
            sshd.host_key("ecdsa")
        ),
    )
    .unwrap();
    for pin in [
        sshd.fingerprint("ed25519"),
        sshd.fingerprint("ecdsa"),
        sshd.host_key("ecdsa"),
        format!("[127.0.0.1]:{port} {}", sshd.host_key("ed25519")),
        known.display().to_string(),
    ] {
        let keys = HostKeys::of_setting(&pin).unwrap();
        scene
            .reach(|options| options.host_keys = keys)
            .unwrap_or_else(|e| panic!("{pin}: {e}"));
    }
    let rsa = HostKeys::of_setting(&sshd.host_key("rsa")).unwrap();
    let refused = scene.reach(|options| options.host_keys = rsa).unwrap_err();
    assert!(refused.hint().unwrap().contains("ed25519"), "{refused}");
}

/// Nobody logs in on a server whose key isn't pinned, and the error says what to pin.
#[test]
fn a_key_that_is_not_pinned_is_refused_before_the_login() {
    let scene = Scene::new();
    let print = scene.sshd.fingerprint("ed25519");
    let other = scene.sshd.make_key("other", &["-t", "ed25519"]).with_extension("pub");
    let other = fs::read_to_string(other).unwrap();
    let refused = |keys: HostKeys| scene.reach(|options| options.host_keys = keys).unwrap_err();
    let none = refused(HostKeys::default());
    let for_another_host = refused(HostKeys::of_setting(&format!("nas {other}")).unwrap());
    for error in [&none, &for_another_host] {
        assert!(error.why.contains("no key is pinned"), "{error}");
    }
    let wrong = refused(HostKeys::of_setting(&other).unwrap());
    assert!(wrong.why.contains("another one is pinned"), "{wrong}");
    let revoked = format!(
        "@revoked * {0}[127.0.0.1]:{1} {0}",
        scene.sshd.host_key("ed25519"),
        scene.sshd.port()
    );
    let revoked = refused(HostKeys::of_setting(&revoked).unwrap());
    assert!(revoked.why.contains("revoked"), "{revoked}");
    for error in [none, for_another_host, wrong, revoked] {
        assert_eq!(error.kind, Kind::Certificate);
        assert!(error.why.contains(&format!("ssh-ed25519 {print}")), "{error}");
    }
    assert_eq!(scene.sshd.logins(), 0);
}

#[test]
fn a_changed_host_key_is_refused_in_the_middle_of_the_work() {
    let mut scene = Scene::new();
    scene.put("main/x", "x").unwrap();
    for name in ["host_ed25519", "host_ed25519.pub"] {
        fs::remove_file(scene.sshd.path(name)).unwrap();
    }
    scene.sshd.make_key("host_ed25519", &["-t", "ed25519"]);
    scene.sshd.restart();
    let refused = scene.put("main/y", "y").unwrap_err();
    assert_eq!(refused.kind, Kind::Certificate, "{refused}");
    assert!(refused.why.contains(&scene.sshd.fingerprint("ed25519")), "{refused}");
    assert!(
        refused.hint().unwrap().contains("somebody else answers"),
        "{:?}",
        refused.hint()
    );
    assert_eq!(scene.sshd.logins(), 0);
}

#[test]
fn what_is_no_server_is_told_apart() {
    let scene = Scene::new();
    let reach = |change: &dyn Fn(&mut SftpOptions)| {
        let began = Instant::now();
        let error = scene.reach(change).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(20), "{error}");
        error
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = reach(&|options| options.location.port = free);
    assert_eq!(refused.kind, Kind::Unreachable);
    assert!(refused.why.contains("connection refused"), "{refused}");
    assert!(
        refused.hint().unwrap().contains(&format!("port {free}")),
        "{:?}",
        refused.hint()
    );
    let unknown = reach(&|options| options.location.host = "nas.invalid".to_owned());
    assert!(unknown.why.contains("no host of that name"), "{unknown}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let silent = reach(&|options| {
        options.location.port = port;
        options.connect_max = Duration::from_secs(1);
    });
    assert!(silent.why.contains("within 1 s"), "{silent}");
    let http = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = http.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        for mut stream in http.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    let other = reach(&|options| options.location.port = port);
    assert!(matches!(other.kind, Kind::Endpoint | Kind::Unreachable), "{other}");
}

#[test]
fn a_server_without_sftp_is_told_apart() {
    let refused = |options: SshdOptions| -> Error { Scene::with(options, |_| {}).reach(|_| {}).unwrap_err() };
    let none = refused(SshdOptions {
        subsystem: "internal-sftp\nSubsystem other internal-sftp\nForceCommand false".to_owned(),
        ..SshdOptions::default()
    });
    assert!(matches!(none.kind, Kind::Unreachable | Kind::Unsupported), "{none}");
    // as a login script does that greets
    let noisy = refused(SshdOptions {
        settings: "ForceCommand echo Welcome to this server".to_owned(),
        ..SshdOptions::default()
    });
    assert_eq!(noisy.kind, Kind::Endpoint, "{noisy}");
    assert!(noisy.hint().unwrap().contains("login script"), "{:?}", noisy.hint());
}

/// A password is never sent where a key is refused, nor to a server that doesn't take one.
#[test]
fn a_server_that_takes_no_password_is_told_apart() {
    let scene = Scene::new();
    let refused = scene.reach(|options| {
        options.key = None;
        options.password = phrase("secret");
    });
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, Kind::WrongCredentials);
    assert!(!refused.to_string().contains("secret"));
    assert!(
        refused.hint().unwrap().contains("give a private key"),
        "{:?}",
        refused.hint()
    );
}

/// Secrets of the options are not shown.
#[test]
fn options_show_no_secret() {
    let scene = Scene::new();
    let mut options = scene.sshd.sftp_options();
    options.key = text(scene.sshd.path("client"));
    (options.password, options.passphrase) = (phrase("hush-1"), phrase("hush-2"));
    let shown = format!("{options:?}");
    assert!(!shown.contains("hush") && !shown.contains("BEGIN"), "{shown}");
    assert!(Store::connect_sftp(options).is_ok());
}
