//! Appending records to history.db. Every record goes through [`Records::insert`], which seals it; nothing here updates.

mod answers;

use lic_protocol::{
    event::{Checkout, Denial, Dequeue, EndReason, Identity, Queue, ServerEvent},
    name::VendorName,
    outcome::Outcome,
    view::Source,
};
use rusqlite::Connection;

use crate::{
    error::StoreError,
    gaps,
    insert::{Cell, Insert, number, number_of, text},
    names::Names,
    seal::{Rows, Table, seal},
};

/// What every record has beside its fact.
#[derive(Clone, Copy)]
pub(crate) struct Stamp<'a> {
    /// The id it gets.
    pub(crate) id: i64,
    /// The row of its license server.
    pub(crate) server: i64,
    /// When we learned of it.
    pub(crate) learned_at_ms: i64,
    /// How it was seen.
    pub(crate) source: Source,
    /// When it happened.
    pub(crate) at_ms: i64,
    /// What makes it the same event when it is read again.
    pub(crate) identity: Identity,
    /// The line itself, where it is kept.
    pub(crate) raw: Option<&'a str>,
}

impl Stamp<'_> {
    fn hash(&self) -> Cell<'_> {
        Cell::Number(self.identity.hash.cast_signed())
    }

    fn ordinal(&self) -> Cell<'_> {
        number(self.identity.ordinal)
    }

    fn raw(&self) -> Cell<'_> {
        text(self.raw)
    }
}

/// The record tables of history, open for one commit.
pub(crate) struct Records<'c> {
    history: &'c Connection,
    rows: &'c mut Rows,
    inserts: Vec<Insert<'c>>,
}

impl<'c> Records<'c> {
    /// Makes ready for records, which are added to `rows` for the commit's chain.
    pub(crate) fn of(history: &'c Connection, rows: &'c mut Rows) -> Result<Self, StoreError> {
        let inserts = Table::RECORDS.iter().map(|table| Insert::of(history, *table));
        Ok(Self { history, rows, inserts: inserts.collect::<Result<_, _>>()? })
    }

