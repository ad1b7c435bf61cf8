//! A person at a terminal: an interactive bash on a pseudo terminal, what is typed to it, and what it shows.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use nix::{
    pty::{OpenptyResult, openpty},
    sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr},
};

use crate::{programs::command, wait};

/// What bash shows when it is ready for a line.
pub const PROMPT: &str = "type> ";
/// What Ctrl-C types.
pub const CTRL_C: &str = "\x03";
/// What Ctrl-Z types.
pub const CTRL_Z: &str = "\x1a";

/// A terminal with a shell on it, which does not echo: what is shown was printed. Dropping it kills the shell.
#[derive(Debug)]
pub struct Terminal {
    shell: Child,
    keys: File,
    shown: Arc<Mutex<String>>,
    seen: usize,
}

impl Terminal {
    /// Starts bash on a terminal of its own; `dress` gives it its environment.
    ///
    /// # Panics
    /// When this machine has no pseudo terminals, no bash or no setsid.
    #[must_use]
    pub fn open(dress: impl FnOnce(&mut Command)) -> Self {
        let OpenptyResult { master, slave } = openpty(None, None).expect("a pseudo terminal");
        let mut settings = tcgetattr(&slave).expect("settings of the terminal");
        settings.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&slave, SetArg::TCSANOW, &settings).expect("settings of the terminal");
        let mut bash = command("setsid");
        bash.args(["--ctty", "bash", "--norc", "--noprofile", "--noediting", "-i"]);
        bash.env("TERM", "dumb").env("PS1", PROMPT).env_remove("PROMPT_COMMAND");
        dress(&mut bash);
        let [stdin, stdout] = [(); 2].map(|()| slave.try_clone().expect("a descriptor"));
        let shell = bash.stdin(stdin).stdout(stdout).stderr(slave).spawn().expect("bash starts");
        let keys = File::from(master);
        let shown = Arc::default();
        let screen = keys.try_clone().expect("a descriptor");
        let on_screen = Arc::clone(&shown);
        thread::spawn(move || show(screen, &on_screen));
        Self { shell, keys, shown, seen: 0 }
    }

    /// Types something.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn keys(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("the terminal is there");
    }

    /// Types a line.
    pub fn line(&mut self, text: &str) {
        self.keys(&format!("{text}\n"));
    }

    /// Waits until `text` is shown, behind everything seen before.
    ///
    /// # Panics
    /// When it is not shown soon, telling what is.
    #[track_caller]
    pub fn see(&mut self, text: &str) {
        let found = wait::answer(wait::SOON, || {
            let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown[self.seen..].find(text).map(|at| self.seen + at + text.len())
        });
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.seen = found.unwrap_or_else(|| panic!("{text:?} is not in {:?}", &shown[self.seen..]));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only where it has ended. Its jobs get the hang-up of the terminal.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Keeps what is printed, until the terminal is closed.
fn show(mut screen: File, shown: &Mutex<String>) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = screen.read(&mut bytes) {
        let text = bytes[..length].iter().map(|byte| char::from(*byte));
        shown.lock().unwrap_or_else(PoisonError::into_inner).extend(text);
    }
}
