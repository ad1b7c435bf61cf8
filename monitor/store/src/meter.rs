//! Meter: the seats of one feature in use, hour by hour, as its sessions begin and end.
//!
//! Sessions that share a seat use it once, from the first start to the last end among those that overlap, for as many seats as the
//! largest of them asked for; lic-analytics counts so too. Steps come in the order of time as a rule. One that is older than the
//! newest leaves what it touches stale, to be made again from history.

use std::{collections::BTreeMap, sync::Arc};

use crate::hash::HashMap;

pub(crate) const HOUR_MS: i64 = 3600 * 1000;
/// Hours that one silence fills: two years. What a log claims to be held for longer is counted for the last two.
const HOURS_FILLED_MAX: i64 = 2 * 366 * 24;

/// What happened in one hour, beside what is stored of it already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Seats in use times milliseconds.
    pub(crate) seat_ms: i64,
    /// Most seats in use at one instant.
    pub(crate) peak: i64,
    pub(crate) checkouts: i64,
    pub(crate) denials: i64,
}

/// The seats of one feature.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Its row in live; `None` before the first commit.
    pub(crate) row: Option<i64>,
    /// The name of the feature.
    pub(crate) feature: Arc<str>,
    /// Seats in use since `until_ms`.
    pub(crate) seats: i64,
    /// The newest time at which that number changed.
    pub(crate) until_ms: i64,
    /// From when to when seats were counted before something older was learned.
    pub(crate) stale: Option<(i64, i64)>,
    /// What is not stored yet.
    pub(crate) cells: BTreeMap<i64, Cell>,
    /// Seats in use that several sessions may share.
    pub(crate) shared: HashMap<Arc<str>, Use>,
    /// Shared seats that are stored as in use and are not any more.
    pub(crate) given_back: Vec<Arc<str>>,
    pub(crate) is_changed: bool,
}

/// A shared seat in use.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) sessions: u32,
    pub(crate) seats: i64,
    pub(crate) since_ms: i64,
    /// Who took it first.
    pub(crate) user: Arc<str>,
    /// What of it is stored: nothing, an older state, or this one.
    pub(crate) stored: Stored,
}

/// How much of something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Not,
    Older,
    Whole,
}

impl Use {
    /// What is stored of it is older now.
    pub(crate) fn change(&mut self) {
        if self.stored == Stored::Whole {
            self.stored = Stored::Older;
        }
    }
}

/// A seat, or several, that were in use: by whom, since when.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) user: Arc<str>,
    pub(crate) since_ms: i64,
    pub(crate) seats: i64,
}

/// What a session holds.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) user: Arc<str>,
    /// The seat it shares with others; `None` where it has its own.
    pub(crate) seat: Option<Arc<str>>,
    pub(crate) seats: i64,
    pub(crate) since_ms: i64,
}

impl Meter {
    /// A meter of a feature that was never counted.
    pub(crate) fn new(feature: &str) -> Self {
        Self { feature: feature.into(), until_ms: i64::MIN, ..Self::default() }
    }

    /// The cell of the hour of a time.
    pub(crate) fn cell(&mut self, at_ms: i64) -> &mut Cell {
        self.is_changed = true;
        self.cells.entry(at_ms.div_euclid(HOUR_MS)).or_default()
    }

    /// A session began.
    pub(crate) fn open(&mut self, held: &Held) {
        self.pass(held.since_ms);
        let Some(seat) = &held.seat else {
            self.seats += held.seats;
            return;
        };
        let Some(used) = self.shared.get_mut(seat) else {
            let first = Use {
                sessions: 1,
                seats: held.seats,
                since_ms: held.since_ms,
                user: held.user.clone(),
                stored: Stored::Not,
            };
            self.shared.insert(seat.clone(), first);
            self.seats += held.seats;
            return;
        };
        let (more, since_ms) = ((held.seats - used.seats).max(0), used.since_ms);
        used.sessions += 1;
        used.seats += more;
        used.since_ms = since_ms.min(held.since_ms);
        used.change();
        self.seats += more;
        if more > 0 {
            // The largest of them counts for all of its use.
            self.go_stale(since_ms);
        }
    }

    /// A session ended; told is what was given back with it.
    pub(crate) fn close(&mut self, held: &Held, at_ms: i64) -> Option<Used> {
        self.pass(at_ms);
        let Some(seat) = &held.seat else {
            self.seats -= held.seats;
            let (user, since_ms) = (held.user.clone(), held.since_ms);
            return Some(Used { user, since_ms, seats: held.seats });
        };
        let used = self.shared.get_mut(seat)?;
        used.sessions -= 1;
        used.change();
        if used.sessions > 0 {
            return None;
        }
        let used = self.shared.remove(seat)?;
        if used.stored != Stored::Not {
            self.given_back.push(seat.clone());
        }
        self.seats -= used.seats;
        Some(Used { user: used.user, since_ms: used.since_ms, seats: used.seats })
    }

    /// Time passes up to `at_ms`. Where it passed already, what was counted since then is stale.
    fn pass(&mut self, at_ms: i64) {
        if at_ms < self.until_ms {
            self.go_stale(at_ms);
        } else {
            self.fill(at_ms);
        }
    }

    /// What was counted since `at_ms` is to be made again.
    pub(crate) fn go_stale(&mut self, at_ms: i64) {
        if at_ms < self.until_ms {
            let (from_ms, to_ms) = self.stale.unwrap_or((at_ms, self.until_ms));
            self.stale = Some((from_ms.min(at_ms), to_ms.max(self.until_ms)));
            self.is_changed = true;
        }
    }

    /// Counts the seats in use up to `at_ms`.
    pub(crate) fn fill(&mut self, at_ms: i64) {
        let mut from_ms = self.until_ms.max(at_ms.saturating_sub(HOURS_FILLED_MAX * HOUR_MS));
        self.until_ms = at_ms;
        self.is_changed = true;
        while self.seats > 0 && from_ms < at_ms {
            let to_ms = at_ms.min((from_ms.div_euclid(HOUR_MS) + 1) * HOUR_MS);
            let seats = self.seats;
            let cell = self.cell(from_ms);
            cell.seat_ms += seats * (to_ms - from_ms);
            cell.peak = cell.peak.max(seats);
            from_ms = to_ms;
        }
    }
}
