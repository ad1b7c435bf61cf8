//! A service manager that keeps the seat socket loses nobody over a restart, and is told when licmon is ready, reads, lives and stops.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener, UnixStream},
    },
    process::{Child, Command, Stdio},
    time::Duration,
};

use lic_protocol::{
    want::Choice,
    wire::{Acquire, Reply, Request, Wait},
};
use lic_tests::{programs::command, site::Site, wait};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const TOOLS: &str = "[[tool]]\nname = \"t\"\nseats = 64\non_down = \"deny\"\n";
/// Puts standard input where a service manager puts the socket, and becomes the program. Source: `sd_listen_fds(3)`.
const HAND_OVER: &str =
    r#"LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=seat exec "$0" "$@" 3<&0 </dev/null"#;
/// As `WatchdogSec=` of a unit, in microseconds: short, so that the test is.
const WATCHDOG_US: &str = "300000";

/// A service manager: it listens, hands over, and hears.
struct Manager {
    site: Site,
    socket: UnixListener,
    hears: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        Self::listening_at("runtime/seat.sock")
    }

    fn listening_at(name: &str) -> Self {
        let site = Site::without_log(TOOLS);
        fs::create_dir(site.path("runtime")).expect("a folder");
        let socket = UnixListener::bind(site.path(name)).expect("a socket");
        let hears = UnixDatagram::bind(site.path("notify")).expect("a socket");
        hears.set_nonblocking(true).expect("a socket that does not block");
        Self { site, socket, hears }
    }

    fn start(&self) -> Running {
        let serve = self.site.licmon(&["serve"]);
        let socket: OwnedFd = self.socket.try_clone().expect("a descriptor").into();
        let mut shell: Command = command("sh");
        shell.args(["-c", HAND_OVER]).arg(serve.get_program()).args(serve.get_args());
        shell.env("NOTIFY_SOCKET", self.site.path("notify")).env("WATCHDOG_USEC", WATCHDOG_US);
        shell.stdin(Stdio::from(socket)).stdout(Stdio::null());
        let said = fs::File::create(self.site.path("licmon.said")).expect("a file");
        Running(shell.stderr(said).spawn().expect("licmon starts"))
    }

    /// Waits until licmon tells this.
    #[track_caller]
    fn hears(&self, expected: &str) {
        wait::until(expected, || self.told().is_some_and(|told| told.contains(expected)));
    }

    fn told(&self) -> Option<String> {
        let mut bytes = [0; 256];
        match self.hears.recv(&mut bytes) {
            Ok(count) => Some(String::from_utf8(bytes[..count].to_vec()).expect("text")),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }
}

/// licmon, killed when it is dropped.
struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("licmon runs");
    }

    #[track_caller]
    fn ends_well(mut self) {
        let ended = wait::answer(Duration::from_secs(2), || self.0.try_wait().ok().flatten());
        assert!(ended.expect("licmon ends within 2 s").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(site: &Site, tool: &[&str]) -> Child {
    let mut licwrap = site.licwrap(&["-f", "t", "--"]);
    licwrap.args(tool).stdout(Stdio::null()).spawn().expect("licwrap starts")
}

#[test]
fn who_comes_while_licmon_is_killed_and_started_again_waits_and_is_not_refused() {
    let manager = Manager::new();
    let licmon = manager.start();
    manager.hears("READY=1");
    let until = manager.site.path("until");
    let wait = r#"while [ ! -e "$0" ]; do sleep 0.05; done"#;
    let mut before = run(&manager.site, &["sh", "-c", wait, until.to_str().expect("text")]);
    let held = |count: usize| {
        wait::until("runs that hold a seat", || {
            let sessions: lic_protocol::view::Sessions =
                manager.site.json(&["sessions", "--active"]);
            sessions.sessions.len() == count
        });
    };
    held(1);

    drop(licmon);
    // Nobody reads this socket now; they are in its backlog, which is where the kernel says that somebody listens.
    let mut meanwhile: Vec<Child> = (0..8).map(|_| run(&manager.site, &["true"])).collect();
    UnixStream::connect(manager.site.socket()).expect("somebody listens");
    let licmon = manager.start();
    manager.hears("READY=1");
    for run in &mut meanwhile {
        assert!(run.wait().expect("it ends").success(), "nobody is refused");
    }
    held(1);
    fs::write(until, "").expect("a file");
    assert!(before.wait().expect("it ends").success());
    held(0);
    licmon.signal(Signal::SIGTERM);
    manager.hears("STOPPING=1");
    licmon.ends_well();
}

#[test]
fn a_request_that_comes_after_licmon_was_told_to_stop_is_answered() {
    let manager = Manager::new();
    let licmon = manager.start();
    manager.hears("READY=1");
    let mut asker = UnixStream::connect(manager.site.socket()).expect("somebody listens");
    // Accepted after the first, so the first is accepted too.
    assert!(run(&manager.site, &["true"]).wait().expect("it ends").success());
    licmon.signal(Signal::SIGTERM);
    wait::until("licmon stops", || manager.site.licmon_said().contains("seats stay held"));
    let acquire = Acquire {
        choices: vec![Choice::of("t")],
        wait: Wait::No,
        tool: "t".to_owned(),
        project: None,
        is_supervised: false,
        ticket: None,
        is_again: false,
    };
    asker.write_all(Request::Acquire(acquire).encode().as_bytes()).expect("somebody reads");
    let mut reply = String::new();
    asker.read_to_string(&mut reply).expect("somebody answers");
    assert!(matches!(Reply::decode(&reply), Ok(Reply::Granted { .. })), "{reply}");
    licmon.ends_well();
}

#[test]
fn it_is_told_that_licmon_reads_its_configuration_and_lives() {
    let manager = Manager::new();
    let licmon = manager.start();
    manager.hears("READY=1");
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    licmon.signal(Signal::SIGHUP);
    manager.hears("RELOADING=1");
    manager.hears("READY=1");
    fs::write(manager.site.config(), "[monitor]\nscan = 1\n").expect("a mistake");
    licmon.signal(Signal::SIGHUP);
    manager.hears("RELOADING=1");
    manager.hears("READY=1");
}

#[test]
fn a_socket_at_another_place_than_the_configuration_says_is_told() {
    let manager = Manager::listening_at("seat.sock");
    let mut licmon = manager.start();
    let ended = wait::soon("licmon ends", || licmon.0.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(1));
    let said = manager.site.licmon_said();
    assert!(said.contains("the service manager listens on"), "{said}");
    assert!(said.contains("make them one"), "{said}");
}
