//! After a restart: which seats are still held, who still waits, and what ended meanwhile.

use std::{collections::HashSet, time::Duration};

use anyhow::Context;
use jiff::Timestamp;
use lic_admission::{LeaseId, Ticket};
use lic_protocol::{
    event::{EndReason, WaitOutcome},
    want::Want,
};
use nix::sys::epoll::EpollFlags;
use tracing::{info, warn};

use super::{
    Lease, SeatServer, TICKET_S_MAX, Waiter,
    config::{Believed, BelievedSession},
    facts, peer,
    record::{Ending, Kind, Record},
    stamp,
    token::Found,
    watch::{Deadline, Watched},
};

impl SeatServer {
    /// Takes over what the monitor before this one left. Grants that the live database does not show are told again, since
    /// nobody knows whether the last of them were recorded: who keeps them knows them by their identity.
    pub(super) fn adopt(
        &mut self,
        last_alive: Option<Timestamp>,
        believed: &Believed,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let found = self.seats.found().context("read the seats of the time before")?;
        // Every number first: none may be given again, whatever becomes of its record.
        for found in &found {
            self.admission.remember_id(found.record.id);
        }
        self.seats.remove_tokens_without(&found).context("remove tokens nobody holds")?;
        self.end_what_nobody_knows(believed, &found, last_alive, now);
        let shown = believed.sessions.iter();
        let shown: HashSet<_> =
            shown.map(|session| (session.handle.as_str(), session.feature.as_str())).collect();
        let mut granted = HashSet::new();
        for Found { kind, record, ending } in found {
            match kind {
                Kind::Lease => {
                    granted.extend(record.ticket);
                    let handle = record.id.to_string();
                    let is_shown = |want: &Want| shown.contains(&(&*handle, &*want.feature));
                    if !record.wants().all(is_shown) {
                        self.tell_checkouts(&record);
                    }
                    self.adopt_lease(record, ending, last_alive, now);
                }
                Kind::Ticket if granted.contains(&record.id) => {
                    self.end_adopted_place(&record, WaitOutcome::Granted, ending, now);
                }
                Kind::Ticket => self.adopt_place(record, ending, now),
            }
        }
        info!("{} seats are still held, {} waited", self.leases.len(), self.waiters.len());
        Ok(())
    }

    fn adopt_lease(
        &mut self,
        record: Record,
        ending: Option<Ending>,
        last_alive: Option<Timestamp>,
        now: Timestamp,
    ) {
        if let Some(spool) = &mut self.spool {
            spool.remember(&record);
        }
        if let Some(ending) = ending {
            self.seats.remove_token(record.id);
            return self.tell_end(&record, &ending);
        }
        if record.boot_id != self.boot_id {
            let ending = missed(EndReason::HostRebooted, &record, last_alive, now);
            return self.end_lease(&record, &ending, None);
        }
        let is_of_tree = self.admission.is_of_tree(record.wants());
        let token = is_of_tree.then(|| self.seats.held_token(record.id)).flatten();
        let pidfd = self.processes.alive(&record.holder);
        let watched = match (&pidfd, &token) {
            (Some(pidfd), _) => self.watch(pidfd, Watched::Process(record.id), EpollFlags::EPOLLIN),
            (None, Some(token)) => {
                self.watch(token, Watched::Token(record.id), EpollFlags::empty())
            }
            (None, None) => {
                let ending = missed(EndReason::ToolExited, &record, last_alive, now);
                return self.end_lease(&record, &ending, None);
            }
        };
        if let Err(error) = watched {
            warn!("lease {} is lost: {error:#}", record.id);
            let ending = missed(EndReason::Lost, &record, last_alive, now);
            return self.end_lease(&record, &ending, None);
        }
        let lease = LeaseId(record.id);
        let asker = self.asker(&record);
        self.admission.adopt(lease, &asker, &record.choices.concat());
        self.leases.insert(lease, Box::new(Lease { record, pidfd, ended: None, token }));
    }

