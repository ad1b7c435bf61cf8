//! A mistake in the configuration is told in one sentence with file, line and column, and with the nearest known key.

use std::fs;

use lic_tests::site::{Site, shown};

/// Runs `licmon check-config` on `text`; `expected` begins what follows the file's name.
#[track_caller]
fn check(text: &str, expected: &str) {
    let site = Site::without_log("");
    fs::write(site.config(), text).expect("a configuration");
    let output = site.run_licmon(&["check-config"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    let said = String::from_utf8(output.stderr).expect("text");
    let place = format!("{}:{expected}", site.config().display());
    assert!(said.contains(&place), "{said}\nexpected {place}");
    assert_eq!(said.trim_end().lines().count(), 1, "one sentence: {said}");
}

#[test]
fn mistakes_are_told_by_line_and_column() {
    check("[[tol]]\n", "1:3: unknown section `tol`, did you mean `tool`?");
    check("[monitor]\nruntme = \"x\"\n", "2:1: unknown key `runtme`, did you mean `runtime`?");
    check("[[tool]]\nname = \"t\"\nseats = -1\n", "3:9: ");
    check("[[tool]]\nname = \"t\"\nseats = 1\non_full = \"weep\"\n", "4:11: ");
    check("[[tool]]\nname = \"t\"\nseats = 1\n[[tool]]\nname = \"t\"\nseats = 1\n", "5:8: ");
    check("[[server]]\nname = \"a\"\nsystem = \"dsl\"\n", "3:10: ");
    check(
        "[[server]]\nname = \"local\"\nsystem = \"dsls\"\nlog = { directory = \"/l\" }\n",
        "2:8: ",
    );
    check(
        "[[server]]\nname = \"a\"\nsystem = \"dsls\"\nzone = \"Europe/Atlantis\"\nlog = { directory = \"/l\" }\n",
        "4:8: ",
    );
    check("[monitor\n", "1:");
}

#[test]
fn mistakes_of_the_dashboard_are_told_too() {
    check("[dashboard]\nlisten = \"8501\"\n", "2:10: ");
    check("[dashboard]\nhots = []\n", "2:1: unknown key `hots`, did you mean `hosts`?");
}

#[test]
fn serve_says_it_too() {
    let site = Site::without_log("[monitor]\nruntme = \"x\"");
    let output = site.run_licmon(&["serve"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("licwrap.toml:5:1: "), "{}", shown(&output));
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let site = Site::without_log("");
    fs::remove_file(site.config()).expect("it was there");
    let output = site.run_licmon(&["check-config"]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains(&site.config().display().to_string()), "{said}");
}

#[test]
fn the_packaged_configuration_is_right_and_names_every_default() {
    let packaged = lic_tests::programs::checkout().join("packaging/licwrap.toml");
    let text = fs::read_to_string(packaged).expect("the packaged configuration");
    let site = Site::without_log("");
    fs::write(site.config(), &text).expect("a configuration");
    let output = site.run_licmon(&["check-config"]);
    assert!(output.status.success(), "{}", shown(&output));
    // With its examples made real it is right as well; the folders of their logs are not there, and that is said.
    let keys = |line: &str| {
        line.starts_with("#[[")
            || line
                .split_once(" = ")
                .is_some_and(|(key, _)| key.starts_with('#') && !key.contains(' '))
    };
    let real: Vec<&str> =
        text.lines().map(|line| if keys(line) { &line[1..] } else { line }).collect();
    let real = real.join("\n");
    fs::write(site.config(), &real).expect("a configuration");
    let output = site.run_licmon(&["check-config"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("2 folder(s) of logs cannot be read"), "{said}");
    let logs = site.path("logs");
    fs::create_dir(&logs).expect("a folder for logs");
    let there = real.replace("/srv/dsls/LogFiles", &logs.display().to_string());
    let there = there.replace("/srv/other/logs", &logs.display().to_string());
    fs::write(site.config(), there).expect("a configuration");
    let output = site.run_licmon(&["check-config"]);
    assert!(output.status.success(), "{}", shown(&output));
}
