//! Nothing that can be typed or written is missing in the manual: each option of each program, each key of the configuration.

use std::{fs, path::Path};

use clap::Command;

use crate::{program, write_all};

const LICWRAP_PAGE: &str = include_str!("../../man/licwrap.1");
const TOML_PAGE: &str = include_str!("../../man/licwrap.toml.5");
const TOML: &str = include_str!("../../licwrap.toml");
const LICWRAP_COMPLETIONS: [&str; 3] = [
    include_str!("../../completions/licwrap.bash"),
    include_str!("../../completions/_licwrap"),
    include_str!("../../completions/licwrap.fish"),
];

/// A page as people read it, as far as words go.
fn read(page: &str) -> String {
    page.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")
}

/// `--long` and `-s` of a command and of all below it.
fn options(command: &Command) -> Vec<String> {
    let own = command.get_arguments().flat_map(|arg| {
        let long = arg.get_long().map(|long| format!("--{long}"));
        long.into_iter().chain(arg.get_short().map(|short| format!("-{short}")))
    });
    let below = command.get_subcommands().flat_map(options);
    own.chain(below).collect()
}

/// Options in the help text of licwrap: words at the beginning of a line.
fn options_of_licwrap() -> Vec<&'static str> {
    let lines = licwrap::cli::HELP.lines().map(str::trim_start);
    let words = lines
        .filter(|line| line.starts_with('-'))
        .filter_map(|line| line.split([' ', '[', '=']).next());
    words.collect()
}

/// Names before ` = ` in the packaged configuration, those in comments and in `{ }` too.
fn keys() -> Vec<&'static str> {
    let mut keys = Vec::new();
    for line in TOML.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        let is_prose = line.starts_with(' ') || !line.contains(" = ");
        let setting = line.split(" # ").next().filter(|_| !is_prose).unwrap_or_default();
        let before_equals = setting.split(" = ").filter_map(|part| {
            part.rsplit(|letter: char| !letter.is_ascii_lowercase() && letter != '_').next()
        });
        keys.extend(before_equals.filter(|key| !key.is_empty()));
    }
    keys
}

#[test]
fn every_option_of_licmon_and_licdash_is_on_its_page_and_completed() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path()).unwrap();
    let text = |name: &str| fs::read_to_string(Path::new(folder.path()).join(name)).unwrap();
    for mut program in program::all() {
        program.command.build();
        let name = program.name;
        let page = read(&text(&format!("{name}.8")));
        let shells =
            [format!("{name}.bash"), format!("_{name}"), format!("{name}.fish")].map(|n| text(&n));
        let subcommands = program.command.get_subcommands().map(|sub| sub.get_name().to_owned());
        for subcommand in subcommands.filter(|sub| sub != "help") {
            assert!(page.contains(&format!("\"{name} {subcommand}\"")), "{name} {subcommand}");
        }
        for option in options(&program.command) {
            assert!(page.contains(&option), "{option} is not on the page of {name}");
            for shell in &shells {
                // fish writes `-l long` and `-s s`.
                let bare = option.trim_start_matches('-');
                let is_there = shell.contains(&option)
                    || shell.contains(&format!("-l {bare}"))
                    || shell.contains(&format!("-s {bare}"));
                assert!(is_there, "{option} of {name} is not completed");
            }
        }
    }
}

#[test]
fn every_option_of_licwrap_is_on_its_page_and_completed() {
    let options = options_of_licwrap();
    assert!(options.len() >= 10, "{options:?}");
    for option in options {
        assert!(read(LICWRAP_PAGE).contains(&format!("\n{option}")), "{option} is not on the page");
        let bare = option.trim_start_matches('-');
        for shell in LICWRAP_COMPLETIONS {
            let is_there = shell.contains(option)
                || shell.contains(&format!("-l {bare} "))
                || shell.contains(&format!("-s {bare} "));
            assert!(is_there, "{option} is not completed");
        }
    }
}

#[test]
fn every_key_of_the_configuration_is_on_its_page() {
    let keys = keys();
    for known in ["state", "directory", "pattern", "seats", "allow", "class", "listen"] {
        assert!(keys.contains(&known), "{known} is a key: {keys:?}");
    }
    let page = read(TOML_PAGE);
    for key in keys {
        let is_there = page.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        assert!(is_there.into_iter().any(|word| word == key), "{key} is not on the page");
    }
}

#[test]
fn pages_written_by_hand_name_this_version() {
    for page in [LICWRAP_PAGE, TOML_PAGE] {
        let version = concat!("\"licwrap ", env!("CARGO_PKG_VERSION"), "\"");
        assert!(page.lines().next().is_some_and(|first| first.contains(version)), "{version}");
    }
}
