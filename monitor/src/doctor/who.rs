//! Whom licmon runs as, and what he may read: whoever asks may be root, who may read everything.

use std::{
    ffi::CString,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::{Gid, User, getegid, geteuid, getgrouplist, getgroups};

const READ: u32 = 0o4;
const WRITE: u32 = 0o2;
const PASS: u32 = 0o1;

/// A user, with his groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) uid: u32,
    pub(super) groups: Vec<u32>,
}

impl Who {
    /// Whom licmon runs as: for root the owner of the state folder, else whoever asks.
    pub(super) fn serves(state: &Path) -> Self {
        let owner = fs::metadata(state).ok().filter(|_| geteuid().is_root());
        let user = owner.and_then(|owner| User::from_uid(owner.uid().into()).ok().flatten());
        match user {
            Some(user) => {
                let name = CString::new(user.name).unwrap_or_default();
                let groups = getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid]);
                Self::new(user.uid.as_raw(), groups.into_iter().map(Gid::as_raw))
            }
            None => {
                let groups = getgroups().unwrap_or_default().into_iter().chain([getegid()]);
                Self::new(geteuid().as_raw(), groups.map(Gid::as_raw))
            }
        }
    }

    fn new(uid: u32, groups: impl Iterator<Item = u32>) -> Self {
        Self { uid, groups: groups.collect() }
    }

    /// How he is called in a sentence.
    pub(super) fn name(&self) -> String {
        let user = User::from_uid(self.uid.into()).ok().flatten();
        user.map_or_else(|| format!("user {}", self.uid), |user| user.name)
    }

    /// The first part of the path that keeps him from reading it: a folder is passed through, the last part is read.
    /// Access lists are not looked at. `None` where nothing does.
    pub(super) fn barrier(&self, path: &Path) -> Option<PathBuf> {
        let mut parts: Vec<&Path> =
            path.ancestors().filter(|part| *part != Path::new("")).collect();
        parts.reverse();
        let (last, folders) = parts.split_last()?;
        let barrier = folders.iter().find(|folder| !self.may(folder, PASS));
        let barrier = barrier.or_else(|| (!self.may(last, READ)).then_some(last));
        barrier.map(|part| part.to_path_buf())
    }

    /// Whether he may write this file, or make files in this folder. What is not there keeps nobody out.
    pub(super) fn may_write(&self, path: &Path) -> bool {
        self.may(path, if path.is_dir() { WRITE | PASS } else { WRITE })
    }

    /// What cannot be looked at is no barrier that we know of.
    fn may(&self, path: &Path, wanted: u32) -> bool {
        fs::metadata(path).map_or(true, |metadata| self.has(&Mode::of(&metadata), wanted))
    }

    fn has(&self, mode: &Mode, wanted: u32) -> bool {
        let shift = if self.uid == mode.uid {
            6
        } else if self.groups.contains(&mode.gid) {
            3
        } else {
            0
        };
        self.uid == 0 || mode.bits >> shift & wanted == wanted
    }
}

struct Mode {
    bits: u32,
    uid: u32,
    gid: u32,
}

impl Mode {
    fn of(metadata: &Metadata) -> Self {
        Self { bits: metadata.mode(), uid: metadata.uid(), gid: metadata.gid() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_owner_group_and_others_decides() {
        let ann = Who { uid: 7, groups: vec![8, 9] };
        for (bits, uid, gid, expected) in [
            (0o400, 7, 1, true),
            (0o044, 7, 9, false),
            (0o040, 1, 9, true),
            (0o404, 1, 9, false),
            (0o004, 1, 1, true),
            (0o440, 1, 1, false),
        ] {
            assert_eq!(ann.has(&Mode { bits, uid, gid }, READ), expected, "{bits:o} {uid} {gid}");
        }
        let root = Who { uid: 0, groups: vec![] };
        assert!(root.has(&Mode { bits: 0, uid: 7, gid: 7 }, READ));
    }
}
