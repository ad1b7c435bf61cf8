//! The real program against a small monitor: what the tool inherits, and that its end is its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(dead_code, reason = "the stage serves other tests too")]

#[path = "stage/programs.rs"]
mod programs;
#[path = "stage/responder.rs"]
mod responder;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Command, Stdio},
};

use nix::libc::SIGSEGV;

use crate::{
    programs::{check, end, granted, granted_in_shell, licwrap, text, unasked},
    responder::Responder,
};

/// The descriptors that a tool has only under licwrap, when both are started by `start` in a shell, where `TOOL` stands for
/// the tool, and those it has only without.
fn differing_descriptors(start: &str) -> (Vec<i32>, Vec<i32>) {
    let look = "/bin/sh -c 'ls /proc/$$/fd'";
    let wrapped = format!("\"$0\" -v -- {look}");
    let script =
        format!("{}; echo; {}", start.replace("TOOL", look), start.replace("TOOL", &wrapped));
    let output = granted_in_shell(&script);
    let (bare, wrapped) = text(&output.stdout).split_once("\n\n").unwrap();
    let numbers =
        |text: &str| text.lines().map(|line| line.parse().unwrap()).collect::<BTreeSet<_>>();
    let (bare, wrapped) = (numbers(bare), numbers(wrapped));
    assert!(bare.contains(&1));
    (wrapped.difference(&bare).copied().collect(), bare.difference(&wrapped).copied().collect())
}

#[test]
fn the_tool_has_one_descriptor_more_and_it_is_high() {
    for start in ["TOOL", "TOOL <&-", "TOOL 2>&-", "TOOL <&- 2>&-", "TOOL 5</dev/null"] {
        assert_eq!(differing_descriptors(start), (vec![100], vec![]), "{start}");
    }
    let (more, fewer) = differing_descriptors("ulimit -n 50; TOOL <&-");
    assert!(matches!(more[..], [10..50]) && fewer.is_empty(), "{more:?} {fewer:?}");
}

#[test]
fn the_tool_has_one_variable_more() {
    let script = r#"env -i A=1 LICWRAP_SEAT=old LICWRAP_SOCKET="$LICWRAP_SOCKET" "$0" -- /usr/bin/env | grep -v SOCKET"#;
    check(&granted_in_shell(script), 0, "A=1\nLICWRAP_SEAT=7\n", "");
}

#[test]
fn arguments_are_untouched() {
    let arguments = ["--", "printf", "%s|", "a b", "$HOME", "*", "", "-x", "--", "\n"];
    check(&granted(&arguments), 0, "a b|$HOME|*||-x|--|\n|", "");
}

#[test]
fn the_tool_keeps_its_process() {
    let script = r#""$0" -- /bin/sh -c 'echo $$' & echo $!; wait"#;
    let output = granted_in_shell(script);
    let pids: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(pids.len(), 2);
    assert_eq!(pids[0], pids[1]);
}

#[test]
fn the_tools_end_is_its_own() {
    check(&granted(&["--", "/bin/sh", "-c", "exit 42"]), 42, "", "");
    check(&granted(&["-E", "7", "--", "/bin/sh", "-c", "exit 75"]), 75, "", "");
    let output = granted(&["--", "/bin/sh", "-c", "ulimit -c 0; kill -SEGV $$"]);
    assert_eq!(output.status.signal(), Some(SIGSEGV));
}

#[test]
fn a_tool_that_cannot_be_run_is_told_from_one_that_is_missing_and_asks_for_no_seat() {
    let missing = "licwrap: cannot run `/nonexistent`: No such file or directory\n";
    check(&unasked(&["--", "/nonexistent"]), 127, "", missing);
    let missing = "licwrap: cannot run `no-such-tool`: No such file or directory\n";
    check(&unasked(&["--", "no-such-tool"]), 127, "", missing);
    let unusable = "licwrap: cannot run `/etc/passwd`: Permission denied\n";
    check(&unasked(&["--", "/etc/passwd"]), 126, "", unusable);
    check(&unasked(&["--", "/etc"]), 126, "", "licwrap: cannot run `/etc`: Permission denied\n");
    let part = "licwrap: cannot run `/etc/passwd/x`: Not a directory\n";
    check(&unasked(&["--", "/etc/passwd/x"]), 126, "", part);
    let supervised = unasked(&["--supervise", "--", "/nonexistent"]);
    check(&supervised, 127, "", "licwrap: cannot run `/nonexistent`: No such file or directory\n");
    // Its interpreter is missing, which only trying tells.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    make_script(&script, "#!/nonexistent\n", 0o755);
    assert_eq!(granted(&["--", script.to_str().unwrap()]).status.code(), Some(127));
}