    /// The database they are in.
    pub(crate) fn history(&self) -> &'c Connection {
        self.history
    }

    /// Stores one record with its seal; the first of its cells is its id. Every record goes through here.
    fn insert(&mut self, table: Table, cells: &[Cell<'_>]) -> Result<(), StoreError> {
        let mut row = self.rows.row(table);
        for (column, cell) in cells.iter().enumerate() {
            row.cell(column, cell.value());
        }
        let hash = row.hash();
        self.inserts[Insert::place(table)].execute(cells, seal(&hash))?;
        let Some(Cell::Number(id)) = cells.first() else { unreachable!("a record has an id") };
        self.rows.take_back(row, *id, &hash);
        Ok(())
    }

    /// Stores a checkout of the feature with this number.
    pub(crate) fn add_checkout(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        feature: i64,
        checkout: &Checkout,
    ) -> Result<(), StoreError> {
        let history = self.history;
        let mut name = |text: &str| names.intern(history, text).map(Cell::Number);
        let (user, host) = (name(checkout.user.as_str())?, name(checkout.host.as_str())?);
        let source = name(stamp.source.word())?;
        let mut option = |text: Option<&str>| text.map_or(Ok(Cell::Null), &mut name);
        let cells = [
            number(stamp.id),
            number(stamp.server),
            number(feature),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            user,
            host,
            number(checkout.count),
            Cell::Text(&checkout.handle),
            option(checkout.seat.as_deref())?,
            option(checkout.version.as_deref())?,
            option(checkout.vendor.as_ref().map(VendorName::as_str))?,
            option(checkout.unit.as_deref())?,
            option(checkout.display.as_deref())?,
            option(checkout.process.as_deref())?,
            option(checkout.project.as_deref())?,
            source,
            stamp.hash(),
            stamp.ordinal(),
            stamp.raw(),
        ];
        self.insert(Table::Checkout, &cells)
    }

    /// Stores an end.
    pub(crate) fn add_checkin(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        end: &End<'_>,
    ) -> Result<(), StoreError> {
        let history = self.history;
        let mut name = |text: &str| names.intern(history, text).map(Cell::Number);
        let reason = name(end.reason.word())?;
        let (mut handle, mut user, mut host) = (Cell::Null, Cell::Null, Cell::Null);
        if end.checkout.is_none() {
            handle = Cell::Text(end.handle);
            user = end.user.map_or(Ok(Cell::Null), &mut name)?;
            host = end.host.map_or(Ok(Cell::Null), &mut name)?;
        }
        let cells = [
            number(stamp.id),
            number_of(end.checkout),
            number(stamp.server),
            number(end.feature),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            handle,
            user,
            host,
            reason,
            number_of(end.ended_before.map(jiff::Timestamp::as_millisecond)),
            number_of(end.outcome.exit_status),
            number_of(end.outcome.exit_signal),
            number_of(end.outcome.cpu_ms.map(u64::cast_signed)),
            number_of(end.outcome.memory_peak_bytes.map(u64::cast_signed)),
            stamp.hash(),
            stamp.ordinal(),
            stamp.raw(),
        ];
        self.insert(Table::Checkin, &cells)
    }

    /// Stores that a checkin ends a checkout, where the checkin itself does not say so.
    pub(crate) fn add_pairing(
        &mut self,
        id: i64,
        checkout: i64,
        checkin: i64,
    ) -> Result<(), StoreError> {
        self.insert(Table::Pairing, &[id, checkout, checkin].map(Cell::Number))
    }

    /// Stores a denial of the feature with this number.
    pub(crate) fn add_denial(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        feature: i64,
        denial: &Denial,
    ) -> Result<(), StoreError> {
        let history = self.history;
        let mut name = |text: &str| names.intern(history, text).map(Cell::Number);
        let cells = [
            number(stamp.id),
            number(stamp.server),
            number(feature),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            name(denial.user.as_str())?,
            name(denial.host.as_str())?,
            number(denial.count),
            name(&denial.reason)?,
            name(denial.class.word())?,
            denial.process.as_deref().map_or(Ok(Cell::Null), &mut name)?,
            stamp.hash(),
            stamp.ordinal(),
            stamp.raw(),
            number(denial.tries),
        ];
        self.insert(Table::Denial, &cells)
    }

    /// Stores that somebody began to wait for the feature with this number.
    pub(crate) fn add_queued(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        feature: i64,
        queue: &Queue,
    ) -> Result<(), StoreError> {
        let cells = [
            number(stamp.id),
            number(stamp.server),
            number(feature),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            number(names.intern(self.history, queue.user.as_str())?),
            number(names.intern(self.history, queue.host.as_str())?),
            number(queue.count),
            Cell::Text(&queue.ticket),
            stamp.hash(),
            stamp.ordinal(),
            stamp.raw(),
            number(credit_ms(queue)),
        ];
        self.insert(Table::Queued, &cells)
    }

    /// Stores that a wait for the feature with this number ended.
    pub(crate) fn add_dequeued(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        feature: i64,
        dequeue: &Dequeue,
        queued: Option<i64>,
    ) -> Result<(), StoreError> {
        let cells = [
            number(stamp.id),
            number_of(queued),
            number(stamp.server),
            number(feature),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            Cell::Text(&dequeue.ticket),
            number(names.intern(self.history, dequeue.outcome.word())?),
            stamp.hash(),
            stamp.ordinal(),
            stamp.raw(),
        ];
        self.insert(Table::Dequeued, &cells)
    }

    /// Stores a change of the license server.
    pub(crate) fn add_server_event(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        change: &ServerEvent,
    ) -> Result<(), StoreError> {
        let cells = [
            number(stamp.id),
            number(stamp.server),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            number(names.intern(self.history, change.change.word())?),
            Cell::Text(&change.text),
            stamp.hash(),
            stamp.ordinal(),
            stamp.raw(),
            text(change.ends.as_deref()),
        ];
        self.insert(Table::ServerEvent, &cells)
    }

    /// Stores that bytes of a log are missing, or that they were read after all.
    pub(crate) fn add_gap(&mut self, gap: &gaps::Stored<'_>) -> Result<(), StoreError> {
        let cells = [
            number(gap.id),
            number_of(gap.mends),
            number(gap.server),
            number(gap.generation),
            Cell::Text(gap.path),
            number(gap.from),
            number_of(gap.to),
            number(gap.at_ms),
            number(gap.at_ms),
            Cell::Text(gap.why),
        ];
        self.insert(Table::Gap, &cells)
    }
}

/// The end of a session. One that points at its checkout says nothing twice.
pub(crate) struct End<'a> {
    /// The checkout it is of; `None` where that is not known.
    pub(crate) checkout: Option<i64>,
    /// The number of its feature.
    pub(crate) feature: i64,
    pub(crate) handle: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    pub(crate) reason: EndReason,
    pub(crate) ended_before: Option<jiff::Timestamp>,
    pub(crate) outcome: Outcome,
}

/// By how much a waiter goes before those who came when it did.
pub(crate) fn credit_ms(queue: &Queue) -> i64 {
    i64::try_from(queue.credit.as_millis()).unwrap_or(i64::MAX)
}
