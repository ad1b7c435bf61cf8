//! What can go wrong with a request, and how it is told: a page to a person, a problem document to a script.
//! Causes go to the log.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use lic_store::error::StoreError;
use serde::Serialize;
use tracing::error;

use crate::pages::{self, Frame};

/// What can go wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A parameter that cannot be understood; the sentence names it.
    #[error("{0}")]
    BadParameter(String),
    /// Something that is not there; the sentence names it.
    #[error("{0}")]
    NotFound(String),
    /// The databases cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// As many streams are open as there may be.
    #[error("too many streams are open")]
    Crowded,
    /// A template failed.
    #[error("render a page")]
    Render(#[from] askama::Error),
    /// A view has no JSON form.
    #[error("write a view as JSON")]
    Write(#[from] serde_json::Error),
    /// An answer has more bytes than any may have.
    #[error("an answer is too long")]
    TooLong(#[source] axum::Error),
    /// A handler panicked.
    #[error("a handler panicked: {0}")]
    Panic(String),
}

/// What the asker is told. Carried by the response until `present` knows in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) detail: String,
    /// Commands to type next, if any.
    pub(crate) commands: &'static [&'static str],
}

/// What to type where licmon has never run.
const START: &[&str] = &["licmon serve", "licmon import --system dsls LicenseServer*.log"];

impl Error {
    fn told(&self) -> Told {
        match self {
            Self::BadParameter(sentence) => {
                told(StatusCode::BAD_REQUEST, "This address cannot be understood", sentence)
            }
            Self::NotFound(sentence) => told(StatusCode::NOT_FOUND, "Not found", sentence),
            Self::Store(StoreError::Missing { .. }) => Told {
                commands: START,
                ..told(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Waiting for licmon",
                    "There are no databases yet: licmon has not run here. Start it, or import an old log, and \
                     this page fills by itself.",
                )
            },
            Self::Store(StoreError::TooNew { .. }) => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "licdash is older than licmon",
                "The databases were written by a newer licmon: upgrade licdash and start it again.",
            ),
            Self::Store(StoreError::TooOld { .. }) => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "licmon is older than licdash",
                "The databases are those of an older licmon: restart licmon, it brings them up to date.",
            ),
            Self::Store(StoreError::Forbidden { .. }) => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "The databases may not be read",
                "The user that licdash runs as may not read the databases: put it into the group of their folder.",
            ),
            Self::Crowded => told(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many open pages",
                "As many pages are kept up to date as can be; this one stays as it is until it is loaded again.",
            ),
            Self::Store(_) => {
                self.told_by_id(StatusCode::SERVICE_UNAVAILABLE, "The databases cannot be read")
            }
            Self::Render(_) | Self::Write(_) | Self::TooLong(_) | Self::Panic(_) => {
                self.told_by_id(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here")
            }
        }
    }

    /// Logs the cause under a number, and tells the number.
    fn told_by_id(&self, status: StatusCode, title: &str) -> Told {
        static FAILURES: AtomicU64 = AtomicU64::new(1);
        let id = FAILURES.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{id}", std::process::id());
        let cause = chain(self);
        error!(failure.id = %id, %cause, "{title}");
        told(status, title, &format!("The cause is in the log of licdash under failure {id}."))
    }
}

fn told(status: StatusCode, title: &str, detail: &str) -> Told {
    Told { status, title: title.to_owned(), detail: detail.to_owned(), commands: &[] }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let told = self.told();
        let mut response = told.status.into_response();
        response.extensions_mut().insert(told);
        response
    }
}

/// Gives a response of failure its body, in the form that fits `path`; any other response passes as it is.
pub(crate) fn present(path: &str, change: u64, mut response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let told = response.extensions_mut().remove().unwrap_or_else(|| told_by_status(status, path));
    let body = if path.starts_with("/api/") { problem(&told) } else { page(&told, change) };
    for (name, value) in body.headers() {
        response.headers_mut().insert(name, value.clone());
    }
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = body.into_body();
    response
}

/// For failures that the router found itself.
fn told_by_status(status: StatusCode, path: &str) -> Told {
    match status {
        StatusCode::NOT_FOUND => told(
            status,
            "Not found",
            &format!("There is no page at {}.", crate::format::shown(path)),
        ),
        StatusCode::METHOD_NOT_ALLOWED => {
            told(status, "Only for reading", "This dashboard answers GET and HEAD, nothing else.")
        }
        _ => {
            let title = status.canonical_reason().unwrap_or("Something went wrong");
            told(status, title, "The request cannot be understood.")
        }
    }
}

/// A problem document. Source: RFC 9457.
#[derive(Serialize)]
struct Problem<'told> {
    r#type: &'static str,
    title: &'told str,
    status: u16,
    detail: &'told str,
}

fn problem(told: &Told) -> Response {
    let problem = Problem {
        r#type: "about:blank",
        title: &told.title,
        status: told.status.as_u16(),
        detail: &told.detail,
    };
    let text = serde_json::to_string(&problem).expect("strings and a number have a JSON form");
    let json = HeaderValue::from_static("application/problem+json");
    ([(header::CONTENT_TYPE, json)], Body::from(text)).into_response()
}

fn page(told: &Told, change: u64) -> Response {
    let frame = Frame::of_failure(&told.title, change);
    match pages::error_html(frame, told) {
        Ok(html) => Html(html).into_response(),
        Err(cause) => {
            error!(%cause, "the page that tells a failure failed");
            told.title.clone().into_response()
        }
    }
}
