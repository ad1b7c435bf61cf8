//! The runtime folder: what lies in it, who may enter, and the files in which licwrap reads about each tool.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use lic_protocol::{
    pairs::Pairs,
    paths::{SEAT_SOCKET, SEATS, TOOLS},
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

use super::config::ToolConfig;

/// What a tool's file is written as before it gets its name.
const UNFINISHED: &str = ".unfinished";

/// The runtime folder.
#[derive(Debug)]
pub(super) struct Runtime {
    path: PathBuf,
}

impl Runtime {
    /// Makes the folder and those in it, or corrects who may enter them.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn prepare(path: &Path) -> anyhow::Result<Self> {
        let runtime = Self { path: path.to_owned() };
        folder(path, 0o755)?;
        folder(&runtime.seats(), 0o700)?;
        folder(&runtime.tools(), 0o755)?;
        Ok(runtime)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path.join(SEAT_SOCKET)
    }

    pub(super) fn seats(&self) -> PathBuf {
        self.path.join(SEATS)
    }

    /// Writes what licwrap may know of each tool, and removes the files of tools that are no more.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn write_tools(
        &self,
        tools: &[ToolConfig],
        spool: Option<&Path>,
    ) -> anyhow::Result<()> {
        let mut written = HashSet::new();
        for tool in tools {
            let name = tool.name.as_str();
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
                warn!("tool {name:?} gets no file for licwrap: its name is no file name");
                continue;
            }
            self.write_tool(tool, spool)
                .with_context(|| format!("write {}", self.tool(name).display()))?;
            written.insert(OsString::from(name));
        }
        self.remove_others(&written).with_context(|| format!("read {}", self.tools().display()))
    }

    fn write_tool(&self, tool: &ToolConfig, spool: Option<&Path>) -> io::Result<()> {
        let mut pairs = Pairs::new();
        pairs.put("tool", tool.name.as_str());
        // A path that is not text cannot be said here; licwrap then looks where it always looks.
        if let Some(socket) = self.socket().to_str() {
            pairs.put("socket", socket);
        }
        pairs.put("on_down", tool.on_down.word());
        pairs.put_number("on_down_wait_s", u64::from(tool.on_down_wait_s));
        if let Some(spool) = spool.and_then(Path::to_str) {
            pairs.put("spool", spool);
        }
        let unfinished = self.tool(UNFINISHED);
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o644).open(&unfinished)?;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.write_all(pairs.as_str().as_bytes())?;
        fs::rename(unfinished, self.tool(tool.name.as_str()))
    }

    fn remove_others(&self, written: &HashSet<OsString>) -> io::Result<()> {
        for entry in fs::read_dir(self.tools())? {
            let name = entry?.file_name();
            if !written.contains::<OsStr>(&name) {
                fs::remove_file(self.tools().join(name))?;
            }
        }
        Ok(())
    }

    fn tools(&self) -> PathBuf {
        self.path.join(TOOLS)
    }

    fn tool(&self, name: &str) -> PathBuf {
        self.tools().join(name)
    }
}

/// Raises the number of descriptors this process may have to all it may ask for, and returns it.
///
/// # Errors
/// When the kernel says no.
pub(super) fn raise_descriptors_max() -> anyhow::Result<usize> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("read the descriptor limit")?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("raise the descriptor limit")?;
    Ok(usize::try_from(hard).unwrap_or(usize::MAX))
}

/// Makes a folder, or corrects who may enter it.
///
/// # Errors
/// When it cannot.
pub(super) fn folder(path: &Path, mode: u32) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(mode)
        .create(path)
        .with_context(|| format!("make folder {}", path.display()))?;
    let metadata =
        fs::metadata(path).with_context(|| format!("look at folder {}", path.display()))?;
    if metadata.permissions().mode() & 0o7777 != mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .with_context(|| format!("set who may enter {}", path.display()))?;
    }
    Ok(())
}
