//! Pages and API over real databases, asked without a socket: they agree, refuse what they must, and print names as text.

#[path = "site/hours.rs"]
mod hours;
#[path = "site/openapi.rs"]
mod openapi;
#[path = "site/past.rs"]
mod past;
#[path = "site/polled.rs"]
mod polled;
#[path = "site/queue.rs"]
mod queue;
#[path = "site/stage.rs"]
mod stage;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use lic_protocol::{
    name::FeatureName,
    view::{
        Denials, FeatureHistory, Features, Overview, Servers, Sessions, Source, Waiters,
        events::Events,
        people::{Hosts, Users},
    },
};
use lic_store::{open::DatabasePaths, writer::Writer};
use licdash::state::STREAMS_MAX;
use tower::ServiceExt;

use crate::stage::{HOSTILE_START, Site, at, batch, check, checkout, configured, denial, fill};

const PAGES: [&str; 21] = [
    "/",
    "/features",
    "/features?server=catia",
    "/features/catia/CAC?range=year",
    "/users",
    "/users?feature=CAC&limit=1",
    "/users/ANN",
    "/hosts",
    "/events",
    "/events?user=ann&limit=2",
    "/expiry",
    "/servers/catia",
    "/search?q=a",
    "/features/catia/CAC",
    "/features/local/sqlite",
    "/sessions",
    "/sessions?state=ended",
    "/sessions?state=all&user=ann&limit=1",
    "/denials",
    "/queue",
    "/servers",
];
#[tokio::test]
async fn every_page_is_there_and_safe() {
    let site = Site::full();
    for path in PAGES {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!page.body.contains("style=\""), "{path}: no inline style");
        assert!(!page.body.contains("<img"), "{path}: {}", page.body);
        assert!(!page.body.contains(['\u{1b}', '\u{202e}']), "{path}: a raw control character");
    }
}

#[tokio::test]
async fn a_run_around_the_wrapper_takes_a_seat_and_is_marked() {
    let site = Site::full();
    let runs = vec![checkout("sqlite", "eve", "7.4711.1f2e3d4c")];
    let mut runs = batch("local", Source::Process, runs);
    runs.events[0].identity.hash += 1_000_000;
    let mut writer = Writer::open(&DatabasePaths::in_state(site.folder.path())).expect("a writer");
    writer.commit(&[runs], at(60)).expect("a commit");
    drop(writer);
    let sqlite: FeatureHistory = site.api("/features/local/sqlite").await;
    let figures = (sqlite.now.in_use, sqlite.now.issued, sqlite.now.unwrapped);
    assert_eq!(figures, (Some(2), Some(1), Some(1)));
    for (path, marks) in [("/", 1), ("/sessions", 1), ("/features/local/sqlite", 2)] {
        let page = site.get(path).await.body;
        assert_eq!(page.matches("unwrapped</span>").count(), marks, "{path}: {page}");
    }
    assert!(!site.get("/features/catia/CAC").await.body.contains("unwrapped</span>"));
}

