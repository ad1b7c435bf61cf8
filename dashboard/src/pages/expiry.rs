//! expiry.html over `api::expiry`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::view::expiry::Expiry;

use crate::{
    api::{self, Pairs},
    error::Error,
    filters,
    format::Zones,
    link,
    pages::{Frame, print},
    query::{Asked, OF_EXPIRY},
    state::App,
};

/// Days before an end from which on it is soon.
pub(super) const SOON_DAYS: i64 = 30;
/// Days before an end from which on it is urgent.
const URGENT_DAYS: i64 = 7;

#[derive(Template)]
#[template(path = "expiry.html")]
struct ExpiryHtml {
    frame: Frame,
    view: Expiry,
    asked: Asked,
    zones: Zones,
}

/// `GET /expiry`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_EXPIRY)?;
    let json = link::list("/expiry", &asked, None);
    let frame = Frame::new(&app, "overview", "Expiry").with_export(&json);
    let (filter, now) = (asked.filter.clone(), frame.now);
    let answer = app.ask(move |reader| {
        Ok((api::expiry::view(reader, &filter, now)?, api::servers::view(reader)?))
    });
    let (view, servers) = answer.await?;
    print(&ExpiryHtml { frame, view, asked, zones: Zones::of(&servers.servers) })
}

/// Class of the badge of an end.
pub(super) fn tone(days_left: i64) -> &'static str {
    match days_left {
        days if days <= 1 => "bad",
        days if days <= URGENT_DAYS => "warn",
        days if days <= SOON_DAYS => "calm",
        _ => "muted",
    }
}

/// How far ahead an end is, in words.
pub(super) fn left(days_left: i64) -> String {
    match days_left {
        ..0 => "expired".to_owned(),
        0 => "within a day".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{} days left", crate::format::count(days)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(days_left: i64, expected: &str) {
        assert_eq!(format!("{} {}", tone(days_left), left(days_left)), expected);
    }

    #[test]
    fn the_nearer_an_end_the_louder() {
        check(-3, "bad expired");
        check(0, "bad within a day");
        check(1, "bad 1 day left");
        check(7, "warn 7 days left");
        check(30, "calm 30 days left");
        check(1234, "muted 1,234 days left");
    }
}
