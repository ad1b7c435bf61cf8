//! Starting licwrap and shells, and comparing how they ended.

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use crate::responder::Responder;

/// The program under test.
pub(crate) const LICWRAP: &str = env!("CARGO_BIN_EXE_licwrap");

#[expect(clippy::disallowed_methods, reason = "these tests start licwrap and shells")]
fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("LICWRAP_SEAT").env_remove("XDG_RUNTIME_DIR");
    command
}

/// licwrap with these arguments, asking at `socket`.
pub(crate) fn licwrap(socket: &Path, arguments: &[&str]) -> Command {
    let mut command = program(LICWRAP);
    command.args(arguments).env("LICWRAP_SOCKET", socket);
    command
}

/// Runs licwrap against a monitor that grants.
pub(crate) fn granted(arguments: &[&str]) -> Output {
    let monitor = Responder::start();
    let child = licwrap(monitor.socket(), arguments).spawn().unwrap();
    let _token = monitor.accept().grant(7);
    child.wait_with_output().unwrap()
}

/// Runs licwrap, which must not ask for a seat: it would wait for the answer until its time is over.
pub(crate) fn unasked(arguments: &[&str]) -> Output {
    let monitor = Responder::start();
    let output = licwrap(monitor.socket(), arguments).output().unwrap();
    assert!(!monitor.was_asked());
    output
}

/// Runs a shell script, where `$0` is licwrap, against a monitor that grants.
pub(crate) fn granted_in_shell(script: &str) -> Output {
    let monitor = Responder::start();
    let mut shell = program("/bin/sh");
    shell.args(["-c", script, LICWRAP]).env("LICWRAP_SOCKET", monitor.socket());
    let child = shell.spawn().unwrap();
    let _token = monitor.accept().grant(7);
    child.wait_with_output().unwrap()
}

/// What a program printed.
pub(crate) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// Compares an end with what is expected of it.
#[track_caller]
pub(crate) fn check(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let found = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(found, (Some(code), stdout, stderr));
}

/// How a program ended whose output does not matter.
pub(crate) fn end(child: &mut Child) -> ExitStatus {
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    child.wait().unwrap()
}
