//! Rows of the queue: who starts when, who keeps his place, and what is kept for whom.

use super::{NOW, Ticket, Timestamp, Wait, asker, check, decision, site};

#[test]
fn a_seat_given_back_goes_to_the_first_who_waits() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a", "ticket 2 place 1"),
        ("ask a", "ticket 3 place 2"),
        ("release 1", "2->4"),
        ("release 1", ""),
        ("place 3", "Some(1)"),
        ("release 4", "3->5"),
        ("release 5", ""),
        ("ask a", "lease 6"),
    ]);
}

#[test]
fn who_is_passed_over_keeps_its_place_and_no_seat() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a", "ticket 2 place 1"),
        ("ask a", "ticket 3 place 2"),
        ("release 1", "2->4"),
        ("pass 2 4 a", "3->5"),
        ("ask a", "ticket 6 place 2"),
        ("welcome 2", ""),
        ("release 5", "2->7"),
        ("pass 2 7 a", "6->8"),
        ("release 8", ""),
        ("try a", "lease 9"),
        ("try a", "Busy: no seat of a is free: 1 of 1 in use"),
        ("release 9", ""),
        ("welcome 2", "2->10"),
        ("welcome 2", "no place"),
        ("pass 2 9 a", ""),
        ("release 10", ""),
        ("ask a", "lease 11"),
    ]);
}

#[test]
fn who_cannot_come_back_yet_keeps_its_place_and_no_seat() {
    check(&[
        ("restore 5 a", ""),
        ("try a", "Busy: no seat of a is free: 0 of 1 in use, 1 waited for"),
        ("ask a", "ticket 6 place 2"),
        ("stand 5", "6->7"),
        ("stand 5", ""),
        ("ask a", "ticket 8 place 2"),
        ("expect 5", ""),
        ("expect 5", ""),
        ("release 7", ""),
        ("welcome 5", "5->9"),
        ("release 9", "8->10"),
        ("expect 5", ""),
        ("release 10", ""),
        ("ask a", "lease 11"),
    ]);
}

#[test]
fn who_is_passed_over_may_leave() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a", "ticket 2 place 1"),
        ("release 1", "2->3"),
        ("pass 2 3 a", ""),
        ("leave 2", ""),
        ("ask a", "lease 4"),
        ("ask a", "ticket 5 place 1"),
        ("release 4", "5->6"),
    ]);
}

#[test]
fn who_does_not_wait_is_refused() {
    check(&[
        ("try c:4", "lease 1"),
        ("try c", "Busy: no seat of c is free: 4 of 4 in use"),
        ("as c", "Busy: no seat of c is free: 4 of 4 in use"),
        ("ask c", "ticket 2 place 1"),
        ("as c:2", "Busy: no seat of c is free: 4 of 4 in use, 1 waited for"),
        ("ask a", "lease 3"),
        ("as a", "ticket 4 place 1"),
    ]);
}

#[test]
fn a_big_request_is_not_starved_by_small_ones() {
    check(&[
        ("ask b", "lease 1"),
        ("ask b:2", "ticket 2 place 1"),
        ("ask b", "ticket 3 place 2"),
        ("try b", "Busy: no seat of b is free: 1 of 2 in use, 3 waited for"),
        ("release 1", "2->4"),
        ("release 4", "3->5"),
    ]);
}

#[test]
fn other_features_pass() {
    check(&[
        ("ask a", "lease 1"),
        ("ask a b", "ticket 2 place 1"),
        ("ask b", "lease 3"),
        ("ask b", "ticket 4 place 2"),
        ("ask u", "lease 5"),
        ("leave 2", "4->6"),
        ("leave 2", ""),
    ]);
}

#[test]
fn opposite_orders_do_not_deadlock() {
    check(&[
        ("ask a b:2", "lease 1"),
        ("ask b:2 a", "ticket 2 place 1"),
        ("ask a b:2", "ticket 3 place 2"),
        ("release 1", "2->4"),
        ("release 4", "3->5"),
    ]);
}

#[test]
fn adopted_leases_may_exceed_what_is_configured() {
    check(&[
        ("adopt 8 b:2", ""),
        ("adopt 9 b:2", ""),
        ("adopt 9 b:2", ""),
        ("adopt 10 gone b", ""),
        ("ask b", "ticket 11 place 1"),
        ("release 8", ""),
        ("release 10", ""),
        ("release 9", "11->12"),
    ]);
}