    fn adopt_place(&mut self, record: Record, ending: Option<Ending>, now: Timestamp) {
        let is_of_this_boot = record.boot_id == self.boot_id && ending.is_none();
        let Some(pidfd) = is_of_this_boot.then(|| self.processes.alive(&record.holder)).flatten()
        else {
            return self.end_adopted_place(&record, WaitOutcome::Left, ending, now);
        };
        let ticket = Ticket(record.id);
        let asker = self.asker(&record);
        if let Err(denied) = self.admission.restore(ticket, &asker, &record.choices, now) {
            info!("ticket {} waits for what is no more: {}", record.id, denied.text);
            return self.end_adopted_place(&record, WaitOutcome::Refused, None, now);
        }
        if let Err(error) = self.watch(&pidfd, Watched::Process(record.id), EpollFlags::EPOLLIN) {
            // Its place is then given up when its time is over.
            warn!("ticket {} is kept without seeing whether it lives: {error:#}", record.id);
        }
        self.tell_queue(&record);
        self.waiters.insert(ticket, Waiter { record, connection: None, pidfd: Some(pidfd) });
        self.set_deadline(Duration::from_secs(TICKET_S_MAX), Deadline::Place(ticket));
        self.pass_over_if_stopped(ticket, now);
        self.look_at_hours();
    }

    fn end_adopted_place(
        &mut self,
        record: &Record,
        outcome: WaitOutcome,
        ending: Option<Ending>,
        now: Timestamp,
    ) {
        self.tell_queue(record);
        match ending {
            Some(ending) => {
                self.outbox.push(facts::dequeues(record, &ending));
                self.outbox.remove_when_committed(Kind::Ticket, record.id);
            }
            None => self.end_place(record, outcome, now),
        }
    }

    /// Ends what the live database shows and the folder of seats does not.
    fn end_what_nobody_knows(
        &mut self,
        believed: &Believed,
        found: &[Found],
        last_alive: Option<Timestamp>,
        now: Timestamp,
    ) {
        let known: HashSet<(Kind, String)> =
            found.iter().map(|found| (found.kind, found.record.id.to_string())).collect();
        let is_known = |kind, id: &str| known.contains(&(kind, id.to_owned()));
        let booted = peer::booted_s().and_then(|s| Timestamp::from_second(s).ok());
        for session in &believed.sessions {
            if !is_known(Kind::Lease, &session.handle) {
                let ending = vanished(session, booted, last_alive, now);
                self.outbox.push([facts::unknown_session_ended(session, &ending)]);
            }
        }
        for waiter in &believed.waiters {
            if !is_known(Kind::Ticket, &waiter.ticket) {
                self.outbox.push([facts::unknown_waiter_left(waiter, stamp(now))]);
            }
        }
        let ids = believed.sessions.iter().map(|session| &session.handle);
        let ids = ids.chain(believed.waiters.iter().map(|waiter| &waiter.ticket));
        for id in ids.filter_map(|id| id.parse().ok()) {
            self.admission.remember_id(id);
        }
    }
}

/// An end between the last moment the holder can have been seen and now.
fn missed(
    reason: EndReason,
    record: &Record,
    last_alive: Option<Timestamp>,
    now: Timestamp,
) -> Ending {
    let at = last_alive.map_or(record.since, |alive| alive.max(record.since));
    Ending { at: stamp(at), before: Some(stamp(now)), how: reason.word().to_owned(), by: None }
}

fn vanished(
    session: &BelievedSession,
    booted: Option<Timestamp>,
    last_alive: Option<Timestamp>,
    now: Timestamp,
) -> Ending {
    let is_before_boot = booted.is_some_and(|booted| session.started < booted);
    let reason = if is_before_boot { EndReason::HostRebooted } else { EndReason::Lost };
    let at = last_alive.map_or(session.started, |alive| alive.max(session.started));
    Ending { at: stamp(at), before: Some(stamp(now)), how: reason.word().to_owned(), by: None }
}
