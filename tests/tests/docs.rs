//! Every command, configuration and address in the documents is what they say: it runs, it passes, it answers.
//!
//! In a fenced block, `sh run` is run in a site, `sh run stopped` while its licmon is stopped, of `sh ask` every address is asked; of every
//! block and of the text itself the command lines of our programs are understood by those.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Output,
};

use jiff::{SignedDuration, tz::TimeZone};
use lic_tests::{
    http,
    programs::{checkout, command, programs},
    site::{Site, append, shown},
    vendor::{Vendor, moment},
    wait,
};

/// Texts for people, that this reads.
const DOCUMENTS: [&str; 8] = [
    "README.md",
    "packaging/README.md",
    "docs/admin.md",
    "docs/bench.md",
    "docs/build.md",
    "docs/licwrap.md",
    "docs/promises.md",
    "docs/security.md",
];
/// The tools of which the documents speak.
const TOOLS: &str =
    "[[tool]]\nname = \"render\"\nseats = 3\n\n[[tool]]\nname = \"mesh\"\nseats = 1\n";
/// The log of which the documents speak.
const LOG: &str = "LicenseServer20251103080000.log";
/// What the documents run that is not there for a test, or is not as there: the user licmon.
const STAND_INS: [(&str, &str); 2] =
    [("sudo", "[ \"$1\" = -u ] && shift 2\nexec \"$@\""), ("chown", "exit 0")];

/// A fenced block: what stands behind its opening fence, and its lines.
struct Block {
    place: String,
    kind: String,
    text: String,
}

