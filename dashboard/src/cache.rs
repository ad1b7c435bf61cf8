//! Answers, kept for the change they were made at: however many readers a page has, it is made once for each change.
//!
//! An answer depends on the address, the databases and the clock alone. It is kept under its address until the databases change,
//! or until it is so old that its ages would mislead. Who asks while it is made waits for it. Each has a tag made of its bytes,
//! so that a program that asks again is told that nothing is new. Source: RFC 9110, sections 8.8.3 and 13.1.2.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use crate::{assets::fnv1a, error::Error, state::App};

/// An answer is made again after this time, even if nothing has changed: it tells ages.
const FRESH: SignedDuration = SignedDuration::from_secs(5);
/// Answers kept at one time.
const ANSWERS_MAX: usize = 256;
/// Bytes kept at one time.
const BYTES_MAX: usize = 64 << 20;
/// Bytes of one answer: a list has at most a thousand rows.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Addresses whose answers are not of the databases, or never end.
const NOT_KEPT: [&str; 4] = ["/api/v1/stream", "/api/v1/health", "/assets/", "/favicon.ico"];
/// What of an answer's head is kept.
const HEADERS: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_DISPOSITION];

/// The answers kept.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The change they were made at.
    change: u64,
    answers: HashMap<String, Slot>,
}

/// An answer that is made, or is being made.
#[derive(Clone)]
struct Slot {
    asked: Timestamp,
    answer: Arc<OnceCell<Answer>>,
}

/// An answer.
#[derive(Clone)]
struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Cache {
    /// The place of the answer at `address`, as things are at `change` and `now`.
    fn slot(&self, address: &str, change: u64, now: Timestamp) -> Slot {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.change != change {
            kept.change = change;
            kept.answers.clear();
        }
        let old = kept.answers.get(address);
        if let Some(slot) = old.filter(|slot| now.duration_since(slot.asked).abs() < FRESH) {
            return slot.clone();
        }
        if kept.answers.len() >= ANSWERS_MAX || kept.bytes() >= BYTES_MAX {
            kept.answers.clear();
        }
        let slot = Slot { asked: now, answer: Arc::default() };
        kept.answers.insert(address.to_owned(), slot.clone());
        slot
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        let made = self.answers.values().filter_map(|slot| slot.answer.get());
        made.map(|answer| answer.body.len()).sum()
    }
}

impl Answer {
    /// Keeps a response that tells a view; gives any other back.
    async fn of(response: Response) -> Result<Self, Response> {
        if response.status() != StatusCode::OK {
            return Err(response);
        }
        let (head, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|cause| Error::TooLong(cause).into_response())?;
        let named = HEADERS.into_iter().filter_map(|name| {
            let value = head.headers.get(&name)?.clone();
            Some((name, value))
        });
        let mut headers: HeaderMap = named.collect();
        let tag = format!("\"{:016x}\"", fnv1a(&body));
        let tag = HeaderValue::try_from(tag).expect("digits and quotes");
        headers.insert(header::ETAG, tag);
        Ok(Self { headers, body })
    }

    /// The answer to a request with these headers.
    fn response(&self, asked: &HeaderMap) -> Response {
        let mut response = if self.is_known(asked) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Body::from(self.body.clone()).into_response()
        };
        response.headers_mut().extend(self.headers.clone());
        response
    }

    /// Whether who asks has it.
    fn is_known(&self, asked: &HeaderMap) -> bool {
        let tag = self.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let known = asked.get_all(header::IF_NONE_MATCH).into_iter();
        let known = known.filter_map(|value| value.to_str().ok()).flat_map(|tags| tags.split(','));
        known
            .map(|known| known.trim().trim_start_matches("W/"))
            .any(|known| known == "*" || Some(known) == tag)
    }
}

/// A layer: answers from what is kept, and keeps what is answered.
pub(crate) async fn kept(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str()).to_owned();
    if NOT_KEPT.iter().any(|start| address.starts_with(start)) {
        return next.run(request).await;
    }
    let asked = request.headers().clone();
    // The body of HEAD is left out by the server; the head is the same.
    *request.method_mut() = Method::GET;
    let slot = app.cache().slot(&address, app.change_number(), app.now());
    let made = slot.answer.get_or_try_init(async || Answer::of(next.run(request).await).await);
    match made.await {
        Ok(answer) => answer.response(&asked),
        Err(failure) => failure,
    }
}
