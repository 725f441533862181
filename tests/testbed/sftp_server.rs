//! An SFTP server in this process, on a folder, that behaves as other servers than OpenSSH's do: it knows few
//! extensions, its rename takes names, its listing follows links, it asks for passwords, and it refuses to write.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use pgcoffer::{
    redact::SecretText,
    store::{HostKeys, Location, SftpOptions},
};
use russh::{
    Channel, ChannelId, MethodKind, MethodSet, SshId,
    keys::{Algorithm, HashAlg, PrivateKey},
    server::{self, Auth, ChannelOpenHandle, Msg, Session},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct SftpBehaviour {
    /// Whether it knows `hardlink@openssh.com`, and `posix-rename@openssh.com`.
    pub links: bool,
    pub posix_renames: bool,
    /// Its rename takes the name of another file.
    pub renames_over: bool,
    /// Its listing tells of a link what it leads to.
    pub lists_through_links: bool,
    /// It doesn't set dates.
    pub keeps_dates: bool,
    /// It refuses to write beyond so many bytes of a file, with this code and these words.
    pub write_refusal: Option<(u64, u32, &'static str)>,
    /// The next so many bytes that are written to a file longer than 64 KiB arrive damaged.
    pub damages: bool,
    /// It returns at most so many bytes of one read.
    pub read_bytes_max: usize,
    /// It asks for the password as a question, instead of taking it as a password.
    pub asks: bool,
}

impl Default for SftpBehaviour {
    fn default() -> Self {
        Self {
            links: false,
            posix_renames: false,
            renames_over: true,
            lists_through_links: true,
            keeps_dates: false,
            write_refusal: None,
            damages: false,
            read_bytes_max: 10_000,
            asks: false,
        }
    }
}

/// The password of everybody.
pub const PASSWORD: &str = "correct horse";

/// A running server.
#[derive(Debug)]
pub struct SftpServer {
    port: u16,
    fingerprint: String,
    folder: tempfile::TempDir,
    stray_closes: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl SftpServer {
    pub fn start(behaviour: SftpBehaviour) -> Self {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let kinds = [MethodKind::Password, MethodKind::KeyboardInteractive];
        let method = kinds[usize::from(behaviour.asks)];
        let config = Arc::new(server::Config {
            server_id: SshId::Standard("SSH-2.0-Other_1.0".into()),
            keys: vec![key],
            methods: MethodSet::from(&[method][..]),
            auth_rejection_time: Duration::from_millis(50),
            ..server::Config::default()
        });
        let stray_closes = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&stray_closes);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let login = Login {
                    behaviour: behaviour.clone(),
                    channel: None,
                    stray_closes: Arc::clone(&counted),
                };
                let running = server::run_stream(Arc::clone(&config), stream, login);
                tokio::spawn(async move {
                    if let Ok(session) = running.await {
                        let _ = session.await;
                    }
                });
            }
        });
        Self {
            port,
            fingerprint,
            folder: tempfile::tempdir().unwrap(),
            stray_closes,
            _runtime: runtime,
        }
    }

    /// `SHA256:…` of its host key.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The folder for backups.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// How often something was closed that wasn't open: it might have been another's.
    pub fn stray_closes(&self) -> usize {
        self.stray_closes.load(Ordering::Relaxed)
    }

    /// What it takes to reach the folder.
    pub fn sftp_options(&self) -> SftpOptions {
        let text = format!(
            "sftp://somebody@127.0.0.1:{}{}",
            self.port,
            self.folder.path().display()
        );
        let Location::Server(location) = Location::parse(&text).unwrap() else {
            panic!("{text}");
        };
        SftpOptions {
            host_keys: HostKeys::of_setting(&self.fingerprint).unwrap(),
            password: Some(SecretText::new(PASSWORD.to_owned())),
            ..SftpOptions::new(location)
        }
    }
}

struct Login {
    behaviour: SftpBehaviour,
    channel: Option<Channel<Msg>>,
    stray_closes: Arc<AtomicUsize>,
}

