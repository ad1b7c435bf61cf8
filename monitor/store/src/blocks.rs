//! Which events are stored already: hashes of the blocks whose times an event falls into, and a time index of one row per block.

use std::collections::{HashMap, HashSet};

use lic_protocol::event::Identity;
use rusqlite::{Connection, named_params};

use crate::error::{Doing, StoreError};

/// Records per block.
pub(crate) const BLOCK_RECORDS: i64 = 1024;
/// Blocks whose hashes are kept in memory.
const BLOCKS_LOADED_MAX: usize = 32;
/// How far the time of a line may move when a repeated hour is resolved the other way.
const AMBIGUITY_MS: i64 = 2 * 3600 * 1000;

/// A run of ids and the times it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first_id: i64,
    pub(crate) last_id: i64,
    pub(crate) earliest_ms: i64,
    pub(crate) latest_ms: i64,
}

impl Block {
    fn covers(&self, at_ms: i64, slack_ms: i64) -> bool {
        self.earliest_ms - slack_ms <= at_ms && at_ms <= self.latest_ms + slack_ms
    }
}

/// All blocks, the unfinished one with its hashes, and the hashes of a few others.
pub(crate) struct Blocks {
    full: Vec<Block>,
    latest_ms: i64,
    tail: Block,
    tail_hashes: HashSet<(u64, u32)>,
    loaded: HashMap<i64, HashSet<(u64, u32)>>,
}

impl Blocks {
    /// Reads the list of blocks and the unfinished one.
    pub(crate) fn load(history: &Connection) -> Result<Self, StoreError> {
        let full = full_blocks(history)?;
        let first_id = full.last().map_or(1, |block| block.last_id + 1);
        let tail = tail_block(history, first_id)?;
        let tail_hashes = hashes(history, tail)?;
        let latest_ms = full.iter().map(|block| block.latest_ms).max().unwrap_or(i64::MIN);
        Ok(Self { full, latest_ms, tail, tail_hashes, loaded: HashMap::new() })
    }

    /// The id of the next record.
    pub(crate) fn next_id(&self) -> i64 {
        self.tail.last_id + 1
    }

