//! How a supervised tool ended: told by the process that stayed as its parent, and by no other.

use std::time::Duration;

use lic_admission::LeaseId;
use lic_protocol::{outcome::Outcome, wire::Reply};
use tracing::{debug, warn};

use super::{
    OUTCOME_S_MAX, SeatServer,
    connection::Connection,
    peer::Peer,
    record::{Ending, Record},
    watch::Deadline,
};

impl SeatServer {
    /// A supervisor tells how its tool ended. Whoever supervises nothing is heard, and nothing follows.
    pub(super) fn take_outcome(&mut self, connection: &Connection, outcome: Outcome) {
        let supervisor = &connection.peer;
        let mut ended = self.unreported.iter().rev();
        if let Some(lease) =
            ended.find(|(_, (record, _))| is_of(record, supervisor)).map(|(lease, _)| *lease)
        {
            self.tell_end_with(lease, outcome);
        } else if let Some(lease) =
            self.leases.values_mut().rev().find(|lease| is_of(&lease.record, supervisor))
        {
            // The kernel has yet to tell us that the tool ended.
            lease.record.outcome = outcome;
            note(self.seats.add_outcome(lease.record.id, &outcome), lease.record.id);
        }
        if let Err(errno) = connection.send(&Reply::Done { text: String::new() }) {
            debug!("a supervisor is gone: {errno}");
        }
    }

    /// Whether the end is told later, with the outcome. The seats are free meanwhile.
    pub(super) fn wait_for_outcome(&mut self, record: &Record, ending: &Ending) -> bool {
        let is_seen_now = ending.before.is_none() && ending.by.is_none();
        let waits = record.supervisor.is_some() && record.outcome.is_unseen() && is_seen_now;
        if waits {
            let lease = LeaseId(record.id);
            self.unreported.insert(lease, (record.clone(), ending.clone()));
            self.set_deadline(Duration::from_secs(OUTCOME_S_MAX), Deadline::Outcome(lease));
        }
        waits
    }

    pub(super) fn wait_no_more_for_outcome(&mut self, lease: LeaseId) {
        if let Some((record, ending)) = self.unreported.remove(&lease) {
            self.tell_end(&record, &ending);
        }
    }

    fn tell_end_with(&mut self, lease: LeaseId, outcome: Outcome) {
        if let Some((mut record, ending)) = self.unreported.remove(&lease) {
            record.outcome = outcome;
            note(self.seats.add_outcome(record.id, &outcome), record.id);
            self.tell_end(&record, &ending);
        }
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
