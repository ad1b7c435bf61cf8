//! What licmon committed, read with SQLite's own program and not with ours.

use std::path::Path;

use anyhow::{Context, bail};

use crate::programs::command;

/// Checkouts and checkins in the order they were committed, a row each. A checkin is late at most until `ended_before_ms`.
const RECORDS: &str = "
    select c.id, 'checkout', c.at_ms, c.handle, f.text, c.count, coalesce(s.text, ''), coalesce(p.text, '')
    from checkout c
    join name f on f.id = c.feature
    left join name s on s.id = c.seat
    left join name p on p.id = c.project
    union all
    select e.id, 'checkin', coalesce(e.ended_before_ms, e.at_ms), c.handle, f.text, c.count, '', r.text
    from checkin e
    join checkout c on c.id = e.checkout
    join name f on f.id = c.feature
    join name r on r.id = e.reason
    order by 1";

/// Checkins that belong to no checkout, and places in the queue that were never left.
const LOOSE_ENDS: &str = "
    select 'a checkin without a checkout: lease ' || coalesce(handle, '?') from checkin where checkout is null
    union all
    select 'ticket ' || q.ticket || ' waits for ever' from queued q
    where not exists (select 1 from dequeued d where d.queued = q.id)";

/// A seat was taken or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, which is its place in the order of commits.
    pub id: i64,
    /// When licmon says it was.
    pub at_ms: i64,
    /// The lease.
    pub lease: u64,
    /// The feature.
    pub feature: String,
    /// Which of both.
    pub what: What,
}

/// What happened to the seats of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Taken.
    Checkout {
        /// How many.
        count: u32,
        /// What they share them by, if they do.
        share: Option<String>,
        /// The run, as it called itself.
        run: Option<u64>,
    },
    /// Given back.
    Checkin {
        /// Why.
        reason: String,
    },
}

/// Every record of a database of history.
///
/// # Errors
/// When it cannot be read, or holds something else.
pub fn records(history: &Path) -> anyhow::Result<Vec<Record>> {
    rows(history, RECORDS)?.iter().map(|row| record(row).with_context(|| row.clone())).collect()
}

/// What should have an end or a beginning and has none, a sentence each.
///
/// # Errors
/// When it cannot be read.
pub fn loose_ends(history: &Path) -> anyhow::Result<Vec<String>> {
    rows(history, LOOSE_ENDS)
}

/// What the live database still shows, a sentence each.
///
/// # Errors
/// When it cannot be read.
pub fn live(live: &Path) -> anyhow::Result<Vec<String>> {
    rows(
        live,
        "select 'lease ' || handle || ' holds ' || feature || ', run ' || coalesce(project, '?') from session
         union all select 'ticket ' || ticket || ' waits for ' || feature from waiter",
    )
}

/// The rows of a query, their columns parted by tabs.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn rows(database: &Path, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut sqlite = command("sqlite3");
    sqlite.args(["-batch", "-list", "-separator", "\t", "-cmd", ".timeout 10000"]);
    let output = sqlite.arg(database).arg(sql).output().context("run sqlite3")?;
    if !output.status.success() {
        bail!("read {}: {}", database.display(), output.stderr.escape_ascii());
    }
    let text = String::from_utf8(output.stdout).context("names of ours are text")?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn record(row: &str) -> anyhow::Result<Record> {
    let columns: Vec<&str> = row.split('\t').collect();
    let [id, kind, at_ms, lease, feature, count, share, last] = columns[..] else {
        bail!("not eight columns");
    };
    let what = match kind {
        "checkout" => What::Checkout {
            count: count.parse()?,
            share: (!share.is_empty()).then(|| share.to_owned()),
            run: last.parse().ok(),
        },
        _ => What::Checkin { reason: last.to_owned() },
    };
    Ok(Record {
        id: id.parse()?,
        at_ms: at_ms.parse()?,
        lease: lease.parse()?,
        feature: feature.to_owned(),
        what,
    })
}
