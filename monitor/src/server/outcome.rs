//! How a tool ended: asked of the kernel, or told by the process that stayed as its parent, and by no other. Its seats are
//! free meanwhile, and its end is told when that is known or has been waited for long enough.

use std::{os::fd::OwnedFd, time::Duration};

use jiff::Timestamp;
use lic_admission::LeaseId;
use lic_protocol::{event::ReasonClass, outcome::Outcome, want::Want, wire::Reply};
use tracing::{debug, warn};

use super::{
    OUTCOME_MS_MAX, REAPED_MS_MAX, SeatServer, UNREPORTED_MAX, Unreported,
    connection::Connection,
    exit_info::{self, Exit},
    peer::Peer,
    record::{Ending, Record},
    watch::Deadline,
};

impl SeatServer {
    /// A supervisor tells how its tool ended. Whoever supervises nothing is heard, and nothing follows.
    pub(super) fn take_outcome(&mut self, connection: &Connection, outcome: Outcome) {
        self.learn_outcome(&connection.peer, outcome);
        heard(connection);
    }

    /// The same of a tool whose own exit status says that it got no license: that is a denial of what it held seats for.
    pub(super) fn take_denied(
        &mut self,
        connection: &Connection,
        outcome: Outcome,
        now: Timestamp,
    ) {
        if let Some(record) = self.learn_outcome(&connection.peer, outcome)
            && let Some(status) = outcome.exit_status
        {
            let reason = format!("the tool exited with {status}, its own \"no license\" status");
            let held: Vec<Want> = record.wants().cloned().collect();
            self.record_refused(&record, &held, ReasonClass::Other, &reason, now);
        }
        heard(connection);
    }

    /// Returns the record of the lease whose tool ended so.
    fn learn_outcome(&mut self, supervisor: &Peer, outcome: Outcome) -> Option<Record> {
        let mut ended = self.unreported.iter().rev();
        if let Some((lease, ended)) = ended.find(|(_, ended)| is_of(&ended.record, supervisor)) {
            let (lease, record) = (*lease, ended.record.clone());
            self.tell_end_with(lease, outcome);
            return Some(record);
        }
        let lease =
            self.leases.values_mut().rev().find(|lease| is_of(&lease.record, supervisor))?;
        // The kernel has yet to tell us that the tool ended.
        lease.record.outcome = outcome;
        note(self.seats.add_outcome(lease.record.id, &outcome), lease.record.id);
        Some(lease.record.clone())
    }

    /// Tells an end at once, or else once it is known how the tool ended.
    pub(super) fn tell_end_when_known(
        &mut self,
        record: Record,
        ending: Ending,
        ended: Option<OwnedFd>,
    ) {
        let is_seen_now = ending.before.is_none() && ending.by.is_none();
        let outcome = ended.as_ref().map_or(Exit::Untold, exit_info::exit);
        let lease = LeaseId(record.id);
        let is_room = self.unreported.len() < UNREPORTED_MAX;
        let limit_ms = match outcome {
            _ if !is_seen_now || !is_room || !record.outcome.is_unseen() => None,
            _ if record.supervisor.is_some() => Some(OUTCOME_MS_MAX),
            Exit::NotYet => Some(REAPED_MS_MAX),
            Exit::Known(_) | Exit::Untold => None,
        };
        self.unreported.insert(lease, Unreported { record, ending, ended });
        match limit_ms {
            Some(limit_ms) => {
                self.outbox.hold(lease.0);
                self.set_deadline(Duration::from_millis(limit_ms), Deadline::Outcome(lease));
            }
            None => self.wait_no_more_for_outcome(lease),
        }
    }

    /// Whether a process had ended before and its parent now knows how: what it leaves to be done is done.
    pub(super) fn is_reaped(&mut self, lease: LeaseId) -> bool {
        let waiting = self.unreported.get(&lease);
        let is_told_by_parent = waiting.is_some_and(|waiting| waiting.record.supervisor.is_some());
        let held = self.leases.get(&lease).and_then(|lease| lease.ended.as_ref());
        let Some(ended) = waiting.and_then(|waiting| waiting.ended.as_ref()).or(held) else {
            return false;
        };
        // It is watched no more, or it would wake the loop for ever. It is asked when the lease ends.
        if let Err(errno) = self.epoll.delete(ended) {
            warn!("stop watching the process of lease {}: {errno}", lease.0);
        }
        if !is_told_by_parent {
            self.wait_no_more_for_outcome(lease);
        }
        true
    }

    /// Tells an end with what is known by now.
    pub(super) fn wait_no_more_for_outcome(&mut self, lease: LeaseId) {
        let Some(ended) = self.unreported.get(&lease) else { return };
        match ended.ended.as_ref().map(exit_info::exit) {
            Some(Exit::Known(seen)) if ended.record.outcome.is_unseen() => {
                self.tell_end_with(lease, seen);
            }
            _ => self.tell_end_as_it_is(lease),
        }
    }

    /// Tells every end that is waited for: the monitor stops.
    pub(super) fn wait_for_no_outcome(&mut self) {
        let waiting: Vec<LeaseId> = self.unreported.keys().copied().collect();
        for lease in waiting {
            self.wait_no_more_for_outcome(lease);
        }
    }

    fn tell_end_with(&mut self, lease: LeaseId, outcome: Outcome) {
        if let Some(ended) = self.unreported.get_mut(&lease) {
            ended.record.outcome = outcome;
            note(self.seats.add_outcome(lease.0, &outcome), lease.0);
            self.tell_end_as_it_is(lease);
        }
    }

    fn tell_end_as_it_is(&mut self, lease: LeaseId) {
        // The descriptor of its process is closed here, and with that it is watched no more.
        if let Some(ended) = self.unreported.remove(&lease) {
            self.tell_end(&ended.record, &ended.ending);
        }
    }
}

fn heard(connection: &Connection) {
    if let Err(errno) = connection.send(&Reply::Done { text: String::new() }) {
        debug!("a supervisor is gone: {errno}");
    }
}

/// Whether it is the lease of a tool whose parent this process is, and the first word about it.
fn is_of(record: &Record, supervisor: &Peer) -> bool {
    record.supervisor == Some(supervisor.pid)
        && record.holder.uid == supervisor.uid
        && record.outcome.is_unseen()
}

fn note(written: std::io::Result<()>, lease: u64) {
    if let Err(error) = written {
        warn!("cannot write down how the tool of lease {lease} ended: {error}");
    }
}
