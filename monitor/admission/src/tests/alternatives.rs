//! Rows of alternatives: the first that can be had is taken, and whoever waits keeps his place for each.

use super::check;

#[test]
fn the_first_alternative_that_is_free_is_taken() {
    check(&[
        ("ask a|b:2", "lease 1"),
        ("held 1", "a:1"),
        ("ask a|b:2", "lease 2"),
        ("held 2", "b:2"),
        ("ask a|b u", "ticket 3 place 1"),
        ("release 2", "3->4"),
        ("held 4", "b:1 u:1"),
    ]);
}

#[test]
fn all_choices_or_none() {
    check(&[
        ("ask c:4", "lease 1"),
        ("ask a|b c", "ticket 2 place 1"),
        ("try a", "Busy: no seat of a is free: 0 of 1 in use, 1 waited for"),
        (
            "try a|b:2",
            "Busy: no seat of a is free: 0 of 1 in use, 1 waited for; no seat of b is free: 0 of 2 in use, 1 waited for",
        ),
        ("ask b", "lease 3"),
        ("release 1", "2->4"),
        ("held 4", "a:1 c:1"),
    ]);
}

#[test]
fn nobody_overtakes_on_any_of_them() {
    check(&[
        ("ask a", "lease 1"),
        ("ask b", "lease 2"),
        ("ask a|b:2", "ticket 3 place 1"),
        ("ask b", "ticket 4 place 2"),
        ("ask a", "ticket 5 place 2"),
        // It needs b no more, so who is behind it there goes on.
        ("release 1", "3->6 4->7"),
        ("held 6", "a:1"),
        ("place 5", "Some(1)"),
        ("release 6", "5->8"),
    ]);
}

#[test]
fn opposite_orders_do_not_deadlock() {
    check(&[
        ("ask a", "lease 1"),
        ("ask b:2", "lease 2"),
        ("ask a|b:2 h", "ticket 3 place 1"),
        ("ask @ann@n2 b:2|a h", "ticket 4 place 2"),
        ("release 1", "3->5"),
        ("release 2", ""),
        ("release 5", "4->6"),
        ("held 6", "b:2 h:1"),
    ]);
}

#[test]
fn what_is_impossible_is_left_out() {
    check(&[
        ("ask z|a", "lease 1"),
        (
            "ask b:3|a:2",
            "TooMany: 3 seats of b asked for, it has 2; 2 seats of a asked for, it has 1",
        ),
        ("ask z|y", "Unknown: no tool named z is configured; no tool named y is configured"),
        ("ask z|a:2", "TooMany: no tool named z is configured; 2 seats of a asked for, it has 1"),
        ("ask b:3|a", "ticket 2 place 1"),
        // It waits for no seat of b.
        ("ask b:2", "lease 3"),
        ("restore 4 z|b", ""),
        ("welcome 4", ""),
        ("release 3", "4->5"),
        ("restore 6 z|y", "no tool named z is configured; no tool named y is configured"),
    ]);
}

#[test]
fn one_alternative_that_may_be_waited_for_is_enough() {
    check(&[
        ("ask c:4", "lease 1"),
        ("ask a", "lease 2"),
        ("as c|a", "ticket 3 place 1"),
        ("as c", "Busy: no seat of c is free: 4 of 4 in use, 1 waited for"),
    ]);
}

#[test]
fn who_is_passed_over_keeps_its_place_for_each() {
    check(&[
        ("ask a", "lease 1"),
        ("ask b:2", "lease 2"),
        ("ask a|b", "ticket 3 place 1"),
        ("release 1", "3->4"),
        ("pass 3 4 a|b", ""),
        ("ask a", "lease 5"),
        ("welcome 3", ""),
        ("release 2", "3->6"),
        ("held 6", "b:1"),
    ]);
}
