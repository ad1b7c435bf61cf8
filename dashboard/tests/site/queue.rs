//! The queue: page and API show the same holders, waiters and estimates, and stay short however many there are.

use jiff::{SignedDuration, Timestamp};
use lic_protocol::{
    event::{Event, Fact, Identity},
    name::ServerName,
    view::{Mode, Source, Waiters},
};
use lic_store::{
    commit::Batch,
    configured::{Configured, ConfiguredFeature},
};

use crate::stage::{HOSTILE, HOSTILE_START, Site, at, check, checkin, checkout, configured, wait};

const RUN: SignedDuration = SignedDuration::from_mins(30);
const MANY: usize = 1000;
/// What the page of so many may take.
const PAGE_BYTES_MAX: usize = 100 << 10;

#[expect(clippy::disallowed_methods, reason = "estimates are of the present")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// Tools of one seat, one of them only observed and one with its seat set aside, and nobody who runs any.
fn tools(names: &[(&str, u32, Mode)]) -> Site {
    let site = Site::empty();
    let features = names.iter().map(|(name, reserved, mode)| ConfiguredFeature {
        server: ServerName::local(),
        feature: (*name).into(),
        issued: Some(1),
        reserved: *reserved,
        expires: None,
        mode: *mode,
    });
    let configured = Configured { features: features.collect(), ..configured() };
    site.writer().configure(&configured).expect("a picture");
    site
}

fn commit(site: &Site, facts: impl IntoIterator<Item = (Timestamp, Fact)>) {
    let event = |(hash, (at, fact))| {
        let identity = Identity { hash, ordinal: 0 };
        Event { at, fact, identity, raw: None }
    };
    let events = (0..).zip(facts).map(event).collect();
    let source = Source::Wrapper;
    let batch =
        Batch { server: ServerName::local(), source, learned_at: at(60), events, checkpoint: None };
    site.writer().commit(&[batch], at(60)).expect("a commit");
}

/// A run of `render` that began so many minutes ago.
fn run(minutes: i64, handle: &str) -> (Timestamp, Fact) {
    (minutes_ago(minutes), checkout("render", handle, handle))
}

/// Somebody who waits for `render` since so many minutes.
fn waits(minutes: i64, user: &str, ticket: &str) -> (Timestamp, Fact) {
    let Fact::Queue(mut fact) = wait("render", user) else { unreachable!("it is a wait") };
    ticket.clone_into(&mut fact.ticket);
    (minutes_ago(minutes), Fact::Queue(fact))
}

/// Its end, half an hour after.
fn end(run: &(Timestamp, Fact), handle: &str) -> (Timestamp, Fact) {
    (run.0 + RUN, checkin("render", handle, handle))
}

#[tokio::test]
async fn expected_starts_are_the_same_on_pages_and_in_the_api() {
    let site = tools(&[("render", 0, Mode::Enforce)]);
    let mut facts = Vec::new();
    for (minutes, handle) in [(600, "a"), (500, "b"), (400, "c"), (300, "d"), (200, "e")] {
        let run = run(minutes, handle);
        let end = end(&run, handle);
        facts.extend([run, end]);
    }
    let held = run(10, "f");
    let first_start = lic_protocol::time::rfc3339(held.0 + RUN);
    let second_start = lic_protocol::time::rfc3339(held.0 + RUN * 2);
    facts.push(held);
    facts.extend([waits(8, "ann", "1"), waits(5, "bo", "2")]);
    commit(&site, facts);

    let document: Waiters = site.api("/queue").await;
    let starts = document.queue.iter().map(|waiter| {
        waiter.expected_start.map_or("not known".to_owned(), lic_protocol::time::rfc3339)
    });
    assert_eq!(starts.collect::<Vec<_>>(), [first_start.as_str(), &second_start]);
    let render = &document.features[0];
    assert_eq!((render.runs, render.free, &render.waiting), (Some(5), Some(0), &document.queue));
    for path in ["/queue", "/features/local/render"] {
        let page = site.get(path).await.body;
        for start in [&first_start, &second_start] {
            let shown = format!("<time class=\"until\" datetime=\"{start}\"");
            assert!(page.contains(&shown), "{shown} on {path}: {page}");
        }
        assert!(page.contains("estimated from the last 5 runs"), "{path}: {page}");
        assert_eq!(page.matches("data-label=\"Place\"").count(), 2, "{path}");
        assert_eq!(page.matches("data-label=\"Held for\"").count(), 1, "{path}");
    }
    let narrow = site.get("/queue?user=BO").await.body;
    assert!(narrow.contains(&second_start) && !narrow.contains(&first_start), "{narrow}");
}

#[tokio::test]
async fn without_past_runs_no_start_is_expected() {
    let site = Site::full();
    let document: Waiters = site.api("/queue").await;
    assert_eq!((document.queue[0].expected_start, document.features[0].runs), (None, Some(0)));
    check(&site.get("/queue").await, 200, "text/html", "not known yet");
}

#[tokio::test]
async fn a_tool_says_how_its_seats_are_given_out() {
    let site = tools(&[("idle", 1, Mode::Enforce), ("render", 1, Mode::Observe)]);
    commit(&site, [run(3, "a"), run(2, "b")]);
    let document: Waiters = site.api("/queue").await;
    let told = document.features.iter().map(|row| (row.now.reserved, row.now.mode, row.free));
    let told: Vec<_> = told.collect();
    let (idle, render) =
        ((Some(1), Some(Mode::Enforce), Some(1)), (Some(1), Some(Mode::Observe), Some(0)));
    assert_eq!(told, [idle, render]);
    let page = site.get("/queue").await;
    check(&page, 200, "text/html", "observed only");
    check(&page, 200, "text/html", "1 set aside");
    check(&page, 200, "text/html", "title=\"idle of local\"");
    check(&page, 200, "text/html", "lease a");
    check(&site.get("/").await, 200, "text/html", "observed only");
}

#[tokio::test]
async fn an_empty_queue_says_what_to_do() {
    check(&tools(&[]).get("/queue").await, 200, "text/html", "licwrap -f NAME -- TOOL");
    let site = Site::full();
    check(&site.get("/queue?user=nobody").await, 200, "text/html", "href=\"/queue\"");
}

#[tokio::test]
async fn a_thousand_hold_and_a_thousand_wait_on_a_short_page() {
    let site = tools(&[("render", 0, Mode::Enforce)]);
    let held = (0..MANY).map(|number| run(9, &number.to_string()));
    let waiting = (0..MANY).map(|number| waits(5, HOSTILE, &number.to_string()));
    commit(&site, held.chain(waiting));
    let document: Waiters = site.api("/queue").await;
    let render = &document.features[0];
    assert_eq!((render.holders.len(), render.holders_more), (100, 900));
    assert_eq!((render.waiting.len(), render.waiting_more), (100, 900));
    assert_eq!(document.queue.len(), MANY);
    let page = site.get("/queue").await.body;
    assert_eq!(page.matches("and 975 more").count(), 2, "holders and waiters");
    assert!(page.len() < PAGE_BYTES_MAX, "{} bytes", page.len());
    assert!(page.contains(HOSTILE_START) && !page.contains("<img"), "{page}");
    let page = site.get("/features/local/render").await.body;
    assert_eq!(page.matches("and 900 more").count(), 2, "holders and waiters");
    let whole = "/queue?server=local&#38;feature=render&#38;limit=1000";
    assert!(page.contains(whole), "{page}");
}
