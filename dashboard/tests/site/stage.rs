//! A dashboard over real databases, asked without a socket, and what the stories put into them.

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
    name::ServerName,
    outcome::Outcome,
    view::{Mode, Source},
};
use lic_store::{
    commit::Batch,
    configured::{Configured, ConfiguredFeature, ConfiguredServer},
    open::DatabasePaths,
    writer::Writer,
};
use licdash::{host::Hosts, router::router, state::App};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// A name as an attacker would choose it, and what may stand on a page instead.
pub(crate) const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{1b}[31m\"'&\u{202e}";
pub(crate) const HOSTILE_START: &str =
    "&#60;img src=x onerror=alert(1)&#62;\\x1b[31m&#34;&#39;&#38;\\u{202e}";
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// A dashboard over a folder of its own.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) router: Router,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Site {
    /// Without databases.
    pub(crate) fn empty() -> Self {
        Self::watching(watch::channel(7).1)
    }

    /// Full, with what tells it of changes.
    pub(crate) fn changing() -> (Self, watch::Sender<u64>) {
        let (sender, receiver) = watch::channel(7);
        let site = Self::watching(receiver);
        fill(site.folder.path());
        (site, sender)
    }

    fn watching(change: watch::Receiver<u64>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let databases = DatabasePaths::in_state(folder.path());
        let hosts = Hosts::new([127, 0, 0, 1].into(), &["lic.example.com".to_owned()], "node7");
        let router = router(App::new(&databases, change, hosts));
        Self { folder, router }
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer::open(&DatabasePaths::in_state(self.folder.path())).expect("a writer")
    }

    /// With three holders, one of them of a hostile name, an ended session, a denial and somebody who waits.
    pub(crate) fn full() -> Self {
        let site = Self::empty();
        fill(site.folder.path());
        site
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, "127.0.0.1:8501", path).await
    }

    /// Asks for what has the tags `known` already.
    pub(crate) async fn get_knowing(&self, path: &str, known: &str) -> Answer {
        let request = Request::get(path).header("host", "localhost").header("if-none-match", known);
        self.answer(request.body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn ask(&self, method: Method, host: &str, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", host);
        self.answer(request.body(Body::empty()).expect("a request")).await
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.expect("a body").to_vec();
        let body = String::from_utf8(body).expect("text");
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn api<T: DeserializeOwned>(&self, path: &str) -> T {
        let answer = self.get(&format!("/api/v1{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("a document")
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

pub(crate) fn at(minute: i64) -> Timestamp {
    "2025-08-18T08:00:00Z".parse::<Timestamp>().expect("a time") + SignedDuration::from_mins(minute)
}

pub(crate) fn checkout(feature: &str, user: &str, handle: &str) -> Fact {
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

pub(crate) fn checkin(feature: &str, user: &str, handle: &str) -> Fact {
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

pub(crate) fn denial(feature: &str, user: &str) -> Fact {
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

pub(crate) fn wait(feature: &str, user: &str) -> Fact {
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
pub(crate) fn hash(server: &str, minute: i64) -> u64 {
    server.bytes().map(u64::from).sum::<u64>() * 1000 + minute.unsigned_abs()
}

pub(crate) fn batch(server: &str, source: Source, facts: Vec<Fact>) -> Batch {
    let event = |(minute, fact)| Event {
        at: at(minute),
        fact,
        identity: Identity { hash: hash(server, minute), ordinal: 0 },
        raw: None,
    };
    let events = (0..).zip(facts).map(event).collect();
    Batch { server: server.into(), source, learned_at: at(60), events, checkpoint: None }
}

pub(crate) fn configured() -> Configured {
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

pub(crate) fn fill(folder: &Path) {
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

#[track_caller]
pub(crate) fn check(answer: &Answer, status: u16, mime: &str, text: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert!(answer.header("content-type").starts_with(mime), "{}", answer.header("content-type"));
    assert!(answer.body.contains(text), "{text} in {}", answer.body);
}
