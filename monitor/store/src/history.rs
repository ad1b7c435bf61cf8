//! Appending records to history.db. Nothing here updates, and only checkpoints move.

use lic_protocol::{
    event::{Checkin, Checkout, Denial, Dequeue, Event, Queue, ServerEvent},
    view::Source,
};
use rusqlite::{Connection, named_params};

use crate::{
    checkpoint::Checkpoint,
    error::{Doing, StoreError},
    names::Names,
    seal::{Rows, Table},
};

/// What every record has beside its fact.
pub(crate) struct Stamp<'a> {
    /// The id it gets.
    pub(crate) id: i64,
    /// The row of its license server.
    pub(crate) server: i64,
    /// When we learned of it.
    pub(crate) learned_at_ms: i64,
    /// How it was seen.
    pub(crate) source: Source,
    /// The event it comes from: time, identity, raw line.
    pub(crate) event: &'a Event,
}

impl Stamp<'_> {
    /// When it happened.
    pub(crate) fn at_ms(&self) -> i64 {
        self.event.at.as_millisecond()
    }

    fn hash(&self) -> i64 {
        self.event.identity.hash.cast_signed()
    }
}

/// Stores a checkout.
pub(crate) fn add_checkout(
    history: &Connection,
    names: &mut Names,
    rows: &mut Rows,
    stamp: &Stamp<'_>,
    checkout: &Checkout,
) -> Result<(), StoreError> {
    let doing = "store a checkout";
    let sql = "insert into checkout (
            id, server, feature, at_ms, learned_at_ms, user, host, count, handle, seat, version, vendor, unit,
            display, process, project, source, identity_hash, identity_ordinal, raw, seal)
        values (
            :id, :server, :feature, :at_ms, :learned_at_ms, :user, :host, :count, :handle, :seat, :version, :vendor,
            :unit, :display, :process, :project, :source, :identity_hash, :identity_ordinal, :raw, :seal)";
    let mut option = |text: Option<&str>| names.intern_option(history, text);
    let (seat, version) = (option(checkout.seat.as_deref())?, option(checkout.version.as_deref())?);
    let vendor = option(checkout.vendor.as_ref().map(lic_protocol::name::VendorName::as_str))?;
    let (unit, display) = (option(checkout.unit.as_deref())?, option(checkout.display.as_deref())?);
    let process = option(checkout.process.as_deref())?;
    let project = option(checkout.project.as_deref())?;
    let values = named_params! {
        ":id": stamp.id,
        ":server": stamp.server,
        ":feature": names.intern(history, checkout.feature.as_str())?,
        ":at_ms": stamp.at_ms(),
        ":learned_at_ms": stamp.learned_at_ms,
        ":user": names.intern(history, checkout.user.as_str())?,
        ":host": names.intern(history, checkout.host.as_str())?,
        ":count": checkout.count,
        ":handle": checkout.handle,
        ":seat": seat,
        ":version": version,
        ":vendor": vendor,
        ":unit": unit,
        ":display": display,
        ":process": process,
        ":project": project,
        ":source": names.intern(history, stamp.source.word())?,
        ":identity_hash": stamp.hash(),
        ":identity_ordinal": stamp.event.identity.ordinal,
        ":raw": stamp.event.raw,
    };
    rows.insert(history, Table::Checkout, sql, values).doing(doing).map(drop)
}

/// Stores a checkin of `checkout`, or of one that is not known.
pub(crate) fn add_checkin(
    history: &Connection,
    names: &mut Names,
    rows: &mut Rows,
    stamp: &Stamp<'_>,
    checkin: &Checkin,
    checkout: Option<i64>,
) -> Result<(), StoreError> {
    let doing = "store a checkin";
    let sql = "insert into checkin (
            id, checkout, server, feature, at_ms, learned_at_ms, handle, user, host, reason, ended_before_ms,
            exit_status, exit_signal, cpu_ms, memory_peak_bytes, identity_hash, identity_ordinal, raw, seal)
        values (
            :id, :checkout, :server, :feature, :at_ms, :learned_at_ms, :handle, :user, :host, :reason,
            :ended_before_ms, :exit_status, :exit_signal, :cpu_ms, :memory_peak_bytes, :identity_hash, :identity_ordinal, :raw, :seal)";
    // A checkin that points at its checkout says nothing twice.
    let alone = checkout.is_none();
    let outcome = &checkin.outcome;
    let user = alone.then_some(checkin.user.as_str()).filter(|user| !user.is_empty());
    let host = alone.then_some(checkin.host.as_str()).filter(|host| !host.is_empty());
    let values = named_params! {
        ":id": stamp.id,
        ":checkout": checkout,
        ":server": stamp.server,
        ":feature": names.intern(history, checkin.feature.as_str())?,
        ":at_ms": stamp.at_ms(),
        ":learned_at_ms": stamp.learned_at_ms,
        ":handle": alone.then_some(&checkin.handle),
        ":user": names.intern_option(history, user)?,
        ":host": names.intern_option(history, host)?,
        ":reason": names.intern(history, checkin.reason.word())?,
        ":ended_before_ms": checkin.ended_before.map(jiff::Timestamp::as_millisecond),
        ":exit_status": outcome.exit_status,
        ":exit_signal": outcome.exit_signal,
        ":cpu_ms": outcome.cpu_ms.map(u64::cast_signed),
        ":memory_peak_bytes": outcome.memory_peak_bytes.map(u64::cast_signed),
        ":identity_hash": stamp.hash(),
        ":identity_ordinal": stamp.event.identity.ordinal,
        ":raw": stamp.event.raw,
    };
    rows.insert(history, Table::Checkin, sql, values).doing(doing).map(drop)
}