#[tokio::test]
async fn page_and_json_agree() {
    let site = Site::full();
    let overview: Overview = site.api("/overview").await;
    let page = site.get("/").await.body;
    assert_eq!(overview.features.len(), 3);
    assert_eq!(page.matches("data-label=\"Seats in use\"").count(), overview.features.len());
    let active: Sessions = site.api("/sessions?state=active").await;
    let page = site.get("/sessions").await.body;
    assert_eq!(active.sessions.len(), 3);
    assert_eq!(page.matches("data-label=\"Held for\"").count(), active.sessions.len());
    let all: Sessions = site.api("/sessions").await;
    let page = site.get("/sessions?state=all").await.body;
    assert_eq!(all.sessions.len(), 4);
    assert_eq!(page.matches("data-label=\"Started\"").count(), all.sessions.len());
    let denials: Denials = site.api("/denials").await;
    let page = site.get("/denials").await.body;
    assert_eq!(page.matches("data-label=\"Reason\"").count(), denials.denials.len());
    let queue: Waiters = site.api("/queue").await;
    let page = site.get("/queue").await.body;
    assert_eq!(page.matches("data-label=\"Place\"").count(), queue.queue.len());
    assert_eq!(queue.queue.len(), 1);
    let servers: Servers = site.api("/servers").await;
    let page = site.get("/servers").await.body;
    assert_eq!(page.matches("data-label=\"Last heard\"").count(), servers.servers.len());
    let events: Events = site.api("/events").await;
    let page = site.get("/events").await.body;
    assert_eq!(page.matches("data-label=\"What\"").count(), events.events.len());
    assert_eq!(events.events.len(), 7);
    let users: Users = site.api("/users").await;
    let page = site.get("/users").await.body;
    assert_eq!(page.matches("data-label=\"Hours\"").count(), users.users.len());
    let hosts: Hosts = site.api("/hosts").await;
    let page = site.get("/hosts").await.body;
    assert_eq!(page.matches("data-label=\"Hours\"").count(), hosts.hosts.len());
}

#[tokio::test]
async fn a_feature_shows_its_history() {
    let site = Site::full();
    let features: Features = site.api("/features").await;
    let one: FeatureHistory = site.api("/features/catia/CAC").await;
    assert!(features.features.contains(&one));
    let figures = one.figures.expect("figures of a feature that is seen");
    assert_eq!((figures.checkouts, figures.ended_sessions, one.denials), (2, 1, 1));
    let page = site.get("/features/catia/CAC").await.body;
    let hours = format!("<dd>{:.4}</dd>", figures.ended_session_hours);
    assert!(page.contains(&hours), "{hours} in {page}");
    assert!(page.contains("2025-08-18 08:02:00 UTC"), "{page}");
    assert!(page.contains("2025-08-18 10:02:00 Europe/Stockholm, the zone of catia"), "{page}");
}

#[tokio::test]
async fn hostile_names_are_text() {
    let site = Site::full();
    let page = site.get("/sessions").await.body;
    assert!(page.contains(HOSTILE_START), "{page}");
    let link = "/features/catia/A%2FB%20%3Cx%3E";
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    let feature = site.get(link).await;
    assert_eq!(feature.status, StatusCode::OK);
    assert!(feature.body.contains("<h1>A/B &#60;x&#62;</h1>"), "{}", feature.body);
    let view: FeatureHistory = site.api(link).await;
    assert_eq!(view.now.feature, FeatureName::from("A/B <x>"));
}

#[tokio::test]
async fn lists_are_filtered_and_continued() {
    let site = Site::full();
    let first: Sessions = site.api("/sessions?user=ANN&limit=1").await;
    let next = first.next.expect("a second page");
    let second: Sessions = site.api(&format!("/sessions?user=ANN&limit=1&after={next}")).await;
    assert_eq!((first.sessions.len(), second.sessions.len()), (1, 1));
    assert_ne!(first.sessions[0].id, second.sessions[0].id);
    let page = site.get("/sessions?state=all&user=ANN&limit=1").await.body;
    let older = format!("/sessions?state=all&#38;user=ANN&#38;limit=1&#38;after={next}");
    assert!(page.contains(&older), "{older} in {page}");
    let none: Waiters = site.api("/queue?user=nobody").await;
    assert_eq!(none.queue, []);
}

