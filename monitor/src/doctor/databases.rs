//! The databases: whether they are there, are ours and of this program's age, lie on a disk of this machine, and have room.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use lic_protocol::doctor::Findings;
use lic_store::{damage::histories_aside, error::StoreError, read::Reader};
use nix::sys::statvfs::statvfs;
use rustix::fs::statfs;

use super::who::Who;
use crate::config::Config;

const ABOUT: &str = "databases";
/// Less than this, and the next log of a busy day may not fit.
const FREE_BYTES_MIN: u64 = 64 << 20;
/// Less than this, and it is time to think of more.
const FREE_BYTES_FEW: u64 = 1 << 30;
const OTHERS_READ: u32 = 0o4;

/// File systems of another machine, by the number that the kernel gives each. Source: statfs(2), `linux/magic.h`.
const NETWORKS: [(u32, &str); 8] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x0bd0_0bd0, "Lustre"),
];

pub(super) fn look(config: &Config, who: &Who, findings: &mut Findings) {
    let state = &config.place.state;
    if let Err(error) = Reader::open(&config.databases()).and_then(|reader| reader.servers()) {
        let mend = mend_of(&error);
        findings.fault(ABOUT, format!("{:#}", anyhow::Error::from(error)), mend);
    }
    for aside in histories_aside(&config.databases()) {
        findings.fault(
            ABOUT,
            format!("{} was damaged and set aside: what is in it is shown nowhere", aside.display()),
            "restore a backup, or what `sqlite3 .recover` makes of it; then move it to another folder",
        );
    }
    for database in [&config.place.history, &config.place.live] {
        look_at_file(database, who, findings);
    }
    let folder = config.place.history.parent().unwrap_or(state);
    if let Some(network) = network(folder) {
        findings.fault(
            ABOUT,
            format!(
                "{} lies on another machine ({network}), where SQLite's locks do not hold",
                folder.display()
            ),
            "put `state` on a disk of this machine",
        );
    }
    if let Ok(room) = statvfs(folder) {
        look_at_room(folder, room.blocks_available() * room.fragment_size(), findings);
    }
}

fn mend_of(error: &StoreError) -> &'static str {
    match error {
        StoreError::Missing { .. } => "start licmon: `systemctl enable --now licmon`",
        StoreError::Forbidden { .. } => "ask as root, or join the group licmon",
        StoreError::TooNew { .. } => {
            "install the newer licmon again, or restore the backup of before"
        }
        StoreError::NotOurs { .. } | StoreError::Swapped { .. } | StoreError::OneFile { .. } => {
            "correct `state` in licwrap.toml, or the variables LIVE_DB and HISTORY_DB"
        }
        _ => {
            "stop licmon, put the file aside and restore a backup; live alone is made again by `licmon rebuild`"
        }
    }
}

fn look_at_file(path: &Path, who: &Who, findings: &mut Findings) {
    // A database that is not there is told above.
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.uid() != who.uid && who.uid != 0 {
        findings.fault(
            ABOUT,
            format!("{} is not of {}, whom licmon runs as", path.display(), who.name()),
            format!("chown {} {}", who.name(), path.display()),
        );
    }
    if metadata.mode() & OTHERS_READ != 0 {
        findings.warning(
            ABOUT,
            format!(
                "everybody on this machine may read {}, with all names of users",
                path.display()
            ),
            format!("chmod o= {}", path.display()),
        );
    }
}

fn look_at_room(folder: &Path, free_bytes: u64, findings: &mut Findings) {
    let what = format!("{} MiB are free in {}", free_bytes >> 20, folder.display());
    let mend = "make room, or move `state` to a larger disk";
    if free_bytes < FREE_BYTES_MIN {
        findings.fault(ABOUT, what, mend);
    } else if free_bytes < FREE_BYTES_FEW {
        findings.warning(ABOUT, what, mend);
    }
}

/// The kind of file system, where it is one of another machine.
pub(super) fn network(path: &Path) -> Option<&'static str> {
    network_of(file_system(path)?)
}

/// The number that the kernel gives to the kind of file system.
pub(super) fn file_system(path: &Path) -> Option<u32> {
    u32::try_from(statfs(path).ok()?.f_type & 0xffff_ffff).ok()
}

fn network_of(kind: u32) -> Option<&'static str> {
    NETWORKS.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_file_systems() {
        for (kind, expected) in [
            (0x6969, Some("NFS")),
            (0xff53_4d42, Some("CIFS")),
            (0xef53, None),
            (0x0102_1994, None),
        ] {
            assert_eq!(network_of(kind), expected, "{kind:x}");
        }
    }

    #[test]
    fn room() {
        for (free_mib, expected) in
            [(0, "Fault"), (63, "Fault"), (64, "Warning"), (1023, "Warning"), (1024, "")]
        {
            let mut findings = Findings::default();
            look_at_room(Path::new("/x"), free_mib << 20, &mut findings);
            let level = findings.findings.first().map(|finding| format!("{:?}", finding.level));
            assert_eq!(level.unwrap_or_default(), expected, "{free_mib}");
        }
    }
}
