//! One question to a license server: its program is run without a shell, with an empty environment and no input, and is given
//! so long and so much output. When it has ended, or must, nothing of it is left: neither its children nor theirs.

mod leftover;

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};

pub use super::ended::Ended;

/// Bytes of both outputs that are read.
pub const OUTPUT_BYTES_MAX: usize = 16 << 20;
/// What is kept of an answer that is too large.
const HEAD_BYTES: usize = 64 * 1024;
/// How often we look whether the program has ended, or licmon stops: its pipes tell nothing of either.
const LOOK: Duration = Duration::from_millis(20);
/// How long what a program that has ended left in its pipes is read: children of it may hold them open for ever.
const REST: Duration = Duration::from_millis(200);
/// How long it may take to end what was told to.
const END_MAX: Duration = Duration::from_secs(1);
/// Bytes read at a time.
const CHUNK_BYTES: usize = 16 * 1024;
/// The variable that marks whatever the program starts.
const MARK: &str = "LICMON_ASK";

/// Told apart by their marks.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A question.
pub struct Ask<'a> {
    /// The program, by its absolute path, and what it is given.
    pub command: &'a [String],
    /// How long it may take.
    pub timeout: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Told {
    /// What it printed: standard output, then standard error.
    pub text: Vec<u8>,
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub took: Duration,
}

impl Ask<'_> {
    /// Runs it to its end, or until `is_stopping`.
    pub fn run(&self, is_stopping: impl Fn() -> bool) -> Told {
        let begun = Instant::now();
        let mark = mark();
        let mut text = [Vec::new(), Vec::new()];
        let ended = match self.start(&mark) {
            Ok(mut child) => {
                let ended = follow(&mut child, &mut text, begun + self.timeout, &is_stopping);
                self.end(child, ended, &mark)
            }
            Err(error) => Ended::Failed(format!("start {}: {error}", self.program())),
        };
        let [mut out, mut err] = text;
        out.append(&mut err);
        if matches!(ended, Ended::TooMuch) {
            out.truncate(HEAD_BYTES);
            out.shrink_to_fit();
        }
        Told { text: out, ended, took: begun.elapsed() }
    }

    fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this room starts the programs that ask license servers"
    )]
    fn start(&self, mark: &str) -> io::Result<Child> {
        let (program, arguments) = self.command.split_first().ok_or(ErrorKind::InvalidInput)?;
        Command::new(program)
            .args(arguments)
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("LC_ALL", "C"),
                ("LANG", "C"),
                ("HOME", "/nonexistent"),
            ])
            .env(MARK, mark)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }

    /// Ends all that is left, then takes the status. The leader of the group is still there while its group is ended, so the
    /// number cannot be another's.
    fn end(&self, mut child: Child, reached: Reached, mark: &str) -> Ended {
        let group = Pid::from_raw(child.id().cast_signed());
        let _ = killpg(group, Signal::SIGKILL);
        let status = reap(&mut child);
        if reached != Reached::EndOfOutput {
            leftover::end(MARK, mark, END_MAX);
        }
        match (reached, status) {
            (Reached::EndOfOutput | Reached::EndOfProgram, Some(status)) => {
                Ended::Exit { program: self.program().to_owned(), status }
            }
            (Reached::Deadline, _) => Ended::TimedOut(self.timeout),
            (Reached::Limit, _) => Ended::TooMuch,
            (Reached::Stop, _) => Ended::Stopped,
            (_, None) => Ended::Failed(format!("{} cannot be ended", self.program())),
        }
    }
}

/// A word that no other process has.
fn mark() -> String {
    format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// What the reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// The program has ended, and nobody holds its pipes.
    EndOfOutput,
    /// The program has ended; somebody holds its pipes.
    EndOfProgram,
    Deadline,
    Limit,
    Stop,
}

/// Reads both outputs until the program has ended, or must.
fn follow(
    child: &mut Child,
    text: &mut [Vec<u8>; 2],
    deadline: Instant,
    is_stopping: &impl Fn() -> bool,
) -> Reached {
    let pid = Pid::from_raw(child.id().cast_signed());
    let outputs = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
    let mut outputs = outputs.map(|output| output.and_then(|fd| not_waiting(fd).ok()));
    let mut rest: Option<Instant> = None;
    loop {
        wait_for(&outputs);
        for (output, text) in outputs.iter_mut().zip(text.iter_mut()) {
            if let Some(file) = output
                && drain(file, text)
            {
                *output = None;
            }
        }
        let now = Instant::now();
        if text.iter().map(Vec::len).sum::<usize>() > OUTPUT_BYTES_MAX {
            return Reached::Limit;
        }
        if rest.is_none() && has_ended(pid) {
            rest = Some(now + REST);
        }
        match rest {
            Some(_) if outputs.iter().all(Option::is_none) => return Reached::EndOfOutput,
            Some(until) if now >= until => return Reached::EndOfProgram,
            None if now >= deadline => return Reached::Deadline,
            None if is_stopping() => return Reached::Stop,
            _ => {}
        }
    }
}

