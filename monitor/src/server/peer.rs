//! Who is asking: from the kernel, never from the message. A number and a start time name one process.

use std::{
    collections::HashMap,
    ffi::CString,
    fs::{self, File},
    io::{self, Read},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use lic_protocol::name::UserName;
use nix::{
    sys::socket::{getsockopt, sockopt},
    unistd::{Gid, Group, Uid, User, getgrouplist},
};

use super::{processes::Processes, record::Holder};

/// Most user names kept.
const USERS_MAX: usize = 10_000;
/// More than the line of /proc about a process has: a name, and some fifty numbers.
const STAT_BYTES_MAX: usize = 2048;
/// For how long a user's groups are believed.
const GROUPS_S_MAX: u64 = 60;

/// The process at the other end of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) uid: u32,
    pub(super) pid: u32,
    pub(super) start_time: Option<u64>,
    /// The process that started it.
    pub(super) parent: Option<u32>,
    /// Readable when the process ends.
    pub(super) pidfd: OwnedFd,
}

/// User names by number, asked for once.
#[derive(Debug, Default)]
pub(crate) struct Users {
    names: HashMap<u32, UserName>,
    groups: HashMap<u32, (Instant, Vec<String>)>,
}

impl Peer {
    /// The process that connected.
    ///
    /// # Errors
    /// When it is gone already, or lives where we cannot see its number.
    pub(super) fn of(socket: &OwnedFd, processes: &mut Processes) -> io::Result<Self> {
        let credentials = getsockopt(socket, sockopt::PeerCredentials)?;
        let pid = u32::try_from(credentials.pid()).unwrap_or(0);
        if pid == 0 {
            return Err(io::Error::other("the process is outside of our PID namespace"));
        }
        let pidfd = processes.open_peer(socket, pid)?;
        let stat = stat(pid).ok();
        let start_time = stat.as_ref().map(|stat| stat.start_time);
        let parent = stat.map(|stat| stat.parent);
        Ok(Self { uid: credentials.uid(), pid, start_time, parent, pidfd })
    }

    pub(super) fn holder(&self, users: &mut Users) -> Holder {
        Holder {
            uid: self.uid,
            user: users.name(self.uid),
            pid: self.pid,
            start_time: self.start_time,
        }
    }
}

impl Users {
    /// The user's name, or the number where there is none. The first question about a user may go to a directory service;
    /// it is the only thing the seat server ever waits for besides its pipe.
    pub(crate) fn name(&mut self, uid: u32) -> UserName {
        if let Some(name) = self.names.get(&uid) {
            return name.clone();
        }
        let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else {
            return UserName::new(uid.to_string());
        };
        if self.names.len() >= USERS_MAX {
            self.names.clear();
        }
        self.names.insert(uid, UserName::new(user.name.as_str()));
        UserName::new(user.name)
    }

    /// The names of the user's groups, none where there is no such user. As [`Users::name`], and asked again after a minute.
    pub(super) fn groups(&mut self, uid: u32) -> Vec<String> {
        let now = Instant::now();
        if let Some((until, groups)) = self.groups.get(&uid)
            && now < *until
        {
            return groups.clone();
        }
        let groups = groups(uid).unwrap_or_default();
        if self.groups.len() >= USERS_MAX {
            self.groups.clear();
        }
        self.groups.insert(uid, (now + Duration::from_secs(GROUPS_S_MAX), groups.clone()));
        groups
    }
}

fn groups(uid: u32) -> Option<Vec<String>> {
    let user = User::from_uid(Uid::from_raw(uid)).ok()??;
    let gids = getgrouplist(&CString::new(user.name).ok()?, user.gid).ok()?;
    let name = |gid: Gid| Some(Group::from_gid(gid).ok()??.name);
    Some(gids.into_iter().filter_map(name).collect())
}

/// Whether the holder lives and does not run, as after ^Z. False where it cannot be seen.
pub(super) fn is_stopped(holder: &Holder) -> bool {
    stat(holder.pid).is_ok_and(|stat| stat.is_stopped && Some(stat.start_time) == holder.start_time)
}

/// The user who started a process; `None` where /proc hides it. Source: `proc_pid_status(5)`, the first of `Uid`.
pub(super) fn real_uid(pid: u32) -> Option<u32> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let mut lines = status.split(|byte| *byte == b'\n');
    let uids = lines.find_map(|line| line.strip_prefix(b"Uid:"))?;
    str::from_utf8(uids).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// When a process started, in ticks since boot; `None` when it is gone.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    stat(pid).ok().map(|stat| stat.start_time)
}

/// This boot of this host.
///
/// # Errors
/// When /proc is not there.
pub(crate) fn boot_id() -> io::Result<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned())
}

/// When this host started, in seconds since 1970. Source: `proc_stat(5)`, `btime`.
pub(super) fn booted_s() -> Option<i64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

pub(super) struct Stat {
    parent: u32,
    pub(super) start_time: u64,
    pub(super) has_ended: bool,
    is_stopped: bool,
}

/// In one read, because this stands before every grant: the kernel gives the whole line at the first, where there is room.
///
/// Source: `proc_pid_stat(5)`, fields 3 `state`, 4 `ppid`, 20 `num_threads` and 22 `starttime`.
pub(super) fn stat(pid: u32) -> io::Result<Stat> {
    let mut bytes = [0; STAT_BYTES_MAX];
    let length = File::open(format!("/proc/{pid}/stat"))?.read(&mut bytes)?;
    parse_stat(&bytes[..length]).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    // The second field is the program's name in brackets, and may hold any byte.
    let name_end = bytes.iter().rposition(|byte| *byte == b')')?;
    let mut fields = str::from_utf8(&bytes[name_end + 1..]).ok()?.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let threads: u64 = fields.nth(15)?.parse().ok()?;
    Some(Stat {
        parent,
        start_time: fields.nth(1)?.parse().ok()?,
        // Its first thread may have left the others.
        has_ended: matches!(state, "X" | "x") || (state == "Z" && threads <= 1),
        is_stopped: state == "T",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], expected: Option<(u32, u64, bool, bool)>) {
        let told = |stat: Stat| (stat.parent, stat.start_time, stat.has_ended, stat.is_stopped);
        let stat = parse_stat(text).map(told);
        assert_eq!(stat, expected);
    }

    #[test]
    fn start_times() {
        let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 1 18 4711 20";
        check(format!("7 (a) b) c) S {rest}").as_bytes(), Some((1, 4711, false, false)));
        check(format!("7 (zombie) Z {rest}").as_bytes(), Some((1, 4711, true, false)));
        let of_others = rest.replace(" 16 1 ", " 16 2 ");
        check(format!("7 (first left) Z {of_others}").as_bytes(), Some((1, 4711, false, false)));
        check(format!("7 (stopped) T {rest}").as_bytes(), Some((1, 4711, false, true)));
        check(&[b"7 (\xff) S ", rest.as_bytes()].concat(), Some((1, 4711, false, false)));
        check(b"7 (a) S 1 2", None);
        check(b"", None);
    }

    #[test]
    fn a_user_is_in_his_own_group() {
        let uid = nix::unistd::getuid();
        let gid = User::from_uid(uid).unwrap().unwrap().gid;
        let own = Group::from_gid(gid).unwrap().unwrap().name;
        let mut users = Users::default();
        assert!(users.groups(uid.as_raw()).contains(&own));
        assert_eq!(users.groups(uid.as_raw()), users.groups(uid.as_raw()));
        assert_eq!(users.groups(u32::MAX - 9), [""; 0]);
    }
}
