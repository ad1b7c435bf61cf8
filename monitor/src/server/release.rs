//! Seats taken back by an administrator: the tool runs on, and is counted no more.

use jiff::Timestamp;
use lic_admission::LeaseId;
use lic_protocol::{event::EndReason, wire::Reply};
use tracing::{debug, info};

use super::{SeatServer, connection::Connection, record::Ending, stamp};
use crate::table::shown;

impl SeatServer {
    /// Ends a lease for somebody who may, and says whose it was.
    pub(super) fn release(&mut self, connection: &Connection, lease: LeaseId, now: Timestamp) {
        let by = format!("{} (uid {})", self.users.name(connection.peer.uid), connection.peer.uid);
        let reply = match self.leases.get(&lease) {
            Some(held) => {
                let record = &held.record;
                let features: Vec<&str> =
                    record.wants().map(|want| want.feature.as_str()).collect();
                let text = format!(
                    "lease {} of {} on {} is released: {} is free; its tool {} (process {}) runs on, uncounted",
                    lease.0,
                    record.holder.user,
                    record.host,
                    features.join(", "),
                    shown(&record.tool),
                    record.holder.pid
                );
                info!("{text}; by {by}");
                Reply::Done { text }
            }
            None => Reply::Failed {
                text: format!(
                    "there is no lease {} now: `licmon queue` shows those there are",
                    lease.0
                ),
            },
        };
        let how = EndReason::Released.word().to_owned();
        let ending = Ending { at: stamp(now), before: None, how, by: Some(by) };
        self.close_lease(lease, &ending, now);
        if let Err(errno) = connection.send(&reply) {
            debug!("a reply was not read: {errno}");
        }
    }
}
