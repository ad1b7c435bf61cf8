//! Whoever is killed or stopped, at whatever moment: no seat is granted twice, none is lost, and every run is a session.
//!
//! `tests/torture seats --kills 10000` makes it last longer.

use lic_tests::torture::{self, Options};

#[test]
fn fifty_kills_break_no_promise_about_seats() {
    let report = torture::seats(Options { kills: 50, clients: 64, seed: None }).expect("it runs");
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}
