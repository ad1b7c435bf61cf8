//! The real program called by the name of a tool, which /etc/licwrap.d speaks of. Only root can lay a file there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "the stage serves other tests too")]

#[path = "stage/programs.rs"]
mod programs;
#[path = "stage/responder.rs"]
mod responder;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lic_protocol::{
    want::Choice,
    wire::{Reply, Request},
};
use tempfile::TempDir;

use crate::{
    programs::{LICWRAP, check, licwrap},
    responder::Responder,
};

/// A file of root's, gone when it is dropped; one at a time, since the folder goes with the last.
struct File(PathBuf, MutexGuard<'static, ()>);

static FOLDER: Mutex<()> = Mutex::new(());

impl File {
    /// `None`, and a word about it, where we may not.
    fn lay(name: &str, text: &str) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("not run: only root may write in /etc/licwrap.d");
            return None;
        }
        let folder_alone = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new("/etc/licwrap.d");
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(format!("{name}.conf"));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Some(Self(path, folder_alone))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
        // Where there was none before.
        let _kept_where_others_are = fs::remove_dir(self.0.parent().unwrap());
    }
}

/// A name no tool has.
fn name(row: &str) -> String {
    format!("licwrap-{row}-{}", std::process::id())
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "these tests start licwrap under other names")]
fn called(program: &Path, monitor: &Responder, path: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-f", "--", "a b"]).env("PATH", path).env("LICWRAP_SOCKET", monitor.socket());
    command.env_remove("LICWRAP_SEAT").stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    command
}

#[track_caller]
fn check_run(mut command: Command, monitor: &Responder, feature: &str, stdout: &str) {
    let child = command.spawn().unwrap();
    let asker = monitor.accept();
    let Request::Acquire(acquire) = &asker.request else { panic!("{:?}", asker.request) };
    assert_eq!(acquire.choices, [Choice::of(feature)]);
    let _token = asker.grant(7);
    check(&child.wait_with_output().unwrap(), 0, stdout, "");
}

#[test]
fn a_link_named_as_the_tool_runs_the_next_one_on_the_path() {
    let name = name("link");
    let Some(_file) = File::lay(&name, "tool=feature\n") else { return };
    let folder = TempDir::new().unwrap();
    for place in ["first", "second", "third", "fourth"] {
        fs::create_dir(folder.path().join(place)).unwrap();
    }
    let at = |place: &str| folder.path().join(place).join(&name);
    script(&at("first"), "#!/bin/sh\necho overtaken\n");
    symlink(LICWRAP, at("second")).unwrap();
    symlink(LICWRAP, at("third")).unwrap();
    script(&at("fourth"), "#!/bin/sh\nprintf '%s|' \"$LICWRAP_SEAT\" \"$@\"\n");
    let path = ["first", "second", "third", "fourth"]
        .map(|place| folder.path().join(place).to_str().unwrap().to_owned());
    let monitor = Responder::start();
    check_run(
        called(&at("second"), &monitor, &path[1..].join(":")),
        &monitor,
        "feature",
        "7|-f|--|a b|",
    );
    // Behind licwrap, not before it.
    check_run(
        called(&at("second"), &monitor, &path.join(":")),
        &monitor,
        "feature",
        "7|-f|--|a b|",
    );
    let output = called(&at("second"), &monitor, &path[1..3].join(":")).output().unwrap();
    let said = format!(
        "licwrap: the tool itself is not found behind licwrap: `{name}` (see licwrap --help)\n"
    );
    check(&output, 125, "", &said);
}

#[test]
fn the_tools_own_place_taken_runs_the_original() {
    let name = name("place");
    let folder = TempDir::new().unwrap();
    let (place, aside) = (folder.path().join(&name), folder.path().join("aside"));
    let monitor = Responder::start();
    let text = format!("original={}\nsocket={}\n", aside.display(), monitor.socket().display());
    let Some(file) = File::lay(&name, &text) else { return };
    fs::copy(LICWRAP, &place).unwrap();
    // It is called what it was called, and its own file says where the monitor is.
    script(&aside, "#!/usr/bin/perl\nprint \"$0 @ARGV\";\n");
    let mut command = called(&place, &monitor, "/usr/bin:/bin");
    command.env("LICWRAP_SOCKET", "/nonexistent");
    check_run(command, &monitor, &name, &format!("{} -f -- a b", aside.display()));
    fs::remove_file(&aside).unwrap();
    symlink(&place, &aside).unwrap();
    let output = called(&place, &monitor, "/usr/bin:/bin").output().unwrap();
    let aside = aside.display();
    let said = format!(
        "licwrap: the original of the tool is licwrap itself: `{aside}` (see licwrap --help)\n"
    );
    check(&output, 125, "", &said);

    // Others could write it: it is not believed, and the arguments are licwrap's own.
    fs::set_permissions(&file.0, fs::Permissions::from_mode(0o666)).unwrap();
    let output = called(&place, &monitor, "/usr/bin:/bin").output().unwrap();
    assert_eq!(output.status.code(), Some(125));
}

#[test]
fn the_file_of_a_tool_says_how_it_is_denied() {
    let name = name("denied");
    let Some(_file) = File::lay(&name, "denied_exit=2-4\nrequeue=1\n") else { return };
    let monitor = Responder::start();
    let arguments = ["-f", &name, "--", "/bin/sh", "-c", "exit 3"];
    let child = licwrap(monitor.socket(), &arguments).spawn().unwrap();
    for _ in 0..2 {
        let _token = monitor.accept().grant(7);
        let mut parent = monitor.accept();
        assert!(matches!(parent.request, Request::Denied(_)), "{:?}", parent.request);
        parent.reply(&Reply::Done { text: String::new() });
    }
    check(&child.wait_with_output().unwrap(), 3, "", "");
}
