//! People find what they came for on the pages, and these hold at their limits:
//! with nothing known, with hundreds of features, with names of 200 characters, and with names that are made to do harm.

use std::env;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lic_tests::{
    browser::Story,
    demo::past,
    hostile::{hostile, hostile_lines, long_lines},
    programs,
    site::Site,
    vendor::Vendor,
    wait,
};

/// Where the pictures of a normal site go; without it, into the folder of what is built.
const PICTURES: &str = "LICWRAP_PICTURES";
/// No pictures.
const NONE: &str = "-";
/// Names of harm, each as user, host, feature and reason.
const HOSTILE: usize = 500;
/// Every page there is, of a site with the license server `catia`.
const PAGES: [&str; 14] = [
    "/",
    "/features",
    "/features/catia/CAC-MCE",
    "/sessions?state=all",
    "/users",
    "/users/alindqvist",
    "/hosts",
    "/denials",
    "/queue",
    "/servers",
    "/servers/catia",
    "/expiry",
    "/events",
    "/search?q=c",
];

#[expect(clippy::disallowed_methods, reason = "the pretend license server lives now")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A site whose license server has written for two weeks, and where `alindqvist` holds CAC-MCE.
fn office() -> Site {
    let mut vendor = Vendor::new(11, TimeZone::UTC);
    let tools = "[[tool]]\nname = \"render\"\nseats = 2\nexpires = \"2099-01-31\"\n";
    let mut site = Site::with_log(tools);
    let (first, last) = (now() - SignedDuration::from_hours(14 * 24), now());
    let file = vendor.file_name(first);
    site.append(&file, &past(&mut vendor, first, last - SignedDuration::from_mins(5)));
    site.append(
        &file,
        &vendor.denial(last - SignedDuration::from_mins(2), 3, 1, "no more available license"),
    );
    site.append(&file, &vendor.grant(last, 0, 1));
    site.start();
    wait::until("the log is read", || {
        site.active().iter().any(|row| row.started >= last - SignedDuration::from_secs(1))
    });
    site
}

/// Where pictures of the office go.
fn pictures() -> String {
    let otherwise = || programs::checkout().join("target/screenshots").display().to_string();
    env::var(PICTURES).unwrap_or_else(|_| otherwise())
}

fn looks(site: &Site, pictures: &str, paths: &[&str]) {
    let address = site.address().to_string();
    let arguments = [&[address.as_str(), pictures], paths].concat();
    if let Some(story) = Story::start("looks.mjs", &arguments) {
        story.ends_well();
    }
}

#[test]
fn people_find_what_they_came_for() {
    let mut site = office();
    let address = site.address().to_string();
    let Some(mut story) = Story::start("tasks.mjs", &[&address]) else { return };
    if story.says("away") {
        site.stop_licdash();
        if story.says("back") {
            site.start_licdash();
        }
    }
    story.ends_well();
}

#[test]
fn pages_look_well() {
    looks(&office(), &pictures(), &PAGES);
}

#[test]
fn pages_look_well_where_nothing_is_known() {
    let mut site = Site::without_log("");
    site.start();
    let paths = [
        "/",
        "/features",
        "/sessions",
        "/users",
        "/hosts",
        "/denials",
        "/queue",
        "/servers",
        "/expiry",
        "/events",
        "/search?q=x",
    ];
    looks(&site, NONE, &paths);
}

#[test]
fn pages_look_well_with_many_features_and_long_names() {
    let mut site = Site::with_log("");
    let long = "n".repeat(200);
    site.append("LicenseServer20250101000000.log", &long_lines(now(), 300, &long));
    site.start();
    wait::until("the log is read", || site.active().len() >= 100);
    let feature = format!("/features/catia/{long}0");
    let user = format!("/users/{long}0");
    let paths = [
        "/",
        "/features",
        &feature,
        "/sessions",
        "/users",
        &user,
        "/hosts",
        "/denials",
        "/events",
        "/servers/catia",
        "/search?q=n",
    ];
    looks(&site, NONE, &paths);
}

#[test]
fn names_made_to_do_harm_do_none() {
    let mut site = Site::with_log("");
    let names = hostile(HOSTILE);
    assert_eq!(names.len(), HOSTILE);
    site.append("LicenseServer20250101000000.log", &hostile_lines(now(), &names));
    site.start();
    wait::until("the log is read", || {
        site.server().is_some_and(|server| server.coverage.lines >= 2 * HOSTILE as u64)
    });
    let address = site.address().to_string();
    let arguments = [
        &[address.as_str()],
        &PAGES[..2],
        &[
            "/sessions",
            "/sessions?state=all&limit=1000",
            "/users?limit=1000",
            "/hosts?limit=1000",
            "/denials?limit=1000",
            "/events?limit=1000",
            "/servers/catia",
            "/search?q=script",
            "/search?q=%3Cimg",
        ],
    ]
    .concat();
    if let Some(story) = Story::start("hostile.mjs", &arguments) {
        story.ends_well();
    }
}
