//! License servers added to the configuration file and removed from it. Only their own lines are touched, so everything else
//! stays as it was written, comments too; and the file is replaced only by one that means what was wanted.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, bail};
use toml::{Table, Value};

const HEADER: &str = "[[server]]";
/// The keys of a section, as people read them.
const KEYS: [&str; 5] = ["name", "system", "zone", "log", "poll"];

/// What is to be written of a new server.
#[derive(Default)]
pub struct NewServer {
    /// Its name.
    pub name: String,
    /// Its license system.
    pub system: String,
    /// The zone of its times.
    pub zone: Option<String>,
    /// The folder of its logs.
    pub log: Option<String>,
    /// What asks it.
    pub command: Vec<String>,
    /// How often.
    pub every: Option<String>,
    /// How long it may take.
    pub timeout: Option<String>,
}

impl NewServer {
    /// Its section.
    fn section(&self) -> Table {
        let text = |text: &String| Value::String(text.clone());
        let mut section = Table::new();
        section.insert("name".into(), text(&self.name));
        section.insert("system".into(), text(&self.system));
        if let Some(zone) = &self.zone {
            section.insert("zone".into(), text(zone));
        }
        if let Some(directory) = &self.log {
            let log = Table::from_iter([("directory".to_owned(), text(directory))]);
            section.insert("log".into(), Value::Table(log));
        }
        if !self.command.is_empty() {
            let command = Value::Array(self.command.iter().map(text).collect());
            let mut poll = Table::from_iter([("command".to_owned(), command)]);
            poll.extend(self.every.iter().map(|every| ("every".to_owned(), text(every))));
            poll.extend(self.timeout.iter().map(|timeout| ("timeout".to_owned(), text(timeout))));
            section.insert("poll".into(), Value::Table(poll));
        }
        section
    }

    /// The same as lines of a configuration.
    fn lines(&self) -> String {
        let mut lines = format!("{HEADER}\n");
        let section = self.section();
        for key in KEYS {
            if let Some(value) = section.get(key) {
                writeln!(lines, "{key} = {value}").expect("a string takes everything");
            }
        }
        lines
    }
}

/// The text with one server more.
///
/// # Errors
/// When it has one of that name, or is no configuration.
pub fn added(text: &str, server: &NewServer) -> anyhow::Result<String> {
    let mut meant = parsed(text)?;
    let servers = meant.entry("server").or_insert(Value::Array(Vec::new()));
    let servers = servers.as_array_mut().context("`server` is no list of sections")?;
    if servers.iter().any(|known| is_named(known, &server.name)) {
        bail!("the configuration has a license server `{}` already", server.name);
    }
    servers.push(Value::Table(server.section()));
    let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let new = format!("{text}{end}{gap}{}", server.lines());
    if parsed(&new).ok() != Some(meant) {
        bail!(
            "the configuration is written in a way that only a person can add to: append\n{}",
            server.lines()
        );
    }
    Ok(new)
}

/// The text without a server.
///
/// # Errors
/// When it has none of that name, or is no configuration.
pub fn removed(text: &str, name: &str) -> anyhow::Result<String> {
    let mut meant = parsed(text)?;
    let servers = meant.get_mut("server").and_then(Value::as_array_mut);
    let servers = servers.filter(|servers| servers.iter().any(|known| is_named(known, name)));
    let Some(servers) = servers else {
        bail!("the configuration has no license server `{name}`");
    };
    let place = servers.iter().position(|known| is_named(known, name)).unwrap_or_default();
    servers.remove(place);
    if servers.is_empty() {
        meant.remove("server");
    }
    let new = without(text, place);
    if parsed(&new).ok() != Some(meant) {
        bail!("the section of `{name}` is written in a way that only a person can remove");
    }
    Ok(new)
}

fn parsed(text: &str) -> anyhow::Result<Table> {
    text.parse().context("read the configuration")
}

fn is_named(server: &Value, name: &str) -> bool {
    server.get("name").and_then(Value::as_str) == Some(name)
}

