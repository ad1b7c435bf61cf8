//! Which events are stored already: the identities in the blocks whose times an event falls into, and a time index of one row per block.

use lic_protocol::event::{Event, Identity};
use rusqlite::{Connection, Row, named_params};

use crate::{
    error::{Doing, StoreError},
    hash::{HashMap, HashSet},
    seal::{Rows, Table},
};

/// Records per block.
pub(crate) const BLOCK_RECORDS: i64 = 1024;
/// Blocks whose identities are kept in memory, each about 30 KiB.
const BLOCKS_LOADED_MAX: usize = 256;
/// How far the time of a line may move when a repeated hour is resolved the other way.
const AMBIGUITY_MS: i64 = 2 * 3600 * 1000;

/// A run of ids and the times that its records cover: those of one server, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first_id: i64,
    pub(crate) last_id: i64,
    pub(crate) earliest_ms: i64,
    pub(crate) latest_ms: i64,
}

impl Block {
    fn covers(&self, at_ms: i64, slack_ms: i64) -> bool {
        self.earliest_ms.saturating_sub(slack_ms) <= at_ms
            && at_ms <= self.latest_ms.saturating_add(slack_ms)
    }
}

/// The times of every full block, server by server, the identities of the unfinished one, and those of a few others.
///
/// Each server has its own times in a block: logs of several servers are read side by side, each from its own past.
pub(crate) struct Blocks {
    full: HashMap<i64, Full>,
    tail: Tail,
    loaded: HashMap<(i64, i64), HashSet<Identity>>,
    /// Blocks that were closed since the last commit.
    pub(crate) rows: Rows,
}

/// The full blocks that one server has records in.
#[derive(Default)]
struct Full {
    blocks: Vec<Block>,
    latest_ms: Option<i64>,
}

impl Full {
    fn push(&mut self, block: Block) {
        self.latest_ms = self.latest_ms.max(Some(block.latest_ms));
        self.blocks.push(block);
    }
}

/// The unfinished block.
struct Tail {
    first_id: i64,
    last_id: i64,
    /// Earliest and latest time of each server.
    times: HashMap<i64, (i64, i64)>,
    identities: HashSet<Identity>,
}

impl Blocks {
    /// Reads the list of blocks and the unfinished one.
    pub(crate) fn load(history: &Connection) -> Result<Self, StoreError> {
        let mut full: HashMap<i64, Full> = HashMap::default();
        let mut first_id = 1;
        for (server, block) in full_blocks(history)? {
            first_id = block.last_id + 1;
            full.entry(server).or_default().push(block);
        }
        let mut tail = Tail::empty(first_id);
        for (server, block) in tail_blocks(history, first_id)? {
            tail.last_id = tail.last_id.max(block.last_id);
            tail.times.insert(server, (block.earliest_ms, block.latest_ms));
            tail.identities.extend(identities(history, server, block)?);
        }
        Ok(Self { full, tail, loaded: HashMap::default(), rows: Rows::default() })
    }

    /// The id of the next record.
    pub(crate) fn next_id(&self) -> i64 {
        self.tail.last_id + 1
    }

