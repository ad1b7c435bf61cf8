//! An open page shows a new session and how the queue moves on without a reload, works without JavaScript,
//! and asks nothing of another site.

use std::{fs, process::Stdio, time::Instant};

use jiff::tz::TimeZone;
use lic_tests::{
    browser::Story,
    site::Site,
    vendor::{Vendor, moment},
    wait,
};

#[test]
fn an_open_page_shows_what_happens() {
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

    if let Some(mut story) = Story::start("story.mjs", &[&site.address().to_string()]) {
        if story.says("ready") {
            let appended = Instant::now();
            site.append(&file, &vendor.grant(moment(60), 0, 0));
            if story.says("seen") {
                println!("on the page after {:?}", appended.elapsed());
            }
        }
        if story.says("waits") {
            let ended = Instant::now();
            first.kill().unwrap();
            if story.says("moved") {
                println!("the queue moved on after {:?}", ended.elapsed());
            }
        }
        story.ends_well();
    }
    drop(first.stdin.take());
    drop(second.stdin.take());
    for mut run in [first, second] {
        run.wait().unwrap();
    }
}
