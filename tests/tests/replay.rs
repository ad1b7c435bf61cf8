//! An imported log of FlexNet tells what a plain replay of it tells: the same pairs, times, seats and peaks.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, civil::DateTime, civil::date};
use lic_tests::{
    dice::Dice,
    naive::{Pair, Replay},
    programs::command,
    site::{Site, shown},
};

/// A folder of further logs to compare, which are somebody's own.
const LOGS: &str = "LICWRAP_FLEXLM_LOGS";
/// How far an hour of seats may be off: times are kept to the millisecond.
const HOURS: f64 = 0.001;

#[track_caller]
fn rows(database: &Path, sql: &str) -> Vec<Vec<String>> {
    let output = command("sqlite3").args(["-separator", "\t"]).arg(database).arg(sql).output();
    let output = output.expect("sqlite3 runs");
    assert!(output.status.success(), "{}", shown(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect()
}

/// What licmon makes of a log whose clock is that of UTC.
struct Imported {
    _site: Site,
    pairs: Vec<Pair>,
    peaks: BTreeMap<String, u32>,
    denied: usize,
    unknown: Vec<String>,
}

impl Imported {
    #[track_caller]
    fn of(log: &Path) -> Self {
        let site = Site::without_log("");
        let arguments = ["import", "--system", "flexlm", "--server", "lic1", "--zone", "UTC"];
        let output = site.licmon(&arguments).arg(log).output().expect("licmon runs");
        assert!(output.status.success(), "{}", shown(&output));
        let history = site.state().join("history.db");
        let sql = "select feature, user, host, count, started, coalesce(ended, '') from session";
        let time = |text: &str| text.trim_end_matches('Z').parse::<DateTime>().ok();
        let pairs = rows(&history, sql).into_iter().map(|row| Pair {
            feature: row[0].clone(),
            user: row[1].clone(),
            host: row[2].clone(),
            count: row[3].parse().expect("a number"),
            from: time(&row[4]).expect("a time"),
            to: time(&row[5]),
        });
        let mut pairs: Vec<Pair> = pairs.collect();
        pairs.sort();
        let live = site.state().join("license_manager.db");
        let peaks = "select feature, max(peak) from hour join meter on meter.id = meter group by 1";
        let peaks = rows(&live, peaks).into_iter();
        let peaks = peaks.map(|row| (row[0].clone(), row[1].parse().expect("a number"))).collect();
        let denied = rows(&history, "select sum(tries) from denial");
        let denied = denied[0][0].parse().unwrap_or(0);
        let parsed = site.run_licmon(&[
            "parse",
            "--system",
            "flexlm",
            "--kind",
            "log",
            &log.display().to_string(),
        ]);
        let parsed = String::from_utf8(parsed.stdout).expect("text");
        let unknown = parsed.lines().filter(|line| line.contains("\"unknown\"")).map(str::to_owned);
        let unknown = unknown
            .filter(|line| ["OUT:", "IN:", "DENIED:"].iter().any(|word| line.contains(word)));
        Self { unknown: unknown.collect(), _site: site, pairs, peaks, denied }
    }

    fn seat_hours(&self, feature: &str) -> f64 {
        let of_feature = self.pairs.iter().filter(|pair| pair.feature == feature);
        let hours = of_feature.filter_map(|pair| {
            let held = pair.to?.duration_since(pair.from).as_secs_f64() / 3600.0;
            Some(held * f64::from(pair.count))
        });
        hours.sum()
    }
}

#[track_caller]
fn check(log: &Path) -> Replay {
    let text = fs::read_to_string(log).expect("a log in UTF-8");
    let replay = Replay::of(&text, 0);
    assert_eq!(replay.wrong_dates, Vec::<String>::new(), "{}", log.display());
    let imported = Imported::of(log);
    let mut pairs = replay.pairs.clone();
    pairs.sort();
    let apart = pairs.iter().zip(&imported.pairs).find(|(one, other)| one != other);
    assert_eq!(apart, None, "{}: the first pair that differs", log.display());
    assert_eq!(pairs.len(), imported.pairs.len(), "{}", log.display());
    assert_eq!(replay.peaks, imported.peaks, "{}", log.display());
    assert_eq!(replay.denied, imported.denied, "{}", log.display());
    assert_eq!(imported.unknown, Vec::<String>::new(), "{}", log.display());
    for feature in replay.peaks.keys() {
        let (told, found) = (replay.seat_hours(feature), imported.seat_hours(feature));
        assert!((told - found).abs() < HOURS, "{feature}: {told} and {found} hours of seats");
    }
    replay
}

/// A log of several days, with two vendor daemons, one of which is started again.
fn written(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut at = date(2024, 2, 27).at(9, 0, 0, 0);
    let mut log = format!(
        "\u{feff} 9:00:00 (lmgrd) FlexNet Licensing (v11.18.1.0 build 1 x64_lsb) started on oak (linux) ({})\n",
        at.strftime("%-m/%-d/%Y")
    );
    let mut held: Vec<String> = Vec::new();
    let mut stamped = at;
    for number in 0..600 {
        at += SignedDuration::from_secs(i64::try_from(dice.between(1, 1800)).expect("short"));
        let clock = format!("{:>2}:{:02}:{:02}", at.hour(), at.minute(), at.second());
        if at.duration_since(stamped) >= SignedDuration::from_hours(6) {
            stamped = at;
            let _ = writeln!(log, "{clock} (lmgrd) TIMESTAMP {}", at.strftime("%-m/%-d/%Y"));
        }
        if number == 400 {
            let _ = writeln!(log, "{clock} (meshd) Server started on oak for:\tmesh\t");
            held.retain(|seat| !seat.starts_with("(meshd)"));
        }
        match dice.below(10) {
            0 => {
                let _ = writeln!(
                    log,
                    "{clock} (cadd) DENIED: \"cad\" ann@pine  (Licensed number of users already reached. (-4,342))"
                );
            }
            1 => {
                let _ = writeln!(
                    log,
                    "{clock} (cadd) (@cadd-SLOG@) 00000016 ms at Wed Jun 08 2022 10:34:59 CEST,#63,(5420K),(ann,pine,1352)"
                );
            }
            2..6 => {
                let (daemon, feature) =
                    [("cadd", "cad"), ("cadd", "solve"), ("meshd", "mesh")][dice.pick(3)];
                let user = ["ann", "Bo Ek.Å", "cad$", "dora@home"][dice.pick(4)];
                let seats = dice.between(1, 3);
                let tail = if seats > 1 { format!("({seats} licenses) ") } else { String::new() };
                let seat = format!("({daemon}) OUT: \"{feature}\" {user}@pine  {tail}");
                let _ = writeln!(log, "{clock} {seat}");
                held.push(seat);
            }
            _ if !held.is_empty() => {
                let seat = held.remove(dice.pick(held.len())).replace("OUT:", "IN:");
                let reason = ["", "", "(INACTIVE)"][dice.pick(3)];
                let _ = writeln!(log, "{clock} {seat}{reason}");
            }
            _ => {}
        }
    }
    log
}

#[test]
fn log_is_paired_as_a_plain_replay_pairs_it() {
    for seed in 1..4 {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("cad.log");
        fs::write(&log, written(seed)).expect("it is written");
        let replay = check(&log);
        let days = replay.pairs.iter().map(|pair| pair.from.date());
        assert!(days.clone().max() > Some(date(2024, 3, 1)), "it passes the end of February");
        assert!(replay.pairs.iter().any(|pair| pair.count > 1) && replay.denied > 20);
    }
}

#[test]
fn midnight_that_is_a_day_too_long_is_found() {
    let log = written(1);
    assert!(Replay::of(&log, 0).wrong_dates.is_empty());
    let late = Replay::of(&log, 1);
    assert!(!late.wrong_dates.is_empty());
    assert_ne!(late.pairs, Replay::of(&log, 0).pairs);
}

#[test]
fn further_logs_are_paired_alike() {
    let Some(folder) = env::var_os(LOGS) else { return };
    let mut logs: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    logs.sort();
    for log in logs {
        let Replay { pairs, outs, ins, denied, .. } = check(&log);
        let open = pairs.iter().filter(|pair| pair.to.is_none()).count();
        println!("{}: {outs} OUT, {ins} IN, {denied} DENIED, {open} not given back", log.display());
    }
}
