//! How many seats of a tool some runs take together: those that share a seat take it once.

use std::collections::{BTreeMap, HashMap};

use crate::{
    capacity::Need,
    reserve::{Membership, Reserve, filled},
};

/// What some runs take of one tool. Adding a run and removing it again changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    seats: u64,
    /// Seats of those whom a reservation means.
    members: BTreeMap<Membership, u64>,
    shares: HashMap<Box<str>, Share>,
}

/// The runs that share a seat, by how many seats they asked for. Together they take what the largest of them asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Share {
    runs: BTreeMap<(u32, Membership), u32>,
}

impl Share {
    fn seats(&self) -> u32 {
        self.runs.last_key_value().map_or(0, |((seats, _), _)| *seats)
    }

    /// A shared seat is of every reservation that means one of those who share it.
    fn membership(&self) -> Membership {
        self.runs.keys().fold(0, |all, (_, membership)| all | membership)
    }
}

impl Load {
    /// Seats in use.
    pub(crate) fn seats(&self) -> u64 {
        self.seats
    }

    pub(crate) fn add(&mut self, need: &Need) {
        let Some(key) = &need.share else {
            return self.count(need.count, need.membership);
        };
        let mut share = self.shares.remove(key).unwrap_or_default();
        self.count_no_more(share.seats(), share.membership());
        *share.runs.entry((need.count, need.membership)).or_default() += 1;
        self.count(share.seats(), share.membership());
        self.shares.insert(key.clone(), share);
    }

    pub(crate) fn remove(&mut self, need: &Need) {
        let Some(key) = &need.share else {
            return self.count_no_more(need.count, need.membership);
        };
        let Some(mut share) = self.shares.remove(key) else { return };
        self.count_no_more(share.seats(), share.membership());
        let run = (need.count, need.membership);
        match share.runs.get_mut(&run) {
            Some(runs) if *runs > 1 => *runs -= 1,
            _ => drop(share.runs.remove(&run)),
        }
        self.count(share.seats(), share.membership());
        if !share.runs.is_empty() {
            self.shares.insert(key.clone(), share);
        }
    }

    /// Seats that one more run would take: fewer than it asks for where it shares a seat that is taken.
    pub(crate) fn more(&self, need: &Need) -> u32 {
        let shared = need.share.as_ref().and_then(|key| self.shares.get(key));
        need.count.saturating_sub(shared.map_or(0, Share::seats))
    }

    /// Seats that count to no reservation.
    pub(crate) fn common(&self, reserves: &[Reserve]) -> u64 {
        match reserves {
            [] => self.seats,
            _ => self.seats - filled(reserves, &self.members),
        }
    }

    /// The same if somebody took so many seats more.
    pub(crate) fn common_with(
        &self,
        more: u64,
        membership: Membership,
        reserves: &[Reserve],
    ) -> u64 {
        let seats = self.seats + more;
        if reserves.is_empty() {
            return seats;
        }
        let mut members = self.members.clone();
        if membership != 0 {
            *members.entry(membership).or_default() += more;
        }
        seats - filled(reserves, &members)
    }

    fn count(&mut self, seats: u32, membership: Membership) {
        self.seats += u64::from(seats);
        if membership != 0 && seats != 0 {
            *self.members.entry(membership).or_default() += u64::from(seats);
        }
    }

    fn count_no_more(&mut self, seats: u32, membership: Membership) {
        self.seats -= u64::from(seats);
        if let Some(of_members) = self.members.get_mut(&membership) {
            *of_members -= u64::from(seats);
            if *of_members == 0 {
                self.members.remove(&membership);
            }
        }
    }
}
