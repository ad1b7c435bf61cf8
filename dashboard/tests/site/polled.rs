//! Features without a log: what license servers answer of them is in the API, on pages, among metrics and in the calendar.

use lic_protocol::{
    snapshot::{Expiry as End, FeatureStatus, Snapshot},
    view::{Features, ServerState, expiry::Expiry},
};
use lic_store::{
    configured::{Configured, ConfiguredServer},
    polled::Polled,
};

use crate::stage::{HOSTILE, Site, at};

/// Two servers of two systems that answer, and serve a feature each.
fn polled() -> (Site, lic_store::writer::Writer) {
    let site = Site::empty();
    let mut writer = site.writer();
    let systems = [("acme", "flexlm"), ("bolt", "rlm")];
    let servers = systems.map(|(name, system)| {
        let (system, zone) = (system.to_owned(), "UTC".to_owned());
        ConfiguredServer { name: name.into(), system, zone }
    });
    let configured = Configured { servers: servers.to_vec(), features: Vec::new() };
    writer.configure(&configured).expect("a picture");
    for (server, name, in_use) in [("acme", HOSTILE, Some(1)), ("bolt", "mesh", None)] {
        let mut feature = FeatureStatus::named(name);
        (feature.issued, feature.in_use) = (Some(4), in_use);
        feature.expires = Some(End::At(at(3600)));
        let (state, features) = (ServerState::Up, vec![feature]);
        let snapshot = Snapshot { state, features, ..Snapshot::default() };
        let response_ms = Some(3.0);
        let polled = Polled { server: server.into(), asked_at: at(60), response_ms, snapshot };
        writer.set_polled(&polled).expect("an answer");
    }
    (site, writer)
}

#[track_caller]
fn check_told(features: &Features, metrics: &str) {
    let told = features.features.iter().map(|it| (it.now.issued, it.now.in_use, it.now.as_of));
    let expected = [(Some(4), Some(1), Some(at(60))), (Some(4), None, Some(at(60)))];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(metrics.matches("\nlicmon_seats_issued{").count(), 2, "{metrics}");
    assert_eq!(metrics.matches("\nlicmon_seats_in_use{").count(), 1, "{metrics}");
}

#[tokio::test]
async fn answers_are_features_and_metrics() {
    let (site, _writer) = polled();
    check_told(&site.api("/features").await, &site.get("/metrics").await.body);
}

#[tokio::test]
async fn answers_out_of_history_are_features_and_metrics() {
    let (site, mut writer) = polled();
    writer.rebuild().expect("a picture");
    check_told(&site.api("/features").await, &site.get("/metrics").await.body);
}

#[tokio::test]
async fn ends_that_were_told_are_on_the_page_and_in_the_calendar() {
    let (site, _writer) = polled();
    let expiry: Expiry = site.api("/expiry").await;
    assert_eq!(expiry.expiring.iter().map(|it| it.expires).collect::<Vec<_>>(), [at(3600); 2]);
    let page = site.get("/expiry").await.body;
    assert!(page.contains("mesh") && page.contains("/api/v1/expiry.ics"), "{page}");
    let answer = site.get("/api/v1/expiry.ics").await;
    assert_eq!(answer.header("content-type"), "text/calendar; charset=utf-8");
    assert_eq!(answer.body.matches("\r\nBEGIN:VEVENT\r\n").count(), 2, "{}", answer.body);
    let hostile = ['\u{1b}', '\u{202e}'];
    assert!(!answer.body.contains(hostile) && !page.contains(hostile));
    let one = site.get("/api/v1/expiry.ics?server=bolt").await.body;
    assert!(one.contains("UID:features/bolt/mesh@licdash\r\n"), "{one}");
    assert_eq!(one.matches("BEGIN:VEVENT").count(), 1);
}

#[tokio::test]
async fn system_whose_answers_were_never_read_from_a_real_server_is_marked() {
    let (site, _writer) = polled();
    let page = site.get("/servers").await.body;
    assert_eq!(page.matches("not tried on a real server").count(), 1, "{page}");
}

#[tokio::test]
async fn where_there_is_no_answer_there_is_none_to_doubt() {
    let (site, mut writer) = polled();
    let snapshot = Snapshot { error: Some("hello".to_owned()), ..Snapshot::default() };
    let silent = Polled { server: "bolt".into(), asked_at: at(90), response_ms: None, snapshot };
    writer.set_polled(&silent).expect("an answer");
    let page = site.get("/servers").await.body;
    assert!(!page.contains("not tried on a real server"), "{page}");
}
