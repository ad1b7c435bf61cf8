//! A tool bare and under licwrap, side by side: the same script in two shells, or the same keys on two terminals.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Child, ChildStdout, Command, Stdio},
};

use lic_protocol::view::Waiters;
use nix::unistd::Pid;

use crate::{
    programs::{command, programs},
    site::{Site, shown},
    terminal::Terminal,
    wait,
};

/// `deny`: what ran has been granted its seat by licmon.
const TOOLS: &str = r#"
[[tool]]
name = "t"
seats = "unlimited"
on_down = "deny"

[[tool]]
name = "one"
seats = 1
on_down = "deny"
"#;

/// A site with the tools `t`, unlimited, and `one`, of one seat; and a folder `here` to work in.
#[derive(Debug)]
pub struct Stage {
    /// The site.
    pub site: Site,
}

impl Stage {
    /// Starts licmon.
    #[must_use]
    #[track_caller]
    pub fn open() -> Self {
        let mut site = Site::without_log(TOOLS);
        site.start_licmon();
        fs::create_dir(site.path("here")).expect("a folder");
        Self { site }
    }

    /// A shell that runs `script`, in which `"$@"` stands for `before`.
    fn shell(&self, script: &str, before: &[&str]) -> Command {
        let mut shell = command("/bin/sh");
        shell.args(["-c", script, "sh"]).args(before).current_dir(self.site.path("here"));
        shell.env("LICWRAP_SOCKET", self.site.socket()).env_remove("LICWRAP_SEAT");
        shell.stdin(Stdio::null());
        shell
    }

    /// A shell that runs `script` bare, and one that runs it wrapped: `"$@"` in it stands for nothing and for licwrap.
    #[must_use]
    pub fn both(&self, script: &str) -> [Command; 2] {
        let licwrap = programs().licwrap.to_str().expect("a path of text");
        [self.shell(script, &[]), self.shell(script, &[licwrap, "-f", "t", "--"])]
    }

    /// Runs `script` bare and wrapped: both must end the same way and print the same, which is returned.
    #[must_use]
    #[track_caller]
    pub fn same(&self, script: &str) -> String {
        let [bare, wrapped] = self.both(script).map(|mut shell| shell.output().expect("a shell"));
        assert_eq!(shown(&wrapped), shown(&bare), "{script}");
        String::from_utf8(bare.stdout).expect("text")
    }

    /// Runs `script` bare and wrapped: both must print `expected`.
    #[track_caller]
    pub fn check(&self, script: &str, expected: &str) {
        assert_eq!(self.same(script), expected, "{script}");
    }

    /// Starts `script` bare, wrapped and supervised, each in a group of its own; each must print `ready` first.
    #[must_use]
    pub fn started(&self, script: &str) -> [Started; 3] {
        let [bare, wrapped] = self.both(script);
        let licwrap = programs().licwrap.to_str().expect("a path of text");
        let supervised = self.shell(script, &[licwrap, "--supervise", "-f", "t", "--"]);
        [bare, wrapped, supervised].map(|mut shell| {
            shell.process_group(0);
            let mut child =
                shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
            let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
            let mut line = String::new();
            said.read_line(&mut line).expect("text");
            assert_eq!(line, "ready\n");
            Started { child, said }
        })
    }

    /// Three terminals, on which `$W` stands for nothing, for licwrap and for licwrap that stays as parent.
    #[must_use]
    pub fn terminals(&self) -> [Terminal; 3] {
        let licwrap = programs().licwrap.display();
        let wrapped = format!("{licwrap} -f t --");
        let supervised = format!("{licwrap} --supervise -f t --");
        [String::new(), wrapped, supervised].map(|w| self.terminal(&w))
    }

    /// A terminal on which `$W` stands for `w`.
    #[must_use]
    pub fn terminal(&self, w: &str) -> Terminal {
        Terminal::open(|bash| {
            bash.env("W", w).env("LICWRAP_SOCKET", self.site.socket());
            bash.current_dir(self.site.path("here"));
        })
    }

    /// Writes a file in `here`.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>, mode: u32) {
        let path = self.site.path("here").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// A run that holds the seat of `one`.
    #[must_use]
    #[track_caller]
    pub fn busy(&self) -> Child {
        let mut holder = self.site.licwrap(&["-f", "one", "--", "cat"]);
        let holder =
            holder.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("licwrap starts");
        let is_busy = || self.code(&["-f", "one", "-n", "--", "true"]) == Some(75);
        wait::until("the seat is held", is_busy);
        holder
    }

    /// How many wait for a seat.
    #[must_use]
    #[track_caller]
    pub fn queued(&self) -> usize {
        self.site.json::<Waiters>(&["queue"]).queue.len()
    }

    /// The exit status of `licwrap ARGUMENTS`.
    #[must_use]
    pub fn code(&self, arguments: &[&str]) -> Option<i32> {
        self.site.licwrap(arguments).output().expect("licwrap runs").status.code()
    }
}

/// A tool that runs and has said that it is ready.
#[derive(Debug)]
pub struct Started {
    /// Its process.
    pub child: Child,
    said: BufReader<ChildStdout>,
}

impl Started {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a small number"))
    }

    /// How it ended, and what else it said.
    #[must_use]
    pub fn end(mut self) -> String {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        format!("{rest}{}", self.child.wait().expect("it ran"))
    }
}