/// Stores that a checkin ends a checkout, where the checkin itself does not say so.
pub(crate) fn add_pairing(
    history: &Connection,
    rows: &mut Rows,
    id: i64,
    checkout: i64,
    checkin: i64,
) -> Result<(), StoreError> {
    let doing = "store a pairing";
    let sql = "insert into pairing (id, checkout, checkin, seal) values (:id, :checkout, :checkin, :seal)";
    let values = named_params! { ":id": id, ":checkout": checkout, ":checkin": checkin };
    rows.insert(history, Table::Pairing, sql, values).doing(doing).map(drop)
}

/// Stores a denial.
pub(crate) fn add_denial(
    history: &Connection,
    names: &mut Names,
    rows: &mut Rows,
    stamp: &Stamp<'_>,
    denial: &Denial,
) -> Result<(), StoreError> {
    let doing = "store a denial";
    let sql = "insert into denial (
            id, server, feature, at_ms, learned_at_ms, user, host, count, reason, reason_class, process, tries,
            identity_hash, identity_ordinal, raw, seal)
        values (
            :id, :server, :feature, :at_ms, :learned_at_ms, :user, :host, :count, :reason, :reason_class, :process,
            :tries, :identity_hash, :identity_ordinal, :raw, :seal)";
    let values = named_params! {
        ":id": stamp.id,
        ":server": stamp.server,
        ":feature": names.intern(history, denial.feature.as_str())?,
        ":at_ms": stamp.at_ms(),
        ":learned_at_ms": stamp.learned_at_ms,
        ":user": names.intern(history, denial.user.as_str())?,
        ":host": names.intern(history, denial.host.as_str())?,
        ":count": denial.count,
        ":reason": names.intern(history, &denial.reason)?,
        ":reason_class": names.intern(history, denial.class.word())?,
        ":process": names.intern_option(history, denial.process.as_deref())?,
        ":identity_hash": stamp.hash(),
        ":identity_ordinal": stamp.event.identity.ordinal,
        ":raw": stamp.event.raw,
        ":tries": denial.tries,
    };
    rows.insert(history, Table::Denial, sql, values).doing(doing).map(drop)
}

/// Stores that somebody began to wait.
pub(crate) fn add_queued(
    history: &Connection,
    names: &mut Names,
    rows: &mut Rows,
    stamp: &Stamp<'_>,
    queue: &Queue,
) -> Result<(), StoreError> {
    let doing = "store a queue event";
    let sql = "insert into queued (
            id, server, feature, at_ms, learned_at_ms, user, host, count, ticket, credit_ms, identity_hash,
            identity_ordinal, raw, seal)
        values (
            :id, :server, :feature, :at_ms, :learned_at_ms, :user, :host, :count, :ticket, :credit_ms, :identity_hash,
            :identity_ordinal, :raw, :seal)";
    let values = named_params! {
        ":id": stamp.id,
        ":server": stamp.server,
        ":feature": names.intern(history, queue.feature.as_str())?,
        ":at_ms": stamp.at_ms(),
        ":learned_at_ms": stamp.learned_at_ms,
        ":user": names.intern(history, queue.user.as_str())?,
        ":host": names.intern(history, queue.host.as_str())?,
        ":count": queue.count,
        ":ticket": queue.ticket,
        ":identity_hash": stamp.hash(),
        ":identity_ordinal": stamp.event.identity.ordinal,
        ":raw": stamp.event.raw,
        ":credit_ms": credit_ms(queue),
    };
    rows.insert(history, Table::Queued, sql, values).doing(doing).map(drop)
}

/// By how much a waiter goes before those who came when it did.
pub(crate) fn credit_ms(queue: &Queue) -> i64 {
    i64::try_from(queue.credit.as_millis()).unwrap_or(i64::MAX)
}

