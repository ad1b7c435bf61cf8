//! An open page shows a new session and how the queue moves on without a reload, works without JavaScript,
//! and asks nothing of another site.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    process::Stdio,
    time::Instant,
};

use jiff::tz::TimeZone;
use lic_tests::{
    programs::{checkout, command},
    site::Site,
    vendor::{Vendor, moment},
    wait,
};

/// Says `no` where no browser can be had; `tests/run` then tells so.
const BROWSER: &str = "LICWRAP_BROWSER";

#[test]
fn an_open_page_shows_what_happens() {
    if env::var(BROWSER).is_ok_and(|browser| browser == "no") {
        println!("not run: {BROWSER}=no");
        return;
    }
    let story = checkout().join("tests/browser/story.mjs");
    let driver = checkout().join("tests/browser/node_modules/playwright-core");
    assert!(
        driver.is_dir(),
        "install the driver first: tests/run, or npm ci in tests/browser; or set {BROWSER}=no"
    );

    let mut vendor = Vendor::new(1, TimeZone::UTC);
    let mut site = Site::with_log("[[tool]]\nname = \"render\"\nseats = 2\n");
    let file = vendor.file_name(moment(0));
    site.append(&file, &vendor.banner(moment(0)));
    site.append(&file, &vendor.denial(moment(1), 3, 2, "no more available license"));
    site.start();
    assert_eq!(fs::read_dir(site.logs()).unwrap().count(), 1);
    let run = |wants: &str, project: &str| {
        let mut licwrap = site.licwrap(&["-f", wants, "-P", project, "--", "cat"]);
        licwrap.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut first = run("render:2", "first job");
    wait::until("the first runs", || site.active().len() == 1);
    let mut second = run("render", "second job");
    wait::until("the second waits", || site.queue().len() == 1);

    let shots = checkout().join("target/screenshots");
    let mut node = command("node");
    node.arg(story).arg(site.address().to_string()).arg(shots);
    let mut node = node.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(node.stdout.take().unwrap()).lines();
    let mut wrong = String::new();
    if said.next().and_then(Result::ok).as_deref() == Some("ready") {
        let appended = Instant::now();
        site.append(&file, &vendor.grant(moment(60), 0, 0));
        if said.next().and_then(Result::ok).as_deref() == Some("seen") {
            println!("on the page after {:?}", appended.elapsed());
        }
    }
    if said.next().and_then(Result::ok).as_deref() == Some("waits") {
        let ended = Instant::now();
        first.kill().unwrap();
        if said.next().and_then(Result::ok).as_deref() == Some("moved") {
            println!("the queue moved on after {:?}", ended.elapsed());
        }
    }
    node.stderr.take().unwrap().read_to_string(&mut wrong).unwrap();
    assert!(node.wait().unwrap().success(), "{wrong}");
    drop(second.stdin.take());
    for mut run in [first, second] {
        run.wait().unwrap();
    }
}
