//! Which checkin ends which checkout, by the log's own time, whatever the order in which they are learned. It only decides.
//!
//! A log tells of one handle in turn: checkout, checkin, checkout, checkin. A file that is imported late fills in what came
//! before: its last checkout is ended by a checkin that is stored already, and until all of it is read a checkout may be ended
//! by a checkin that is too late. A nearer one, once learned, takes its place, and the other is free again.
//!
//! A log without handles tells only who took and gave back. There the oldest session of as many seats ends first: with the same
//! sessions paired in any other way, as many seats are in use at every instant.
//!
//! An export tells of each checkin when its session began, so that the days of one, in whatever order, pair as they did there.
//!
//! The limit: a checkin that was stored as the end of its checkout stays it. A file from the middle of what is stored already
//! can therefore not be fitted in where its handles are used again and again.

use std::collections::HashMap;

use lic_protocol::{event::HandleOf, view::Source};
use rusqlite::{Connection, named_params};

use crate::{
    error::{Doing, StoreError},
    open_keys::Open,
};

/// How far a log's clock may be set back while a session is open. A session of a tool of ours has a handle that is never used
/// again, so there it does not matter.
const CLOCK_BACK_MS: i64 = 2000;

/// The handle that pairs: the rows of a server and a feature, and the system's own key.
#[derive(Clone, Copy)]
pub(crate) struct Handle<'a> {
    pub(crate) server: i64,
    pub(crate) feature: i64,
    pub(crate) text: &'a str,
    /// Whose it is.
    pub(crate) of: HandleOf,
}

/// The newest time of any checkin that was stored without a checkout, server by server. A log that is read in its own order is
/// never behind it, and then there is nothing to look for.
pub(crate) struct Early(HashMap<i64, i64>);

impl Early {
    /// Reads it from history.
    pub(crate) fn load(history: &Connection) -> Result<Self, StoreError> {
        let doing = "read the checkins without a checkout";
        let sql = "select server, max(at_ms) from checkin where checkout is null group by server";
        let mut query = history.prepare(sql).doing(doing)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect).doing(doing).map(Self)
    }

    /// Counts a checkin just stored without a checkout.
    pub(crate) fn add(&mut self, server: i64, at_ms: i64) {
        let newest = self.0.entry(server).or_insert(at_ms);
        *newest = (*newest).max(at_ms);
    }

    fn is_after(&self, server: i64, at_ms: i64) -> bool {
        self.0.get(&server).is_some_and(|newest| *newest > at_ms)
    }
}

/// What a checkout means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It opens a session.
    Opens,
    /// Its checkin is stored already.
    EndedBy(Open),
    /// Its handle is held at that time, by this checkout.
    Contradicts(i64),
}

/// What a checkin means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// It ends this checkout, and with it older ones of the same handle that nothing else ended.
    Ends { checkout: i64, older: Vec<i64> },
    /// It ends this checkout earlier than the checkin that was taken for its end.
    EndsEarlier(i64),
    /// Its checkout is not known.
    Nothing,
}

/// What a checkout at `at_ms` means; `open` are the sessions of its handle that are open.
pub(crate) fn taken(
    history: &Connection,
    handle: Handle<'_>,
    at_ms: i64,
    open: &[Open],
    early: &Early,
) -> Result<Taken, StoreError> {
    let is_one = handle.of == HandleOf::Session;
    if let Some(held) = open.iter().find(|held| is_one && held.at_ms <= at_ms) {
        return Ok(Taken::Contradicts(held.id));
    }
    if !early.is_after(handle.server, at_ms) {
        return Ok(Taken::Opens);
    }
    let later = later_checkins(history, handle, at_ms)?;
    let mut held = later.iter().filter_map(|checkin| checkin.ends);
    let held = held.find(|held| held.at_ms <= at_ms);
    if let Some(held) = held.filter(|_| is_one) {
        return Ok(Taken::Contradicts(held.id));
    }
    let free = later.iter().find(|checkin| checkin.ends.is_none());
    Ok(free.map_or(Taken::Opens, |checkin| Taken::EndedBy(checkin.learned)))
}

