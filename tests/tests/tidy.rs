//! The rules of the house, as tests: arrows between packages, who may hold which dependency, rooms and their names.
//!
//! Every list below is exact: a rule broken fails, and so does an exception nobody needs any more. It lists packages that exist:
//! a row arrives with its package, an arrow with its first use, and a workspace manifest without a row fails too.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Package folder, and every package of ours it names. This is the drawing in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("wrapper/protocol", &[]),
    ("wrapper", &["lic-protocol"]),
    ("monitor/admission", &["lic-protocol"]),
    ("monitor/parse", &["lic-protocol"]),
    ("monitor/store", &["lic-protocol"]),
    ("monitor/analytics", &["lic-protocol"]),
    ("monitor", &["lic-admission", "lic-analytics", "lic-parse", "lic-protocol", "lic-store"]),
    ("dashboard", &["lic-analytics", "lic-protocol", "lic-store"]),
    ("packaging/manual", &["licdash", "licmon", "licwrap"]),
    ("tests", &["lic-protocol"]),
];

/// A dependency, and the only packages that hold it.
const HOLDERS: &[(&str, &[&str])] = &[
    ("rusqlite", &["monitor/store"]),
    ("axum", &["dashboard"]),
    ("askama", &["dashboard"]),
    ("tokio", &["dashboard"]),
];

/// Rooms of `monitor/parse` that are no license system.
const PARSE_ROOMS: [&str; 5] = ["lib", "registry", "calendar", "clock", "text"];

/// Templates that are no page.
const TEMPLATES_SHARED: [&str; 1] = ["layout"];

/// The only files that may be unsafe. This is a row of powers in ARCHITECTURE.md.
const UNSAFE_ROOMS: [&str; 3] =
    ["monitor/src/server/exit_info.rs", "wrapper/src/main.rs", "wrapper/src/os.rs"];

/// Words that show where a text was written, or that it is not finished. Spelled in halves: this file is read too.
const UNWANTED: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];

/// Folders that cargo, git, npm and a try of the programs leave behind.
const NOT_OURS: [&str; 4] = ["target", ".git", "node_modules", "run"];

#[test]
fn every_package_has_its_arrows_drawn() {
    let drawn: BTreeSet<String> = ARROWS.iter().map(|(folder, _)| (*folder).to_owned()).collect();
    assert_eq!(members(), drawn, "packages of the workspace and rows of ARROWS");
}

#[test]
fn arrows_are_as_drawn() {
    for (folder, allowed) in ARROWS {
        let ours = dependencies(folder).into_iter().filter(|name| name.starts_with("lic"));
        let ours: BTreeSet<String> = ours.collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(ours, allowed, "arrows out of {folder}");
    }
}

#[test]
fn dependencies_stay_with_their_holders() {
    for (name, holders) in HOLDERS {
        let held = ARROWS.iter().map(|(folder, _)| *folder);
        let held: BTreeSet<&str> =
            held.filter(|folder| dependencies(folder).contains(*name)).collect();
        assert_eq!(held, holders.iter().copied().collect(), "holders of {name}");
    }
}

#[test]
fn versions_stand_in_one_place() {
    for (folder, _) in ARROWS {
        let manifest = manifest(folder);
        let lines = manifest.lines().filter(|line| line.contains("version = \""));
        assert_eq!(lines.collect::<Vec<_>>(), [""; 0], "{folder}: versions belong in the root");
    }
}

#[test]
fn every_file_says_what_lives_in_it() {
    for (path, text) in texts(&root()) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let shown = path.display();
            assert!(text.starts_with("//! "), "{shown}: the first line says what lives here");
        }
    }
}

#[test]
fn public_text_is_finished_and_names_no_machine() {
    for (path, text) in texts(&root()) {
        for (number, line) in (1..).zip(text.lines()) {
            for word in UNWANTED {
                assert!(!line.contains(word), "{}:{number}: {word}: {line}", path.display());
            }
        }
    }
}

#[test]
fn unsafe_code_stays_in_its_rooms() {
    let lint = concat!("(unsafe", "_code");
    let mut found: Vec<PathBuf> = texts(&root())
        .into_iter()
        .filter(|(_, text)| text.contains(lint))
        .map(|found| found.0)
        .collect();
    found.sort_unstable();
    assert_eq!(found, UNSAFE_ROOMS.map(|room| root().join(room)));
}

#[test]
fn every_page_has_a_view_and_a_template() {
    let pages = names("dashboard/src/pages", "rs");
    assert_eq!(
        pages.difference(&names("dashboard/src/api", "rs")).count(),
        0,
        "a page without a view"
    );
    let mut templates = names("dashboard/templates", "html");
    for shared in TEMPLATES_SHARED {
        assert!(templates.remove(shared), "no template {shared}");
    }
    assert_eq!(pages, templates, "pages and templates");
}

#[test]
fn every_license_system_has_fixtures() {
    let mut systems = names("monitor/parse/src", "rs");
    for room in PARSE_ROOMS {
        assert!(systems.remove(room), "no room {room}");
    }
    assert_eq!(systems, names("monitor/parse/fixtures", ""), "parsers and fixture folders");
}

#[test]
fn every_story_opens_with_a_sentence_of_the_manual() {
    for story in names("tests/tests", "rs") {
        let path = root().join("tests/tests").join(&story).with_extension("rs");
        let text = fs::read_to_string(&path).expect("readable source");
        let first = text.lines().next().expect("a first line");
        assert!(first.len() > 40 && first.ends_with(['.', ':', ',']), "{story}: {first}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

fn manifest(folder: &str) -> String {
    fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest")
}

/// Folders in `members` of the workspace.
fn members() -> BTreeSet<String> {
    let manifest = manifest("");
    let list = manifest.split_once("members = [").expect("a list of members").1;
    let list = list.split_once(']').expect("an end of the list").0;
    let folders = list.split(',').map(|folder| folder.trim().trim_matches('"').to_owned());
    folders.filter(|folder| !folder.is_empty()).collect()
}

/// Names under every `[…dependencies]` in the manifest of `folder`.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest(folder).lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end().ends_with("dependencies]");
        } else if let (true, Some((name, _))) = (inside, line.split_once([' ', '.', '='])) {
            names.insert(name.to_owned());
        }
    }
    names.retain(|name| !name.is_empty() && name != "#");
    names
}

fn names(folder: &str, extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let paths = paths.filter(|path| path.extension().unwrap_or_default() == extension);
    paths.map(|path| path.file_stem().expect("a name").display().to_string()).collect()
}

/// Every file of ours below `folder` that is text.
fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !NOT_OURS.iter().any(|name| path.ends_with(name)) {
                files.extend(texts(&path));
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.push((path, text));
        }
    }
    files
}
