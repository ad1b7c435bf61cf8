//! What licwrap knows of its own: where the monitor's socket is, and what the tool does while the monitor is away.
//!
//! A tool's own file is `key=value` lines: `socket`, `on_down` (run, wait, deny), `on_down_wait_s`, `spool`, `denied_exit`,
//! `requeue`. A file that somebody else than root or the monitor's user could have written is not believed.

use std::{cell::OnceCell, ffi::CStr, time::Duration};

use lic_protocol::{
    pairs::Pairs,
    paths,
    want::{Choice, wishes},
};
use nix::sys::stat::{FileStat, fstat, stat};

use crate::{
    denied::Denied,
    file::{content, open_to_read},
    policy::{ON_DOWN_WAIT_S, ON_DOWN_WAIT_S_MAX, OnDown},
};

const ROOT: u32 = 0;

/// What licwrap knows before it asks: only what it needs for that, since it stands in front of every tool.
#[derive(Debug)]
pub struct Knowledge<'a> {
    /// The monitor's socket.
    pub socket: Vec<u8>,
    /// How the tool says that it got no license, where root says that.
    pub denied: Option<Denied>,
    features: Vec<&'a str>,
    /// What root says of each.
    own: Vec<Option<Pairs>>,
    absence: OnceCell<Absence>,
}

/// What a tool does while the monitor is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Whether it runs.
    pub on_down: OnDown,
    /// For how long, where it waits.
    pub on_down_wait: Duration,
    /// Where a run is told of meanwhile, if anywhere.
    pub spool: Option<Vec<u8>>,
}

/// Finds out about the features of one run, alternatives included; of different sockets the first holds. The file of the name
/// we were `called` by speaks where a feature has none of its own.
#[must_use]
pub fn knowledge<'a>(
    choices: &'a [Choice],
    called: Option<&str>,
    environment: &[&CStr],
) -> Knowledge<'a> {
    let features: Vec<&str> = wishes(choices).map(|wish| wish.feature.as_str()).collect();
    let of_name = || called.and_then(system_pairs);
    let own: Vec<Option<Pairs>> =
        features.iter().map(|feature| system_pairs(feature).or_else(of_name)).collect();
    let named = own.iter().flatten().find_map(|pairs| pairs.get("socket"));
    let socket = named.map_or_else(|| standard_socket(environment), String::into_bytes);
    let denied = own.iter().flatten().find_map(Denied::of);
    Knowledge { socket, denied, features, own, absence: OnceCell::new() }
}

impl Knowledge<'_> {
    /// What the files of the features say of the monitor's absence; read at the first call. Where they differ the strictest
    /// `on_down` holds.
    pub fn absence(&self) -> &Absence {
        self.absence.get_or_init(|| {
            let folder = Folder::of(&self.socket);
            let mut absence = Absence {
                on_down: OnDown::Run,
                on_down_wait: Duration::from_secs(ON_DOWN_WAIT_S),
                spool: None,
            };
            for (feature, own) in self.features.iter().zip(&self.own) {
                match own {
                    Some(own) => absence.learn(own),
                    None => folder.tool_file(feature).iter().for_each(|file| absence.learn(file)),
                }
            }
            absence
        })
    }
}

impl Absence {
    fn learn(&mut self, pairs: &Pairs) {
        self.spool = self.spool.take().or_else(|| pairs.get("spool").map(String::into_bytes));
        let (on_down, on_down_wait) = on_down(pairs);
        if on_down > self.on_down {
            self.on_down = on_down;
            self.on_down_wait = on_down_wait;
        }
    }
}

/// The value of a variable.
#[must_use]
pub fn variable<'a>(environment: &[&'a CStr], name: &str) -> Option<&'a [u8]> {
    environment
        .iter()
        .find_map(|entry| entry.to_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// A value nobody knows is the strictest: the file says something, and it is not `run`.
fn on_down(pairs: &Pairs) -> (OnDown, Duration) {
    let on_down = match pairs.get("on_down").as_deref() {
        None | Some("run") => OnDown::Run,
        Some("wait") => OnDown::Wait,
        Some(_) => OnDown::Deny,
    };
    let wait_s = pairs.need_number("on_down_wait_s").unwrap_or(ON_DOWN_WAIT_S);
    (on_down, Duration::from_secs(wait_s.min(ON_DOWN_WAIT_S_MAX)))
}

fn standard_socket(environment: &[&CStr]) -> Vec<u8> {
    if let Some(chosen) = variable(environment, "LICWRAP_SOCKET").filter(|path| !path.is_empty()) {
        return chosen.to_vec();
    }
    let system = joined(paths::RUNTIME_SYSTEM.as_bytes(), &[paths::SEAT_SOCKET]);
    match variable(environment, "XDG_RUNTIME_DIR").filter(|path| !path.is_empty()) {
        Some(user) if stat(system.as_slice()).is_err() => {
            joined(user, &[paths::RUNTIME_USER, paths::SEAT_SOCKET])
        }
        _ => system,
    }
}

/// The monitor's runtime folder, and whose it is.
struct Folder<'a> {
    path: &'a [u8],
    owner: u32,
}

