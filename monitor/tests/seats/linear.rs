//! What several clients saw at once is what a counter of seats could have answered one after the other: short recorded histories,
//! each checked for an order that explains it.
//! Source: J. Wing and C. Gong, "Testing and verifying concurrent objects", 1993.

use std::{
    collections::HashSet,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::site::{Client, Site, number};

/// Most operations of one history: a bit of a word for each.
const OPERATIONS_MAX: usize = 60;
const CLIENTS: usize = 5;
const WINDOWS: usize = 20;
/// Requests of one client in one window; each may be followed by a release.
const REQUESTS: usize = OPERATIONS_MAX / CLIENTS / 2;
const SEATS_OF_THREE: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    Took,
    WasRefused,
    Gave,
}

/// What a client did, and between which two readings of a clock that all of them share.
#[derive(Clone, Copy, Debug)]
struct Operation {
    called: u64,
    returned: u64,
    did: Did,
}

/// Whether some order of the operations, in which none comes before one that had returned when it was called, is one that
/// a counter of so many seats allows.
fn is_explained(history: &[Operation], seats: u32) -> bool {
    assert!(history.len() <= OPERATIONS_MAX);
    let all = (1_u64 << history.len()) - 1;
    let mut seen = HashSet::new();
    let mut done_so_far = vec![0_u64];
    while let Some(done) = done_so_far.pop() {
        if done == all {
            return true;
        }
        if seen.insert(done) {
            done_so_far.extend(next(history, done, seats).map(|at| done | 1 << at));
        }
    }
    false
}

/// The operations that may come after those that are done.
fn next(history: &[Operation], done: u64, seats: u32) -> impl Iterator<Item = usize> {
    let is_done = move |at: usize| done & (1 << at) != 0;
    let count =
        |did| (0..history.len()).filter(|at| is_done(*at) && history[*at].did == did).count();
    let free = seats as usize + count(Did::Gave) - count(Did::Took);
    let left = (0..history.len()).filter(move |at| !is_done(*at));
    let first_return = left.clone().map(|at| history[at].returned).min().unwrap_or(u64::MAX);
    left.filter(move |at| {
        let is_allowed = match history[*at].did {
            Did::Took => free > 0,
            Did::WasRefused => free == 0,
            Did::Gave => free < seats as usize,
        };
        is_allowed && history[*at].called < first_return
    })
}

/// One client: asks without waiting, and gives back what it got.
fn client(socket: &Path, clock: &AtomicU64) -> Vec<Operation> {
    let ask = |message: &str| {
        let mut client = Client::of(OwnedFd::from(UnixStream::connect(socket).unwrap()));
        client.send(message);
        client.reply()
    };
    let read = || clock.fetch_add(1, Ordering::SeqCst);
    let mut history = Vec::new();
    for _ in 0..REQUESTS {
        let called = read();
        let reply = ask("licwrap=1\nop=acquire\nfeature=three\nwait=no\n\n");
        let returned = read();
        if reply.starts_with("status=refused refusal=busy") {
            history.push(Operation { called, returned, did: Did::WasRefused });
            continue;
        }
        history.push(Operation { called, returned, did: Did::Took });
        let lease = number(&reply, "lease");
        let called = read();
        let reply = ask(&format!("licwrap=1\nop=release\nlease={lease}\n\n"));
        assert!(reply.starts_with("status=done"), "{reply}");
        history.push(Operation { called, returned: read(), did: Did::Gave });
    }
    history
}

#[test]
fn what_clients_see_at_once_could_have_come_one_after_the_other() {
    let site = Site::start();
    let (socket, clock) = (site.socket(), AtomicU64::new(0));
    for _ in 0..WINDOWS {
        let history: Vec<Operation> = thread::scope(|scope| {
            let clients: Vec<_> =
                (0..CLIENTS).map(|_| scope.spawn(|| client(&socket, &clock))).collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        assert!(is_explained(&history, SEATS_OF_THREE), "{history:?}");
    }
}

#[test]
fn a_lie_is_found() {
    let (took, refused, gave) = (Did::Took, Did::WasRefused, Did::Gave);
    for (history, seats, expected) in [
        (vec![], 1, true),
        (vec![(0, 1, took), (2, 3, gave), (4, 5, took)], 1, true),
        // Two at once are in either order.
        (vec![(0, 3, took), (1, 2, refused)], 1, true),
        (vec![(0, 3, refused), (1, 2, took)], 1, true),
        (vec![(0, 1, took), (2, 5, gave), (3, 4, took)], 1, true),
        (vec![(0, 1, took), (2, 5, gave), (3, 4, refused)], 1, true),
        // One seat is given twice, or though it was given back it is not there.
        (vec![(0, 1, took), (2, 3, took)], 1, false),
        (vec![(0, 3, took), (1, 2, took)], 1, false),
        (vec![(0, 1, refused)], 1, false),
        (vec![(0, 1, took), (2, 3, gave), (4, 5, refused)], 1, false),
        (vec![(0, 1, took), (2, 3, refused)], 2, false),
        (vec![(0, 1, took), (2, 3, took), (4, 5, gave), (6, 7, gave), (8, 9, gave)], 2, false),
        // What was returned before the other was called cannot come after it.
        (vec![(0, 1, refused), (2, 3, took)], 1, false),
    ] {
        let operation = |(called, returned, did): &(u64, u64, Did)| Operation {
            called: *called,
            returned: *returned,
            did: *did,
        };
        let operations: Vec<Operation> = history.iter().map(operation).collect();
        assert_eq!(is_explained(&operations, seats), expected, "{history:?}");
    }
}
