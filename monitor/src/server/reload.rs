//! Another configuration while tools run: nobody is ended. What is held stays held, even if it is more than there is now, and
//! who waits keeps his place, or is told that he waits in vain.

use jiff::Timestamp;
use lic_admission::{Admission, LeaseId, Ticket};
use tracing::{error, info, warn};

use super::{SeatServer, config::ToolConfig, record::Record, spool::Spool};

/// More than were ever asked for at once: reading this much empties the pipe.
const WAKES_MAX: usize = 64;

impl SeatServer {
    /// Takes the newest configuration there is.
    pub(super) fn reload(&mut self, now: Timestamp) {
        if let Err(errno) = rustix::io::read(&self.reload, &mut [0; WAKES_MAX]) {
            warn!("read that there is another configuration: {errno}");
        }
        if let Some(tools) = self.reloads.try_iter().last() {
            self.configure(tools, now);
        }
    }

    /// As after a restart: the rules are new, leases are adopted and places restored.
    fn configure(&mut self, tools: Vec<ToolConfig>, now: Timestamp) {
        if let Err(error) = self.runtime.write_tools(&tools, self.spool.as_ref().map(Spool::path)) {
            // licwrap then does what it did before while we are away; all else is as configured.
            error!("tell licwrap about the tools: {error:#}");
        }
        let last_id = self.admission.next_id(now);
        self.admission = Admission::new(tools.into_iter().map(|tool| (tool.name, tool.tool)));
        self.admission.remember_id(last_id);
        let leases: Vec<(LeaseId, Record)> =
            self.leases.iter().map(|(id, lease)| (*id, lease.record.clone())).collect();
        for (lease, record) in leases {
            let asker = self.asker(&record);
            self.admission.adopt(lease, &asker, &record.choices.concat());
        }
        let tickets: Vec<Ticket> = self.waiters.keys().copied().collect();
        for ticket in &tickets {
            self.refuse_if_forbidden(*ticket, now);
        }
        for ticket in &tickets {
            self.restore_place(*ticket, now);
        }
        for ticket in tickets {
            self.welcome_back(ticket, now);
        }
        self.look_at_hours();
        info!(
            "the tools are configured again: {} seats are held, {} wait",
            self.leases.len(),
            self.waiters.len()
        );
    }

    fn restore_place(&mut self, ticket: Ticket, now: Timestamp) {
        let Some(record) = self.waiters.get(&ticket).map(|waiter| waiter.record.clone()) else {
            return;
        };
        let asker = self.asker(&record);
        if let Err(denied) = self.admission.restore(ticket, &asker, &record.choices, now) {
            warn!("ticket {} has no place any more: {}", ticket.0, denied.text);
            self.leave(ticket, now);
        }
    }

    /// Those who are connected may start, and those who are stopped keep nobody from it.
    fn welcome_back(&mut self, ticket: Ticket, now: Timestamp) {
        if self.waiters.get(&ticket).is_some_and(|waiter| waiter.connection.is_some()) {
            let grants = self.admission.welcome(ticket, now).unwrap_or_default();
            self.settle(grants, now);
        }
        self.pass_over_if_stopped(ticket, now);
    }
}
