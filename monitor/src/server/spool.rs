//! The spool: files that licwrap left about runs while the monitor was away. Any user may leave any file there: its owner is
//! who it speaks for, nothing in it can speak for somebody else, and each is read once and removed.

use std::{
    collections::HashSet,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{bail, ensure};
use jiff::{SignedDuration, Timestamp};
use lic_admission::{DRAWN_ID_MIN, LeaseId};
use lic_protocol::{
    event::EndReason,
    outcome::Outcome,
    pairs::Pairs,
    want::{Choice, WANTS_MAX, Want, wishes},
    wire::MESSAGE_BYTES_MAX,
};
use nix::{libc, sys::epoll::EpollFlags};
use sha2::{Digest, Sha256};
use tracing::{debug, error, warn};

use super::{
    Lease, SPOOL_S, SeatServer,
    config::SpoolConfig,
    peer,
    record::{Ending, Holder, Kind, Record},
    runtime, stamp,
    watch::{Deadline, Watched},
};

/// Entries of the folder that are looked at in one turn; the others wait for the next.
const ENTRIES_PER_TURN_MAX: usize = 1024;
/// Most living runs of one user that are counted from files.
const RUNS_PER_UID_MAX: usize = 256;
/// How long a file may stay unfinished.
const UNFINISHED: SignedDuration = SignedDuration::from_secs(10);
/// Most files that could not be removed whose names are kept, so that they are not read again.
const STUBBORN_MAX: usize = 4096;

/// The folder.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    stubborn: HashSet<PathBuf>,
    /// Leases of the time before, until the folder has been looked at once.
    granted: Vec<Record>,
}

/// A run that a file speaks of.
#[derive(Debug, PartialEq)]
struct Run {
    id: u64,
    uid: u32,
    pid: u32,
    start_time: u64,
    boot_id: String,
    tool: String,
    choices: Vec<Choice>,
    project: Option<String>,
    /// When the file was written, by the kernel's clock: no user can set it back.
    since: Timestamp,
}

/// What became of a file.
enum Taken {
    /// Its run is counted, now or before.
    Counted,
    /// It is to be looked at again.
    NotYet,
}

/// Whether the record of a run is there.
enum Written {
    Now,
    Before,
    Not,
}

impl From<Written> for Taken {
    fn from(written: Written) -> Self {
        match written {
            Written::Now | Written::Before => Self::Counted,
            Written::Not => Self::NotYet,
        }
    }
}

impl Spool {
    /// Makes the folder, or corrects who may enter it.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn open(config: SpoolConfig) -> anyhow::Result<Self> {
        runtime::folder(&config.path, config.mode)?;
        Ok(Self { path: config.path, stubborn: HashSet::new(), granted: Vec::new() })
    }

    /// A lease that was found after a restart. If its monitor was killed before it said so, its process ran uncounted and left
    /// a file: that is the same run.
    pub(super) fn remember(&mut self, granted: &Record) {
        self.granted.push(granted.clone());
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What files there are, in order of name.
    fn files(&self) -> Vec<PathBuf> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) => {
                warn!("cannot read {}: {error}", self.path.display());
                return Vec::new();
            }
        };
        let entries = entries.take(ENTRIES_PER_TURN_MAX).flatten();
        let entries = entries.filter(|entry| !entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| !self.stubborn.contains(path));
        files.sort_unstable();
        files
    }

    fn remove(&mut self, path: PathBuf) {
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                warn!("cannot remove {}: {error}", path.display());
                if self.stubborn.len() < STUBBORN_MAX {
                    self.stubborn.insert(path);
                }
            }
        }
    }
}