/// Stores that a wait ended.
pub(crate) fn add_dequeued(
    history: &Connection,
    names: &mut Names,
    rows: &mut Rows,
    stamp: &Stamp<'_>,
    dequeue: &Dequeue,
    queued: Option<i64>,
) -> Result<(), StoreError> {
    let doing = "store a dequeue event";
    let sql = "insert into dequeued (
            id, queued, server, feature, at_ms, learned_at_ms, ticket, outcome, identity_hash, identity_ordinal, raw, seal)
        values (
            :id, :queued, :server, :feature, :at_ms, :learned_at_ms, :ticket, :outcome, :identity_hash,
            :identity_ordinal, :raw, :seal)";
    let values = named_params! {
        ":id": stamp.id,
        ":queued": queued,
        ":server": stamp.server,
        ":feature": names.intern(history, dequeue.feature.as_str())?,
        ":at_ms": stamp.at_ms(),
        ":learned_at_ms": stamp.learned_at_ms,
        ":ticket": dequeue.ticket,
        ":outcome": names.intern(history, dequeue.outcome.word())?,
        ":identity_hash": stamp.hash(),
        ":identity_ordinal": stamp.event.identity.ordinal,
        ":raw": stamp.event.raw,
    };
    rows.insert(history, Table::Dequeued, sql, values).doing(doing).map(drop)
}

/// Stores a change of the license server.
pub(crate) fn add_server_event(
    history: &Connection,
    names: &mut Names,
    rows: &mut Rows,
    stamp: &Stamp<'_>,
    change: &ServerEvent,
) -> Result<(), StoreError> {
    let doing = "store a server event";
    let sql = "insert into server_event (
            id, server, at_ms, learned_at_ms, change, text, ends, identity_hash, identity_ordinal, raw, seal)
        values (
            :id, :server, :at_ms, :learned_at_ms, :change, :text, :ends, :identity_hash, :identity_ordinal, :raw, :seal)";
    let values = named_params! {
        ":id": stamp.id,
        ":server": stamp.server,
        ":at_ms": stamp.at_ms(),
        ":learned_at_ms": stamp.learned_at_ms,
        ":change": names.intern(history, change.change.word())?,
        ":text": change.text,
        ":identity_hash": stamp.hash(),
        ":identity_ordinal": stamp.event.identity.ordinal,
        ":raw": stamp.event.raw,
        ":ends": change.ends,
    };
    rows.insert(history, Table::ServerEvent, sql, values).doing(doing).map(drop)
}

/// Moves a checkpoint, or sets it for the first time.
pub(crate) fn move_checkpoint(
    history: &Connection,
    server: i64,
    checkpoint: &Checkpoint,
) -> Result<(), StoreError> {
    let doing = "move a checkpoint";
    let sql = "insert into checkpoint (
            id, server, path, dev, ino, head_len, head, anchor_len, anchor, offset, last_at_ms, usage_lines, lines,
            events, noise, unknown, examples)
        values (
            :id, :server, :path, :dev, :ino, :head_len, :head, :anchor_len, :anchor, :offset, :last_at_ms,
            :usage_lines, :lines, :events, :noise, :unknown, :examples)
        on conflict (id) do update set
            path = :path, dev = :dev, ino = :ino, head_len = :head_len, head = :head, anchor_len = :anchor_len,
            anchor = :anchor, offset = :offset, last_at_ms = :last_at_ms, usage_lines = :usage_lines, lines = :lines,
            events = :events, noise = :noise, unknown = :unknown, examples = :examples";
    let coverage = &checkpoint.coverage;
    let examples = serde_json::to_string(&coverage.examples).expect("text and numbers are JSON");
    let values = named_params! {
        ":id": checkpoint.id,
        ":server": server,
        ":path": checkpoint.path,
        ":dev": checkpoint.file.dev.cast_signed(),
        ":ino": checkpoint.file.ino.cast_signed(),
        ":head_len": checkpoint.file.head_len,
        ":head": checkpoint.file.head,
        ":anchor_len": checkpoint.file.anchor_len,
        ":anchor": checkpoint.file.anchor,
        ":offset": checkpoint.offset.cast_signed(),
        ":last_at_ms": checkpoint.last_at.map(jiff::Timestamp::as_millisecond),
        ":usage_lines": checkpoint.usage_lines.cast_signed(),
        ":lines": coverage.lines.cast_signed(),
        ":events": coverage.events.cast_signed(),
        ":noise": coverage.noise.cast_signed(),
        ":unknown": coverage.unknown.cast_signed(),
        ":examples": examples,
    };
    history.prepare_cached(sql).doing(doing)?.execute(values).doing(doing).map(drop)
}