#[test]
fn a_script_without_an_interpreter_is_the_shells() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    make_script(&script, "echo hi \"$1\"\n", 0o755);
    check(&granted(&["--", script.to_str().unwrap(), "a b"]), 0, "hi a b\n", "");
}

#[test]
fn a_name_is_searched_as_a_shell_searches_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    fs::create_dir(folder.path().join("shut")).unwrap();
    for (name, mode) in [("bin/probe", 0o755), ("shut/probe", 0o644), ("here", 0o755)] {
        make_script(&folder.path().join(name), "#!/bin/sh\necho found\n", mode);
    }
    let denied = "licwrap: cannot run `probe`: Permission denied\n";
    for (path, tool, code, stdout, stderr) in [
        ("bin", "probe", 0, "found\n", ""),
        ("shut:bin:/bin", "probe", 0, "found\n", ""),
        ("/bin:", "here", 0, "found\n", ""),
        ("shut:/nonexistent", "probe", 126, "", denied),
    ] {
        let monitor = Responder::start();
        let mut command = licwrap(monitor.socket(), &["--", tool]);
        let child = command.current_dir(&folder).env("PATH", path).spawn().unwrap();
        let _token = (code == 0).then(|| monitor.accept().grant(7));
        check(&child.wait_with_output().unwrap(), code, stdout, stderr);
    }
}

#[test]
fn signals_are_as_they_were() {
    let look = "grep -E 'Sig(Ign|Blk|Cgt)' /proc/self/status";
    for trap in ["trap '' HUP PIPE USR1", ":"] {
        let bare = granted_in_shell(&format!("{trap}; \"$0\" -- true; {look}"));
        let wrapped = granted_in_shell(&format!("{trap}; \"$0\" -- {look}"));
        assert!(text(&bare.stdout).contains("SigIgn"));
        check(&wrapped, 0, text(&bare.stdout), "");
    }
}

#[test]
fn the_token_is_held_as_long_as_the_tool_lives() {
    let monitor = Responder::start();
    let mut command =
        licwrap(monitor.socket(), &["--", "/bin/sh", "-c", "echo held >/proc/self/fd/100; cat"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut token = monitor.accept().grant(7);
    assert_eq!(token.next(), "held\n");
    assert!(token.is_held());
    drop(child.stdin.take());
    token.wait_for_end();
    assert!(end(&mut child).success());
}

/// A run of `probe`, found far down `path`, with an environment of so many bytes more.
fn padded(socket: &Path, path: &Path, mut bytes: usize) -> Command {
    let mut command = licwrap(socket, &["--", "probe"]);
    command.env("PATH", path);
    for count in 0.. {
        let part = bytes.min(100_000);
        command.env(format!("PAD{count:04}"), "x".repeat(part));
        bytes -= part;
        if bytes == 0 {
            break;
        }
    }
    command
}

#[test]
fn an_argument_list_at_its_limit_still_fits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("far".repeat(80));
    fs::create_dir(&path).unwrap();
    make_script(&path.join("probe"), "#!/bin/sh\necho \"ran ${LICWRAP_SEAT-bare}\"\n", 0o755);
    let socket = folder.path().join("seat.sock");
    let fits =
        |bytes| padded(&socket, &path, bytes).output().is_ok_and(|output| output.status.success());
    let (mut largest, mut too_large) = (100_000, 8_000_000);
    while too_large - largest > 1 {
        let middle = usize::midpoint(largest, too_large);
        if fits(middle) { largest = middle } else { too_large = middle }
    }
    let monitor = Responder::start_at(&socket);
    for (bytes, stdout) in [(largest, "ran bare\n"), (largest - 100, "ran 7\n")] {
        let child = padded(&socket, &path, bytes).spawn().unwrap();
        let _token = monitor.accept().grant(7);
        check(&child.wait_with_output().unwrap(), 0, stdout, "");
    }
}

fn make_script(path: &Path, script: &str, mode: u32) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
