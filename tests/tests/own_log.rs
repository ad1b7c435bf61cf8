//! What licmon and licdash say is one line for one event whatever things are called, and carries priorities where a journal reads it.

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
