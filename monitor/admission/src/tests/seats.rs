//! Rows of what a seat is: shared by runs, or set aside for some.

use super::check;

#[test]
fn runs_of_one_user_share_a_seat() {
    check(&[
        ("ask @ann p", "lease 1"),
        ("ask @ann@n2 p", "lease 2"),
        ("ask @bob p", "lease 3"),
        ("ask @eve p", "ticket 4 place 1"),
        // It takes nothing from her who waits.
        ("ask @bob p", "lease 5"),
        ("release 1", ""),
        ("release 3", ""),
        ("release 5", "4->6"),
        ("release 2", ""),
        ("ask @ann p", "lease 7"),
    ]);
}

#[test]
fn a_shared_seat_is_as_large_as_its_largest_run() {
    check(&[
        ("ask @ann p", "lease 1"),
        ("ask @ann p:2", "lease 2"),
        ("try @bob p", "Busy: no seat of p is free: 2 of 2 in use"),
        ("release 2", ""),
        ("try @bob p", "lease 3"),
        ("ask @ann p:2", "ticket 4 place 1"),
        ("release 3", "4->5"),
    ]);
}

#[test]
fn those_who_share_a_seat_start_together() {
    check(&[
        ("ask @eve p:2", "lease 1"),
        ("ask @ann p", "ticket 2 place 1"),
        ("ask @bob p", "ticket 3 place 2"),
        ("ask @ann p", "ticket 4 place 3"),
        ("ask @eve@n2 p", "lease 5"),
        ("release 1", "2->6 4->7"),
        ("release 5", "3->8"),
    ]);
}

#[test]
fn a_host_is_one_seat() {
    check(&[
        ("ask @ann h", "lease 1"),
        ("ask @bob h", "lease 2"),
        ("try @ann@n2 h", "Busy: no seat of h is free: 1 of 1 in use"),
        ("ask @ann x", "lease 3"),
        ("ask @ann@n2 x", "lease 4"),
        ("ask @ann x", "lease 5"),
        ("try @bob x", "Busy: no seat of x is free: 2 of 2 in use"),
    ]);
}

#[test]
fn seats_set_aside_are_for_those_they_are_set_aside_for() {
    check(&[
        ("ask @bob r:2", "lease 1"),
        ("ask @bob r:3", "TooMany: 3 seats of r asked for, it has 4, some set aside for others"),
        ("try @bob r", "Busy: no seat of r is free: 2 of 4 in use, 2 set aside for others"),
        ("ask @bob r", "ticket 2 place 1"),
        ("look @eve r", "free"),
        ("look @eve r:2", "place 2"),
        // She is of both: the group's seat stays for the group.
        ("ask @ann r", "lease 3"),
        ("ask @eve r", "lease 4"),
        ("try @eve r", "Busy: no seat of r is free: 4 of 4 in use, 1 waited for"),
        ("release 3", ""),
        (
            "try @eve r",
            "Busy: no seat of r is free: 3 of 4 in use, 1 set aside for others, 1 waited for",
        ),
        ("release 1", "2->5"),
    ]);
}

#[test]
fn a_member_does_not_take_a_reserved_seat_from_an_earlier_member() {
    check(&[
        ("adopt 1 a", ""),
        ("ask @bob r:2", "lease 2"),
        ("ask @ann r", "lease 3"),
        ("ask @eve r a", "ticket 4 place 1"),
        ("try @eve r", "Busy: no seat of r is free: 3 of 4 in use, 1 waited for"),
        ("release 1", "4->5"),
    ]);
}
