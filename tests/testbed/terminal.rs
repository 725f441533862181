//! A real terminal (a pty) with the binary on it, and somebody who reads and types.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read as _, Write as _},
    process::{Child, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use super::{Agent, binary};

/// How long is waited for what is expected. On two busy cores one call of the Heroku CLI takes ten seconds.
const PATIENCE: Duration = Duration::from_secs(240);

/// A run on a terminal of its own. It is killed where it is dropped.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
    /// what collects the screen, until nobody has the terminal any more
    watch: JoinHandle<()>,
    /// how much of the screen was looked at
    seen: usize,
}

impl Terminal {
    /// Starts it with standard input, output and error on a terminal of 100 columns, which is its session's own, so
    /// that Ctrl-C reaches it as from a keyboard.
    pub fn start<S: AsRef<OsStr>>(agent: &Agent, args: impl IntoIterator<Item = S>) -> Self {
        Self::of_columns(100, agent, args)
    }

    /// The same on a terminal of so many columns.
    pub fn of_columns<S: AsRef<OsStr>>(columns: u16, agent: &Agent, args: impl IntoIterator<Item = S>) -> Self {
        Self::of_program(binary().as_os_str(), columns, agent, args)
    }

    /// The same for another program in the agent's environment.
    pub fn of_program<S: AsRef<OsStr>>(
        program: &OsStr,
        columns: u16,
        agent: &Agent,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 40,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let side = || {
            let name = name.to_str().unwrap();
            let file = File::options().read(true).write(true).open(name).unwrap();
            Stdio::from(file)
        };
        // setsid of util-linux makes the terminal the session's own
        let mut command = agent.command("setsid", ["--ctty".as_ref(), program]);
        command.args(args);
        if !agent.sets("TERM") {
            command.env("TERM", "xterm");
        }
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().unwrap();
        let keyboard = File::from(master);
        let screen = Arc::default();
        let watch = watch(keyboard.try_clone().unwrap(), Arc::clone(&screen));
        Self {
            child,
            keyboard,
            screen,
            watch,
            seen: 0,
        }
    }

    /// Everything that was ever written on it, with the terminal's own commands.
    pub fn screen(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.clone()
    }

    /// Waits until this is written, behind what was waited for before; what stands from there on.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.wait_until(&format!("{text:?}"), |terminal| {
            terminal.screen()[terminal.seen..].contains(text)
        });
        let screen = self.screen();
        let at = self.seen + screen[self.seen..].find(text).unwrap();
        self.seen = at + text.len();
        screen[at..].to_owned()
    }

    /// Waits for a question whose answer isn't shown. What is typed before the terminal hides it is thrown away by it.
    #[track_caller]
    pub fn expect_hidden(&mut self, text: &str) {
        self.expect(text);
        self.wait_until("echo off", |terminal| !terminal.echoes());
    }

    /// Types this and Enter, where a question hides its answer not before the terminal does.
    #[track_caller]
    pub fn answer(&mut self, text: &str) {
        let screen = self.screen();
        let asks_hidden = screen.lines().next_back().is_some_and(|line| {
            ["(not shown)", "Press Enter when it is stored"]
                .iter()
                .any(|words| line.contains(words))
        });
        if asks_hidden {
            self.wait_until("echo off", |terminal| !terminal.echoes());
        }
        self.press(&format!("{text}\r"));
    }

    /// Types this alone.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether the terminal shows what is typed.
    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Whether lines are edited by the terminal, as shells leave it.
    pub fn is_sane(&self) -> bool {
        let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Waits for its end, and a moment for what it wrote last, which the kernel may still hold when it has ended; the exit
    /// status.
    #[track_caller]
    pub fn ended(&mut self) -> i32 {
        self.wait_until("the end", |terminal| terminal.child.try_wait().unwrap().is_some());
        let ended = Instant::now();
        // what it has started may keep the terminal for longer
        while ended.elapsed() < Duration::from_secs(10) && !self.watch.is_finished() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = self.child.wait().unwrap();
        status.code().unwrap_or(-1)
    }

    #[track_caller]
    fn wait_until(&mut self, what: &str, mut happened: impl FnMut(&mut Self) -> bool) {
        let began = Instant::now();
        while !happened(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "{what} did not come within {PATIENCE:?}; the terminal shows:\n{}",
                self.screen()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Collects what is written, until nobody has the terminal any more.
fn watch(mut master: File, screen: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        // a terminal that nobody holds open any more answers with an error
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            *screen.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
    })
}
