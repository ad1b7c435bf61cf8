//! events.html over `api::events`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::view::events::{Events, Happened, Kind};

use crate::{
    api::{self, Pairs},
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, print},
    query::{Asked, OF_A_LIST},
    state::App,
};

#[derive(Template)]
#[template(path = "events.html")]
struct EventsHtml {
    frame: Frame,
    view: Events,
    asked: Asked,
    zones: Zones,
}

/// `GET /events`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_A_LIST)?;
    let json = link::list("/events", &asked, None);
    let frame = Frame::new(&app, "sessions", "Events").with_export(&json);
    let filter = asked.filter.clone();
    let answer = app
        .ask(move |reader| Ok((api::events::view(reader, &filter)?, api::servers::view(reader)?)));
    let (view, servers) = answer.await?;
    print(&EventsHtml { frame, view, asked, zones: Zones::of(&servers.servers) })
}

impl EventsHtml {
    fn first(&self) -> String {
        link::list("/events", &self.asked, None)
    }

    fn next(&self) -> Option<String> {
        Some(link::list("/events", &self.asked, Some(self.view.next.as_deref()?)))
    }
}

/// What happened, in words: class of the badge, and what it says.
pub(super) fn what(event: &Happened) -> (&'static str, &'static str) {
    match event.kind {
        Kind::Checkout => ("good", "checkout"),
        Kind::Checkin => ("calm", "checkin"),
        Kind::Denial => ("bad", "denial"),
        Kind::Queue => ("warn", "waits"),
        Kind::Dequeue => ("calm", "waits no more"),
        Kind::Server => ("muted", "server"),
    }
}

/// The reason of an event with its words apart.
pub(super) fn why(event: &Happened) -> Option<String> {
    let reason = event.reason.as_deref()?;
    let is_ours = matches!(event.kind, Kind::Checkin | Kind::Dequeue);
    Some(format::shown(&if is_ours { reason.replace('_', " ") } else { reason.to_owned() }))
}
