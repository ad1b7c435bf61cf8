//! Pages and API over real databases, asked without a socket: they agree, refuse what they must, and print names as text.

#[path = "site/queue.rs"]
mod queue;

use std::{path::Path, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use jiff::{SignedDuration, Timestamp};
use lic_protocol::{
    event::{
        Checkin, Checkout, Denial, EndReason, Event, Fact, HandleOf, Identity, Queue, ReasonClass,
    },
    name::{FeatureName, ServerName},
    outcome::Outcome,
    view::{
        Denials, FeatureHistory, Features, Mode, Overview, Servers, Sessions, Source, Waiters,
        events::Events,
        people::{self, UserDetail, Users},
        series::{HeatMap, Series},
    },
};
use lic_store::{
    commit::Batch,
    configured::{Configured, ConfiguredFeature, ConfiguredServer},
    open::DatabasePaths,
    writer::Writer,
};
use licdash::{
    host::Hosts,
    router::router,
    state::{App, STREAMS_MAX},
};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

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
/// A name as an attacker would choose it, and what may stand on a page instead.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{1b}[31m\"'&\u{202e}";
const HOSTILE_START: &str = "&#60;img src=x onerror=alert(1)&#62;\\x1b[31m&#34;&#39;&#38;\\u{202e}";
const BODY_BYTES_MAX: usize = 1 << 20;

/// A dashboard over a folder of its own.
struct Site {
    folder: TempDir,
    router: Router,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Site {
    /// Without databases.
    fn empty() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let databases = DatabasePaths::in_state(folder.path());
        let hosts = Hosts::new([127, 0, 0, 1].into(), &["lic.example.com".to_owned()], "node7");
        let router = router(App::new(&databases, watch::channel(7).1, hosts));
        Self { folder, router }
    }

    fn writer(&self) -> Writer {
        Writer::open(&DatabasePaths::in_state(self.folder.path())).expect("a writer")
    }

    /// With three holders, one of them of a hostile name, an ended session, a denial and somebody who waits.
    fn full() -> Self {
        let site = Self::empty();
        fill(site.folder.path());
        site
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, "127.0.0.1:8501", path).await
    }

    async fn ask(&self, method: Method, host: &str, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", host);
        let request = request.body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.expect("a body").to_vec();
        let body = String::from_utf8(body).expect("text");
        Answer { status: head.status, headers: head.headers, body }
    }

    async fn api<T: DeserializeOwned>(&self, path: &str) -> T {
        let answer = self.get(&format!("/api/v1{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("a document")
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

fn at(minute: i64) -> Timestamp {
    "2025-08-18T08:00:00Z".parse::<Timestamp>().expect("a time") + SignedDuration::from_mins(minute)
}

fn checkout(feature: &str, user: &str, handle: &str) -> Fact {
    Fact::Checkout(Checkout {
        feature: feature.into(),
        user: user.into(),
        host: "WS0001".into(),
        count: 1,
        handle: handle.to_owned(),
        handle_of: HandleOf::Session,
        seat: Some(user.to_owned()),
        version: None,
        vendor: None,
        unit: None,
        display: None,
        process: Some("C:\\bin\\CNEXT.exe".to_owned()),
        project: None,
    })
}

fn checkin(feature: &str, user: &str, handle: &str) -> Fact {
    Fact::Checkin(Checkin {
        feature: feature.into(),
        handle: handle.to_owned(),
        handle_of: HandleOf::Session,
        count: None,
        user: user.into(),
        host: "WS0001".into(),
        reason: EndReason::Timeout,
        ended_before: None,
        outcome: Outcome::default(),
    })
}

fn denial(feature: &str, user: &str) -> Fact {
    Fact::Denial(Denial {
        feature: feature.into(),
        user: user.into(),
        host: "WS0002".into(),
        count: 1,
        reason: "no more available license".to_owned(),
        class: ReasonClass::Exhausted,
        process: None,
        tries: 1,
    })
}

fn wait(feature: &str, user: &str) -> Fact {
    Fact::Queue(Queue {
        feature: feature.into(),
        user: user.into(),
        host: "node7".into(),
        count: 1,
        ticket: "1".to_owned(),
        credit: Duration::ZERO,
    })
}

/// Any number of its own for each line of each server.
fn hash(server: &str, minute: i64) -> u64 {
    server.bytes().map(u64::from).sum::<u64>() * 1000 + minute.unsigned_abs()
}

fn batch(server: &str, source: Source, facts: Vec<Fact>) -> Batch {
    let event = |(minute, fact)| Event {
        at: at(minute),
        fact,
        identity: Identity { hash: hash(server, minute), ordinal: 0 },
        raw: None,
    };
    let events = (0..).zip(facts).map(event).collect();
    Batch { server: server.into(), source, learned_at: at(60), events, checkpoint: None }
}

fn configured() -> Configured {
    let server = |name: &str, system: &str| ConfiguredServer {
        name: name.into(),
        system: system.to_owned(),
        zone: "Europe/Stockholm".to_owned(),
    };
    let sqlite = ConfiguredFeature {
        server: ServerName::local(),
        feature: "sqlite".into(),
        issued: Some(1),
        reserved: 0,
        mode: Mode::Enforce,
        expires: None,
    };
    Configured {
        servers: vec![server("catia", "dsls"), server("local", "licwrap")],
        features: vec![sqlite],
    }
}

fn fill(folder: &Path) {
    let mut writer = Writer::open(&DatabasePaths::in_state(folder)).expect("a writer");
    writer.configure(&configured()).expect("a picture");
    let logged = vec![
        checkout("CAC", "ann", "1"),
        checkin("CAC", "ann", "1"),
        checkout("CAC", "ann", "2"),
        checkout("A/B <x>", HOSTILE, "3"),
        denial("CAC", "bob"),
    ];
    let wrapped = vec![checkout("sqlite", "carl", "lease"), wait("sqlite", "dora")];
    let batches = [batch("catia", Source::Log, logged), batch("local", Source::Wrapper, wrapped)];
    writer.commit(&batches, at(60)).expect("a commit");
}

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
    let hosts: people::Hosts = site.api("/hosts").await;
    let page = site.get("/hosts").await.body;
    assert_eq!(page.matches("data-label=\"Hours\"").count(), hosts.hosts.len());
}

/// `ann` held CAC for a minute and holds it again; both are of the day that the log tells of.
#[tokio::test]
async fn the_past_of_a_feature_is_drawn() {
    let site = Site::full();
    let series: Series = site.api("/features/catia/CAC/series?range=hour").await;
    let seen: Vec<_> = series.points.iter().filter_map(|point| point.peak).collect();
    assert_eq!(seen, [1, 0, 1, 1], "from the first line to the last");
    assert_eq!((series.points.len(), series.lengths.sessions), (60, 1));
    assert_eq!(series.zone, "Europe/Stockholm");
    let map: HeatMap = site.api("/heatmap?server=catia&feature=CAC").await;
    let seen: Vec<_> = map.cells.iter().filter(|cell| cell.peak.is_some()).collect();
    assert_eq!(seen.len(), 1, "one hour of the week was seen");
    assert_eq!((seen[0].weekday, seen[0].hour, seen[0].peak), (1, 10, Some(1)));
    let page = site.get("/features/catia/CAC?range=hour").await.body;
    assert_eq!(page.matches("<td>Mon 2025-08-18").count(), series.points.len());
    assert!(page.contains("Monday 10:00: mean 0.8, peak 1"), "{page}");
    let ann: UserDetail = site.api("/users/ANN").await;
    let figures = ann.all.figures;
    assert_eq!((figures.active, figures.sessions, figures.features), (1, 2, 1));
    check(
        &site.get("/api/v1/heatmap").await,
        400,
        "application/problem+json",
        "server and feature",
    );
    check(&site.get("/users/nobody").await, 404, "text/html", "Nothing is known of a user");
    check(&site.get("/servers/none").await, 404, "text/html", "no license server");
}

#[tokio::test]
async fn tables_are_exported() {
    let site = Site::full();
    for (path, first) in [
        ("/sessions", "id,server,feature,version,user,host,display,count,"),
        ("/denials", "id,at,learned_at,server,feature,user,host,"),
        ("/events", "id,at,learned_at,kind,server,feature,user,host,count,reason,"),
        ("/features", "server,system,feature,version,vendor,issued,in_use,"),
        ("/servers", "name,system,zone,state,since,last_answer,"),
        ("/users", "user,hosts,active,sessions,session_hours,"),
        ("/hosts", "host,users,active,sessions,session_hours,"),
        ("/users/ann", "server,feature,active,sessions,"),
        ("/queue", "server,feature,user,host,count,since,place,"),
        ("/features/catia/CAC/series", "at,mean,peak"),
        ("/heatmap?server=catia&feature=CAC", "weekday,hour,mean,peak,observed_s"),
    ] {
        let joint = if path.contains('?') { '&' } else { '?' };
        let answer = site.get(&format!("/api/v1{path}{joint}format=csv")).await;
        check(&answer, 200, "text/csv", "\r\n");
        assert!(answer.body.starts_with(first), "{path}: {}", answer.body);
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\""));
        let controls = answer.body.replace("\r\n", "");
        assert!(!controls.contains(char::is_control), "{path}: {}", answer.body);
    }
    check(
        &site.get("/api/v1/users?format=xml").await,
        400,
        "application/problem+json",
        "json or csv",
    );
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
    let lines = |page: &str| page.split("<tr>").filter(|row| row.contains("exhausted</span>")).count();
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

#[track_caller]
fn check(answer: &Answer, status: u16, mime: &str, text: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert!(answer.header("content-type").starts_with(mime), "{}", answer.header("content-type"));
    assert!(answer.body.contains(text), "{text} in {}", answer.body);
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
