//! What the loop waits for: descriptors, as the 64 bits the kernel gives back, and times.

use lic_admission::{LeaseId, Ticket};

/// What is to be done at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    /// Drop the connection if its request is not whole.
    Request(u64),
    /// Give up the place if nobody has come back for it.
    Place(Ticket),
    /// Tell the end of the lease if its supervisor has not told how its tool ended.
    Outcome(LeaseId),
    /// Accept connections again.
    Accept,
    /// See which of the waiters that were passed over go on.
    PassedOver,
    /// Look for runs of the time the monitor was away.
    Spool,
}

/// What a descriptor is, as the loop's 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    Listener,
    Stop,
    Connection(u64),
    /// The process of the lease or the ticket of this number; the two never have the same.
    Process(u64),
}

impl Watched {
    const LISTENER: u64 = 0;
    const STOP: u64 = 1;

    pub(super) fn bits(self) -> u64 {
        match self {
            Self::Listener => Self::LISTENER,
            Self::Stop => Self::STOP,
            Self::Connection(id) => id << 1,
            Self::Process(id) => id << 1 | 1,
        }
    }

    pub(super) fn of(bits: u64) -> Self {
        match bits {
            Self::LISTENER => Self::Listener,
            Self::STOP => Self::Stop,
            bits if bits & 1 == 0 => Self::Connection(bits >> 1),
            bits => Self::Process(bits >> 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::token::ID_MAX;

    #[test]
    fn there_and_back() {
        for watched in [
            Watched::Listener,
            Watched::Stop,
            Watched::Connection(1),
            Watched::Connection(u64::MAX >> 1),
            Watched::Process(1),
            Watched::Process(ID_MAX),
        ] {
            assert_eq!(Watched::of(watched.bits()), watched);
        }
    }
}
