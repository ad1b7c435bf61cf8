//! A follower beside a license server that writes, renames, cuts and replaces its log, and a monitor that is killed in between:
//! every line is recorded exactly once, but for what was unread when its bytes went away.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "follow/world.rs"]
mod world;

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::symlink,
    path::Path,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use glob::Pattern;
use jiff::tz::TimeZone;
use lic_parse::registry;
use lic_protocol::event::Event;
use lic_store::{
    commit::Receipt,
    configured::{Configured, ConfiguredServer},
    open::DatabasePaths,
    read::Reader,
    writer::Writer,
};
use licmon::{
    pipe::{Closed, Message, READER_BATCHES_MAX, pipe},
    sources::{
        encoding::Encoding,
        logfile::LogOf,
        tail::{Follower, Following, opened::OPEN_MAX, waker::Waker},
    },
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::world::{World, clock, follower, line};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// What happens to a log, or to who follows it.
#[derive(Clone, Debug)]
enum Step {
    Look,
    Write(u32),
    Part(usize),
    FinishEarlier,
    Nul(usize),
    Long,
    Rename,
    RenameAway,
    Delete,
    Truncate,
    Rewrite,
    CopyAndTruncate,
    Compress,
    CompressAway,
    Quiet,
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Look),
        4 => (1..6_u32).prop_map(Step::Write),
        1 => Just(Step::Write(2000)),
        3 => (1..150_usize).prop_map(Step::Part),
        1 => Just(Step::FinishEarlier),
        1 => prop::sample::select(vec![1, 5000, 70_000]).prop_map(Step::Nul),
        1 => Just(Step::Long),
        2 => Just(Step::Rename),
        2 => Just(Step::RenameAway),
        1 => Just(Step::Delete),
        1 => Just(Step::Truncate),
        2 => Just(Step::Rewrite),
        1 => Just(Step::CopyAndTruncate),
        2 => Just(Step::Compress),
        1 => Just(Step::CompressAway),
        2 => Just(Step::Quiet),
        3 => (0..4_usize).prop_map(Step::Restart),
    ]
}

fn take(world: &mut World, step: &Step) {
    match step {
        Step::Look => world.look(),
        Step::Write(lines) => world.write(*lines),
        Step::Part(bytes) => world.write_part(*bytes),
        Step::FinishEarlier => world.finish_earlier(),
        Step::Nul(bytes) => world.write_behind(&vec![0; *bytes]),
        Step::Long => world.write_behind(&[vec![b'x'; 70_000], b"\n".to_vec()].concat()),
        Step::Rename => world.rename(),
        Step::RenameAway => world.rename_away(),
        Step::Delete => world.delete(),
        Step::Truncate => world.truncate(),
        Step::Rewrite => world.rewrite(),
        Step::CopyAndTruncate => world.copy_and_truncate(),
        Step::Compress => world.compress(),
        Step::CompressAway => world.compress_away(),
        Step::Quiet => world::let_pass(31),
        Step::Restart(lost) => world.restart(*lost),
    }
}

fn after(steps: &[Step]) -> Result<(), String> {
    let mut world = World::new();
    for step in steps {
        take(&mut world, step);
    }
    world.check()
}

