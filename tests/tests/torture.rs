//! Whoever is killed or stopped, at whatever moment: no seat is granted twice, none is lost, and every run is a session.
//!
//! Nor is a line lost of a log that licmon follows.
//!
//! `tests/torture seats --kills 10000` and `tests/torture ingest --kills 10000` make it last longer.

use lic_tests::torture::{
    self, Options,
    ingest::{self, Watch},
};

#[test]
fn fifty_kills_break_no_promise_about_seats() {
    let report = torture::seats(Options { kills: 50, clients: 64, seed: None }).expect("it runs");
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

#[test]
fn fifty_kills_lose_no_line_of_a_log_that_is_rotated_in_every_way() {
    let mut watch = vec![Watch::Inotify];
    if ingest::can_unwatch() {
        watch.push(Watch::Poll);
    } else {
        println!("not run: polling, for no process can be kept from watching here");
    }
    let options = ingest::Options { kills: 25, seed: None, styles: Vec::new(), watch };
    for report in ingest::ingest(&options).expect("it runs") {
        println!("{report}");
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.styles.len(), 24, "every way was gone: {report}");
    }
}
