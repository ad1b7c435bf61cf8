//! Seats set aside: so many of a tool's seats are kept for those whom a reservation means.
//!
//! Seats that are held count to the reservations of those who hold them, as many as can; what is left over is common. So a
//! member takes no common seat while one of his reservation is unused, and gets common ones like anybody when all are.

use std::collections::BTreeMap;

use crate::asker::{Asker, Who};

/// Most reservations of one tool.
pub const RESERVES_MAX: usize = 8;

/// Which reservations of a tool mean somebody: one bit for each.
pub(crate) type Membership = u8;

/// Seats set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// How many.
    pub seats: u32,
    /// For whom.
    pub who: Who,
}

/// The reservations that mean the asker.
pub(crate) fn membership(reserves: &[Reserve], asker: &Asker) -> Membership {
    let bit = |(place, reserve): (usize, &Reserve)| {
        if reserve.who.matches(asker) { 1 << place } else { 0 }
    };
    reserves.iter().take(RESERVES_MAX).enumerate().map(bit).sum()
}

/// All seats set aside.
pub(crate) fn set_aside(reserves: &[Reserve]) -> u64 {
    reserves.iter().take(RESERVES_MAX).map(|reserve| u64::from(reserve.seats)).sum()
}

/// The most seats that can count to reservations, of seats that are held by members of these.
///
/// It is the largest flow from memberships to reservations, which is the smallest cut between them: for some set of
/// reservations, all their seats and the seats of everybody who is a member of another. O(2^reservations).
pub(crate) fn filled(reserves: &[Reserve], members: &BTreeMap<Membership, u64>) -> u64 {
    let reserves = &reserves[..reserves.len().min(RESERVES_MAX)];
    let cut = |set: u16| {
        let of_set = reserves.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
        let seats = of_set.map(|(_, reserve)| u64::from(reserve.seats)).sum::<u64>();
        let is_outside = |membership: Membership| u16::from(membership) & !set != 0;
        let outside = members.iter().filter(|(membership, _)| is_outside(**membership));
        seats + outside.map(|(_, seats)| seats).sum::<u64>()
    };
    (0..1_u16 << reserves.len()).map(cut).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seats: &[u32], members: &[(Membership, u64)], expected: u64) {
        let reserve = |seats: &u32| Reserve { seats: *seats, who: Who::default() };
        let reserves: Vec<Reserve> = seats.iter().map(reserve).collect();
        assert_eq!(filled(&reserves, &members.iter().copied().collect()), expected);
    }

    #[test]
    fn as_many_as_can_count() {
        check(&[], &[], 0);
        check(&[2], &[], 0);
        check(&[2], &[(1, 1)], 1);
        check(&[2], &[(1, 3)], 2);
        check(&[1, 2], &[(1, 2)], 1);
        // Who is in both leaves the first to him who is in that alone.
        check(&[1, 1], &[(1, 1), (3, 1)], 2);
        check(&[1, 1, 1], &[(3, 1), (6, 1), (5, 1)], 3);
        check(&[1, 1, 1], &[(3, 3)], 2);
    }
}
