//! A tool under licwrap is as it is alone: each row runs bare and wrapped, with a real licmon, and is compared.
//!
//! Rows `t` are about the command itself, rows `s` about signals and the terminal.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fmt::Write, fs, os::unix::process::ExitStatusExt, process::Stdio};

use lic_tests::{
    programs::programs,
    site::shown,
    stage::Stage,
    terminal::{CTRL_C, CTRL_Z, PROMPT},
    tool, wait,
};
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

#[test]
fn t01_exit_codes_pass() {
    let script =
        r#"for n in 0 1 42 75 124 125 126 127 255; do "$@" sh -c "exit $n"; echo $?; done"#;
    Stage::open().check(script, "0\n1\n42\n75\n124\n125\n126\n127\n255\n");
}

#[test]
fn t02_a_tool_killed_by_a_signal_is_seen_to_die_of_it() {
    let stage = Stage::open();
    for (name, number) in [("HUP", 1), ("KILL", 9), ("SEGV", 11), ("PIPE", 13), ("TERM", 15)] {
        let script = format!("ulimit -c 0; exec \"$@\" sh -c 'kill -{name} $$'");
        for mut shell in stage.both(&script) {
            assert_eq!(shell.status().unwrap().signal(), Some(number), "{name}");
        }
    }
}

#[test]
fn t03_no_second_core_file() {
    let stage = Stage::open();
    let script = "ulimit -c unlimited; exec \"$@\" sh -c 'kill -QUIT $$'";
    let ends = stage.both(script).map(|mut shell| {
        fs::remove_dir_all(stage.site.path("here")).unwrap();
        fs::create_dir(stage.site.path("here")).unwrap();
        let status = shell.status().unwrap();
        let files = fs::read_dir(stage.site.path("here")).unwrap().count();
        assert!(files <= 1, "{files} core files");
        (status.signal(), status.core_dumped(), files)
    });
    assert_eq!(ends[1], ends[0]);
    assert_eq!(ends[0].0, Some(3));
}

#[test]
fn t04_what_did_not_run_is_told_by_its_code() {
    let mut stage = Stage::open();
    stage.write("plain", "text", 0o644);
    for mut shell in stage.both(r#""$@" /nonexistent; echo $?; "$@" ./plain; echo $?"#) {
        assert_eq!(shell.output().unwrap().stdout, b"127\n126\n");
    }
    let mut holder = stage.busy();
    assert_eq!(stage.code(&["-f", "one", "-n", "--", "true"]), Some(75));
    assert_eq!(stage.code(&["-f", "one", "-w=0.1s", "--", "true"]), Some(124));
    assert_eq!(stage.code(&["-f", "one", "-n", "-E", "7", "--", "true"]), Some(7));
    assert_eq!(stage.code(&["-f", "unheard-of", "--", "true"]), Some(125));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    stage.site.stop_licmon();
    assert_eq!(stage.code(&["-f", "one", "--", "true"]), Some(125));
}