fn not_waiting(fd: OwnedFd) -> io::Result<File> {
    fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(File::from(fd))
}

/// Until there is something to read, or it is time to look.
fn wait_for(outputs: &[Option<File>; 2]) {
    let open = outputs.iter().flatten();
    let mut fds: Vec<PollFd<'_>> =
        open.map(|file| PollFd::new(file.as_fd(), PollFlags::POLLIN)).collect();
    let look = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::ZERO);
    // Interrupted or not, the caller looks.
    let _ = poll(&mut fds, look);
}

/// Reads what is there, one chunk of it, and says whether there will be no more.
fn drain(file: &mut File, text: &mut Vec<u8>) -> bool {
    let mut chunk = [0; CHUNK_BYTES];
    match file.read(&mut chunk) {
        Ok(0) => true,
        Ok(count) => {
            text.extend_from_slice(&chunk[..count]);
            false
        }
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

/// Whether a child has ended. Its number stays its own until it is reaped.
fn has_ended(pid: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    !matches!(
        waitid(Id::Pid(pid), flags),
        Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::EINTR)
    )
}

/// Its status, as soon as it has ended. One that the kernel keeps from ending is left, after so long.
fn reap(child: &mut Child) -> Option<ExitStatus> {
    let until = Instant::now() + END_MAX;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => wait_for(&[None, None]),
            Ok(None) | Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn ask(script: &str, timeout: Duration) -> Told {
        let command = ["/bin/sh", "-c", script].map(str::to_owned);
        Ask { command: &command, timeout }.run(|| false)
    }

    /// A script in, what it printed and how it ended out.
    #[track_caller]
    fn check(script: &str, text: &str, ended: &str) {
        let told = ask(script, Duration::from_secs(10));
        assert_eq!(told.text, text.as_bytes());
        assert_eq!(told.ended.to_string(), ended);
    }

    /// Whether a process with this argument lives.
    fn lives(word: &str) -> bool {
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes
            .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
            .any(|line| line.split(|&byte| byte == 0).any(|argument| argument == word.as_bytes()))
    }

    #[test]
    fn both_outputs_are_read_and_the_status_told() {
        check("echo out; echo err >&2; exit 3", "out\nerr\n", "/bin/sh ended with 3");
        check("kill -9 $$", "", "/bin/sh was ended by signal 9");
    }

    #[test]
    fn environment_and_input_are_empty() {
        check(
            "cat; pwd; echo \"$HOME$USER$LICWRAP_SOCKET\"",
            "/\n/nonexistent\n",
            "/bin/sh ended with 0",
        );
    }

    #[test]
    fn program_that_is_not_there_is_told() {
        let command = ["/nonexistent/lmutil".to_owned()];
        let told = Ask { command: &command, timeout: Duration::from_secs(1) }.run(|| false);
        assert_eq!(
            told.ended.to_string(),
            "start /nonexistent/lmutil: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn hung_program_and_its_children_are_ended_in_time() {
        let told = ask("trap '' TERM INT HUP; sleep 7771 & sleep 7772", Duration::from_millis(300));
        assert_eq!(told.ended.to_string(), "no answer within 0.3 s, the program was ended");
        assert!(told.took < Duration::from_millis(1300), "{:?}", told.took);
        assert!(!lives("7771") && !lives("7772"));
    }

    #[test]
    fn grandchild_in_a_session_of_its_own_that_holds_the_pipe_is_ended() {
        let told = ask("setsid sleep 7773 & echo said", Duration::from_secs(10));
        assert_eq!((&told.text[..], told.ended.is_success()), (&b"said\n"[..], true));
        assert!(told.took < Duration::from_secs(3), "{:?}", told.took);
        assert!(!lives("7773"));
    }

    #[test]
    fn endless_output_is_cut() {
        let told = ask("exec cat /dev/zero", Duration::from_mins(1));
        assert_eq!(told.ended.to_string(), "more than 16 MiB of answer, the program was ended");
        assert_eq!(told.text.len(), HEAD_BYTES);
    }

    #[test]
    fn stopping_licmon_waits_for_no_answer() {
        let command = ["/bin/sleep".to_owned(), "7774".to_owned()];
        let told = Ask { command: &command, timeout: Duration::from_mins(1) }.run(|| true);
        assert_eq!(told.ended.to_string(), "licmon stops");
        assert!(!lives("7774"));
    }
}
