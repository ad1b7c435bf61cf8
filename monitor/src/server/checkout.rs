//! A request for seats: ask admission; grant, queue or refuse.

use std::{collections::VecDeque, time::Duration};

use anyhow::Context;
use jiff::Timestamp;
use lic_admission::{Decision, Denied, Grant, LeaseId, Ticket};
use lic_protocol::{
    event::{ReasonClass, WaitOutcome},
    outcome::Outcome,
    want::{Choice, Want, Wish},
    wire::{Acquire, Refusal, Reply},
};
use nix::sys::epoll::{EpollEvent, EpollFlags};
use tracing::{debug, error};

use super::{
    DENIALS_S, LEASES_PER_UID_MAX, SeatServer, Waiter,
    connection::Connection,
    cores::cores_of,
    facts,
    grant::grant_inside,
    peer,
    record::{Kind, Record},
    refuse, stamp,
    watch::{Deadline, Watched},
};

impl SeatServer {
    /// Answers a request, at once or later.
    pub(super) fn acquire(
        &mut self,
        mut connection: Connection,
        acquire: &Acquire,
        now: Timestamp,
    ) {
        let mut record = self.record(&connection, acquire, now);
        if let Some(lease) = self.take_off_what_is_held(&mut connection, &mut record.choices)
            && record.choices.is_empty()
        {
            return grant_inside(&connection, lease);
        }
        if self.has_too_many_leases(record.holder.uid) {
            let text = format!("user {} holds too many seats", record.holder.user);
            return refuse(&connection, Refusal::QueueFull, text);
        }
        match acquire.ticket {
            Some(ticket) => self.resume(connection, Ticket(ticket), record, acquire, now),
            None => self.ask(connection, record, acquire, now),
        }
    }

    /// Gives waiters what they were granted. A grant that cannot be delivered goes on to the next in the queue.
    pub(super) fn settle(&mut self, grants: Vec<Grant>, now: Timestamp) {
        let mut grants = VecDeque::from(grants);
        while let Some(grant) = grants.pop_front() {
            let Grant { ticket, lease } = grant;
            let Some(waiter) = self.waiters.remove(&ticket) else {
                grants.extend(self.admission.release(lease, now));
                continue;
            };
            if peer::is_stopped(&waiter.record.holder) {
                grants.extend(self.pass_over(waiter, grant, now));
                continue;
            }
            let connection = waiter.connection.and_then(|id| self.connections.remove(id));
            let mut granted = waiter.record.clone();
            granted.id = lease.0;
            granted.choices = self.held_by(lease);
            granted.ticket = Some(ticket.0);
            granted.since = stamp(now);
            let is_delivered = connection.is_some_and(|c| self.deliver(c, granted));
            let outcome = if is_delivered { WaitOutcome::Granted } else { WaitOutcome::Left };
            self.end_place(&waiter.record, outcome, now);
            if !is_delivered {
                grants.extend(self.admission.release(lease, now));
            }
        }
    }

    fn ask(&mut self, connection: Connection, record: Record, acquire: &Acquire, now: Timestamp) {
        self.serve_who_go_on(now);
        if acquire.is_again {
            if let Some(lease) = self.given_to(&record) {
                return self.deliver_again(&connection, lease);
            }
            if let Some(ticket) = self.place_of(&record) {
                return self.resume_place(connection, ticket, now);
            }
        }
        let asker = self.asker(&record);
        for denied in self.admission.observed(&asker, &record.choices, now) {
            self.record_denial(&record, &denied, &format!("observed only: {}", denied.text), now);
        }
        match self.admission.ask(&asker, &record.choices, acquire.wait, now) {
            Decision::Granted(lease) => self.grant(connection, record, lease, now),
            Decision::Queued { ticket, place } => {
                self.enqueue(connection, record, ticket, place, now);
            }
            Decision::Refused(denied) => self.deny(&connection, &record, denied, now),
        }
    }

    fn grant(
        &mut self,
        connection: Connection,
        mut record: Record,
        lease: LeaseId,
        now: Timestamp,
    ) {
        record.id = lease.0;
        record.choices = self.held_by(lease);
        let holder = &record.holder;
        let is_shared = record
            .wants()
            .any(|want| self.admission.share(&want.feature, holder.uid, &record.host).is_some());
        if !self.deliver(connection, record) {
            let grants = self.admission.release(lease, now);
            self.settle(grants, now);
        } else if is_shared {
            // Those who share the seat need no other.
            let grants = self.admission.wake(now);
            self.settle(grants, now);
        }
    }

