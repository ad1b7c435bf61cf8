//! The programs people get: built once, and found.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, bail};

/// The target of a wrapper that needs nothing of the machine it runs on.
const MUSL: &str = "x86_64-unknown-linux-musl";

/// Where each program is.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The monitor.
    pub licmon: PathBuf,
    /// The dashboard.
    pub licdash: PathBuf,
    /// The wrapper: static where the musl target is installed.
    pub licwrap: PathBuf,
    /// The pretend tool.
    pub probe: PathBuf,
    /// The pretend license server.
    pub license_server: PathBuf,
    /// The torture, which is also the tool that it wraps.
    pub torture: PathBuf,
    /// What is not as it should be, for people.
    pub notes: Vec<String>,
}

/// The programs of this build, built quietly at the first call.
///
/// # Panics
/// When they cannot be built.
pub fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| build_quietly().expect("the programs build"))
}

fn build_quietly() -> anyhow::Result<Programs> {
    build(&["--quiet"])
}

/// Builds the programs in the profile this program was built in; `options` are further options of `cargo build`.
///
/// # Errors
/// When cargo cannot be run, or fails.
pub fn build(options: &[&str]) -> anyhow::Result<Programs> {
    let folder = profile_folder()?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    // The whole workspace, as `cargo test` builds it: the same features, so nothing is compiled twice.
    cargo(&["build", "--workspace", "--bins", "--profile", profile], options)?;
    let mut programs = Programs {
        licmon: folder.join("licmon"),
        licdash: folder.join("licdash"),
        licwrap: folder.join("licwrap"),
        probe: folder.join("probe"),
        license_server: folder.join("license-server"),
        torture: folder.join("torture"),
        notes: Vec::new(),
    };
    if musl_is_installed() {
        let wrapper = ["build", "--package", "licwrap", "--profile", "wrapper", "--target", MUSL];
        cargo(&wrapper, options)?;
        let target = folder.parent().context("a target folder")?;
        programs.licwrap = target.join(MUSL).join("wrapper/licwrap");
    } else {
        programs.notes.push(format!(
            "licwrap is built for this machine only: `rustup target add {MUSL}` makes it static"
        ));
    }
    Ok(programs)
}

/// The root of the checkout this was built from.
#[must_use]
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent")
}

/// A command that knows nothing of cargo: stories and `cargo up` start programs here and nowhere else.
#[expect(clippy::disallowed_methods, reason = "the harness starts the programs")]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// The folder of the profile this program was built in: `target/debug`, `target/release`.
fn profile_folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("."));
    Ok(if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

fn musl_is_installed() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or("rustc".into());
    let asked = command(rustc)
        .args(["--print", "target-libdir", "--target", MUSL])
        .current_dir(checkout())
        .stderr(Stdio::null())
        .output();
    let Ok(output) = asked else { return false };
    String::from_utf8(output.stdout).is_ok_and(|path| Path::new(path.trim()).is_dir())
}

fn cargo(arguments: &[&str], options: &[&str]) -> anyhow::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    let status = command(cargo)
        .args(arguments)
        .args(options)
        .current_dir(checkout())
        .stdin(Stdio::null())
        .status()
        .context("run cargo")?;
    if !status.success() {
        bail!("cargo {} failed: its messages are above", arguments.join(" "));
    }
    Ok(())
}
