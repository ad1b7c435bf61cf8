//! Gaps: told once however often they are noticed, told no more once they were read, and the same after live was made again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod site;

use lic_protocol::gaps::Gaps;
use lic_store::gaps::Missing;
use site::{Site, at, batch, checkout, event};

fn missing(generation: i64, from: u64, to: Option<u64>) -> Missing {
    Missing {
        server: "lic1".into(),
        generation,
        path: "/logs/a.log".to_owned(),
        from,
        to,
        why: "it was cut".to_owned(),
    }
}

fn gaps(site: &Site) -> Gaps {
    let mut servers = site.reader().servers().unwrap();
    assert_eq!(servers.len(), 1);
    servers.remove(0).gaps
}

/// Count, bytes, and how many have no known end.
#[track_caller]
fn check(site: &Site, expected: (u64, u64, u64)) {
    let gaps = gaps(site);
    assert_eq!((gaps.count, gaps.bytes, gaps.open_ended), expected);
    assert_eq!(gaps.newest.len() as u64, expected.0);
}

#[test]
fn gap_is_counted_once_until_it_is_read() {
    let site = Site::new();
    let mut writer = site.writer();
    let seat = event(1000, 1, checkout("solve", "ann", "k1", None));
    writer.commit(&[batch("lic1", &[seat])], at(0)).unwrap();
    check(&site, (0, 0, 0));
    for _ in 0..2 {
        writer.add_gap(&missing(1, 100, Some(150)), at(5)).unwrap();
        writer.add_gap(&missing(1, 200, None), at(5)).unwrap();
        writer.add_gap(&missing(2, 100, Some(101)), at(5)).unwrap();
        check(&site, (3, 51, 1));
        writer = site.writer_after(writer);
    }
    writer.mend_gaps(&"lic1".into(), 1, at(9)).unwrap();
    writer.mend_gaps(&"lic1".into(), 1, at(9)).unwrap();
    check(&site, (1, 1, 0));
    assert_eq!(gaps(&site).newest[0].at, at(5));
    let picture = site.picture();
    writer.rebuild().unwrap();
    assert_eq!(site.picture(), picture);
    check(&site, (1, 1, 0));
    writer.add_gap(&missing(1, 200, None), at(12)).unwrap();
    check(&site, (2, 1, 1));
}

#[test]
fn records_behind_a_gap_have_their_own_numbers() {
    let site = Site::new();
    let mut writer = site.writer();
    writer.add_gap(&missing(1, 100, None), at(5)).unwrap();
    let mut writer = site.writer_after(writer);
    let seat = event(1000, 1, checkout("solve", "ann", "k1", None));
    writer.commit(&[batch("lic1", &[seat])], at(0)).unwrap();
    assert_eq!(site.sessions()[0].id, 2);
    check(&site, (1, 0, 1));
}
