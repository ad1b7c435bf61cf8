//! Looks at pretended processes: which runs begin and end. And any forest of processes: nobody inside a lease is counted.

use std::collections::HashMap;

use jiff::Timestamp;
use lic_admission::capacity::Unit;
use proptest::{collection::vec, prelude::*};
use regex::bytes::Regex;

use super::{
    ledger::{Change, Ledger, RUNS_PER_TOOL_MAX, Shown},
    process::{Process, ProcessKey},
    rule::{ProcessMatch, Rule},
};
use crate::server::{config::BelievedSession, held::Held};

const BOOT: &str = "1f2e3d4c-0000";

/// A machine: its processes and what is held, look by look, one a second.
struct Machine {
    rules: Vec<Rule>,
    ledger: Ledger,
    second: i64,
}

impl Machine {
    /// With tools of one unit each: `t` and `u` are the names of their processes.
    fn new(unit: Unit) -> Self {
        let rules = ["t", "u"].map(|name| rule(name, unit)).to_vec();
        Self { rules, ledger: Ledger::adopt(BOOT.into(), Vec::new(), None, at(0)).0, second: 0 }
    }

    /// What a look changes, in words.
    ///
    /// `processes` are words `PID<PARENT:NAME`, with `/START` after a pid that was given again and `#PIPE` behind; a process
    /// starts at the second of its pid, before the year 1970 in which looks are taken. `held` are words `ID=PID:TOOL`, with
    /// `^PID` for a supervisor and `#PIPE` for a token; without a tool it is a place in the queue.
    fn see(&mut self, processes: &str, held: &str) -> String {
        self.second += 1;
        let (processes, pipes) = read_processes(processes);
        let held: Vec<Held> = held.split_ascii_whitespace().map(read_held).collect();
        let pipes = |pid| pipes.get(&pid).map_or(Vec::new(), |pipe| vec![(0, *pipe)]);
        let shown = Shown { at: at(self.second), processes: &processes, held: &held, pipes };
        let changes = self.ledger.see(&self.rules, &shown);
        changes.iter().map(words).collect::<Vec<_>>().join(", ")
    }

