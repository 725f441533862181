//! A release made of the binary under test, and the server that it is downloaded from.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
    thread::JoinHandle,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use tokio::sync::oneshot;

use crate::testbed::{INSTALL_HINT, binary, project};

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the documentation says that releases are.
pub(crate) const PUBLIC_URL: &str = concat!(
    "https://github.com/pgcoffer/pgcoffer/releases/download/v",
    env!("CARGO_PKG_VERSION")
);

/// Where the documentation says that the public half of the release key is: beside the sources, not among a release's
/// files.
pub(crate) const KEY_URL: &str = concat!(
    "https://raw.githubusercontent.com/pgcoffer/pgcoffer/v",
    env!("CARGO_PKG_VERSION"),
    "/packaging/release-key.pem"
);

/// The name of this machine's archive.
pub(crate) fn archive_name() -> String {
    format!("pgcoffer-{VERSION}-{}-linux.tar.gz", std::env::consts::ARCH)
}

/// A folder with this machine's archive and Debian package, packed once for all tests as a release is.
pub(crate) fn packed() -> &'static Path {
    static PACKED: OnceLock<PathBuf> = OnceLock::new();
    PACKED.get_or_init(|| {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (folder, stripped) = (top.join("release"), top.join("pgcoffer"));
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let mut strip = Command::new("strip");
        run(strip.arg("-o").arg(&stripped).arg(binary()));
        let cargo_deb = project().join(".testbed/cargo/bin");
        assert!(cargo_deb.join("cargo-deb").exists(), "no cargo-deb: {INSTALL_HINT}");
        let path = std::env::join_paths(
            [cargo_deb]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut pack = Command::new(project().join("packaging/package.sh"));
        pack.arg(&stripped).arg(&folder).arg("--fast");
        run(pack.env("PATH", path.unwrap()));
        folder
    })
}

/// Runs it to its end, which must be good; what it printed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    assert!(output.status.success(), "{command:?}:\n{}", said.concat());
    said[0].clone()
}

/// Serves files over HTTP on a free port of 127.0.0.1, and remembers what was asked for.
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
}

impl Server {
    /// A server of nothing yet.
    pub(crate) fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let served = axum::serve(listener, router);
                // a client that holds its connection open is not waited for
                tokio::select! { _ = served => {}, _ = stopped => {} }
            });
        });
        Self {
            url,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// A server of the packed release, signed, and of the public half of the key.
    pub(crate) fn of_release() -> Self {
        let server = Self::start();
        let files = fs::read_dir(packed()).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        });
        server.release(&files.collect::<Vec<_>>(), release_key());
        let key = fs::read(release_key().join("public.pem")).unwrap();
        server.put("release-key.pem", key);
        server
    }

    /// Puts these files there, with their checksums as this key signs them.
    pub(crate) fn release(&self, files: &[(String, Vec<u8>)], key: &Path) {
        let (sums, signature) = signed(files, key);
        self.put("SHA256SUMS", sums);
        self.put("SHA256SUMS.sig", signature);
        for (name, content) in files {
            self.put(name, content.clone());
        }
    }

    pub(crate) fn put(&self, name: &str, content: Vec<u8>) {
        self.shared.files.lock().unwrap().insert(format!("/{name}"), content);
    }

    /// How often this file was asked for.
    pub(crate) fn asked(&self, name: &str) -> usize {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|path| **path == format!("/{name}")).count()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> (StatusCode, Vec<u8>) {
    let path = request.uri().path().to_owned();
    shared.asked.lock().unwrap().push(path.clone());
    match shared.files.lock().unwrap().get(&path) {
        Some(content) => (StatusCode::OK, content.clone()),
        None => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

/// The buildpack that installs this version from below that URL, and believes what the tests' release key has signed.
pub(crate) fn buildpack(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut make = Command::new(project().join("packaging/package.sh"));
    make.arg("--buildpack").arg(folder.path()).arg(url);
    run(make.arg(release_key().join("public.pem")));
    folder
}

/// A folder with a key pair, made as `packaging/sign.sh --new-key` makes it, but that nobody is there to type a
/// passphrase.
pub(crate) fn new_key(folder: &Path) {
    let mut make = Command::new("openssl");
    make.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    run(make.arg("-out").arg(folder.join("private.pem")));
    let mut publish = Command::new("openssl");
    publish.args(["pkey", "-pubout", "-in"]).arg(folder.join("private.pem"));
    run(publish.arg("-out").arg(folder.join("public.pem")));
}

/// The release key of these tests.
pub(crate) fn release_key() -> &'static Path {
    static KEY: OnceLock<PathBuf> = OnceLock::new();
    KEY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release-key");
        fs::create_dir_all(&folder).unwrap();
        new_key(&folder);
        folder
    })
}

/// The list of checksums of these files, and its signature by the key in that folder.
pub(crate) fn signed(files: &[(String, Vec<u8>)], key: &Path) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let mut finish = Command::new(project().join("packaging/package.sh"));
    run(finish.arg("--finish").arg(folder.path()));
    let mut sign = Command::new(project().join("packaging/sign.sh"));
    sign.arg(folder.path()).arg(key.join("private.pem"));
    run(sign.arg(key.join("public.pem")));
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    (read("SHA256SUMS"), read("SHA256SUMS.sig"))
}