    fn enqueue(
        &mut self,
        connection: Connection,
        mut record: Record,
        ticket: Ticket,
        place: u32,
        now: Timestamp,
    ) {
        record.id = ticket.0;
        let written = self.seats.write(Kind::Ticket, &record);
        self.tell_queue(&record);
        self.waiters.insert(ticket, Waiter { record, connection: None, pidfd: None });
        if let Err(error) = written {
            error!("a place in the queue cannot be written down: {error}");
            return self.leave(ticket, now);
        }
        self.look_at_hours();
        self.keep_waiting(connection, ticket, place, now);
    }

    /// Tells a waiter its place, and watches for its end.
    fn keep_waiting(
        &mut self,
        mut connection: Connection,
        ticket: Ticket,
        place: u32,
        now: Timestamp,
    ) {
        let watched = self.watch_for_end(&connection);
        let told = connection.send(&Reply::Queued { ticket: ticket.0, place });
        if watched.is_err() || told.is_err() {
            debug!("a waiter is gone: {watched:?}, {told:?}");
            return self.leave(ticket, now);
        }
        connection.is_watched = true;
        connection.ticket = Some(ticket);
        if let Some(waiter) = self.waiters.get_mut(&ticket) {
            waiter.connection = Some(connection.id);
        }
        self.connections.insert(connection);
    }

    /// What a waiter sends is not read; only the end of its connection wakes the loop.
    fn watch_for_end(&self, connection: &Connection) -> anyhow::Result<()> {
        let watched = Watched::Connection(connection.id);
        if !connection.is_watched {
            return self.watch(&connection.socket, watched, EpollFlags::EPOLLRDHUP);
        }
        let mut event = EpollEvent::new(EpollFlags::EPOLLRDHUP, watched.bits());
        self.epoll.modify(&connection.socket, &mut event).context("watch for the end")
    }

    /// Somebody shows a ticket. If the place is its own it takes it up again; if it was granted while the connection broke,
    /// the same lease is given once more; otherwise it asks like anybody.
    fn resume(
        &mut self,
        connection: Connection,
        ticket: Ticket,
        record: Record,
        acquire: &Acquire,
        now: Timestamp,
    ) {
        if let Some(waiter) = self.waiters.get(&ticket) {
            if waiter.record.holder != record.holder {
                return self.ask(connection, record, acquire, now);
            }
            if waiter.record.choices == record.choices {
                return self.resume_place(connection, ticket, now);
            }
            self.leave(ticket, now);
            return self.ask(connection, record, acquire, now);
        }
        let granted = self.leases.values().find(|lease| lease.record.ticket == Some(ticket.0));
        match granted.filter(|lease| lease.record.is_of(&record.holder, &record.choices)) {
            Some(lease) => self.deliver_again(&connection, LeaseId(lease.record.id)),
            None => self.ask(connection, record, acquire, now),
        }
    }

    /// What this process was granted and has not heard of: the monitor before was killed when it had written the lease down,
    /// or the process had stopped waiting for the reply when it came.
    fn given_to(&self, asks_again: &Record) -> Option<LeaseId> {
        let is_its = |lease: &Record| lease.is_of(&asks_again.holder, &asks_again.choices);
        let mut leases = self.leases.iter();
        leases.find(|(_, lease)| is_its(&lease.record)).map(|(lease, _)| *lease)
    }

    /// The same for a place in the queue. Without it nobody would come back for that place, and it would keep this process
    /// itself from its seat.
    fn place_of(&self, asks_again: &Record) -> Option<Ticket> {
        let is_its = |place: &Record| place.is_of(&asks_again.holder, &asks_again.choices);
        let mut waiters = self.waiters.iter();
        waiters.find(|(_, waiter)| is_its(&waiter.record)).map(|(ticket, _)| *ticket)
    }

    fn resume_place(&mut self, mut connection: Connection, ticket: Ticket, now: Timestamp) {
        let (Some(waiter), Some(grants)) =
            (self.waiters.get_mut(&ticket), self.admission.welcome(ticket, now))
        else {
            return self.leave(ticket, now);
        };
        waiter.pidfd = None;
        let earlier = waiter.connection.replace(connection.id);
        earlier.and_then(|id| self.connections.remove(id));
        if grants.iter().any(|grant| grant.ticket == ticket) {
            connection.ticket = Some(ticket);
            self.connections.insert(connection);
        } else {
            let place = self.admission.place(ticket).unwrap_or(1);
            self.keep_waiting(connection, ticket, place, now);
        }
        self.settle(grants, now);
    }

