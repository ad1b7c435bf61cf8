//! Tools that are called by their own name: whether licwrap stands in front of each, and whether it can be gone around, by what
//! `PATH` and /etc/licwrap.d show; and tools that run now without a seat.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use lic_protocol::{doctor::Findings, pairs::Pairs, paths};

use crate::{
    around::{fitting, rule},
    config::Config,
};

const ABOUT: &str = "tools";
const OTHERS_WRITE: u32 = 0o022;
const RUN: u32 = 0o111;

/// Where tools may be found, and what they are called through.
struct Places<'a> {
    files: &'a Path,
    path: Vec<PathBuf>,
    features: Vec<&'a str>,
    owner: u32,
}

pub(super) fn look(config: &Config, now: Timestamp, findings: &mut Findings) {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = Places {
        files: Path::new(paths::TOOLS_SYSTEM),
        path: env::split_paths(&path).collect(),
        features: config.tools.iter().map(|tool| tool.name.as_str()).collect(),
        owner: 0,
    };
    places.look(findings);
    look_at_processes(config, now, findings);
}

/// Whoever runs a tool now without a seat. Root and licmon's own user alone see who has one.
fn look_at_processes(config: &Config, now: Timestamp, findings: &mut Findings) {
    let seats = config.place.runtime.join(paths::SEATS);
    let Ok(uncovered) = fitting::uncovered(&rule::rules(&config.tools), &seats, now) else {
        return;
    };
    for (feature, who) in uncovered {
        findings.warning(
            ABOUT,
            format!("{feature} runs around licwrap and takes no seat: {who}"),
            "let its users call it by licwrap: by a link of its name before it on PATH, or by permissions that keep them from the tool itself",
        );
    }
}

impl Places<'_> {
    fn look(&self, findings: &mut Findings) {
        // Without the folder no tool is called by its own name.
        let Ok(entries) = fs::read_dir(self.files) else { return };
        let mut files: Vec<PathBuf> =
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "conf"));
        files.sort_unstable();
        for file in files {
            if let Some(name) = file.file_stem().and_then(|name| name.to_str()) {
                self.look_at(name, &file, findings);
            }
        }
    }

    fn look_at(&self, name: &str, file: &Path, findings: &mut Findings) {
        let shown = file.display();
        let (Ok(metadata), Ok(text)) = (fs::metadata(file), fs::read_to_string(file)) else {
            return findings.fault(
                ABOUT,
                format!("{shown} cannot be read"),
                format!("chmod 644 {shown}"),
            );
        };
        if metadata.uid() != self.owner || metadata.mode() & OTHERS_WRITE != 0 {
            return findings.fault(
                ABOUT,
                format!("{shown} is not root's alone to write, and licwrap does not believe it"),
                format!("chown root {shown}; chmod 644 {shown}"),
            );
        }
        let pairs = Pairs::of(&text);
        let feature = pairs.get("tool").unwrap_or_else(|| name.to_owned());
        if !self.features.contains(&feature.as_str()) {
            findings.fault(
                ABOUT,
                format!("{shown} stands for the tool {feature}, which licwrap.toml does not name"),
                format!("add a [[tool]] with name = \"{feature}\", or correct `tool` in {shown}"),
            );
        }
        self.look_around(name, pairs.get("original").as_deref().map(Path::new), findings);
    }

    /// Whoever types the name must meet licwrap first, and nobody should meet the tool itself by another.
    fn look_around(&self, name: &str, original: Option<&Path>, findings: &mut Findings) {
        match self.first_on_path(name) {
            Some(first) if !is_licwrap(&first) => findings.warning(
                ABOUT,
                format!("whoever types {name} runs {} itself, and takes no seat", first.display()),
                format!("put a link {name} to licwrap in a folder before it on PATH"),
            ),
            _ => {}
        }
        if let Some(original) = original {
            if !is_program(original) {
                findings.fault(
                    ABOUT,
                    format!("the original of {name}, {}, is no program", original.display()),
                    format!("correct `original` in {}/{name}.conf", self.files.display()),
                );
            } else if original
                .parent()
                .is_some_and(|folder| self.path.iter().any(|on| on == folder))
            {
                findings.warning(
                    ABOUT,
                    format!(
                        "the original of {name} is on PATH as {} and can be run around licwrap",
                        original.display()
                    ),
                    "move it to a folder that is not on PATH",
                );
            }
        }
    }

    fn first_on_path(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & RUN != 0)
}

/// Whether a path leads to a program named licwrap: a link does, and so does a hard link beside it.
fn is_licwrap(path: &Path) -> bool {
    let Ok(target) = fs::canonicalize(path) else { return false };
    let is_same = |other: &Path| {
        let (one, other) = (fs::metadata(&target), fs::metadata(other));
        one.and_then(|one| Ok((one.dev(), one.ino()) == other.map(|o| (o.dev(), o.ino()))?))
            .unwrap_or_default()
    };
    target.file_name().is_some_and(|name| name == "licwrap")
        || ["/usr/bin/licwrap", "/usr/local/bin/licwrap"].iter().any(|own| is_same(Path::new(own)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A folder with licwrap, a link `render` to it in `front`, the tool in `behind` and `away`; PATH is front, behind.
    #[track_caller]
    fn check(conf: &str, spoil: impl FnOnce(&Path), expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        program(&at("bin/licwrap"));
        program(&at("behind/render"));
        program(&at("behind/render.real"));
        program(&at("away/render.real"));
        fs::create_dir_all(at("front")).unwrap();
        symlink(at("bin/licwrap"), at("front/render")).unwrap();
        fs::create_dir(at("d")).unwrap();
        let conf = conf.replace('@', &folder.path().display().to_string());
        fs::write(at("d/render.conf"), conf).unwrap();
        spoil(folder.path());
        let places = Places {
            files: &at("d"),
            path: vec![at("front"), at("behind")],
            features: vec!["render"],
            owner: nix::unistd::geteuid().as_raw(),
        };
        let mut findings = Findings::default();
        places.look(&mut findings);
        let told: Vec<&str> = findings.findings.iter().map(|found| found.what.as_str()).collect();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(expected), "{told}\n{expected}");
        }
    }

    #[test]
    fn a_tool_behind_licwrap() {
        check("", |_| {}, &[]);
        check("original=@/away/render.real\n", |_| {}, &[]);
        check(
            "tool=rendr\n",
            |_| {},
            &["stands for the tool rendr, which licwrap.toml does not name"],
        );
        check("original=@/behind/render.real\n", |_| {}, &["can be run around licwrap"]);
        check("original=@/away/gone\n", |_| {}, &["is no program"]);
    }

    #[test]
    fn a_tool_in_front_of_licwrap() {
        let without_link = |folder: &Path| fs::remove_file(folder.join("front/render")).unwrap();
        check("", without_link, &["takes no seat"]);
    }

    #[test]
    fn a_file_that_licwrap_does_not_believe() {
        let open = |folder: &Path| {
            let mode = fs::Permissions::from_mode(0o666);
            fs::set_permissions(folder.join("d/render.conf"), mode).unwrap();
        };
        check("", open, &["licwrap does not believe it"]);
    }
}
