//! A pretend license server that is asked for its state: what its program does, and how it misbehaves, stands in a file, which a
//! story may write again at any time. Each of its processes leaves its number behind, so that a story can look who is left.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use nix::{
    sys::signal::{SigSet, SigmaskHow, sigprocmask},
    unistd::{getpid, pause, setsid},
};

use crate::{programs::command, site::append};

/// Gibibytes that a flood has.
const FLOOD_GIB: u64 = 10;
/// Processes that a fork leaves in each of two ways.
const FORKS: usize = 3;

/// The script of a server, and what is left of its processes.
#[derive(Debug)]
pub struct Script(PathBuf);

impl Script {
    /// A script at this path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// From now on the server does this: `serve ISSUED IN_USE`, `down`, `garbage`, `hang`, `fork`, `flood`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn set(&self, words: &str) {
        // Never half a script: it may be read at any time.
        let new = self.0.with_extension("new");
        fs::write(&new, words).expect("a script");
        fs::rename(&new, &self.0).expect("a script in its place");
    }

    /// The section of a server of this name with it, asked so often and given so long.
    #[must_use]
    pub fn section(&self, name: &str, program: &Path, every: &str, timeout: &str) -> String {
        format!(
            "[[server]]\nname = \"{name}\"\nsystem = \"flexlm\"\nzone = \"UTC\"\n\
             poll = {{ command = [\"{}\", \"{}\"], every = \"{every}\", timeout = \"{timeout}\" }}\n\n",
            program.display(),
            self.0.display()
        )
    }

    /// How many processes it ever had, and how many of them live.
    #[must_use]
    pub fn processes(&self) -> (usize, usize) {
        let pids = fs::read_to_string(pids(&self.0)).unwrap_or_default();
        let living = pids.lines().filter(|pid| is_of(pid, &self.0));
        (pids.lines().count(), living.count())
    }
}

/// Numbers of its processes stand here.
fn pids(script: &Path) -> PathBuf {
    script.with_extension("pids")
}

/// Whether a process with this number is one of the script. Who has ended has no arguments.
fn is_of(pid: &str, script: &Path) -> bool {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let script = script.as_os_str().as_encoded_bytes();
    arguments.split(|&byte| byte == 0).any(|argument| argument == script)
}

/// Does what the script says, or what `word` does: a child of a process that forks.
///
/// # Errors
/// When its answer cannot be written.
pub fn answer(script: &Path, word: Option<&str>) -> io::Result<()> {
    append(&pids(script), format!("{}\n", getpid()).as_bytes());
    let said = fs::read_to_string(script)?;
    let words: Vec<&str> =
        word.map_or_else(|| said.split_whitespace().collect(), |word| vec![word]);
    let mut out = io::stdout().lock();
    match *words {
        ["serve", issued, in_use] => serve(&mut out, issued, in_use),
        ["down"] => writeln!(
            out,
            "Error getting status: Cannot connect to license server system. (-15,570:111 \"Connection refused\")"
        ),
        ["garbage"] => {
            out.write_all(&[b"\0\xff\x1b[2J Users of :\n".repeat(2000), vec![0; 4096]].concat())
        }
        ["hang"] => hang(),
        ["away"] => {
            setsid()?;
            hang()
        }
        ["fork"] => fork(script),
        ["flood"] => flood(&mut out),
        _ => Err(io::Error::other(format!("a script says `{said}`"))),
    }
}

fn serve(out: &mut impl Write, issued: &str, in_use: &str) -> io::Result<()> {
    write!(
        out,
        "lmutil - Copyright (c) 1989-2021 Flexera. All Rights Reserved.\n\
         Flexible License Manager status on Fri 3/14/2025 10:02\n\n\
         License server status: 27000@pretend\n    License file(s) on pretend: /opt/pretend.lic:\n\n\
         pretend: license server UP (MASTER) v11.18.1\n\n\
         Vendor daemon status (on pretend):\n\n     acmed: UP v11.16.2\nFeature usage info:\n\n\
         Users of mesh:  (Total of {issued} licenses issued;  Total of {in_use} licenses in use)\n\n\
         \x20 \"mesh\" v1.0, vendor: acmed, expiry: 31-dec-2030\n  floating license\n\n\
         \x20   ann oak oak:0.0 (v1.0) (pretend/27000 101), start Fri 3/14 8:44, {in_use} licenses\n"
    )
}

/// Neither asked nor told does it end.
fn hang() -> io::Result<()> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)?;
    loop {
        pause();
    }
}

/// Leaves children that hold its outputs for ever, some of them in sessions of their own.
fn fork(script: &Path) -> io::Result<()> {
    let program = std::env::current_exe()?;
    for word in ["hang", "away"].repeat(FORKS) {
        drop(command(&program).arg(script).arg(word).spawn()?);
    }
    hang()
}

fn flood(out: &mut impl Write) -> io::Result<()> {
    let mebibyte = vec![b'x'; 1 << 20];
    for _ in 0..FLOOD_GIB << 10 {
        out.write_all(&mebibyte)?;
    }
    Ok(())
}
