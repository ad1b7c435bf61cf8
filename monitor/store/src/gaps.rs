//! Gaps: what was written to a log and could not be read. One is a record like any other; it is never taken back, but a later
//! record may say that it was read after all.

use std::collections::HashMap;

use jiff::Timestamp;
use lic_protocol::{
    gaps::{GAPS_SHOWN_MAX, Gap, Gaps},
    name::ServerName,
};
use rusqlite::{Connection, named_params};

use crate::{
    error::{Doing, StoreError},
    history::Records,
};

/// Bytes of a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The license server whose file it is.
    pub server: ServerName,
    /// The generation of the file: the id of its checkpoint, or of the one it would have had.
    pub generation: i64,
    /// Where it was last seen.
    pub path: String,
    /// The first byte.
    pub from: u64,
    /// The first byte behind it; `None` where nobody can know how long the file was.
    pub to: Option<u64>,
    /// Why, as one sentence.
    pub why: String,
}

/// Generation, first byte, and the first byte behind it.
type Key = (i64, u64, Option<u64>);

/// The gaps that nobody has mended. What is told again is recognised by them.
#[derive(Debug, Default)]
pub(crate) struct OpenGaps(HashMap<Key, i64>);

impl OpenGaps {
    /// Reads them.
    pub(crate) fn load(history: &Connection) -> Result<Self, StoreError> {
        let doing = "read the gaps";
        let sql = "select generation, from_byte, to_byte, id from gap where mends is null
            and not exists (select 1 from gap mend where mend.mends = gap.id)";
        let mut gaps = history.prepare(sql).doing(doing)?;
        let rows = gaps.query_map([], |row| {
            let to: Option<i64> = row.get(2)?;
            let from: i64 = row.get(1)?;
            let key = (row.get(0)?, from.cast_unsigned(), to.map(i64::cast_unsigned));
            Ok((key, row.get(3)?))
        });
        rows.and_then(Iterator::collect).doing(doing).map(Self)
    }

    pub(crate) fn contains(&self, missing: &Missing) -> bool {
        self.0.contains_key(&key(missing))
    }

    pub(crate) fn add(&mut self, missing: &Missing, id: i64) {
        self.0.insert(key(missing), id);
    }

    /// Those of a generation, which are then open no more.
    pub(crate) fn take(&mut self, generation: i64) -> Vec<i64> {
        let mut taken: Vec<i64> =
            self.0.extract_if(|(of, ..), _| *of == generation).map(|(_, id)| id).collect();
        taken.sort_unstable();
        taken
    }

    pub(crate) fn generations(&self) -> impl Iterator<Item = i64> {
        self.0.keys().map(|(generation, ..)| *generation)
    }
}

fn key(missing: &Missing) -> Key {
    (missing.generation, missing.from, missing.to)
}

/// A gap as the picture shows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) path: String,
    pub(crate) from: i64,
    pub(crate) to: Option<i64>,
    pub(crate) why: String,
}

/// A row of `gap` that is to be stored.
pub(crate) struct Stored<'a> {
    pub(crate) id: i64,
    pub(crate) mends: Option<i64>,
    pub(crate) server: i64,
    pub(crate) generation: i64,
    pub(crate) path: &'a str,
    pub(crate) from: i64,
    pub(crate) to: Option<i64>,
    pub(crate) at_ms: i64,
    pub(crate) why: &'a str,
}

/// Stores that what was missing by a gap was read.
pub(crate) fn mend(
    records: &mut Records<'_>,
    id: i64,
    gap: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let doing = "read a gap";
    let sql = "select server, generation, path, from_byte, to_byte from gap where id = :gap";
    let mut missing = records.history().prepare_cached(sql).doing(doing)?;
    let mut found = missing.query([gap]).doing(doing)?;
    let Some(row) = found.next().doing(doing)? else { return Ok(()) };
    let path: String = row.get(2).doing(doing)?;
    records.add_gap(&Stored {
        id,
        mends: Some(gap),
        server: row.get(0).doing(doing)?,
        generation: row.get(1).doing(doing)?,
        path: &path,
        from: row.get(3).doing(doing)?,
        to: row.get(4).doing(doing)?,
        at_ms: now.as_millisecond(),
        why: "read after all",
    })
}

/// Puts a gap into the picture.
pub(crate) fn show(
    live: &Connection,
    (id, server, at_ms): (i64, &str, i64),
    gap: &Recorded,
) -> Result<(), StoreError> {
    let doing = "note a gap";
    let sql = "insert into gap (id, server, path, from_byte, to_byte, at_ms, why)
        values (:id, :server, :path, :from, :to, :at_ms, :why)";
    let values = named_params! {
        ":id": id,
        ":server": server,
        ":path": gap.path,
        ":from": gap.from,
        ":to": gap.to,
        ":at_ms": at_ms,
        ":why": gap.why,
    };
    live.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}

/// Takes a gap out of the picture.
pub(crate) fn hide(live: &Connection, id: i64) -> Result<(), StoreError> {
    let doing = "take back a gap";
    let mut delete = live.prepare_cached("delete from gap where id = :id").doing(doing)?;
    delete.execute([id]).doing(doing).map(drop)
}

/// The gaps of a server, as they are in the picture.
pub(crate) fn of_server(live: &Connection, server: &ServerName) -> Result<Gaps, StoreError> {
    let doing = "read the gaps of a server";
    let sql = "select count(*), coalesce(sum(to_byte - from_byte), 0), count(*) - count(to_byte)
        from gap where server = :server";
    let mut counts = live.prepare_cached(sql).doing(doing)?;
    let counted = counts.query_row([server.as_str()], |row| {
        let unsigned = |column: usize| row.get(column).map(i64::cast_unsigned);
        Ok(Gaps {
            count: unsigned(0)?,
            bytes: unsigned(1)?,
            open_ended: unsigned(2)?,
            newest: Vec::new(),
        })
    });
    let sql = "select id, path, from_byte, to_byte, at_ms, why from gap
        where server = :server order by id desc limit :limit";
    let mut gaps = live.prepare_cached(sql).doing(doing)?;
    let values = named_params! { ":server": server.as_str(), ":limit": GAPS_SHOWN_MAX };
    let rows = gaps.query_map(values, |row| {
        Ok(Gap {
            id: row.get(0)?,
            path: row.get(1)?,
            from: row.get::<_, i64>(2)?.cast_unsigned(),
            to: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
            at: Timestamp::from_millisecond(row.get(4)?).unwrap_or_default(),
            why: row.get(5)?,
        })
    });
    let newest = rows.and_then(Iterator::collect).doing(doing)?;
    Ok(Gaps { newest, ..counted.doing(doing)? })
}