    fn deny(&mut self, connection: &Connection, record: &Record, denied: Denied, now: Timestamp) {
        self.record_denial(record, &denied, &denied.text, now);
        refuse(connection, denied.refusal, denied.text);
    }

    /// Records that a request was not granted, or would not have been; it gets a number of its own. Where somebody asks without
    /// end, so many of them become one record.
    pub(super) fn record_denial(
        &mut self,
        record: &Record,
        denied: &Denied,
        reason: &str,
        now: Timestamp,
    ) {
        // Anybody may ask for anything; only what the configuration names can be denied.
        if denied.refusal == Refusal::Unknown {
            return debug!("{:?} asked for what is no tool: {reason:?}", record.holder.user);
        }
        let class = facts::class(denied.refusal);
        self.record_refused(record, &denied.lacking, class, reason, now);
    }

    /// As [`SeatServer::record_denial`], whoever refused.
    pub(super) fn record_refused(
        &mut self,
        record: &Record,
        wants: &[Want],
        class: ReasonClass,
        reason: &str,
        now: Timestamp,
    ) {
        let id = self.admission.next_id(now);
        let request = Record { id, since: stamp(now), ..record.clone() };
        if self.denials.is_empty() {
            self.set_deadline(Duration::from_secs(DENIALS_S), Deadline::Denials);
        }
        self.outbox.push_at_once(self.denials.due(now));
        let denials = facts::denials(&request, wants, class, reason);
        self.outbox.push_at_once(denials.filter_map(|denial| self.denials.take(denial, now)));
    }

    /// Tells the denials that have been counted for long enough.
    pub(super) fn look_at_denials(&mut self, now: Timestamp) {
        self.outbox.push_at_once(self.denials.due(now));
        if !self.denials.is_empty() {
            self.set_deadline(Duration::from_secs(DENIALS_S), Deadline::Denials);
        }
    }

    /// Records that the seats of a lease were taken.
    pub(super) fn tell_checkouts(&mut self, lease: &Record) {
        let counted = |want: &Want| facts::Counted {
            unit: self.admission.tool(&want.feature).map(|tool| tool.unit.word().to_owned()),
            seat: self.admission.share(&want.feature, lease.holder.uid, &lease.host),
        };
        self.outbox.push(facts::checkouts(lease, counted));
    }

    /// Records that somebody waits, and what its class is worth while it has a place.
    pub(super) fn tell_queue(&mut self, place: &Record) {
        let credit = self.admission.credit(Ticket(place.id)).unwrap_or_default();
        self.outbox.push(facts::queues(place, credit));
    }

    pub(super) fn record(
        &mut self,
        connection: &Connection,
        acquire: &Acquire,
        now: Timestamp,
    ) -> Record {
        Record {
            id: 0,
            holder: connection.peer.holder(&mut self.users),
            boot_id: self.boot_id.clone(),
            host: self.host.clone(),
            tool: acquire.tool.clone(),
            choices: acquire.choices.iter().map(|c| self.wants(c, connection.peer.pid)).collect(),
            project: acquire.project.clone(),
            ticket: None,
            since: stamp(now),
            supervisor: connection.peer.parent.filter(|_| acquire.is_supervised),
            outcome: Outcome::default(),
        }
    }

    /// What a choice comes to in seats.
    fn wants(&self, choice: &Choice, pid: u32) -> Vec<Want> {
        choice.alternatives.iter().map(|wish| self.want(wish, pid)).collect()
    }

    /// So many seats as were asked for, or as a run of this process takes.
    pub(super) fn want(&self, wish: &Wish, pid: u32) -> Want {
        let of_run = || {
            let tokens = self.admission.tool(&wish.feature).map(|tool| tool.tokens);
            tokens.map_or(1, |tokens| tokens.seats(|| cores_of(pid)))
        };
        Want { feature: wish.feature.clone(), count: wish.count.unwrap_or_else(of_run) }
    }

    /// What was just granted, as a lease holds it.
    fn held_by(&self, lease: LeaseId) -> Vec<Vec<Want>> {
        self.admission.held_by(lease).into_iter().map(|want| vec![want]).collect()
    }

    fn has_too_many_leases(&self, uid: u32) -> bool {
        self.leases.len() >= LEASES_PER_UID_MAX && {
            let own = self.leases.values().filter(|lease| lease.record.holder.uid == uid);
            own.count() >= LEASES_PER_UID_MAX
        }
    }
}