    #[track_caller]
    fn check(&mut self, looks: &[(&str, &str, &str)]) {
        for (number, (processes, held, expected)) in looks.iter().enumerate() {
            assert_eq!(self.see(processes, held), *expected, "look {}", number + 1);
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn rule(name: &str, unit: Unit) -> Rule {
    let name_regex = Regex::new(&format!("^{name}$")).unwrap();
    let process = ProcessMatch { exe: None, name: Some(name_regex), command_line: None };
    Rule { feature: name.into(), unit, process }
}

fn process(pid: u32, start_time: u64, parent: u32, name: &str) -> Process {
    Process {
        key: ProcessKey { pid, start_time },
        parent: Some(parent),
        started: at(-1000 + i64::try_from(start_time).unwrap()),
        uid: 1000,
        name: name.into(),
        exe: None,
        command_line: Vec::new(),
    }
}

fn read_processes(text: &str) -> (Vec<Process>, HashMap<u32, u64>) {
    let mut pipes = HashMap::new();
    let read = |word: &str| {
        let (word, pipe) =
            word.split_once('#').map_or((word, None), |(word, pipe)| (word, Some(pipe)));
        let (key, rest) = word.split_once('<').unwrap();
        let (parent, name) = rest.split_once(':').unwrap();
        let (pid, start_time) = key.split_once('/').unwrap_or((key, key));
        let pid = pid.parse().unwrap();
        pipes.extend(pipe.map(|pipe| (pid, pipe.parse().unwrap())));
        process(pid, start_time.parse().unwrap(), parent.parse().unwrap(), name)
    };
    (text.split_ascii_whitespace().map(read).collect(), pipes)
}

fn read_held(word: &str) -> Held {
    let (word, pipe) = word.split_once('#').map_or((word, None), |(word, pipe)| (word, Some(pipe)));
    let (id, rest) = word.split_once('=').unwrap();
    let (pids, tool) = rest.split_once(':').unwrap();
    let (pid, supervisor) = pids.split_once('^').map_or((pids, None), |(a, b)| (a, Some(b)));
    Held {
        id: id.parse().unwrap(),
        pid: pid.parse().unwrap(),
        start_time: Some(pid.parse().unwrap()),
        supervisor: supervisor.map(|pid| pid.parse().unwrap()),
        features: Some(tool.to_owned()).filter(|tool| !tool.is_empty()).into_iter().collect(),
        token: pipe.map(|pipe| (0, pipe.parse().unwrap())),
    }
}

fn words(change: &Change) -> String {
    match change {
        Change::Began { handle, at, .. } => {
            format!("{} began at {}", handle.trim_end_matches(".1f2e3d4c"), at.as_second())
        }
        Change::Ended { handle, reason, at, before, .. } => {
            let handle = handle.trim_end_matches(".1f2e3d4c");
            format!("{handle} {reason} between {} and {}", at.as_second(), before.as_second())
        }
        Change::TooMany { runs, .. } => format!("{runs} too many"),
    }
}

#[test]
fn a_run_is_counted_when_it_is_found_twice_and_ends_between_two_looks() {
    Machine::new(Unit::Run).check(&[
        ("10<1:t 11<1:vi", "", ""),
        ("10<1:t 11<1:vi", "", "10.10 began at -990"),
        ("10<1:t 11<1:vi", "", ""),
        ("11<1:vi", "", "10.10 tool_exited between 3 and 4"),
        ("11<1:vi", "", ""),
    ]);
}

#[test]
fn a_run_that_is_found_once_is_not_counted() {
    let looks = [("10<1:t", "", ""), ("", "", ""), ("10/11<1:t", "", ""), ("", "", "")];
    Machine::new(Unit::Run).check(&looks);
}

#[test]
fn a_number_that_is_given_again_is_another_run() {
    Machine::new(Unit::Run).check(&[
        ("10<1:t", "", ""),
        ("10<1:t", "", "10.10 began at -990"),
        ("10/90<1:t", "", "10.10 tool_exited between 2 and 3"),
        ("10/90<1:t", "", "10.90 began at -910"),
    ]);
}

#[test]
fn the_topmost_process_is_the_run() {
    let all = "10<1:sh 11<10:t 12<11:sh 13<12:t 14<11:t 15<10:t";
    Machine::new(Unit::Run).check(&[
        (all, "", ""),
        (all, "", "11.11 began at -989, 15.15 began at -985"),
        ("10<1:sh 11<10:t", "", "15.15 tool_exited between 2 and 3"),
    ]);
}

#[test]
fn a_run_stays_itself_whatever_its_process_is_called_later() {
    Machine::new(Unit::Run).check(&[
        ("10<1:sh 11<10:t 12<11:t", "", ""),
        ("10<1:sh 11<10:t 12<11:t", "", "11.11 began at -989"),
        // It becomes another program, and the shell above becomes the tool.
        ("10<1:t 11<10:sh 12<11:t", "", ""),
        ("10<1:t 11<10:sh 12<11:t", "", ""),
        ("10<1:t 12<10:t", "", "11.11 tool_exited between 4 and 5"),
        ("10<1:t 12<10:t", "", "10.10 began at -990"),
    ]);
}

#[test]
fn a_tree_is_one_run_until_its_last_process_is_gone() {
    Machine::new(Unit::Tree).check(&[
        ("10<1:t 11<10:sh", "", ""),
        ("10<1:t 11<10:sh", "", "10.10 began at -990"),
        ("10<1:t 11<10:sh 12<11:t", "", ""),
        ("11<1:sh 12<11:t", "", ""),
        ("12<1:t", "", ""),
        ("12<1:t", "", ""),
        ("", "", "10.10 tool_exited between 6 and 7"),
    ]);
    Machine::new(Unit::Run).check(&[
        ("10<1:t 12<10:t", "", ""),
        ("10<1:t 12<10:t", "", "10.10 began at -990"),
        ("12<1:t", "", "10.10 tool_exited between 2 and 3"),
        ("12<1:t", "", "12.12 began at -988"),
    ]);
}

#[test]
fn nobody_inside_a_lease_is_counted() {
    for (processes, held) in [
        ("10<1:t", "5=10:t"),
        ("10<1:sh 11<10:t 12<11:sh 13<12:t", "5=10:t"),
        // The holder of another tool's lease came through licwrap all the same.
        ("10<1:t", "5=10:u"),
        // licwrap itself, called by a link of the tool's name: as it waits, and as it stays.
        ("10<1:t", "5=10:"),
        ("10<1:t 11<10:t", "5=11^10:t"),
        // By the token alone, its own or that of the process above.
        ("10<1:sh 20<1:t#77", "5=10:t#77"),
        ("10<1:sh 20<1:sh#77 21<20:t", "5=10:t#77"),
    ] {
        let looks = [(processes, held, ""), (processes, held, ""), (processes, held, "")];
        Machine::new(Unit::Run).check(&looks);
    }
}

#[test]
fn a_lease_covers_its_own_tool_alone() {
    for (processes, held, expected) in [
        ("10<1:t 11<10:u", "5=10:t", "11.11 began at -989"),
        ("10<1:t 20<1:u#77", "5=10:t#77", "20.20 began at -980"),
        ("10<1:t 20<1:t#78", "5=10:t#77", "20.20 began at -980"),
        // The number of a holder that has ended belongs to somebody else now.
        ("10/90<1:t", "5=10:t", "10.90 began at -910"),
    ] {
        Machine::new(Unit::Run).check(&[(processes, held, ""), (processes, held, expected)]);
    }
}

#[test]
fn who_was_inside_a_lease_stays_inside_when_the_process_between_is_gone() {
    Machine::new(Unit::Run).check(&[
        ("10<1:sh 11<10:sh 12<11:t", "5=10:t", ""),
        ("10<1:sh 12<1:t", "5=10:t", ""),
        ("10<1:sh 12<1:t", "5=10:t", ""),
        ("10<1:sh 12<1:sh 13<12:t", "5=10:t", ""),
        ("10<1:sh 13<1:t", "5=10:t", ""),
    ]);
}

#[test]
fn a_lease_that_comes_before_the_second_look_is_in_time() {
    let looks = [("10<1:t", "", ""), ("10<1:t", "5=10:t", ""), ("10<1:t", "5=10:t", "")];
    Machine::new(Unit::Run).check(&looks);
}

#[test]
fn a_lease_takes_over_from_a_run_and_a_run_from_a_lease() {
    Machine::new(Unit::Run).check(&[
        ("10<1:t", "", ""),
        ("10<1:t", "", "10.10 began at -990"),
        ("10<1:t", "5=10:t", "10.10 superseded between 2 and 3"),
        ("10<1:t", "5=10:t", ""),
        // Released, and the tool runs on.
        ("10<1:t", "", ""),
        ("10<1:t", "", "10.10 began at 4"),
    ]);
}

#[test]
fn a_rule_that_goes_leaves_its_runs_until_they_end() {
    for unit in [Unit::Run, Unit::Tree] {
        let mut machine = Machine::new(unit);
        machine.see("10<1:t", "");
        machine.see("10<1:t", "");
        machine.see("10<1:t", "");
        machine.rules.clear();
        machine.check(&[("10<1:t", "", ""), ("", "", "10.10 tool_exited between 4 and 5")]);
    }
}

#[test]
fn the_next_monitor_goes_on_with_the_same_runs() {
    let session = |handle: &str| BelievedSession {
        handle: handle.to_owned(),
        feature: "t".into(),
        user: "ann".into(),
        host: "node7".into(),
        started: at(-990),
    };
    let believed = ["10.10.1f2e3d4c", "11.11.1f2e3d4c", "12.12.aaaaaaaa"].map(session).to_vec();
    let (ledger, ended) = Ledger::adopt(BOOT.into(), believed, Some(at(100)), at(107));
    let ended: Vec<String> = ended.iter().map(words).collect();
    assert_eq!(ended, ["12.12.aaaaaaaa host_rebooted between 100 and 107"]);
    let mut machine = Machine { ledger, second: 107, ..Machine::new(Unit::Run) };
    machine.check(&[
        ("10<1:t", "", "11.11 tool_exited between 100 and 108"),
        ("10<1:t", "", ""),
        ("", "", "10.10 tool_exited between 109 and 110"),
    ]);
}

#[test]
fn more_runs_than_are_counted_are_told() {
    let runs = RUNS_PER_TOOL_MAX + 3;
    let all: Vec<String> = (2..runs + 2).map(|pid| format!("{pid}<1:t")).collect();
    let mut machine = Machine::new(Unit::Run);
    machine.see(&all.join(" "), "");
    let changes = machine.see(&all.join(" "), "");
    assert!(changes.ends_with(", 3 too many"), "{}", &changes[changes.len() - 40..]);
    assert_eq!(machine.see(&all[1..].join(" "), "").matches("began").count(), 1);
}

/// A process by the number of its parent among those before it, its name, and whether it has a lease of `t` or shows the token
/// of one.
type Drawn = (usize, bool, Option<bool>);

/// What must be true of a process, walked up by hand.
fn is_inside(drawn: &[Drawn], number: usize, is_root: impl Fn(&Drawn) -> bool) -> bool {
    let mut number = number;
    loop {
        if is_root(&drawn[number]) {
            return true;
        }
        let parent = drawn[number].0 % (number + 1);
        if parent == number {
            return false;
        }
        number = parent;
    }
}

proptest! {
    #[test]
    fn every_topmost_process_outside_of_all_leases_is_one_run(
        drawn in vec((any::<usize>(), any::<bool>(), prop::option::weighted(0.2, any::<bool>())), 1..40),
    ) {
        let mut processes = Vec::new();
        let mut held = vec![read_held("9=9999:t#77")];
        let mut expected = Vec::new();
        for (number, (parent, is_tool, lease)) in drawn.iter().enumerate() {
            let (pid, parent) = (number + 10, parent % (number + 1));
            let above = if parent == number { 1 } else { parent + 10 };
            let name = if *is_tool { "t" } else { "sh" };
            let pipe = if *lease == Some(false) { "#77" } else { "" };
            processes.push(format!("{pid}<{above}:{name}{pipe}"));
            if *lease == Some(true) {
                held.push(read_held(&format!("{pid}={pid}:t")));
            }
            let is_covered = is_inside(&drawn, number, |(_, _, lease)| lease.is_some());
            let has_tool_above =
                parent != number && is_inside(&drawn, parent, |(_, is_tool, _)| *is_tool);
            if *is_tool && !is_covered && !has_tool_above {
                expected.push(format!("{pid}.{pid}"));
            }
        }
        let (processes, pipes) = read_processes(&processes.join(" "));
        let pipes = |pid| pipes.get(&pid).map_or(Vec::new(), |pipe| vec![(0, *pipe)]);
        let mut machine = Machine::new(Unit::Run);
        let mut began = Vec::new();
        for second in 0..4 {
            let shown = Shown { at: at(second), processes: &processes, held: &held, pipes };
            for change in machine.ledger.see(&machine.rules, &shown) {
                let told = words(&change);
                prop_assert!(told.contains(" began at "), "{}", told);
                began.push(told.split(' ').next().unwrap().to_owned());
            }
        }
        prop_assert_eq!(began, expected);
    }
}
