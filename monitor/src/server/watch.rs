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
    /// Look whether those who wait may still wait, where a tool has hours.
    Hours,
    /// See which denials that were counted are to be told.
    Denials,
    /// Look for runs of the time the monitor was away.
    Spool,
    /// Look at processes of whose end the kernel does not tell.
    Processes,
    /// Tell that the loop turns.
    Alive,
    /// Read no more requests.
    Stop,
}

/// What a descriptor is, as the loop's 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    Listener,
    Stop,
    /// There is another configuration.
    Reload,
    Connection(u64),
    /// The process of the lease or the ticket of this number; the two never have the same.
    Process(u64),
    /// The token of the lease of this number, whose process has ended.
    Token(u64),
}

impl Watched {
    const LISTENER: u64 = 0;
    const STOP: u64 = 1;
    /// Above every id.
    const TOKEN: u64 = 1 << 63;
    /// The token of no lease: the first is 1.
    const RELOAD: u64 = Self::TOKEN;

    pub(super) fn bits(self) -> u64 {
        match self {
            Self::Listener => Self::LISTENER,
            Self::Stop => Self::STOP,
            Self::Reload => Self::RELOAD,
            Self::Connection(id) => id << 1,
            Self::Process(id) => id << 1 | 1,
            Self::Token(id) => Self::TOKEN | id,
        }
    }

    pub(super) fn of(bits: u64) -> Self {
        match bits {
            Self::LISTENER => Self::Listener,
            Self::STOP => Self::Stop,
            Self::RELOAD => Self::Reload,
            bits if bits & Self::TOKEN != 0 => Self::Token(bits & !Self::TOKEN),
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
            Watched::Reload,
            Watched::Connection(1),
            Watched::Connection(ID_MAX),
            Watched::Process(1),
            Watched::Process(ID_MAX),
            Watched::Token(1),
            Watched::Token(ID_MAX),
        ] {
            assert_eq!(Watched::of(watched.bits()), watched);
        }
    }
}