impl SeatServer {
    /// Counts the runs of the time the monitor was away: those that live hold their seats from now on, even more than there
    /// are, and those that ended did so at a time nobody saw. Looks again in a while: a wrapper that got no answer in time may
    /// leave a file while the monitor is here.
    pub(super) fn take_up_runs(&mut self, now: Timestamp) {
        let Some(mut spool) = self.spool.take() else { return };
        let granted = std::mem::take(&mut spool.granted);
        let mut wrong = 0;
        for path in spool.files() {
            match self.take_up(&path, &granted, now) {
                Ok(Taken::Counted) => spool.remove(path),
                Ok(Taken::NotYet) => {}
                Err(error) => {
                    // Any user can make this happen as often as he likes, so it is told once a turn.
                    debug!("{} is not counted: {error:#}", path.display());
                    wrong += 1;
                    spool.remove(path);
                }
            }
        }
        if wrong > 0 {
            warn!("{wrong} files in {} told of no run that counts", spool.path.display());
        }
        self.spool = Some(spool);
        self.set_deadline(Duration::from_secs(SPOOL_S), Deadline::Spool);
    }

    fn take_up(
        &mut self,
        path: &Path,
        granted: &[Record],
        now: Timestamp,
    ) -> anyhow::Result<Taken> {
        match read(path, stamp(now))? {
            Some(run) => self.count(run, granted, now),
            None => Ok(Taken::NotYet),
        }
    }

    fn count(&mut self, run: Run, granted: &[Record], now: Timestamp) -> anyhow::Result<Taken> {
        let lease = LeaseId(run.id);
        let named: Vec<String> = wishes(&run.choices).map(|wish| wish.feature.clone()).collect();
        let record = self.record_of(run);
        ensure!(
            !record.choices.is_empty(),
            "no such tool is configured, or not with so many seats"
        );
        let is_here = record.boot_id == self.boot_id && is_own(&record.holder);
        let Some(pidfd) = is_here.then(|| self.processes.alive(&record.holder)).flatten() else {
            // What was granted may be another alternative, and as many seats as the tool was configured to take then.
            let is_its = |lease: &Record| {
                lease.boot_id == record.boot_id
                    && lease.holder.is_same_process(&record.holder)
                    && lease.wants().all(|want| named.contains(&want.feature))
            };
            if granted.iter().any(is_its) {
                return Ok(Taken::Counted);
            }
            return Ok(self.count_ended(&record, now));
        };
        if self.leases.contains_key(&lease) {
            return Ok(Taken::Counted);
        }
        self.check_limits(&record)?;
        let written = self.write(&record);
        if let Written::Now = written {
            self.watch(&pidfd, Watched::Process(record.id), EpollFlags::EPOLLIN)?;
            self.tell_checkouts(&record);
            let asker = self.asker(&record);
            self.admission.adopt(lease, &asker, &record.choices.concat());
            let held = Lease { record, pidfd: Some(pidfd), ended: None, token: None };
            self.leases.insert(lease, Box::new(held));
        }
        Ok(written.into())
    }

    fn count_ended(&mut self, record: &Record, now: Timestamp) -> Taken {
        let written = self.write(record);
        if let Written::Now = written {
            self.tell_checkouts(record);
            let is_of_this_boot = record.boot_id == self.boot_id;
            let how = if is_of_this_boot { EndReason::Lost } else { EndReason::HostRebooted };
            let how = how.word().to_owned();
            let ending = Ending { at: record.since, before: Some(stamp(now)), how, by: None };
            self.end_lease(record, &ending, None);
        }
        written.into()
    }

    /// From here on the record speaks for the run, and the file only has to go.
    fn write(&self, record: &Record) -> Written {
        match self.seats.write(Kind::Lease, record) {
            Ok(()) => Written::Now,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Written::Before,
            Err(error) => {
                error!("run {} cannot be written down: {error}", record.id);
                Written::Not
            }
        }
    }

