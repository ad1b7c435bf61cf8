//! feature.html over `api::feature`, with who holds it, who waits and who was refused.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::{Filter, LIMIT_DEFAULT, Which},
    view::{Denials, FeatureHistory, QueuedFeature, Source},
};

use crate::{
    api,
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Busy, Frame, Notice, print, tracing_notice},
    state::App,
};

/// Denials shown beside the holders.
const DENIALS_SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "feature.html")]
struct FeatureHtml {
    frame: Frame,
    view: FeatureHistory,
    seats: QueuedFeature,
    denials: Denials,
    notice: Option<Notice>,
    zones: Zones,
}

/// `GET /features/{server}/{feature}`.
pub(crate) async fn page(
    State(app): State<App>,
    Path((server, feature)): Path<(ServerName, FeatureName)>,
) -> Result<Html<String>, Error> {
    let json = link::feature(&server, &feature);
    let frame = Frame::new(&app, "overview", &format::shown(feature.as_str())).with_json(&json);
    let missing = api::feature::not_found(&server, &feature);
    let of_it = |limit| Filter {
        server: Some(server.clone()),
        feature: Some(feature.clone()),
        limit,
        ..Filter::default()
    };
    let (all, some, now) = (of_it(LIMIT_DEFAULT), of_it(DENIALS_SHOWN), frame.now);
    let answer = app.ask(move |reader| {
        let Some(view) = api::feature::view(reader, &server, &feature)? else { return Ok(None) };
        let mut seats = api::queue::view(reader, &all, now)?.features;
        let Some(seats) = seats.pop() else { return Ok(None) };
        let servers = api::servers::view(reader)?.servers;
        let own = servers.iter().find(|row| row.name == server);
        Ok(Some(FeatureHtml {
            frame,
            view,
            seats,
            denials: api::denials::view(reader, &some)?,
            notice: own.and_then(tracing_notice),
            zones: Zones::of(&servers),
        }))
    });
    print(&answer.await?.ok_or(missing)?)
}