#[test]
fn t05_a_script_without_an_interpreter_runs() {
    let stage = Stage::open();
    stage.write("s", "echo hi $1\n", 0o755);
    stage.check(r#""$@" ./s x"#, "hi x\n");
}

#[test]
fn t06_arguments_are_untouched() {
    let script = "\"$@\" printf '%s|' 'a b' '$HOME' '*' '' '-x' '--' '-f' '\n' '\\'";
    Stage::open().check(script, "a b|$HOME|*||-x|--|-f|\n|\\|");
}

#[test]
fn t07_standard_streams_are_the_same_open_files() {
    let stage = Stage::open();
    let bytes: Vec<u8> =
        (0..1_u32 << 20).map(|n| (n ^ (n >> 7) ^ (n >> 13)).to_le_bytes()[0]).collect();
    stage.write("bytes", bytes, 0o644);
    stage.write("lines", "one\ntwo\nthree\n", 0o644);
    let paths = r#""$@" sh -c 'seen=$(cd /proc/$$/fd; readlink 0 1 2); echo "$seen" >&3' <lines >out 2>wrong 3>paths; cat paths"#;
    let seen = stage.same(paths);
    let here = stage.site.path("here").canonicalize().unwrap();
    let expected = ["lines", "out", "wrong"].map(|name| here.join(name).display().to_string());
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
    stage.check(r#""$@" cat <bytes | cmp - bytes && echo same"#, "same\n");
    stage.check(
        r#"(read -r line; "$@" head -n 1; read -r line; echo "$line") <lines | head -n 1"#,
        "two\n",
    );
    stage.check(r#"(echo a; "$@" echo b; echo c) >out; cat out"#, "a\nb\nc\n");
}

#[test]
fn t08_descriptors_pass_and_one_is_added() {
    let stage = Stage::open();
    let closed = r#""$@" sh -c 'readlink /proc/$$/fd/0 || echo closed' <&-"#;
    stage.check(closed, "closed\n");
    for start in ["TOOL 7</etc/hostname", "TOOL <&-", "TOOL <&- 2>&-"] {
        let look = r#""$@" sh -c 'ls -l /proc/$$/fd; :'"#;
        let [bare, wrapped] = stage.both(&start.replace("TOOL", look)).map(|mut shell| {
            let listed = String::from_utf8(shell.output().unwrap().stdout).unwrap();
            let open =
                listed.lines().filter_map(|line| line.split_once(" -> ")).map(|(left, to)| {
                    let number: u32 = left.rsplit(' ').next().unwrap().parse().unwrap();
                    // The harness reads each run through pipes of its own.
                    (number, if to.starts_with("pipe:") { String::new() } else { to.to_owned() })
                });
            open.collect::<Vec<_>>()
        });
        assert_eq!(bare.iter().any(|(number, _)| *number == 7), start.contains('7'));
        let (added, kept): (Vec<_>, Vec<_>) =
            wrapped.into_iter().partition(|descriptor| !bare.contains(descriptor));
        assert_eq!(kept, bare, "{start}");
        assert!(matches!(&added[..], [(100.., to)] if to.contains("seat")), "{start}: {added:?}");
    }
}

#[test]
fn t09_the_environment_has_one_variable_more() {
    let script = r#"env -i A=1 B='x y' PATH="$PATH" LICWRAP_SOCKET="$LICWRAP_SOCKET" "$@" env"#;
    let [bare, wrapped] = Stage::open()
        .both(script)
        .map(|mut shell| String::from_utf8(shell.output().unwrap().stdout).unwrap());
    let added = wrapped.strip_prefix(&bare).expect("the same variables, in their order");
    assert!(added.starts_with("LICWRAP_SEAT=") && added.lines().count() == 1, "{added}");
    assert!(added.len() < 64 && bare.lines().count() == 4, "{bare}{added}");
}

#[test]
fn t10_ignored_and_blocked_signals_are_inherited() {
    let tool = r#""$@" grep -E 'Sig(Ign|Blk|Pnd)' /proc/self/status"#;
    let stage = Stage::open();
    let ignoring = stage.same(&format!("trap '' HUP PIPE USR1; {tool}"));
    assert!(line(&ignoring, "SigIgn").ends_with("0001201"), "{ignoring}");
    let blocking = stage.same(&format!("env --block-signal=USR2,TERM,TSTP {tool}"));
    assert!(line(&blocking, "SigBlk").ends_with("00084800"), "{blocking}");
}

#[test]
fn t11_nothing_is_newly_ignored() {
    let script = r#"env --default-signal "$@" grep -E 'Sig(Ign|Blk|Cgt)' /proc/self/status"#;
    let seen = Stage::open().same(script);
    assert!(line(&seen, "SigIgn").ends_with("0000000"), "{seen}");
}

#[test]
fn t12_the_tool_is_the_process_that_was_started() {
    let stage = Stage::open();
    let script = r#""$@" sh -c 'echo $$' >pid & wait; [ "$(cat pid)" = $! ] && echo same"#;
    stage.check(script, "same\n");
    let family = r#"read -r a b c d group session rest </proc/$$/stat
        "$@" sh -c 'read -r a b c parent group session rest </proc/$$/stat
            [ "$parent $group $session" = "$1" ] && echo same' sh "$$ $group $session""#;
    stage.check(family, "same\n");
}

#[test]
fn t13_limits_and_attributes_are_inherited() {
    let look = "umask; ulimit -a; nice; pwd; cat /proc/self/cgroup /proc/self/oom_score_adj; \
        grep -E '^(Cap|NoNewPrivs|Seccomp:|Cpus_allowed:|Groups)' /proc/self/status";
    let set = "umask 027; ulimit -n 200; ulimit -s 4096; echo 7 >/proc/$$/oom_score_adj; mkdir -p sub; cd sub";
    let script = format!("{set}; nice -n 3 setpriv --no-new-privs \"$@\" sh -c \"$LOOK\"");
    let stage = Stage::open();
    let [bare, wrapped] = stage.both(&script).map(|mut shell| {
        String::from_utf8(shell.env("LOOK", look).output().unwrap().stdout).unwrap()
    });
    assert_eq!(wrapped, bare);
    assert!(bare.starts_with("0027\n") && bare.contains("/sub\n"), "{bare}");
    assert!(bare.contains("\n7\n") && bare.contains("NoNewPrivs:\t1"), "{bare}");
}

#[test]
fn t14_time_and_memory_of_the_tool_are_its_callers() {
    let stage = Stage::open();
    let count = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    let script = format!("\"$@\" sh -c '{count}'; times >times; tail -n 1 times");
    let seconds = stage.both(&script).map(|mut shell| {
        let said = String::from_utf8(shell.output().unwrap().stdout).unwrap();
        let user = said.split(' ').next().unwrap().trim_end_matches('s');
        let (minutes, seconds) = user.split_once('m').unwrap();
        minutes.parse::<f64>().unwrap().mul_add(60.0, seconds.parse::<f64>().unwrap())
    });
    assert!(seconds[0] > 0.05, "the tool works: {seconds:?}");
    assert!(seconds[1] > seconds[0] / 3.0, "its time is seen: {seconds:?}");
    // The most of any child so far: the wrapped one takes more than all before it.
    for (mut shell, megabytes) in
        stage.both("\"$@\" dd if=/dev/zero of=out bs=$SIZE count=1").into_iter().zip([150, 250])
    {
        assert!(shell.env("SIZE", format!("{megabytes}M")).output().unwrap().status.success());
        let peak_kb = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
        assert!(peak_kb / 1024 >= megabytes, "{peak_kb} kB of {megabytes} MB");
    }
}

#[test]
fn t15_licwrap_says_nothing() {
    let stage = Stage::open();
    stage.check(r#""$@" true >out 2>wrong; wc -c <out; wc -c <wrong"#, "0\n0\n");
    let mut holder = stage.busy();
    let mut waiter = stage.site.licwrap(&["-f", "one", "--", "true"]);
    let waiter = waiter.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait::until("it waits", || stage.queued() == 1);
    drop(holder.stdin.take());
    let waiter = waiter.wait_with_output().unwrap();
    assert_eq!(shown(&waiter), "exit status: 0\n");
    holder.wait().unwrap();
}

#[test]
fn t16_names_are_looked_up_as_a_shell_does() {
    let stage = Stage::open();
    stage.write("x", "#!/bin/sh\necho x here\n", 0o755);
    stage.write("sub/x", "#!/bin/sh\necho x in sub\n", 0o755);
    stage.write("plain/x", "#!/bin/sh\necho never\n", 0o644);
    let paths = [":/bin", "/bin:", "/bin::/usr/bin", "sub:/bin", "plain:sub", "none:./sub/", ""];
    for path in paths {
        let said = stage.same(&format!("PATH={path}; \"$@\" x"));
        assert_eq!(said, if path.contains("sub") { "x in sub\n" } else { "x here\n" }, "{path}");
    }
    stage.check(r#"env -u PATH "$@" echo found"#, "found\n");
    // dash says 127 where a folder has the name and it cannot be run; env and bash say 126.
    stage.check(
        r#"for path in plain /bin:none; do PATH=$path; /usr/bin/env "$@" x 2>wrong; echo $?; done"#,
        "126\n127\n",
    );
}

#[test]
fn s01_signals_reach_the_tool() {
    let stage = Stage::open();
    for name in ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "WINCH", "ALRM"] {
        let tool = "trap \"echo got; exit 7\" SIGNAL; echo ready; while :; do read x; done";
        let script = format!("exec \"$@\" sh -c '{}'", tool.replace("SIGNAL", name));
        for run in stage.started(&script) {
            kill(run.pid(), format!("SIG{name}").parse::<Signal>().unwrap()).unwrap();
            assert_eq!(run.end(), "got\nexit status: 7", "{name}");
        }
    }
}

#[test]
fn s02_a_killed_licwrap_leaves_no_tool() {
    let stage = Stage::open();
    let count = stage.site.path("count");
    fs::create_dir(&count).unwrap();
    let mut licwrap = stage.site.licwrap(&["-f", "one", "--"]);
    licwrap.arg(&programs().probe).arg("--count").arg(&count).args(["--for-ms", "60000"]);
    let mut run = licwrap.stdout(Stdio::null()).spawn().unwrap();
    wait::until("it runs", || tool::live(&count).unwrap() == 1);
    run.kill().unwrap();
    wait::until("nothing runs", || tool::live(&count).unwrap() == 0);
    wait::until("the seat is free", || stage.code(&["-f", "one", "-n", "--", "true"]) == Some(0));
    run.wait().unwrap();
}

#[test]
fn s03_one_ctrl_c_is_one_interrupt() {
    for mut terminal in Stage::open().terminals() {
        let tool = r#"n=0; trap "n=\$((n+1)); echo int \$n" INT; echo ready; while [ "$x" != q ]; do read x; done; echo total $n"#;
        terminal.line(&format!("$W sh -c '{tool}'"));
        terminal.see("ready\r\n");
        terminal.keys(CTRL_C);
        terminal.see("int 1\r\n");
        terminal.line("q");
        terminal.see("total 1\r\n");
    }
}

#[test]
fn s04_a_tool_that_handles_ctrl_c_decides_its_status() {
    for mut terminal in Stage::open().terminals() {
        terminal.line(
            r#"$W sh -c 'trap "exit 5" INT; echo ready; while :; do read x; done'; echo "code=$?""#,
        );
        terminal.see("ready\r\n");
        terminal.keys(CTRL_C);
        terminal.see("code=5\r\n");
        terminal.line(r#"$W sh -c 'echo ready; read x'; echo "code=$?""#);
        terminal.see("ready\r\n");
        terminal.keys(CTRL_C);
        // bash gives up the rest of a line whose command died of Ctrl-C.
        terminal.see(PROMPT);
        terminal.line(r#"echo "code=$?""#);
        terminal.see("code=130\r\n");
    }
}

#[test]
fn s05_ctrl_z_stops_the_job_and_fg_goes_on() {
    for mut terminal in Stage::open().terminals() {
        terminal.line("$W sh -c 'echo ready; read x; echo GOT=$x'");
        terminal.see("ready\r\n");
        terminal.keys(CTRL_Z);
        terminal.see("Stopped");
        terminal.line("echo \"prompt=$((6 * 7))\"");
        terminal.see("prompt=42\r\n");
        terminal.line("fg");
        terminal.see("sh -c");
        terminal.line("hi");
        terminal.see("GOT=hi\r\n");
    }
}

#[test]
fn s06_a_tool_that_stops_itself_is_seen_to_stop() {
    for mut run in
        Stage::open().started("exec \"$@\" sh -c 'echo ready; kill -STOP $$; read x; exit 3'")
    {
        let stopped = waitpid(run.pid(), Some(WaitPidFlag::WUNTRACED)).unwrap();
        assert_eq!(stopped, WaitStatus::Stopped(run.pid(), Signal::SIGSTOP));
        kill(run.pid(), Signal::SIGCONT).unwrap();
        drop(run.child.stdin.take());
        assert_eq!(run.end(), "exit status: 3");
    }
}

#[test]
fn s07_a_background_tool_does_not_take_the_terminal() {
    for mut terminal in Stage::open().terminals() {
        terminal.line("$W sh -c 'echo started; exec sleep 60' &");
        terminal.see("started\r\n");
        terminal.line("echo \"prompt=$((6 * 7))\"");
        terminal.see("prompt=42\r\n");
        terminal.line("kill %1; wait %1; echo \"code=$?\"");
        terminal.see("code=143\r\n");
    }
}

#[test]
fn s08_the_tool_reads_the_terminal() {
    for mut terminal in Stage::open().terminals() {
        terminal.line(
            "$W sh -c 'test -t 0 && test -t 1 && test -t 2 && echo ready; read x; echo GOT=$x'",
        );
        terminal.see("ready\r\n");
        terminal.line("hi");
        terminal.see("GOT=hi\r\n");
    }
}

#[test]
fn s09_signals_end_waiting_at_once() {
    let stage = Stage::open();
    let mut holder = stage.busy();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut waiter = stage.site.licwrap(&["-f", "one", "--", "true"]).spawn().unwrap();
        wait::until("it waits", || stage.queued() == 1);
        kill(Pid::from_raw(waiter.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(waiter.wait().unwrap().signal(), Some(signal as i32));
        wait::until("nobody waits", || stage.queued() == 0);
    }
    let mut terminal = stage.terminal(&format!("{} -f one --", programs().licwrap.display()));
    terminal.line("$W true");
    terminal.see("waiting for a seat of one, place 1");
    terminal.keys(CTRL_C);
    terminal.see(PROMPT);
    terminal.line("echo \"code=$?\"");
    terminal.see("code=130\r\n");
    wait::until("nobody waits", || stage.queued() == 0);
    drop(holder.stdin.take());
    holder.wait().unwrap();
}

#[test]
fn s11_the_terminal_is_untouched_and_output_keeps_its_order() {
    let stage = Stage::open();
    for mut terminal in stage.terminals() {
        terminal.line("a=$(stty -g); t=$(tty); $W sh -c 'tty; stty -g' >seen; printf '%s\\n' \"$t\" \"$a\" | cmp - seen && [ \"$a\" = \"$(stty -g)\" ] && echo untouched");
        terminal.see("untouched\r\n");
    }
    let tool = "i=0; while [ $i -lt 50 ]; do echo out $i; echo wrong $i >&2; i=$((i+1)); done";
    let said = stage.same(&format!("\"$@\" sh -c '{tool}' >both 2>&1; cat both"));
    let mut expected = String::new();
    (0..50).for_each(|i| write!(expected, "out {i}\nwrong {i}\n").unwrap());
    assert_eq!(said, expected);
}

/// The line of a status file that begins with `name`. Signals above 31 are the machine's business.
fn line<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find(|line| line.starts_with(name)).unwrap()
}
