//! What licmon and licdash say is one line for one event whatever things are called, and carries priorities where a journal reads it.
//! It is kept in files where it is told to: those are moved on by size, and never more than they may be.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
    process::Command,
};

use lic_tests::{
    process::Process,
    programs::{command, programs},
    site::Site,
    wait,
};

/// A name that begins a line of its own, if it can.
const HOSTILE: &str = "a\n<0>ERROR forged.toml";

/// Both programs with a configuration of that name, and the last that each says at its start.
fn commands(site: &Site) -> [(&'static str, Command, &'static str); 2] {
    let config = site.path(HOSTILE);
    fs::copy(site.config(), &config).expect("a configuration");
    let logs = format!(
        "[[server]]\nname = \"catia\"\nsystem = \"dsls\"\nlog = {{ directory = '''{}''' }}\n",
        config.display()
    );
    lic_tests::site::append(&config, logs.as_bytes());
    let with = |program: &Path| {
        let mut serve = command(program);
        serve.args(["serve", "--config"]).arg(&config).arg("--state").arg(site.state());
        serve.arg("--runtime").arg(site.path("runtime"));
        serve
    };
    [
        ("licmon", with(&programs().licmon), "WARN"),
        ("licdash", with(&programs().licdash), "licdash serves"),
    ]
}

/// What it says until it has said `last`, and how it begins each line.
#[track_caller]
fn said(site: &Site, mut serve: Command, name: &str, last: &str) -> String {
    let path = site.path(&format!("{name}.said"));
    let mut process = Process::start(name, &mut serve, &path).expect("it starts");
    wait::until(last, || process.said().contains(last));
    process.stop().expect("it stops");
    process.said()
}

/// `dev:ino` of the file that a program says things in, as a journal names its stream. Source: `systemd.exec(5)`.
fn stream(site: &Site, name: &str) -> String {
    let file = File::create(site.path(&format!("{name}.said"))).expect("a file");
    let file = file.metadata().expect("a file");
    format!("{}:{}", file.dev(), file.ino())
}

#[test]
fn each_line_has_its_priority_where_the_journal_reads_it() {
    let site = Site::without_log("");
    for (name, mut serve, last) in commands(&site) {
        serve.env("JOURNAL_STREAM", stream(&site, name));
        let said = said(&site, serve, name, last);
        assert!(said.contains("a\\x0") && said.contains("<0>ERROR forged"), "{said}");
        for line in said.lines() {
            let priority = match line.split_whitespace().nth(1) {
                Some("WARN") => "<4>",
                _ => "<6>",
            };
            assert!(line.starts_with(priority), "{said}");
        }
    }
}

#[test]
fn elsewhere_lines_have_none() {
    let site = Site::without_log("");
    for (name, mut serve, last) in commands(&site) {
        serve.env("JOURNAL_STREAM", "1:2");
        let said = said(&site, serve, name, last);
        assert!(said.lines().all(|line| line.starts_with("20")), "{said}");
    }
}

#[test]
fn why_a_program_ends_has_a_priority_too() {
    let site = Site::without_log("[monitor]\nruntme = 1");
    let [(_, licmon, _), _] = commands(&site);
    let mut licmon = licmon;
    licmon.env("JOURNAL_STREAM", stream(&site, "licmon"));
    let path = site.path("licmon.said");
    let mut licmon = Process::start("licmon", &mut licmon, &path).expect("it starts");
    wait::until("it ends", || licmon.ended().is_some());
    let said = licmon.said();
    assert!(said.starts_with("<3>licmon: ") && said.lines().count() == 1, "{said}");
}

/// The files of a log, the one that is written first.
fn files(site: &Site, name: &str) -> Vec<String> {
    let folder = fs::read_dir(site.path("log")).expect("a folder");
    let names = folder.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|file| file.starts_with(name));
    names.sort_unstable();
    let path = |file: &String| site.path("log").join(file);
    for file in names.iter().map(path) {
        let metadata = file.metadata().expect("a file");
        assert_eq!(metadata.mode() & 0o7777, 0o640, "{}", file.display());
        assert!(metadata.len() <= 4096, "{}: {} bytes", file.display(), metadata.len());
    }
    names.iter().map(|file| fs::read_to_string(path(file)).expect("text")).collect()
}

#[test]
fn files_are_moved_on_and_hold_whole_lines() {
    let site = Site::without_log("");
    fs::create_dir(site.path("log")).expect("a folder");
    for (section, name) in [("monitor", "licmon"), ("dashboard", "licdash")] {
        let path = site.path("log").join(name).with_extension("log");
        let log = format!("log = {{ file = \"{}\", size_kib = 4, files = 3 }}", path.display());
        // The section may be there already.
        let config = fs::read_to_string(site.config()).expect("a configuration");
        let head = format!("[{section}]\n");
        let config = match config.split_once(&head) {
            Some((before, behind)) => format!("{before}{head}{log}\n{behind}"),
            None => format!("{config}{head}{log}\n"),
        };
        fs::write(site.config(), config).expect("a configuration");
    }
    for round in 0..40 {
        for (name, mut serve, last) in commands(&site) {
            // To the journal it has priorities, to the files it has none.
            serve.env("JOURNAL_STREAM", stream(&site, name));
            let said = said(&site, serve, name, last);
            let kept = files(&site, &format!("{name}.log"));
            let newest = said.lines().last().expect("a line").trim_start_matches("<6>");
            assert_eq!(kept[0].lines().last(), Some(newest), "round {round}");
        }
    }
    for name in ["licmon.log", "licdash.log"] {
        let kept = files(&site, name);
        assert_eq!(kept.len(), 3, "{name}");
        for text in kept {
            assert!(text.ends_with('\n'), "{text}");
            assert!(
                text.lines().all(|line| line.starts_with("20") && !line.contains('\u{1b}')),
                "{text}"
            );
        }
    }
}

#[test]
fn why_a_program_ended_is_in_its_file() {
    let site = Site::without_log("[monitor]\nlog = { file = \"@\" }");
    let file = site.path("licmon.log");
    let config = fs::read_to_string(site.config()).expect("a configuration");
    fs::write(site.config(), config.replace('@', &file.display().to_string()))
        .expect("a configuration");
    // Another licmon has the databases.
    let [(_, mut first, _), _] = commands(&site);
    let mut first =
        Process::start("licmon", &mut first, &site.path("first.said")).expect("it starts");
    wait::until("ready", || first.said().contains("ready"));
    let [(_, mut second, _), _] = commands(&site);
    let mut second =
        Process::start("licmon", &mut second, &site.path("second.said")).expect("it starts");
    wait::until("it ends", || second.ended().is_some());
    let kept = fs::read_to_string(file).expect("a log");
    let why = second.said();
    let why = why.lines().last().expect("a reason");
    assert!(
        kept.lines().any(|line| line.starts_with("20") && line.ends_with(&format!("ERROR {why}"))),
        "{kept}\n{why}"
    );
    first.stop().expect("it stops");
}