#[track_caller]
fn check(steps: &[Step]) {
    after(steps).unwrap_or_else(|error| panic!("{error} after {steps:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_line_is_recorded_once(steps in prop::collection::vec(step(), 1..40)) {
        after(&steps).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn line_that_was_begun_in_a_log_that_went_away_is_read_as_far_as_it_came() {
    use Step::{Delete, Look, Part, Quiet, Rename};
    check(&[Part(132), Look, Delete, Quiet, Look, Rename]);
}

#[test]
fn unfinished_line_of_a_log_that_was_rewritten_is_forgotten() {
    use Step::{Look, Part, Rewrite, Truncate, Write};
    check(&[Part(9), Look, Rewrite, Look, Write(1)]);
    check(&[Look, Part(40), Look, Rewrite, Look, Write(1)]);
    check(&[Look, Part(120), Look, Truncate, Write(1)]);
}

#[test]
fn line_behind_a_hole_is_read() {
    use Step::{Look, Nul, Restart, Write};
    check(&[Write(2), Look, Nul(70_000), Look]);
    check(&[Nul(70_000), Write(2), Look, Restart(0), Write(2), Look]);
}

#[test]
fn log_that_was_compressed_in_part_is_read_once_it_is_at_rest() {
    let mut world = World::new();
    world.write(3);
    world.compress_in_part();
    world.look();
    world.write(1);
    world::let_pass(2 * 3600);
    world.look();
    world.check().unwrap();
}

#[test]
fn compressed_log_that_was_finished_is_read_after_a_pause() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("server1.log.gz");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(line(1).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(&path, &packed[..packed.len() - 1]).unwrap();
    let (sink, messages) = pipe();
    let (mut follower, _hints) = follower(&folder, &sink, Vec::new());
    follower.look().unwrap();
    fs::write(&path, &packed).unwrap();
    world::let_pass(61);
    follower.look().unwrap();
    assert_eq!(next_batch(&messages).len(), 1);
}

#[test]
fn denial_at_the_end_of_a_log_is_told_when_it_is_closed() {
    let folder = TempDir::new().unwrap();
    let of = LogOf {
        server: "rlm".into(),
        system: registry::license_system("rlm").unwrap(),
        zone: TimeZone::UTC,
        encoding: Encoding::Bytes,
    };
    let following = Following {
        of,
        directory: folder.path().to_owned(),
        pattern: Pattern::new("*.dlog").unwrap(),
        scan: Duration::from_secs(1),
        checkpoints: Vec::new(),
        with_gaps: Vec::new(),
        open_max: OPEN_MAX,
    };
    let (sink, messages) = pipe();
    let (waker, _hints) = Waker::new();
    let mut follower = Follower::new(following, sink, clock, waker);
    let date = "05/11/2012 15:16 (rlm) RLM License Server Version 9.1\n";
    let denied = "05/11 15:20 (acme) DENIED: (1) simulator v2.1 to ann@pine\n";
    fs::write(folder.path().join("a.dlog"), format!("{date}{denied}")).unwrap();
    fs::write(folder.path().join("b.dlog"), date).unwrap();
    follower.look().unwrap();
    assert_eq!([next_batch(&messages).len(), next_batch(&messages).len()], [0, 0]);
    world::let_pass(31);
    follower.look().unwrap();
    assert_eq!(next_batch(&messages).len(), 1);
}

#[test]
fn a_thousand_old_logs_are_not_kept_open() {
    let folder = TempDir::new().unwrap();
    for number in 0..1000 {
        let path = folder.path().join(format!("server{number:04}.log"));
        fs::write(&path, line(number)).unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(1);
        File::options().append(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    }
    let (sink, messages) = pipe();
    let (mut follower, _hints) = follower(&folder, &sink, Vec::new());
    drop(sink);
    let looking = thread::spawn(move || {
        follower.look().unwrap();
        follower
    });
    let mut most_open = 0;
    for _ in 0..1000 {
        let batch = next_batch(&messages);
        assert_eq!(batch.len(), 1);
        most_open = most_open.max(open_in(folder.path()));
    }
    let follower = looking.join().unwrap();
    assert!(most_open < 10, "{most_open} were open at once");
    assert_eq!(open_in(folder.path()), 1, "the newest is still read");
    drop(follower);
}

#[test]
fn follower_ends_when_the_writer_has_failed() {
    let folder = TempDir::new().unwrap();
    let text: String = (0..40_000).map(line).collect();
    fs::write(folder.path().join("server.log"), text).unwrap();
    let (sink, messages) = pipe();
    let (mut follower, _hints) = follower(&folder, &sink, Vec::new());
    let (ended, end) = channel();
    thread::spawn(move || ended.send(follower.look()));
    // It fails with all in its hands that a reader may have on its way.
    let taken: Vec<Message> = messages.iter().take(READER_BATCHES_MAX).collect();
    drop((taken, messages));
    assert_eq!(end.recv_timeout(PATIENCE), Ok(Err(Closed)));
}

#[test]
fn fault_of_a_file_goes_with_it() {
    let folder = TempDir::new().unwrap();
    let state = TempDir::new().unwrap();
    let databases = DatabasePaths::in_state(state.path());
    let mut writer = Writer::open(&databases).unwrap();
    let catia =
        ConfiguredServer { name: "catia".into(), system: "dsls".into(), zone: "UTC".into() };
    writer.configure(&Configured { servers: vec![catia], features: Vec::new() }).unwrap();
    let (sink, messages) = pipe();
    let (mut follower, _hints) = follower(&folder, &sink, Vec::new());
    drop(sink);
    let writing = thread::spawn(move || licmon::writer::run(writer, &messages, clock));
    let reader = Reader::open(&databases).unwrap();
    fs::write(folder.path().join("server1.log"), line(1)).unwrap();
    let link = folder.path().join("server2.log");
    symlink("/etc/hostname", &link).unwrap();
    follower.look().unwrap();
    eventually(|| error(&reader).is_some_and(|error| error.contains("symbolic link")));
    fs::remove_file(&link).unwrap();
    follower.look().unwrap();
    eventually(|| error(&reader).is_none());
    drop(follower);
    writing.join().unwrap().unwrap();
}

/// What is wrong with the one server there is.
fn error(reader: &Reader) -> Option<String> {
    let mut servers = reader.servers().unwrap();
    assert_eq!(servers.len(), 1);
    let server = servers.remove(0);
    server.error.or(server.sources.into_iter().find_map(|file| file.error))
}

/// The events of the next batch, which is then committed.
#[track_caller]
fn next_batch(messages: &Receiver<Message>) -> Vec<Event> {
    loop {
        let message = messages.recv_timeout(PATIENCE).expect("a batch");
        if let Message::Batch { batch, receipt } = message {
            receipt.unwrap().send(Receipt::default()).unwrap();
            return batch.events;
        }
    }
}

/// How many files of a folder this process has open.
fn open_in(folder: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let files = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    files.filter(|file| file.parent() == Some(folder)).count()
}

/// Waits until it is so.
#[track_caller]
fn eventually(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to be");
        thread::yield_now();
    }
}
