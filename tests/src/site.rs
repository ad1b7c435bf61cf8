//! A small site in a temporary folder: a configuration, logs, licmon, licdash and wrapped tools.

use std::{
    fs::{self, File},
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use lic_protocol::{
    paths,
    view::{Denials, Server, Servers, Session, Sessions, Waiter, Waiters},
};
use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::{
    http::{self, Answer},
    process::Process,
    programs::{command, programs},
    wait,
};

/// The server of a site that has one.
pub const SERVER: &str = "catia";

/// A site. Everything of it is gone when it is dropped.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    address: SocketAddr,
    licmon: Option<Process>,
    licdash: Option<Process>,
}

impl Site {
    /// A site with the dsls server [`SERVER`], which writes in UTC, and `more` sections; nothing runs yet.
    #[must_use]
    pub fn with_log(more: &str) -> Self {
        let site = Self::without_log(more);
        let logs = site.logs();
        fs::create_dir(&logs).expect("a folder for logs");
        let server = format!(
            "[[server]]\nname = \"{SERVER}\"\nsystem = \"dsls\"\nzone = \"UTC\"\n\
             log = {{ directory = \"{}\", pattern = \"LicenseServer[0-9]*.log\" }}\n",
            logs.display()
        );
        let config = fs::read_to_string(site.config()).expect("the configuration");
        fs::write(site.config(), config + &server).expect("a configuration");
        site
    }

    /// A site without a license server, and with `more` sections; nothing runs yet.
    #[must_use]
    pub fn without_log(more: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let address = free_address();
        let config = format!("[dashboard]\nlisten = \"{address}\"\n\n{more}\n");
        fs::write(folder.path().join("licwrap.toml"), config).expect("a configuration");
        Self { folder, address, licmon: None, licdash: None }
    }