    /// One process is one run, and one user's files are so many runs.
    fn check_limits(&self, record: &Record) -> anyhow::Result<()> {
        let uid = record.holder.uid;
        let own = self.leases.values().filter(|lease| lease.record.holder.uid == uid);
        let mut drawn = 0;
        for lease in own {
            let held = &lease.record;
            let is_same_process = held.holder == record.holder;
            let holds = |want: &Want| held.wants().any(|held| held.feature == want.feature);
            if is_same_process && record.wants().any(holds) {
                bail!("its process holds a seat already");
            }
            drawn += usize::from(held.id >= DRAWN_ID_MIN);
        }
        ensure!(drawn < RUNS_PER_UID_MAX, "its user has {drawn} such runs already");
        Ok(())
    }

    fn record_of(&mut self, run: Run) -> Record {
        let holder = Holder {
            uid: run.uid,
            user: self.users.name(run.uid),
            pid: run.pid,
            start_time: Some(run.start_time),
        };
        // Nobody chose for it: it is counted as the first alternative there is.
        let first = |choice: &Choice| {
            let wants = choice.alternatives.iter().map(|wish| self.want(wish, run.pid));
            wants.into_iter().find(|want| self.admission.is_possible(want))
        };
        let choices = run.choices.iter().filter_map(first).map(|want| vec![want]).collect();
        Record {
            id: run.id,
            holder,
            boot_id: run.boot_id,
            host: self.host.clone(),
            tool: run.tool,
            choices,
            project: run.project,
            ticket: None,
            since: run.since,
            supervisor: None,
            outcome: Outcome::default(),
        }
    }
}

/// Nobody counts the process of somebody else as his run: it could live for ever.
fn is_own(holder: &Holder) -> bool {
    peer::real_uid(holder.pid) == Some(holder.uid)
}

/// `None` while the file may still be written to.
fn read(path: &Path, now: Timestamp) -> anyhow::Result<Option<Run>> {
    // Whatever it is: a link is not followed, a FIFO or a file with a lease on it is not waited for.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    ensure!(metadata.is_file() && metadata.nlink() == 1, "it is no file of its own");
    let text = text(file)?;
    let written = Timestamp::new(metadata.ctime(), i32::try_from(metadata.ctime_nsec())?)?;
    if !text.ends_with("\n\n") {
        ensure!(now.duration_since(written) > UNFINISHED, "it was never finished");
        return Ok(None);
    }
    run(path, &text, &metadata, stamp(written.min(now))).map(Some)
}

fn text(file: File) -> anyhow::Result<String> {
    let mut text = String::new();
    file.take(MESSAGE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    ensure!(text.len() <= MESSAGE_BYTES_MAX, "it is too long");
    Ok(text)
}

fn run(path: &Path, text: &str, file: &Metadata, since: Timestamp) -> anyhow::Result<Run> {
    let pairs = Pairs::of(text);
    let features = pairs.all("feature");
    let choices: Vec<Choice> =
        features.iter().map(|text| Choice::parse(text)).collect::<Result<_, _>>()?;
    let features: Vec<&str> = wishes(&choices).map(|wish| wish.feature.as_str()).collect();
    ensure!(features.len() <= WANTS_MAX, "it names too many features");
    let is_repeated = |(place, feature): (usize, &&str)| features[..place].contains(feature);
    ensure!(!features.iter().enumerate().any(is_repeated), "a feature comes twice");
    Ok(Run {
        id: id(file.uid(), path),
        uid: file.uid(),
        pid: u32::try_from(pairs.need_number("pid")?)?,
        start_time: pairs.need_number("start_time")?,
        boot_id: pairs.need("boot_id")?,
        tool: pairs.get("tool").unwrap_or_default(),
        choices,
        project: pairs.get("project"),
        since,
    })
}

/// A lease's number out of the drawn one: the same for the same file of the same user, and nobody can make it another's.
fn id(uid: u32, path: &Path) -> u64 {
    let name = path.file_name().unwrap_or_default();
    let digest = Sha256::new().chain_update(uid.to_be_bytes()).chain_update(name.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finalize()[..8]);
    DRAWN_ID_MIN | (u64::from_be_bytes(first) % DRAWN_ID_MIN)
}