impl<'a> Folder<'a> {
    /// Whoever owns the socket; or while it is gone, the folder it is made in.
    fn of(socket: &'a [u8]) -> Self {
        let path = match socket.iter().rposition(|byte| *byte == b'/') {
            Some(at) => socket.get(..at.max(1)).unwrap_or_default(),
            None => b".",
        };
        let owner = stat(socket).or_else(|_| stat(path)).map_or(ROOT, |stat| stat.st_uid);
        Self { path, owner }
    }

    fn tool_file(&self, feature: &str) -> Option<Pairs> {
        is_file_name(feature)
            .then(|| joined(self.path, &[paths::TOOLS, feature]))
            .and_then(|path| trusted(&path, self.owner))
    }
}

/// What root says of a tool under /etc/licwrap.d.
#[must_use]
pub fn system_pairs(name: &str) -> Option<Pairs> {
    system_file(name).and_then(|path| trusted(&path, ROOT))
}

fn system_file(feature: &str) -> Option<Vec<u8>> {
    is_file_name(feature).then(|| {
        let mut path = joined(paths::TOOLS_SYSTEM.as_bytes(), &[feature]);
        path.extend_from_slice(b".conf");
        path
    })
}

/// A feature named by the user must not lead out of the folder.
fn is_file_name(feature: &str) -> bool {
    !feature.contains('/') && !feature.starts_with('.')
}

/// The pairs in a file, if only root or `owner` can have written it.
fn trusted(path: &[u8], owner: u32) -> Option<Pairs> {
    let file = open_to_read(path)?;
    is_trusted(&fstat(&file).ok()?, owner).then_some(())?;
    String::from_utf8(content(&file)?).ok().map(|text| Pairs::of(&text))
}

fn is_trusted(file: &FileStat, owner: u32) -> bool {
    let is_regular = file.st_mode & libc::S_IFMT == libc::S_IFREG;
    let others_write = file.st_mode & (libc::S_IWGRP | libc::S_IWOTH) != 0;
    is_regular && !others_write && (file.st_uid == ROOT || file.st_uid == owner)
}

fn joined(folder: &[u8], parts: &[&str]) -> Vec<u8> {
    let mut path = folder.to_vec();
    for part in parts {
        path.push(b'/');
        path.extend_from_slice(part.as_bytes());
    }
    path
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::ffi::OsStrExt, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn variables() {
        let environment = [c"PATHS=no", c"PATH=/bin:", c"EMPTY=", c"PATH=second"];
        assert_eq!(variable(&environment, "PATH"), Some(b"/bin:".as_slice()));
        assert_eq!(variable(&environment, "EMPTY"), Some(b"".as_slice()));
        assert_eq!(variable(&environment, "HOME"), None);
    }

    #[test]
    fn what_a_file_says_of_the_monitors_absence() {
        for (text, expected, wait_s) in [
            ("", OnDown::Run, 60),
            ("on_down=run\n", OnDown::Run, 60),
            ("tool=x\non_down=wait\non_down_wait_s=5\n", OnDown::Wait, 5),
            ("on_down=deny\n", OnDown::Deny, 60),
            ("on_down=denny\n", OnDown::Deny, 60),
        ] {
            let expected = (expected, Duration::from_secs(wait_s));
            assert_eq!(on_down(&Pairs::of(text)), expected, "{text:?}");
        }
    }

    #[track_caller]
    fn check_file(text: &str, mode: u32, feature: &str, expected: OnDown) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tools/probe");
        fs::create_dir(folder.path().join("tools")).unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let socket = folder.path().join("seat.sock");
        let mut variable = b"LICWRAP_SOCKET=".to_vec();
        variable.extend_from_slice(socket.as_os_str().as_bytes());
        let variable = std::ffi::CString::new(variable).unwrap();
        let of_either = [Choice::parse(&format!("nobody-knows || {feature}")).unwrap()];
        let known = knowledge(&of_either, None, &[&variable]);
        assert_eq!(
            (known.socket.as_slice(), known.absence().on_down),
            (socket.as_os_str().as_bytes(), expected)
        );
    }

    #[test]
    fn only_a_file_nobody_else_can_write_is_believed() {
        check_file("on_down=deny\n", 0o644, "probe", OnDown::Deny);
        check_file("on_down=wait\n", 0o400, "probe", OnDown::Wait);
        check_file("on_down=deny\n", 0o664, "probe", OnDown::Run);
        check_file("on_down=deny\n", 0o646, "probe", OnDown::Run);
        check_file("on_down=deny\n", 0o644, "other", OnDown::Run);
        check_file("on_down=deny\n", 0o644, "../tools/probe", OnDown::Run);
    }
}