    /// Lets licdash listen on every address of this machine.
    pub fn listen_everywhere(&self) {
        let config = fs::read_to_string(self.config()).expect("the configuration");
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.address.port()));
        let config = config.replace(&self.address.to_string(), &everywhere.to_string());
        fs::write(self.config(), config).expect("a configuration");
    }

    /// Leaves its folder behind, until [`Site::keep_no_more`].
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }

    /// Removes its folder at the end, as is the rule.
    pub fn keep_no_more(&mut self) {
        self.folder.disable_cleanup(false);
    }

    /// Starts licmon and licdash, and waits until both answer.
    #[track_caller]
    pub fn start(&mut self) {
        self.start_licmon();
        self.start_licdash();
    }

    /// Starts licmon, and waits until its socket answers.
    #[track_caller]
    pub fn start_licmon(&mut self) {
        let mut serve = self.licmon(&["serve"]);
        let said = self.path("licmon.said");
        let mut licmon = Process::start("licmon", &mut serve, &said).expect("licmon starts");
        let answers = wait::answer(wait::SOON, || match licmon.ended() {
            Some(status) => Some(Err(status)),
            None => std::os::unix::net::UnixStream::connect(self.socket()).ok().map(Ok),
        });
        let fine = matches!(answers, Some(Ok(_)));
        assert!(fine, "licmon does not answer ({answers:?}): {}", licmon.said());
        self.licmon = Some(licmon);
    }

    /// Starts licdash, and waits until its health page answers.
    #[track_caller]
    pub fn start_licdash(&mut self) {
        let mut serve = command(&programs().licdash);
        serve.args(["serve", "--config"]).arg(self.config()).arg("--state").arg(self.state());
        let said = self.path("licdash.said");
        let mut licdash = Process::start("licdash", &mut serve, &said).expect("licdash starts");
        let answers = wait::answer(wait::SOON, || match licdash.ended() {
            Some(_) => Some(false),
            None => http::get(self.address, "/api/v1/health").ok().map(|_| true),
        });
        assert_eq!(answers, Some(true), "licdash does not answer: {}", licdash.said());
        self.licdash = Some(licdash);
    }

    /// Stops licmon as a service manager would.
    #[track_caller]
    pub fn stop_licmon(&mut self) {
        let mut licmon = self.licmon.take().expect("licmon runs");
        let status = licmon.stop().expect("licmon stops within 2 s");
        assert!(status.success(), "licmon ended with {status}: {}", licmon.said());
    }

    /// Stops licdash as a service manager would.
    #[track_caller]
    pub fn stop_licdash(&mut self) {
        let mut licdash = self.licdash.take().expect("licdash runs");
        let status = licdash.stop().expect("licdash stops within 2 s");
        assert!(status.success(), "licdash ended with {status}: {}", licdash.said());
    }

    /// Ends licmon as a power cut would.
    pub fn kill_licmon(&mut self) {
        self.licmon.take().expect("licmon runs").kill();
    }

    /// Sends licmon a signal.
    pub fn signal_licmon(&mut self, signal: Signal) {
        self.licmon.as_mut().expect("licmon runs").signal(signal);
    }

    /// The most memory that licmon has held so far. Source: proc(5), `VmHWM` of status.
    #[must_use]
    pub fn licmon_memory_peak_kb(&self) -> u64 {
        let pid = self.licmon.as_ref().expect("licmon runs").pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("licmon runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// What licmon has said so far.
    #[must_use]
    pub fn licmon_said(&self) -> String {
        fs::read_to_string(self.path("licmon.said")).unwrap_or_default()
    }

    /// What licdash has said so far.
    #[must_use]
    pub fn licdash_said(&self) -> String {
        fs::read_to_string(self.path("licdash.said")).unwrap_or_default()
    }

    /// A path in the site's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path("licwrap.toml")
    }

    /// Where [`SERVER`] writes its logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.path("logs")
    }

    /// The folder of the databases.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The socket licwrap speaks to.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path("runtime").join(paths::SEAT_SOCKET)
    }

    /// Where licdash listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Appends to a log of [`SERVER`] with one write, as the server does.
    pub fn append(&self, file: &str, text: &str) {
        append(&self.logs().join(file), text.as_bytes());
    }

    /// `licmon` with this site's configuration and folders after `arguments`.
    #[must_use]
    pub fn licmon(&self, arguments: &[&str]) -> Command {
        let mut licmon = command(&programs().licmon);
        licmon.args(arguments).arg("--config").arg(self.config());
        licmon.arg("--state").arg(self.state()).arg("--runtime").arg(self.path("runtime"));
        licmon.stdin(Stdio::null());
        licmon
    }

    /// Runs `licmon` to its end.
    #[must_use]
    pub fn run_licmon(&self, arguments: &[&str]) -> Output {
        self.licmon(arguments).output().expect("licmon runs")
    }

    /// The document that `licmon ARGUMENTS --json` prints.
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self, arguments: &[&str]) -> T {
        let output = self.run_licmon(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "licmon {arguments:?}: {}", shown(&output));
        let read = serde_json::from_slice(&output.stdout);
        read.unwrap_or_else(|error| panic!("licmon {arguments:?}: {error}: {}", shown(&output)))
    }

    /// `licwrap` that speaks to this site's licmon.
    #[must_use]
    pub fn licwrap(&self, arguments: &[&str]) -> Command {
        let mut licwrap = command(&programs().licwrap);
        licwrap.args(arguments).env("LICWRAP_SOCKET", self.socket()).stdin(Stdio::null());
        licwrap
    }

    /// Asks licdash.
    #[must_use]
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        http::get(self.address, path).expect("licdash answers")
    }

    /// A document of the API.
    #[must_use]
    #[track_caller]
    pub fn api<T: DeserializeOwned>(&self, path: &str) -> T {
        let answer = self.get(&format!("/api/v1{path}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let read = serde_json::from_str(&answer.body);
        read.unwrap_or_else(|error| panic!("{path}: {error}: {}", answer.body))
    }

    /// Every session there ever was, newest first, page by page.
    #[must_use]
    #[track_caller]
    pub fn sessions(&self) -> Vec<Session> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page: Sessions = self.api(&format!("/sessions?limit=1000{after}"));
            all.extend(page.sessions);
            match page.next {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    /// The sessions held now.
    #[must_use]
    #[track_caller]
    pub fn active(&self) -> Vec<Session> {
        self.sessions().into_iter().filter(|session| session.ended.is_none()).collect()
    }

    /// The newest denials.
    #[must_use]
    #[track_caller]
    pub fn denials(&self) -> Denials {
        self.api("/denials?limit=1000")
    }

    /// Who waits, in order.
    #[must_use]
    #[track_caller]
    pub fn queue(&self) -> Vec<Waiter> {
        self.api::<Waiters>("/queue").queue
    }

    /// What is known of [`SERVER`].
    #[must_use]
    #[track_caller]
    pub fn server(&self) -> Option<Server> {
        let servers = self.api::<Servers>("/servers").servers;
        servers.into_iter().find(|server| server.name.as_str() == SERVER)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("licmon said:\n{}", self.licmon_said());
            eprintln!("licdash said:\n{}", self.licdash_said());
        }
    }
}

/// Appends to a file with one write.
pub fn append(path: &Path, bytes: &[u8]) {
    let file = File::options().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(bytes)).expect("a line is appended");
}

/// Everything about a run, for the message of a test that failed.
#[must_use]
pub fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string().replace("\\n", "\n");
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// A port of this machine that nobody listens on.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}