impl server::Handler for Login {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(verdict(!self.behaviour.asks && password == PASSWORD))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<server::Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        Ok(match response {
            Some(mut answers) => verdict(answers.next().is_some_and(|answer| answer == PASSWORD.as_bytes())),
            None => Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            },
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(&mut self, id: ChannelId, _: &str, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        let channel = self.channel.take().unwrap();
        let files = Files {
            behaviour: self.behaviour.clone(),
            open: HashMap::new(),
            next: 0,
            stray_closes: Arc::clone(&self.stray_closes),
        };
        tokio::spawn(files.serve(channel.into_stream()));
        Ok(())
    }
}

fn verdict(is_right: bool) -> Auth {
    if is_right { Auth::Accept } else { Auth::reject() }
}

enum Open {
    File(fs::File),
    Folder(Option<Vec<fs::DirEntry>>),
}

/// One session of SFTP.
struct Files {
    behaviour: SftpBehaviour,
    open: HashMap<u32, Open>,
    next: u32,
    stray_closes: Arc<AtomicUsize>,
}

/// What remains of a request.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn number(&mut self) -> u32 {
        let (now, later) = self.0.split_first_chunk::<4>().unwrap();
        self.0 = later;
        u32::from_be_bytes(*now)
    }

    fn offset(&mut self) -> u64 {
        u64::from(self.number()) << 32 | u64::from(self.number())
    }

    fn bytes(&mut self) -> &[u8] {
        let length = self.number() as usize;
        let (now, later) = self.0.split_at(length);
        self.0 = later;
        now
    }

    fn path(&mut self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt as _;
        std::ffi::OsStr::from_bytes(self.bytes()).into()
    }

    fn handle(&mut self) -> u32 {
        u32::from_be_bytes(self.bytes().try_into().unwrap())
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn attributes(about: &fs::Metadata) -> Vec<u8> {
    let seconds = u32::try_from(about.mtime()).unwrap().to_be_bytes();
    let mut bytes = 13_u32.to_be_bytes().to_vec();
    bytes.extend(about.len().to_be_bytes());
    bytes.extend(about.mode().to_be_bytes());
    bytes.extend([seconds, seconds].concat());
    bytes
}

/// A reply: its type, and what follows the number.
type Reply = (u8, Vec<u8>);

fn status(code: u32, words: &str) -> Reply {
    (
        101,
        [&code.to_be_bytes()[..], &text(words.as_bytes()), &text(b"")].concat(),
    )
}

fn done(result: io::Result<()>) -> Reply {
    match result {
        Ok(()) => status(0, "Success"),
        Err(error) => failed(&error),
    }
}

fn failed(error: &io::Error) -> Reply {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => status(2, "No such file"),
        io::ErrorKind::PermissionDenied => status(3, "Permission denied"),
        _ => status(4, "Failure"),
    }
}

impl Files {
    async fn serve(mut self, mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
        while let Ok(length) = stream.read_u32().await {
            let mut packet = vec![0; length as usize];
            if stream.read_exact(&mut packet).await.is_err() {
                return;
            }
            let (kind, mut rest) = (packet[0], Rest(&packet[1..]));
            let id = rest.number().to_be_bytes();
            let reply = match kind {
                1 => [&[2][..], &3_u32.to_be_bytes(), &self.extensions()].concat(),
                _ => {
                    let (kind, body) = self.answer(kind, rest);
                    [&[kind][..], &id, &body].concat()
                }
            };
            if stream.write_all(&text(&reply)).await.is_err() {
                return;
            }
        }
    }

    fn extensions(&self) -> Vec<u8> {
        let all = [
            (self.behaviour.links, "hardlink@openssh.com"),
            (self.behaviour.posix_renames, "posix-rename@openssh.com"),
        ];
        let known = all.iter().filter(|(knows, _)| *knows);
        known
            .flat_map(|(_, name)| [text(name.as_bytes()), text(b"1")].concat())
            .collect()
    }

