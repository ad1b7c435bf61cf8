//! What every request passes on its way in and out: method, host, headers of safety, panics, the form of failures.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    error::{self, Error},
    format,
    serve::Dialled,
    state::App,
};

/// Nothing inline, nothing from another site, nobody may frame a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Set on every response.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The outermost layer.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = match refused(&app, &request) {
        Some(response) => response,
        None => error::present(&path, app.change_number(), answered(request, next).await),
    };
    with_headers(response)
}

/// The refusal of a request that is not for us or not for reading; `None` lets it in.
fn refused(app: &App, request: &Request) -> Option<Response> {
    let hosts: Vec<_> = request.headers().get_all(header::HOST).iter().collect();
    let authority = match (request.uri().authority(), hosts.as_slice()) {
        (Some(authority), _) => authority.as_str(),
        (None, [host]) => host.to_str().unwrap_or_default(),
        (None, _) => "",
    };
    let dialled = request.extensions().get::<Dialled>().map(|dialled| dialled.0.ip());
    if hosts.len() > 1 || !app.hosts().answers_to(authority, dialled) {
        return Some(misdirected(authority));
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    (!is_read).then(|| error::present(path, app.change_number(), only_reading()))
}

fn only_reading() -> Response {
    let allow = [(header::ALLOW, HeaderValue::from_static("GET, HEAD"))];
    (StatusCode::METHOD_NOT_ALLOWED, allow).into_response()
}

/// Plain text, because under another name the stylesheet would be refused as well.
fn misdirected(authority: &str) -> Response {
    let name = format::shown(authority);
    let text = format!(
        "421: this dashboard does not answer to the name \"{name}\".\n\n\
         If colleagues should reach it under that name, add the name to the configuration and restart licdash:\n\n\
         [dashboard]\nhosts = [\"{name}\"]\n"
    );
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

/// The handler's answer; a panic in it becomes a failure like any other.
async fn answered(request: Request, next: Next) -> Response {
    let mut answer = pin!(next.run(request));
    let answer =
        poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(Poll::Ready(response)) => Poll::Ready(Ok(response)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(Error::Panic(text_of(panic.as_ref())))),
        });
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no words".to_owned())
}

fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let cache = response.headers_mut().entry(header::CACHE_CONTROL);
    cache.or_insert(HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use lic_store::open::DatabasePaths;
    use tokio::sync::watch;
    use tower::ServiceExt;

    use super::*;
    use crate::host::Hosts;

    async fn panics() -> &'static str {
        panic!("on purpose")
    }

    #[tokio::test]
    async fn panic_in_a_handler_is_a_500_with_a_number() {
        let hosts = Hosts::new([127, 0, 0, 1].into(), &[], "");
        let databases = DatabasePaths::in_state("/nowhere".as_ref());
        let app = App::new(&databases, watch::channel(0).1, hosts);
        let router = Router::new().route("/api/panics", get(panics));
        let router = router.layer(from_fn_with_state(app, guard));
        let request = Request::get("/api/panics").header("host", "localhost").body(Body::empty());
        let response = router.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        assert!(String::from_utf8(body.to_vec()).unwrap().contains("under failure "));
    }
}
