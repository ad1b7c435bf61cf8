//! The blocks that came with a commit: those whose last record it holds.

use std::collections::VecDeque;

use lic_protocol::seal::Verified;
use rusqlite::Connection;

use super::{walk::compare, window::Found};
use crate::{
    blocks::BLOCK_RECORDS,
    error::StoreError,
    seal::{self, Hash, Rows, Table},
};

/// Ids whose blocks are read at a time.
const WINDOW_IDS: i64 = 1 << 20;

/// Blocks that were read and are of a commit that has yet to come.
pub(super) struct Blocks {
    waiting: VecDeque<Block>,
    read_until: i64,
}

struct Block {
    first_id: i64,
    last_id: i64,
    found: Found,
}

impl Blocks {
    /// Those that end after a record. Nothing is read yet.
    pub(super) fn after(last_id: i64) -> Self {
        Self { waiting: VecDeque::new(), read_until: last_id.saturating_sub(BLOCK_RECORDS) }
    }

    /// The digest of those that end after one record and until another.
    pub(super) fn digest(
        &mut self,
        history: &Connection,
        verified: &mut Verified,
        after: i64,
        until: i64,
    ) -> Result<Hash, StoreError> {
        while self.read_until < until {
            let last = self.read_until.saturating_add(WINDOW_IDS);
            self.read(history, verified, [self.read_until.saturating_add(1), last])?;
            self.read_until = last;
        }
        let mut rows = Rows::default();
        while let Some(block) = self.waiting.pop_front_if(|block| block.last_id <= until) {
            if block.last_id > after {
                if block.found.seal.is_none() {
                    compare(verified, &block.found, block.first_id);
                }
                rows.add(block.first_id, &block.found.hash);
            }
        }
        Ok(rows.digest())
    }

    fn read(
        &mut self,
        history: &Connection,
        verified: &mut Verified,
        range: [i64; 2],
    ) -> Result<(), StoreError> {
        let sql =
            "select * from block where first_id between :from and :to order by first_id, server";
        seal::rows(history, Table::Block, sql, range, |row, hash, seal| {
            let found = Found { table: Table::Block, hash, seal };
            let block = Block { first_id: row.get(0)?, last_id: row.get(2)?, found };
            // Whose last record was changed would never be met.
            if seal.is_some() {
                compare(verified, &block.found, block.first_id);
            }
            self.waiting.push_back(block);
            Ok(())
        })
    }
}
