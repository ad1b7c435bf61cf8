//! What people put before a tool today, each ready to be run: a command, and the server it needs.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context;
use tempfile::TempDir;

use crate::{process::Process, programs::command, wait};

/// A way to start a tool: the words before it, and variables.
#[derive(Clone, Debug)]
pub struct Way {
    /// What it is called.
    pub name: &'static str,
    /// The command, which the tool follows.
    pub words: Vec<OsString>,
    /// What it finds in the environment.
    pub variables: Vec<(&'static str, OsString)>,
}

/// Peers that are installed here. Dropping them ends their servers.
#[derive(Debug)]
pub struct Peers {
    /// How each is used.
    pub ways: Vec<Way>,
    /// What is not here, for people.
    pub missing: Vec<String>,
    tsp_socket: PathBuf,
    _etcd: Option<Process>,
    _folder: TempDir,
}

/// A program, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 6] = [
    ("env", "coreutils"),
    ("flock", "util-linux"),
    ("tsp", "task-spooler"),
    ("sem", "parallel"),
    ("etcd", "etcd-server"),
    ("etcdctl", "etcd-client"),
];

impl Peers {
    /// Finds them, and starts the servers.
    ///
    /// # Errors
    /// When a server that is installed does not start.
    pub fn start() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let path = |name: &str| folder.path().join(name);
        let found: Vec<&str> = PROGRAMS.map(|(name, _)| name).into_iter().filter(is_here).collect();
        let missing = PROGRAMS.iter().filter(|(name, _)| !found.contains(name));
        let missing = missing.map(|(name, package)| format!("{name} (package {package})"));
        let has = |name: &str| found.contains(&name);
        let tsp_socket = path("tsp.socket");
        let home = |name| (name, folder.path().into());
        let mut ways = Vec::new();
        if has("env") {
            ways.push(way("env", &["env"]));
        }
        if has("flock") {
            let mut flock = way("flock -F", &["flock", "-F"]);
            flock.words.push(path("lock").into());
            ways.push(flock);
        }
        if has("tsp") {
            let mut tsp = way("tsp -fn", &["tsp", "-fn"]);
            tsp.variables = vec![("TS_SOCKET", tsp_socket.clone().into()), home("TMPDIR")];
            ways.push(tsp);
        }
        if has("sem") {
            let mut sem = way("sem --fg", &["sem", "--will-cite", "--fg", "--id", "bench", "-j4"]);
            sem.variables = vec![home("HOME"), home("PARALLEL_HOME")];
            ways.push(sem);
        }
        let mut etcd = None;
        if has("etcd") && has("etcdctl") {
            let (process, address) = start_etcd(folder.path())?;
            let mut lock = way("etcdctl lock", &["etcdctl", "--endpoints"]);
            lock.words.extend([format!("{address}").into(), "lock".into(), "bench".into()]);
            lock.variables = vec![("ETCDCTL_API", "3".into())];
            ways.push(lock);
            etcd = Some(process);
        }
        Ok(Self { ways, missing: missing.collect(), tsp_socket, _etcd: etcd, _folder: folder })
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        if self.tsp_socket.exists() {
            // Nobody is left to tell if it does not end.
            drop(command("tsp").arg("-K").env("TS_SOCKET", &self.tsp_socket).status());
        }
    }
}

fn way(name: &'static str, words: &[&str]) -> Way {
    Way { name, words: words.iter().map(OsString::from).collect(), variables: Vec::new() }
}

fn is_here(program: &&str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn start_etcd(folder: &Path) -> anyhow::Result<(Process, SocketAddr)> {
    let (clients, others) = (free_address()?, free_address()?);
    let mut etcd = command("etcd");
    etcd.arg("--data-dir").arg(folder.join("etcd")).stdin(Stdio::null());
    for (option, address) in [
        ("--listen-client-urls", clients),
        ("--advertise-client-urls", clients),
        ("--listen-peer-urls", others),
        ("--initial-advertise-peer-urls", others),
    ] {
        etcd.arg(option).arg(format!("http://{address}"));
    }
    etcd.arg("--initial-cluster").arg(format!("default=http://{others}"));
    let process = Process::start("etcd", &mut etcd, &folder.join("etcd.said"))?;
    let answers = wait::answer(wait::SOON, || TcpStream::connect(clients).ok());
    answers.with_context(|| format!("etcd does not answer: {}", process.said()))?;
    Ok((process, clients))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