    fn answer(&mut self, kind: u8, mut rest: Rest<'_>) -> Reply {
        match kind {
            3 => {
                let (path, flags) = (rest.path(), rest.number());
                let mut how = fs::OpenOptions::new();
                how.read(flags & 1 != 0)
                    .write(flags & 2 != 0)
                    .create_new(flags & 0x20 != 0)
                    .mode(0o600);
                match how.open(path) {
                    Ok(file) => self.opened(Open::File(file)),
                    Err(error) => failed(&error),
                }
            }
            4 => match self.open.remove(&rest.handle()) {
                Some(_) => status(0, "Success"),
                None => {
                    self.stray_closes.fetch_add(1, Ordering::Relaxed);
                    status(4, "Failure")
                }
            },
            5 => self.read(rest).unwrap_or_else(|error| failed(&error)),
            6 => self.write(rest).unwrap_or_else(|error| failed(&error)),
            7 => about(fs::symlink_metadata(rest.path())),
            8 => about(self.file(rest.handle()).metadata()),
            10 if self.behaviour.keeps_dates => status(8, "Operation unsupported"),
            10 => {
                let file = rest.handle();
                let (_, _, modified) = (rest.number(), rest.number(), rest.number());
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(modified.into());
                done(self.file(file).set_modified(time))
            }
            11 => match fs::read_dir(rest.path()) {
                Ok(entries) => self.opened(Open::Folder(Some(entries.flatten().collect()))),
                Err(error) => failed(&error),
            },
            12 => self.list(rest.handle()),
            13 => done(fs::remove_file(rest.path())),
            14 => {
                let path = rest.path();
                let made = fs::create_dir(&path);
                done(made.and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o700))))
            }
            16 => (
                104,
                [&1_u32.to_be_bytes()[..], &text(rest.bytes()), &text(b""), &[0; 4]].concat(),
            ),
            17 => about(fs::metadata(rest.path())),
            18 => {
                let (from, to) = (rest.path(), rest.path());
                match !self.behaviour.renames_over && to.symlink_metadata().is_ok() {
                    true => status(4, "Failure"),
                    false => done(fs::rename(from, to)),
                }
            }
            200 => {
                let name = rest.bytes().to_vec();
                let (from, to) = (rest.path(), rest.path());
                match name.as_slice() {
                    b"hardlink@openssh.com" if self.behaviour.links => done(fs::hard_link(from, to)),
                    b"posix-rename@openssh.com" if self.behaviour.posix_renames => done(fs::rename(from, to)),
                    _ => status(8, "Operation unsupported"),
                }
            }
            _ => status(8, "Operation unsupported"),
        }
    }

    fn opened(&mut self, open: Open) -> Reply {
        self.next += 1;
        self.open.insert(self.next, open);
        (102, text(&self.next.to_be_bytes()))
    }

    fn file(&mut self, handle: u32) -> &mut fs::File {
        match self.open.get_mut(&handle) {
            Some(Open::File(file)) => file,
            _ => panic!("no file has the handle {handle}"),
        }
    }

    fn read(&mut self, mut rest: Rest<'_>) -> io::Result<Reply> {
        let (handle, offset, wanted) = (rest.handle(), rest.offset(), rest.number() as usize);
        let mut bytes = vec![0; wanted.min(self.behaviour.read_bytes_max)];
        let file = self.file(handle);
        file.seek(SeekFrom::Start(offset))?;
        let read = file.read(&mut bytes)?;
        Ok(match read {
            0 => status(1, "End of file"),
            read => (103, text(&bytes[..read])),
        })
    }

    fn write(&mut self, mut rest: Rest<'_>) -> io::Result<Reply> {
        let (handle, offset, mut bytes) = (rest.handle(), rest.offset(), rest.bytes().to_vec());
        if let Some((most, code, words)) = self.behaviour.write_refusal
            && offset + bytes.len() as u64 > most
        {
            return Ok(status(code, words));
        }
        if self.behaviour.damages && offset > 64 << 10 {
            bytes[7] ^= 1;
        }
        let file = self.file(handle);
        file.seek(SeekFrom::Start(offset))?;
        Ok(done(file.write_all(&bytes)))
    }

    fn list(&mut self, handle: u32) -> Reply {
        use std::os::unix::ffi::OsStrExt as _;
        let follows = self.behaviour.lists_through_links;
        let Some(Open::Folder(entries)) = self.open.get_mut(&handle) else {
            return status(4, "Failure");
        };
        let Some(entries) = entries.take().filter(|entries| !entries.is_empty()) else {
            return status(1, "End of file");
        };
        let mut body = u32::try_from(entries.len()).unwrap().to_be_bytes().to_vec();
        for entry in entries {
            let followed = fs::metadata(entry.path()).ok().filter(|_| follows);
            let told = followed.unwrap_or_else(|| entry.metadata().unwrap());
            body.extend(text(entry.file_name().as_bytes()));
            body.extend(text(b"as ls would print it"));
            body.extend(attributes(&told));
        }
        (104, body)
    }
}

fn about(found: io::Result<fs::Metadata>) -> Reply {
    match found {
        Ok(found) => (105, attributes(&found)),
        Err(error) => failed(&error),
    }
}
