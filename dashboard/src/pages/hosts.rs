//! hosts.html over `api::hosts`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::{query::Which, view::people::Hosts};

use crate::{
    api::{self, Pairs},
    error::Error,
    filters, format, link,
    pages::{Frame, print},
    query::{Asked, OF_PEOPLE},
    state::App,
};

#[derive(Template)]
#[template(path = "hosts.html")]
struct HostsHtml {
    frame: Frame,
    view: Hosts,
    asked: Asked,
}

/// `GET /hosts`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_PEOPLE)?;
    let json = link::list("/hosts", &asked, None);
    let frame = Frame::new(&app, "sessions", "Hosts").with_export(&json);
    let (filter, now) = (asked.filter.clone(), frame.now);
    let view = app.ask(move |reader| api::hosts::view(reader, &filter, now)).await?;
    print(&HostsHtml { frame, view, asked })
}
