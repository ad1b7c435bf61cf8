//! What is held, for those who only look: leases and places as their records tell, read without the seat server.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use super::{
    peer,
    record::{Kind, Record},
    token,
};

/// A lease, or a place in the queue, that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its number.
    pub(crate) id: u64,
    /// The process that holds it, and when it started, where that could be seen.
    pub(crate) pid: u32,
    pub(crate) start_time: Option<u64>,
    /// The licwrap that stays as its parent.
    pub(crate) supervisor: Option<u32>,
    /// What is held by it: nothing by a place.
    pub(crate) features: Vec<String>,
    /// Device and number of the token that all have who are inside.
    pub(crate) token: Option<(u64, u64)>,
}

/// Everything held in a folder of seats, in no order. A record is whole before anybody becomes a tool by it, so one that is
/// not yet whole is nobody's.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn all(seats: &Path) -> io::Result<Vec<Held>> {
    let boot_id = peer::boot_id()?;
    let mut all = Vec::new();
    for entry in fs::read_dir(seats)? {
        let path = entry?.path();
        let Some(kind) = token::kind(&path) else { continue };
        if let Ok((record, None)) = token::read(kind, &path)
            && record.boot_id == boot_id
        {
            all.push(held(seats, kind, &record));
        }
    }
    Ok(all)
}

fn held(seats: &Path, kind: Kind, record: &Record) -> Held {
    let features = match kind {
        Kind::Lease => record.wants().map(|want| want.feature.clone()).collect(),
        Kind::Ticket => Vec::new(),
    };
    let token = fs::symlink_metadata(seats.join(record.id.to_string())).ok();
    let token = token.filter(|token| kind == Kind::Lease && token.file_type().is_fifo());
    Held {
        id: record.id,
        pid: record.holder.pid,
        start_time: record.holder.start_time,
        supervisor: record.supervisor,
        features,
        token: token.map(|token| (token.dev(), token.ino())),
    }
}