    /// Whether the event at `at_ms` is stored already. `is_ambiguous` looks further around that time.
    pub(crate) fn contain(
        &mut self,
        history: &Connection,
        identity: Identity,
        at_ms: i64,
        is_ambiguous: bool,
    ) -> Result<bool, StoreError> {
        let slack_ms = if is_ambiguous { AMBIGUITY_MS } else { 0 };
        let key = (identity.hash, identity.ordinal);
        if self.tail_hashes.contains(&key) {
            return Ok(true);
        }
        if at_ms > self.latest_ms.saturating_add(slack_ms) {
            return Ok(false);
        }
        for block in self.full.iter().rev().filter(|block| block.covers(at_ms, slack_ms)) {
            if !self.loaded.contains_key(&block.first_id) {
                if self.loaded.len() >= BLOCKS_LOADED_MAX {
                    self.loaded.clear();
                }
                self.loaded.insert(block.first_id, hashes(history, *block)?);
            }
            if self.loaded[&block.first_id].contains(&key) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts a record just stored; a pairing has no identity.
    pub(crate) fn add(&mut self, id: i64, at_ms: i64, identity: Option<Identity>) {
        let is_first = self.tail.last_id < self.tail.first_id;
        self.tail.last_id = id;
        self.tail.earliest_ms = if is_first { at_ms } else { self.tail.earliest_ms.min(at_ms) };
        self.tail.latest_ms = if is_first { at_ms } else { self.tail.latest_ms.max(at_ms) };
        self.tail_hashes.extend(identity.map(|identity| (identity.hash, identity.ordinal)));
    }

    /// Closes the unfinished block once it is full.
    pub(crate) fn close_full(&mut self, history: &Connection) -> Result<(), StoreError> {
        if self.tail.last_id - self.tail.first_id + 1 < BLOCK_RECORDS {
            return Ok(());
        }
        let doing = "store a block";
        let mut insert = history
            .prepare_cached(
                "insert into block (first_id, last_id, earliest_ms, latest_ms)
                 values (:first_id, :last_id, :earliest_ms, :latest_ms)",
            )
            .doing(doing)?;
        insert
            .execute(named_params! {
                ":first_id": self.tail.first_id,
                ":last_id": self.tail.last_id,
                ":earliest_ms": self.tail.earliest_ms,
                ":latest_ms": self.tail.latest_ms,
            })
            .doing(doing)?;
        self.full.push(self.tail);
        self.latest_ms = self.latest_ms.max(self.tail.latest_ms);
        self.tail = empty_from(self.tail.last_id + 1);
        self.tail_hashes.clear();
        Ok(())
    }
}

/// Every block of history, the unfinished one last.
pub(crate) fn all_blocks(history: &Connection) -> Result<Vec<Block>, StoreError> {
    let mut blocks = full_blocks(history)?;
    let first_id = blocks.last().map_or(1, |block| block.last_id + 1);
    let tail = tail_block(history, first_id)?;
    blocks.extend((tail.last_id >= tail.first_id).then_some(tail));
    Ok(blocks)
}

fn empty_from(first_id: i64) -> Block {
    Block { first_id, last_id: first_id - 1, earliest_ms: i64::MAX, latest_ms: i64::MIN }
}

fn full_blocks(history: &Connection) -> Result<Vec<Block>, StoreError> {
    let doing = "read the blocks";
    let sql = "select first_id, last_id, earliest_ms, latest_ms from block order by first_id";
    let mut blocks = history.prepare_cached(sql).doing(doing)?;
    let rows = blocks.query_map([], |row| {
        Ok(Block {
            first_id: row.get(0)?,
            last_id: row.get(1)?,
            earliest_ms: row.get(2)?,
            latest_ms: row.get(3)?,
        })
    });
    rows.and_then(Iterator::collect).doing(doing)
}

fn tail_block(history: &Connection, first_id: i64) -> Result<Block, StoreError> {
    let sql = "select max(id), min(at_ms), max(at_ms) from (
            select id, at_ms from checkout where id >= :first
            union all select id, at_ms from checkin where id >= :first
            union all select pairing.id, checkin.at_ms from pairing
                join checkin on checkin.id = pairing.checkin where pairing.id >= :first
            union all select id, at_ms from denial where id >= :first
            union all select id, at_ms from queued where id >= :first
            union all select id, at_ms from dequeued where id >= :first
            union all select id, at_ms from server_event where id >= :first)";
    let mut tail = history.prepare_cached(sql).doing("read the unfinished block")?;
    let found = tail.query_row([first_id], |row| {
        let last_id: Option<i64> = row.get(0)?;
        Ok(match last_id {
            None => empty_from(first_id),
            Some(last_id) => {
                Block { first_id, last_id, earliest_ms: row.get(1)?, latest_ms: row.get(2)? }
            }
        })
    });
    found.doing("read the unfinished block")
}

fn hashes(history: &Connection, block: Block) -> Result<HashSet<(u64, u32)>, StoreError> {
    let doing = "read the identities of a block";
    let sql = "select identity_hash, identity_ordinal from checkout where id between :first and :last
        union all select identity_hash, identity_ordinal from checkin where id between :first and :last
        union all select identity_hash, identity_ordinal from denial where id between :first and :last
        union all select identity_hash, identity_ordinal from queued where id between :first and :last
        union all select identity_hash, identity_ordinal from dequeued where id between :first and :last
        union all select identity_hash, identity_ordinal from server_event
            where id between :first and :last";
    let mut identities = history.prepare_cached(sql).doing(doing)?;
    let rows = identities.query_map([block.first_id, block.last_id], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
    });
    rows.and_then(Iterator::collect).doing(doing)
}
