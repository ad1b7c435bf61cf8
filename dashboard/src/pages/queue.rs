//! queue.html over `api::queue`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::view::Waiters;

use crate::{
    api::{self, Pairs},
    error::Error,
    filters,
    format::Zones,
    link,
    pages::{Frame, print},
    query::{Asked, OF_THE_QUEUE},
    state::App,
};

#[derive(Template)]
#[template(path = "queue.html")]
struct QueueHtml {
    frame: Frame,
    view: Waiters,
    zones: Zones,
}

/// `GET /queue`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_THE_QUEUE)?;
    let json = link::list("/queue", &asked, None);
    let frame = Frame::new(&app, "queue", "Queue").with_json(&json);
    let answer = app.ask(move |reader| {
        Ok((api::queue::view(reader, &asked.filter)?, api::servers::view(reader)?))
    });
    let (view, servers) = answer.await?;
    print(&QueueHtml { frame, view, zones: Zones::of(&servers.servers) })
}