fn read(document: &str) -> String {
    fs::read_to_string(checkout().join(document)).expect("a document")
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(read(document).lines()) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(kind), None) => {
                let place = format!("{document}:{number}");
                open = Some(Block { place, kind: kind.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{document}: a block without an end");
    blocks
}

fn blocks_of(kind: &str) -> Vec<Block> {
    let all = DOCUMENTS.into_iter().flat_map(blocks);
    let found: Vec<Block> = all.filter(|block| block.kind == kind).collect();
    assert!(!found.is_empty(), "no block is `{kind}`");
    found
}

/// A site as the documents have it: a log of a day beside who types, and the programs on `PATH`.
struct Desk {
    site: Site,
}

impl Desk {
    fn new() -> Self {
        let mut site = Site::with_log(TOOLS);
        let places = format!(
            "[monitor]\nstate = \"{}\"\nruntime = \"{}\"\n",
            site.state().display(),
            site.path("runtime").display()
        );
        append(&site.config(), places.as_bytes());
        fs::write(site.path(LOG), day()).expect("a log");
        let bin = site.path("bin");
        fs::create_dir(&bin).expect("a folder");
        symlink(&programs().licwrap, bin.join("licwrap")).expect("a link");
        let licmon = format!(
            "exec '{}' \"$@\" --config '{}'",
            programs().licmon.display(),
            site.config().display()
        );
        for (name, text) in STAND_INS.into_iter().chain([("licmon", licmon.as_str())]) {
            script(&bin.join(name), text);
        }
        site.start();
        Self { site }
    }

    /// Paths of a system install as those of this site.
    fn here(&self, text: &str) -> String {
        let path = |name: &str| self.site.path(name).display().to_string();
        text.replace("/var/lib/licmon", &path("state"))
            .replace("/srv/backup", &path("backup"))
            .replace("/tmp/sizing", &path("sizing"))
            .replace("127.0.0.1:8501", &self.site.address().to_string())
    }

    fn run(&self, block: &Block) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = command("sh");
        shell.args(["-euc", &self.here(&block.text)]).current_dir(self.site.path(""));
        shell.env("PATH", format!("{}:{path}", self.site.path("bin").display()));
        shell.env("LICWRAP_SOCKET", self.site.socket());
        shell.output().expect("sh runs")
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// A working day of a pretend server.
fn day() -> String {
    let mut vendor = Vendor::new(5, TimeZone::UTC);
    let mut text = vendor.banner(moment(0));
    let mut at = moment(0);
    while at < moment(8 * 3600) {
        at = vendor.next_after(at, SignedDuration::from_mins(2));
        text.push_str(&vendor.something(at));
    }
    text
}

#[track_caller]
fn check_runs(desk: &Desk, block: &Block) {
    let output = desk.run(block);
    assert!(output.status.success(), "{}:\n{}{}", block.place, block.text, shown(&output));
}

#[test]
fn commands_that_are_said_to_run_do() {
    let mut desk = Desk::new();
    for block in blocks_of("sh run") {
        check_runs(&desk, &block);
    }
    let before = desk.site.sessions().len();
    assert!(before > 10, "the log was read, and tools ran: {before}");
    desk.site.stop_licmon();
    for block in blocks_of("sh run stopped") {
        check_runs(&desk, &block);
    }
    desk.site.start_licmon();
    // What ran after the backup was made is not in it.
    wait::until("the restored history", || {
        let restored = desk.site.sessions().len();
        restored > 10 && restored < before
    });
}

#[test]
fn addresses_answer() {
    let desk = Desk::new();
    for block in blocks_of("sh ask") {
        for word in block.text.split([' ', '\n', '\'']) {
            if let Some((_, path)) = word.split_once("127.0.0.1:8501") {
                let answer = http::get(desk.site.address(), path).expect("licdash answers");
                assert_eq!(answer.status, 200, "{}: {path}: {}", block.place, answer.body);
            }
        }
    }
}

#[test]
fn configurations_have_no_mistake() {
    for block in blocks_of("toml") {
        let site = Site::without_log("");
        fs::write(site.config(), &block.text).expect("a configuration");
        let output = site.run_licmon(&["check-config"]);
        // The logs of an example are not on this machine.
        let is_fine = match output.status.code() {
            Some(0) => true,
            Some(1) => shown(&output).contains("the configuration has no mistake, but"),
            _ => false,
        };
        assert!(is_fine, "{}:\n{}{}", block.place, block.text, shown(&output));
    }
}

#[test]
fn command_lines_are_understood() {
    let mut seen = 0;
    for document in DOCUMENTS {
        for line in lines(document) {
            if let Some(asked) = with_help(&line) {
                let output = command("sh").args(["-c", &asked]).output().expect("sh runs");
                assert!(output.status.success(), "{document}: {line}\n{}", shown(&output));
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} command lines were found");
}

/// Whatever may be a command: lines of blocks, and words in backticks.
fn lines(document: &str) -> Vec<String> {
    let blocks = blocks(document).into_iter().filter(|block| block.kind.starts_with("sh"));
    let mut lines: Vec<String> = blocks
        .flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let text = read(document);
    let prose = text.split("```").step_by(2).collect::<String>();
    lines.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
    lines
}

/// The command asked for its help, which it gives where it understands what stands before: `None` for programs of others.
fn with_help(line: &str) -> Option<String> {
    let line = ["  #", " | ", " && ", " &"]
        .iter()
        .fold(line, |line, end| line.split_once(end).map_or(line, |(command, _)| command));
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let line = line.strip_prefix("-u licmon ").unwrap_or(line);
    let (program, arguments) = line.split_once(' ')?;
    // What stands for any number is one, and what stands for any head as well.
    let head = format!(" 1:{}", "0".repeat(64));
    let arguments = arguments.replace(" LEASE", " 1").replace(" N ", " 1 ").replace(" HEAD", &head);
    if arguments.contains("...") {
        return None;
    }
    let program = match program.rsplit('/').next()? {
        "licmon" => &programs().licmon,
        "licdash" => &programs().licdash,
        "licwrap" => &programs().licwrap,
        _ => return None,
    };
    let asked = match arguments.split_once("-- ") {
        Some((options, _)) => format!("{options}--help"),
        None => format!("{arguments} --help"),
    };
    Some(format!("{} {asked}", program.display()))
}

#[test]
fn links_lead_somewhere() {
    for document in DOCUMENTS {
        let text = read(document);
        let folder = PathBuf::from(document).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().expect("a link");
            if !link.contains("://") {
                let path = checkout().join(&folder).join(link);
                assert!(path.exists(), "{document}: {link}");
            }
        }
    }
}
