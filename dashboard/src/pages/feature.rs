//! feature.html over `api::feature`, with who holds it, who waits and who was refused.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::{Filter, LIMIT_MAX, Which},
    view::{Denials, FeatureHistory, Sessions, Source, Waiters},
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
    holders: Sessions,
    queue: Waiters,
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
    let (all, some) = (of_it(LIMIT_MAX), of_it(DENIALS_SHOWN));
    let answer = app.ask(move |reader| {
        let Some(view) = api::feature::view(reader, &server, &feature)? else { return Ok(None) };
        let servers = api::servers::view(reader)?.servers;
        let own = servers.iter().find(|row| row.name == server);
        Ok(Some(FeatureHtml {
            frame,
            view,
            holders: api::sessions::view(reader, Which::Active, &all)?,
            queue: api::queue::view(reader, &all)?,
            denials: api::denials::view(reader, &some)?,
            notice: own.and_then(tracing_notice),
            zones: Zones::of(&servers),
        }))
    });
    print(&answer.await?.ok_or(missing)?)
}