#[test]
fn nobody_passes_a_waiter_who_is_expected_back() {
    check(&[
        ("restore 5 b", ""),
        ("restore 6 b:2", ""),
        ("restore 7 b:3", "3 seats of b asked for, it has 2"),
        ("try b", "Busy: no seat of b is free: 0 of 2 in use, 3 waited for"),
        ("welcome 6", ""),
        ("place 6", "Some(2)"),
        ("welcome 5", "5->8"),
        ("welcome 5", "no place"),
        ("leave 6", ""),
        ("try b", "lease 9"),
    ]);
}

#[test]
fn who_comes_back_first_starts_no_sooner() {
    check(&[
        ("restore 5 c", ""),
        ("restore 6 c", ""),
        ("restore 7 c", ""),
        ("welcome 7", ""),
        ("try c", "Busy: no seat of c is free: 0 of 4 in use, 3 waited for"),
        ("welcome 5", "5->8"),
        ("leave 6", "7->9"),
        ("try c", "lease 10"),
    ]);
}

#[test]
fn full_features_do_not_keep_a_waiter_for_others() {
    check(&[
        ("adopt 1 a b:2 c:4", ""),
        ("restore 5 u", ""),
        ("restore 6 a", ""),
        ("welcome 6", ""),
        ("welcome 5", "5->7"),
    ]);
}

#[test]
fn a_class_goes_first_and_is_not_for_ever() {
    check(&[
        ("ask q:2", "lease 1"),
        ("ask @bob q:2", "ticket 2 place 1"),
        ("ask @ann q:2", "ticket 3 place 1"),
        ("ask @eve q:2", "ticket 4 place 1"),
        ("ask @bob q:2", "ticket 5 place 4"),
        ("place 2", "Some(3)"),
        ("look @eve q", "place 2"),
        ("adopt 9 u", ""),
        // Bob has waited longer by now than a class of ann's is worth.
        ("look @ann q", "place 5"),
        ("ask @ann q:2", "ticket 10 place 5"),
        // On a feature where a class is worth nothing it passes nobody.
        ("ask @eve q b", "ticket 11 place 6"),
        ("release 1", "4->12"),
        ("release 12", "3->13"),
        ("release 13", "2->14"),
        ("release 14", "5->15"),
        ("release 15", "10->16"),
    ]);
}

#[test]
fn a_class_is_worth_no_more_when_nothing_happened_meanwhile() {
    let mut site = site();
    let mut ask = |who: &str, wants: &str, us| {
        let now = Timestamp::from_microsecond(us).unwrap();
        decision(&site.ask(&asker(who), &super::choices(wants), Wait::Yes, now))
    };
    assert_eq!(ask("bob", "q", 100), "lease 100");
    assert_eq!(ask("bob", "q:2", 101), "ticket 101 place 1");
    // He has waited for 19 microseconds, and her class is worth 5.
    assert_eq!(ask("ann", "q", 120), "ticket 120 place 2");
}

#[test]
fn who_waits_is_told_in_the_order_in_which_it_is_served() {
    let mut site = site();
    let mut ask = |who: &str, us| {
        let now = Timestamp::from_microsecond(us).unwrap();
        drop(site.ask(&asker(who), &super::choices("q:2"), Wait::Yes, now));
    };
    for (who, us) in [("bob", 100), ("bob", 101), ("bob", 104), ("ann", 107), ("eve", 109)] {
        ask(who, us);
    }
    let told = site.queued().map(|ticket| (ticket.0, site.credit(ticket).unwrap().as_micros()));
    assert_eq!(told.collect::<Vec<_>>(), [(109, 10), (101, 0), (107, 5), (104, 0)]);
    assert_eq!(site.credit(Ticket(100)), None, "it has its seats");
}

#[test]
fn who_goes_first_is_not_held_up_by_those_behind() {
    check(&[
        ("ask q a", "lease 1"),
        ("ask @bob q:2", "ticket 2 place 1"),
        ("ask @eve q", "lease 3"),
        ("try @bob q", "Busy: no seat of q is free: 2 of 2 in use, 2 waited for"),
    ]);
}

#[test]
fn numbers_rise_even_when_the_clock_does_not() {
    let mut site = site();
    let later = Timestamp::from_microsecond(500).unwrap();
    assert_eq!([site.next_id(later), site.next_id(NOW), site.next_id(later)], [500, 501, 502]);
    site.remember_id(9_000);
    assert_eq!(site.next_id(later), 9_001);
}