/// Two who are refused, one of them again and again.
#[tokio::test]
async fn tries_in_a_row_are_one_line() {
    let site = Site::empty();
    let paths = DatabasePaths::in_state(site.folder.path());
    let mut writer = Writer::open(&paths).expect("a writer");
    writer.configure(&configured()).expect("a picture");
    let refused = ["ann", "ann", "ben", "ann"].map(|user| denial("CAC", user)).to_vec();
    writer.commit(&[batch("catia", Source::Log, refused)], at(60)).expect("a commit");
    let lines =
        |page: &str| page.split("<tr>").filter(|row| row.contains("exhausted</span>")).count();
    for path in ["/denials", "/", "/features/catia/CAC"] {
        let page = site.get(path).await.body;
        assert!(page.contains("3 tries since <time datetime=\"2025-08-18T08:00:00"), "{page}");
        assert_eq!(lines(&page), 2, "{path}: {page}");
    }
    let denials: Denials = site.api("/denials").await;
    assert_eq!(denials.denials.len(), 4, "the document has every one");
    let tries: Vec<u64> = denials.episodes.iter().map(|episode| episode.tries).collect();
    assert_eq!(tries, [3, 1]);
    let feature: FeatureHistory = site.api("/features/catia/CAC").await;
    assert_eq!((feature.denials, feature.episodes), (4, 2));
}

#[tokio::test]
async fn mistakes_are_told() {
    let site = Site::full();
    let (page, problem) = ("text/html", "application/problem+json");
    check(&site.get("/nowhere").await, 404, page, "There is no page at /nowhere.");
    check(&site.get("/api/v1/nowhere").await, 404, problem, "\"status\":404");
    check(&site.get("/features/catia/NONE").await, 404, page, "no feature &#34;NONE&#34;");
    check(&site.get("/api/v1/features/catia/NONE").await, 404, problem, "no feature");
    check(&site.get("/sessions?limit=x").await, 400, page, "The parameter limit cannot be");
    check(&site.get("/api/v1/sessions?state=x").await, 400, problem, "The parameter state cannot");
    check(&site.get("/api/v1/denials?state=all").await, 400, problem, "no parameter");
    check(&site.get("/assets/../Cargo.toml").await, 404, page, "There is no page");
    let posted = site.ask(Method::POST, "localhost", "/api/v1/sessions").await;
    check(&posted, 405, problem, "GET and HEAD");
    assert_eq!(posted.header("allow"), "GET, HEAD");
    let rebound = site.ask(Method::GET, "evil.example", "/").await;
    check(&rebound, 421, "text/plain", "[dashboard]\nhosts = [\"evil.example\"]");
    assert_eq!(site.ask(Method::GET, "LIC.example.com:80", "/").await.status, StatusCode::OK);
    assert_eq!(site.ask(Method::HEAD, "node7", "/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_databases_the_page_says_what_to_start() {
    let site = Site::empty();
    check(&site.get("/").await, 503, "text/html", "licmon serve");
    check(&site.get("/api/v1/health").await, 503, "application/problem+json", "licmon has not run");
    fill(site.folder.path());
    check(&site.get("/api/v1/health").await, 200, "application/json", "\"change\":7");
    check(&site.get("/").await, 200, "text/html", "data-change=\"7\"");
}

#[tokio::test]
async fn assets_are_small_and_kept() {
    let site = Site::full();
    let page = site.get("/").await.body;
    let named = |text: &str| page.split(text).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut bytes = page.len();
    for path in [named("stylesheet\" href=\""), named("script src=\""), named("icon\" href=\"")] {
        let asset = site.get(&path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert!(asset.header("cache-control").ends_with("immutable"), "{path}");
        bytes += asset.body.len();
    }
    assert!(bytes < 60 << 10, "a first visit takes {bytes} bytes");
}

#[tokio::test]
async fn streams_are_counted() {
    let site = Site::full();
    let stream = || async {
        let request = Request::get("/api/v1/stream").header("host", "localhost");
        let request = request.body(Body::empty()).expect("a request");
        site.router.clone().oneshot(request).await.expect("an answer")
    };
    let mut open = Vec::new();
    for _ in 0..STREAMS_MAX {
        open.push(stream().await);
    }
    assert!(open.iter().all(|stream| stream.status() == StatusCode::OK));
    check(&site.get("/api/v1/stream").await, 503, "application/problem+json", "Too many open");
    assert_eq!(site.get("/").await.status, StatusCode::OK, "pages are still answered");
    open.pop();
    assert_eq!(stream().await.status(), StatusCode::OK);
}
