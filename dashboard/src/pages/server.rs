//! server.html over `api::server`, with its features and what happened there last.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use lic_protocol::{
    name::ServerName,
    query::Filter,
    view::{Feature, Server, events::Events},
};

use crate::{
    api,
    busy::Busy,
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, print, servers},
    state::App,
};

/// Events shown.
const EVENTS_SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "server.html")]
struct ServerHtml {
    frame: Frame,
    view: Server,
    features: Vec<Feature>,
    events: Events,
    zones: Zones,
}

/// `GET /servers/{server}`.
pub(crate) async fn page(
    State(app): State<App>,
    Path(name): Path<ServerName>,
) -> Result<Html<String>, Error> {
    let json = link::server(&name);
    let frame = Frame::new(&app, "servers", &format::shown(name.as_str())).with_json(&json);
    let missing = api::server::not_found(&name);
    let answer = app.ask(move |reader| {
        let Some(view) = api::server::view(reader, &name)? else { return Ok(None) };
        let mut features = reader.features()?;
        features.retain(|row| row.server == name);
        let last = Filter { server: Some(name), limit: EVENTS_SHOWN, ..Filter::default() };
        let zones = Zones::of(std::slice::from_ref(&view));
        let events = api::events::view(reader, &last)?;
        Ok(Some(ServerHtml { frame, view, features, events, zones }))
    });
    print(&answer.await?.ok_or(missing)?)
}