/// The text without the lines of one `[[server]]`, counted from 0: from its header to its last line that says something. What
/// stands behind is about the next section.
fn without(text: &str, place: usize) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let headers =
        lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with(HEADER));
    let Some(from) = headers.map(|(at, _)| at).nth(place) else { return text.to_owned() };
    let is_end = |line: &&str| {
        let line = line.trim_start();
        line.starts_with('[') && !line.starts_with("[server.") && !line.starts_with("[[server.")
    };
    let behind = &lines[from + 1..];
    let end = behind.iter().position(is_end).unwrap_or(behind.len());
    let says = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let silent = behind[..end].iter().rev().take_while(|line| !says(line)).count();
    let to = from + 1 + end - silent;
    // One blank line goes with it.
    let to = to + usize::from(lines.get(to).is_some_and(|line| line.trim().is_empty()));
    [&lines[..from], &lines[to..]].concat().concat()
}

/// Puts a new text in the place of a file, whole or not at all, with its owner and who may read it.
///
/// # Errors
/// When it cannot be written there.
pub fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let writing = || format!("write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut new =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(writing)?;
    new.write_all(text.as_bytes()).with_context(writing)?;
    if let Ok(old) = fs::metadata(path) {
        new.as_file()
            .set_permissions(fs::Permissions::from_mode(old.mode()))
            .with_context(writing)?;
        std::os::unix::fs::fchown(new.as_file(), Some(old.uid()), Some(old.gid()))
            .with_context(writing)?;
    }
    new.as_file().sync_all().with_context(writing)?;
    new.persist(path).with_context(writing)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# ours\n[monitor]\nscan = \"1s\" # often\n\n# the first\n[[server]]\nname = \"a\"\nsystem = \"dsls\"\n\
        log = { directory = \"/a\" } # old\n\n# the second\n[[server]]\nname = \"b\"\nsystem = \"rlm\"\n[server.log]\ndirectory = \"/b\"\n\n# a tool\n[[tool]]\nname = \"t\"\nseats = 1\n";

    fn new(name: &str) -> NewServer {
        NewServer {
            name: name.into(),
            system: "flexlm".into(),
            command: vec!["/opt/lmutil".into(), "a \"b\"".into()],
            every: Some("1m".into()),
            ..NewServer::default()
        }
    }

    #[test]
    fn server_that_was_added_and_removed_leaves_nothing() {
        for old in [OLD, ""] {
            let text = added(old, &new("c")).unwrap();
            assert!(text.starts_with(old));
            assert!(text.ends_with("[[server]]\nname = \"c\"\nsystem = \"flexlm\"\npoll = { command = [\"/opt/lmutil\", 'a \"b\"'], every = \"1m\" }\n"), "{text}");
            assert_eq!(removed(&text, "c").unwrap().trim_end(), old.trim_end());
        }
    }

    #[test]
    fn comments_and_other_sections_stay() {
        let first = removed(OLD, "a").unwrap();
        assert_eq!(first, OLD.replace("[[server]]\nname = \"a\"\nsystem = \"dsls\"\nlog = { directory = \"/a\" } # old\n\n", ""));
        let second = removed(OLD, "b").unwrap();
        assert_eq!(
            second,
            OLD.replace(
                "[[server]]\nname = \"b\"\nsystem = \"rlm\"\n[server.log]\ndirectory = \"/b\"\n\n",
                ""
            )
        );
        assert!(second.contains("# a tool\n[[tool]]"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let told = |result: anyhow::Result<String>| result.unwrap_err().to_string();
        assert_eq!(
            told(added(OLD, &new("a"))),
            "the configuration has a license server `a` already"
        );
        assert_eq!(told(removed(OLD, "c")), "the configuration has no license server `c`");
        let inline = "server = [{ name = \"a\", system = \"dsls\" }]\n";
        assert_eq!(
            told(removed(inline, "a")),
            "the section of `a` is written in a way that only a person can remove"
        );
    }
}