/// A checkin, as far as pairing asks.
#[derive(Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) at_ms: i64,
    /// How many seats it gives back; `None` for all of its handle.
    pub(crate) count: Option<u32>,
    pub(crate) source: Source,
}

/// What a checkin means; `open` are the sessions of its handle that are open.
pub(crate) fn given(
    history: &Connection,
    handle: Handle<'_>,
    ending: Ending,
    open: &[Open],
    early: &Early,
) -> Result<Given, StoreError> {
    let Ending { at_ms, source, .. } = ending;
    let mut held: Vec<Open> = open.iter().copied().filter(|open| open.at_ms <= at_ms).collect();
    held.sort_unstable_by_key(|open| (open.at_ms, open.id));
    if let HandleOf::SessionSince(began) = handle.of {
        let began_ms = began.as_millisecond();
        let is_its = |open: &&Open| {
            open.at_ms == began_ms && ending.count.is_none_or(|count| open.count == count)
        };
        if let Some(told) = open.iter().filter(is_its).min_by_key(|open| open.id) {
            return Ok(Given::Ends { checkout: told.id, older: Vec::new() });
        }
    }
    if let (HandleOf::Holder | HandleOf::SessionSince(_), Some(count)) = (handle.of, ending.count)
        && let Some(oldest) = held.iter().find(|open| open.count == count).or(held.first())
    {
        return Ok(Given::Ends { checkout: oldest.id, older: Vec::new() });
    }
    if let Some(newest) = held.pop() {
        let older = held.iter().map(|open| open.id).collect();
        return Ok(Given::Ends { checkout: newest.id, older });
    }
    let later = if early.is_after(handle.server, at_ms) {
        later_checkins(history, handle, at_ms)?
    } else {
        Vec::new()
    };
    let covering =
        later.iter().filter_map(|checkin| checkin.ends).filter(|held| held.at_ms <= at_ms);
    if let Some(held) = covering.max_by_key(|held| (held.at_ms, held.id)) {
        return Ok(Given::EndsEarlier(held.id));
    }
    let is_ours = matches!(source, Source::Wrapper | Source::Process);
    let back_ms = if is_ours { i64::MAX } else { CLOCK_BACK_MS };
    let next = open.iter().min_by_key(|open| (open.at_ms, open.id));
    let next = next.filter(|open| open.at_ms.saturating_sub(at_ms) <= back_ms);
    Ok(next.map_or(Given::Nothing, |open| Given::Ends { checkout: open.id, older: Vec::new() }))
}

/// A checkin that was stored without a checkout.
struct Later {
    learned: Open,
    /// The checkout that it ends by a pairing, if it is the earliest checkin of it.
    ends: Option<Open>,
}

/// The checkins of a handle after `at_ms` that were stored without a checkout, the earliest first.
fn later_checkins(
    history: &Connection,
    handle: Handle<'_>,
    at_ms: i64,
) -> Result<Vec<Later>, StoreError> {
    let doing = "look for an earlier checkin";
    let sql = "select i.id, i.at_ms, c.id, c.at_ms, c.count
        from checkin i
        left join pairing p on p.checkin = i.id and not exists (
            select 1 from pairing q join checkin k on k.id = q.checkin
            where q.checkout = p.checkout and (k.at_ms, k.id) < (i.at_ms, i.id))
        left join checkout c on c.id = p.checkout
        where i.handle = :handle and i.checkout is null and i.at_ms > :at_ms
            and i.server = :server and i.feature = :feature
        order by i.at_ms, i.id";
    let values = named_params! {
        ":handle": handle.text,
        ":at_ms": at_ms,
        ":server": handle.server,
        ":feature": handle.feature,
    };
    let mut query = history.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map(values, |row| {
        let ends: Option<i64> = row.get(2)?;
        Ok(Later {
            learned: Open { id: row.get(0)?, at_ms: row.get(1)?, count: 0 },
            ends: match ends {
                Some(id) => Some(Open { id, at_ms: row.get(3)?, count: row.get(4)? }),
                None => None,
            },
        })
    });
    rows.and_then(Iterator::collect).doing(doing)
}
