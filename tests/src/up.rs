//! The folder that `cargo up` works in: ./run, or ./run/demo for the pretend site, so that the two histories never mix.

use std::{
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use lic_protocol::paths;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use tempfile::TempDir;
use toml::{Table, Value};

use crate::{
    demo,
    programs::{Programs, checkout},
};

/// The beginning of a new configuration.
const CONFIG: &str = r#"# Made by `cargo up`, which adds to it and never changes what stands here. Every key: packaging/licwrap.toml

# A tool without a license server. In another terminal: licwrap -f demo -- sleep 30
[[tool]]
name = "demo"
seats = 2
"#;

/// Where the page is unless the configuration or `--port` says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8501);

/// The name of the server that `--logs` follows.
const SERVER: &str = "dsls";

/// The folder, and a shorter one for the socket where its path would be too long.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    short: Option<TempDir>,
    _alone: Flock<File>,
}

impl Run {
    /// Makes what is missing of the folder and its configuration.
    ///
    /// # Errors
    /// When it cannot be written, `logs` is no folder, or the configuration that is there follows another one.
    pub fn prepare(demo: bool, logs: Option<&Path>) -> anyhow::Result<Self> {
        let folder = if demo { checkout().join("run/demo") } else { checkout().join("run") };
        for made in [&folder, &checkout().join("run/bin")] {
            fs::create_dir_all(made).with_context(|| format!("create {}", made.display()))?;
        }
        let mut run = Self { _alone: lock(&folder)?, folder, short: None };
        if run.socket().as_os_str().len() > paths::SOCKET_PATH_BYTES_MAX {
            let short =
                TempDir::with_prefix("licwrap-").context("create a short folder for the socket")?;
            println!(
                "The path of this checkout is too long for a socket: it is in {}.",
                short.path().display()
            );
            run.short = Some(short);
        }
        run.write_config(demo)?;
        if let Some(logs) = logs {
            run.follow(logs)?;
        }
        Ok(run)
    }

    /// Links the programs into `bin`.
    ///
    /// # Errors
    /// When a link cannot be made.
    pub fn link(&self, programs: &Programs) -> anyhow::Result<()> {
        let named = [
            ("licmon", &programs.licmon),
            ("licdash", &programs.licdash),
            ("licwrap", &programs.licwrap),
        ];
        for (name, program) in named {
            let link = self.bin().join(name);
            if fs::read_link(&link).is_ok_and(|there| there == *program) {
                continue;
            }
            // What is not there cannot be removed; the link then says what is wrong.
            let _ = fs::remove_file(&link);
            symlink(program, &link).with_context(|| format!("link {}", link.display()))?;
        }
        Ok(())
    }