    /// Whether an event of a server is stored already. Where its time is ambiguous, it is looked for further around that time.
    pub(crate) fn contain(
        &mut self,
        history: &Connection,
        server: i64,
        event: &Event,
    ) -> Result<bool, StoreError> {
        if self.tail.identities.contains(&event.identity) {
            return Ok(true);
        }
        let (at_ms, is_ambiguous) = (event.at.as_millisecond(), event.raw.is_some());
        let slack_ms = if is_ambiguous { AMBIGUITY_MS } else { 0 };
        let Some(full) = self.full.get(&server) else { return Ok(false) };
        if full.latest_ms.is_none_or(|latest_ms| at_ms > latest_ms.saturating_add(slack_ms)) {
            return Ok(false);
        }
        for block in full.blocks.iter().rev().filter(|block| block.covers(at_ms, slack_ms)) {
            let key = (block.first_id, server);
            if !self.loaded.contains_key(&key) {
                if self.loaded.len() >= BLOCKS_LOADED_MAX {
                    self.loaded.clear();
                }
                self.loaded.insert(key, identities(history, server, *block)?);
            }
            if self.loaded[&key].contains(&event.identity) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts a record just stored; a pairing has no identity.
    pub(crate) fn add(&mut self, id: i64, server: i64, at_ms: i64, identity: Option<Identity>) {
        self.tail.last_id = id;
        let times = self.tail.times.entry(server).or_insert((at_ms, at_ms));
        *times = (times.0.min(at_ms), times.1.max(at_ms));
        self.tail.identities.extend(identity);
    }

    /// Closes the unfinished block once it is full.
    pub(crate) fn close_full(&mut self, history: &Connection) -> Result<(), StoreError> {
        let (first_id, last_id) = (self.tail.first_id, self.tail.last_id);
        if last_id - first_id + 1 < BLOCK_RECORDS {
            return Ok(());
        }
        let tail = std::mem::replace(&mut self.tail, Tail::empty(last_id + 1));
        let mut times: Vec<_> = tail.times.into_iter().collect();
        times.sort_unstable();
        for (server, (earliest_ms, latest_ms)) in times {
            let block = Block { first_id, last_id, earliest_ms, latest_ms };
            store(history, &mut self.rows, server, block)?;
            self.full.entry(server).or_default().push(block);
        }
        Ok(())
    }
}

impl Tail {
    fn empty(first_id: i64) -> Self {
        Self {
            first_id,
            last_id: first_id - 1,
            times: HashMap::default(),
            identities: HashSet::default(),
        }
    }
}

fn store(
    history: &Connection,
    rows: &mut Rows,
    server: i64,
    block: Block,
) -> Result<(), StoreError> {
    let doing = "store a block";
    let sql = "insert into block (first_id, server, last_id, earliest_ms, latest_ms, seal)
        values (:first_id, :server, :last_id, :earliest_ms, :latest_ms, :seal)";
    let values = named_params! {
        ":first_id": block.first_id,
        ":server": server,
        ":last_id": block.last_id,
        ":earliest_ms": block.earliest_ms,
        ":latest_ms": block.latest_ms,
    };
    rows.insert(history, Table::Block, sql, values).doing(doing).map(drop)
}

/// The blocks in which a server has records, or every block; the unfinished one last.
pub(crate) fn of_server(
    history: &Connection,
    server: Option<i64>,
) -> Result<Vec<Block>, StoreError> {
    let full = full_blocks(history)?;
    let first_id = full.last().map_or(1, |(_, block)| block.last_id + 1);
    let mut blocks: Vec<Block> = Vec::new();
    let all = full.into_iter().chain(tail_blocks(history, first_id)?);
    for (_, block) in all.filter(|(of, _)| server.is_none_or(|server| server == *of)) {
        match blocks.last_mut().filter(|last| last.first_id == block.first_id) {
            Some(last) => {
                last.last_id = last.last_id.max(block.last_id);
                last.earliest_ms = last.earliest_ms.min(block.earliest_ms);
                last.latest_ms = last.latest_ms.max(block.latest_ms);
            }
            None => blocks.push(block),
        }
    }
    Ok(blocks)
}

/// Every full block of every server, in the order of their ids.
fn full_blocks(history: &Connection) -> Result<Vec<(i64, Block)>, StoreError> {
    let doing = "read the blocks";
    let sql = "select server, first_id, last_id, earliest_ms, latest_ms from block
        order by first_id, server";
    let mut blocks = history.prepare_cached(sql).doing(doing)?;
    let rows = blocks.query_map([], of_row);
    rows.and_then(Iterator::collect).doing(doing)
}

/// The unfinished block of every server.
fn tail_blocks(history: &Connection, first_id: i64) -> Result<Vec<(i64, Block)>, StoreError> {
    let doing = "read the unfinished block";
    let sql = "select server, :first, max(id), min(at_ms), max(at_ms) from (
            select id, server, at_ms from checkout where id >= :first
            union all select id, server, at_ms from checkin where id >= :first
            union all select pairing.id, checkin.server, checkin.at_ms from pairing
                join checkin on checkin.id = pairing.checkin where pairing.id >= :first
            union all select id, server, at_ms from denial where id >= :first
            union all select id, server, at_ms from queued where id >= :first
            union all select id, server, at_ms from dequeued where id >= :first
            union all select id, server, at_ms from server_event where id >= :first
            union all select id, server, at_ms from gap where id >= :first
            union all select id, server, at_ms from sample where id >= :first
            union all select id, server, at_ms from entitlement where id >= :first)
        group by server";
    let mut tail = history.prepare_cached(sql).doing(doing)?;
    let rows = tail.query_map([first_id], of_row);
    rows.and_then(Iterator::collect).doing(doing)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<(i64, Block)> {
    let block = Block {
        first_id: row.get(1)?,
        last_id: row.get(2)?,
        earliest_ms: row.get(3)?,
        latest_ms: row.get(4)?,
    };
    Ok((row.get(0)?, block))
}

/// The identities of a server's records in a block.
fn identities(
    history: &Connection,
    server: i64,
    block: Block,
) -> Result<HashSet<Identity>, StoreError> {
    let doing = "read the identities of a block";
    // The plus keeps SQLite from an index that begins with the server: it would lead through every denial there ever was.
    let sql = "select identity_hash, identity_ordinal from (
            select id, server, identity_hash, identity_ordinal from checkout
            union all select id, server, identity_hash, identity_ordinal from checkin
            union all select id, server, identity_hash, identity_ordinal from denial
            union all select id, server, identity_hash, identity_ordinal from queued
            union all select id, server, identity_hash, identity_ordinal from dequeued
            union all select id, server, identity_hash, identity_ordinal from server_event)
        where id between :first and :last and +server = :server";
    let mut identities = history.prepare_cached(sql).doing(doing)?;
    let values =
        named_params! { ":first": block.first_id, ":last": block.last_id, ":server": server };
    let rows = identities.query_map(values, |row| {
        Ok(Identity { hash: row.get::<_, i64>(0)?.cast_unsigned(), ordinal: row.get(1)? })
    });
    rows.and_then(Iterator::collect).doing(doing)
}
