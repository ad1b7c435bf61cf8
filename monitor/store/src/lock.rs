//! The right to write: held by one process, seen by all. The lock is a file beside the databases; in it stands where its holder can
//! be asked, and its time is the last at which the holder is known to have lived.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use lic_protocol::paths;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    libc::{self, F_UNLCK, F_WRLCK, SEEK_SET, flock},
    sys::statvfs::{FsFlags, statvfs},
};

use crate::{error::StoreError, open::DatabasePaths, trouble::Trouble};

/// The right to write, for as long as it lives.
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
    last_alive: Option<Timestamp>,
    /// Bytes of the path of where this process can be asked.
    said: usize,
}

impl Lock {
    /// Takes the right to write.
    pub(crate) fn take(database: &DatabasePaths) -> Result<Self, StoreError> {
        let path = path(database);
        let failed = |source| StoreError::File { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Another process may hold it, and has written in it where it can be asked.
        let options =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).clone();
        let file = options.open(&path).map_err(failed)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole(F_WRLCK))) {
            Ok(_) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Err(StoreError::Locked { path }),
            Err(error) => return Err(failed(error.into())),
        }
        let length = file.metadata().map_err(failed)?.len();
        let written = file.metadata().and_then(|metadata| metadata.modified()).map_err(failed)?;
        // An empty file was made just now, or by a holder that never came to write.
        let last_alive = Timestamp::try_from(written).ok().filter(|_| length > 0);
        Ok(Self { file, path, last_alive, said: 0 })
    }

    /// When the holder before this one was last known to live.
    pub(crate) fn last_alive(&self) -> Option<Timestamp> {
        self.last_alive
    }

    /// Says where this process can be asked.
    pub(crate) fn say_where(&mut self, socket: &Path) -> Result<(), StoreError> {
        let bytes = socket.as_os_str().as_bytes();
        self.said = bytes.len();
        let said = self.file.write_all_at(bytes, 0);
        self.done(said.and_then(|()| self.file.set_len(bytes.len() as u64)))
    }

    /// Says why nothing can be stored, in a second line: a file that has a block needs no other one for that. Where even that
    /// cannot be said, the file system itself tells.
    pub(crate) fn say_trouble(&self, trouble: Option<Trouble>) {
        let word = trouble.map_or_else(String::new, |trouble| format!("\n{}", trouble.word()));
        let end = (self.said + word.len()) as u64;
        let said = self.file.write_all_at(word.as_bytes(), self.said as u64);
        let _ = said.and_then(|()| self.file.set_len(end));
    }

    /// Says that this process lives.
    pub(crate) fn beat(&self, now: Timestamp) -> Result<(), StoreError> {
        let since_1970 = Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH));
        self.done(self.file.set_modified(SystemTime::UNIX_EPOCH + since_1970.unwrap_or_default()))
    }

    fn done(&self, result: io::Result<()>) -> Result<(), StoreError> {
        result.map_err(|source| StoreError::File { path: self.path.clone(), source })
    }
}

/// Whether any process has the right to write. Where that cannot be seen, it is taken to be so.
#[must_use]
pub fn is_held(database: &DatabasePaths) -> bool {
    match File::open(path(database)) {
        Ok(file) => {
            let mut lock = whole(F_WRLCK);
            let asked = fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock));
            asked.is_err() || i32::from(lock.l_type) != F_UNLCK
        }
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Where the process that has the right to write can be asked, if it says so.
#[must_use]
pub fn holder(database: &DatabasePaths) -> Option<PathBuf> {
    let text = fs::read_to_string(path(database)).ok()?;
    text.lines().next().map(PathBuf::from)
}

/// Why the process that has the right to write cannot, if it cannot.
#[must_use]
pub fn trouble(database: &DatabasePaths) -> Option<Trouble> {
    if !is_held(database) {
        return None;
    }
    let path = path(database);
    let folder = statvfs(path.parent().unwrap_or(Path::new(".")));
    if folder.is_ok_and(|folder| folder.flags().contains(FsFlags::ST_RDONLY)) {
        return Some(Trouble::ReadOnly);
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().nth(1).and_then(Trouble::from_word)
}

fn path(database: &DatabasePaths) -> PathBuf {
    database.history.parent().unwrap_or(Path::new(".")).join(paths::STORE_LOCK)
}

/// A lock of the whole file.
fn whole(kind: i32) -> flock {
    flock {
        l_type: libc::c_short::try_from(kind).expect("lock kinds are small"),
        l_whence: libc::c_short::try_from(SEEK_SET).expect("0 is small"),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_by_one_and_seen_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let paths = DatabasePaths::in_state(folder.path());
        assert!(!is_held(&paths));
        let mut lock = Lock::take(&paths).unwrap();
        assert!(is_held(&paths));
        assert!(matches!(Lock::take(&paths), Err(StoreError::Locked { .. })));
        assert_eq!((holder(&paths), lock.last_alive()), (None, None));
        lock.say_where(Path::new("/run/x.sock")).unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        lock.beat(now).unwrap();
        assert_eq!(holder(&paths), Some(PathBuf::from("/run/x.sock")));
        drop(lock);
        assert!(!is_held(&paths));
        assert_eq!(Lock::take(&paths).unwrap().last_alive(), Some(now));
    }
}