    /// The programs.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        checkout().join("run/bin")
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("licwrap.toml")
    }

    /// Where the configuration says that the page is.
    ///
    /// # Errors
    /// When it is no TOML, or the address is none.
    pub fn listen(&self) -> anyhow::Result<SocketAddr> {
        let table = self.table()?;
        match table.get("dashboard").and_then(|section| section.get("listen")) {
            None => Ok(LISTEN),
            Some(listen) => {
                let listen = listen.as_str().and_then(|text| text.parse().ok());
                listen.with_context(|| {
                    format!(
                        "{}: `listen` is an address and a port, like \"{LISTEN}\"",
                        self.config().display()
                    )
                })
            }
        }
    }

    /// A configuration whose page is at `listen`: the one that is there if it says so, else a copy that differs in this.
    ///
    /// # Errors
    /// When it is no TOML, or the copy cannot be written.
    pub fn config_at(&self, listen: SocketAddr) -> anyhow::Result<PathBuf> {
        if self.listen()? == listen {
            return Ok(self.config());
        }
        let mut table = self.table()?;
        let section = table.entry("dashboard").or_insert(Value::Table(Table::new()));
        let section = section.as_table_mut().context("[dashboard] is a section")?;
        section.insert("listen".to_owned(), Value::String(listen.to_string()));
        let path = self.folder.join("licdash.toml");
        let text = format!("# Made at each start from licwrap.toml, for another port.\n{table}");
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn table(&self) -> anyhow::Result<Table> {
        let path = self.config();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        text.parse().with_context(|| format!("read {}", path.display()))
    }

    /// The databases.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Socket and seat tokens.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.short.as_ref().map_or(self.folder.join("runtime"), |short| short.path().to_owned())
    }

    /// The socket licwrap speaks to.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.runtime().join(paths::SEAT_SOCKET)
    }

    /// The logs of the pretend license server.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.folder.join("demo-logs")
    }

    /// The file that keeps what a program says.
    #[must_use]
    pub fn said(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("log")
    }

    /// The folder for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.folder.display().to_string()
    }

    fn write_config(&self, demo: bool) -> anyhow::Result<()> {
        let path = self.config();
        if path.exists() {
            return Ok(());
        }
        let more = if demo { format!("\n{}", demo::config(&self.logs())) } else { String::new() };
        fs::write(&path, format!("{CONFIG}{more}"))
            .with_context(|| format!("write {}", path.display()))
    }

    /// Makes the configuration follow `logs`.
    fn follow(&self, logs: &Path) -> anyhow::Result<()> {
        let logs = logs
            .canonicalize()
            .with_context(|| format!("open the folder of logs {}", logs.display()))?;
        if !logs.is_dir() {
            bail!(
                "{} is a file: --logs takes the folder that the license server writes in",
                logs.display()
            );
        }
        let path = self.config();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let followed = following(&text, &logs).with_context(|| {
            format!(
                "{} already has a server `{SERVER}` that follows another folder: change it there",
                path.display()
            )
        })?;
        fs::write(&path, followed).with_context(|| format!("write {}", path.display()))
    }
}

/// Held as long as this run lasts: two in one folder would fight over its databases.
fn lock(folder: &Path) -> anyhow::Result<Flock<File>> {
    let path = folder.join("up.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("open {}", path.display()))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(lock),
        Err((_, Errno::EWOULDBLOCK)) => {
            bail!("another `cargo up` runs in {}: stop it first", folder.display())
        }
        Err((_, errno)) => Err(errno).with_context(|| format!("lock {}", path.display())),
    }
}

/// The configuration `text`, with a server that follows `logs`. `None` where that server follows something else.
fn following(text: &str, logs: &Path) -> Option<String> {
    let place = format!("directory = {}", toml_string(logs));
    let is_named = text.lines().any(|line| line.trim() == format!("name = \"{SERVER}\""));
    match (is_named, text.contains(&place)) {
        (true, true) => Some(text.to_owned()),
        (true, false) => None,
        (false, _) => Some(format!(
            "{text}\n# Its times are in this machine's zone; zone = \"Europe/Stockholm\" says otherwise.\n\
             [[server]]\nname = \"{SERVER}\"\nsystem = \"dsls\"\n\
             log = {{ {place}, pattern = \"LicenseServer[0-9]*.log\" }}\n"
        )),
    }
}

fn toml_string(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A path as a shell takes it.
#[must_use]
pub fn shell_word(path: &Path) -> String {
    let is_plain = path
        .as_os_str()
        .as_bytes()
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte));
    let text = path.display().to_string();
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_logs_is_followed_once() {
        let first = following(CONFIG, Path::new("/srv/dsls")).unwrap();
        assert!(
            first.contains("\ndirectory = \"/srv/dsls\"")
                || first.contains("{ directory = \"/srv/dsls\"")
        );
        assert_eq!(following(&first, Path::new("/srv/dsls")).as_ref(), Some(&first));
        assert_eq!(following(&first, Path::new("/srv/other")), None);
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(shell_word(Path::new("/a/b-c.d")), "/a/b-c.d");
        assert_eq!(shell_word(Path::new("/it's here")), r"'/it'\''s here'");
    }
}
