//! features.html over `api::features`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::view::Features;

use crate::{
    api::{self, Pairs},
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Busy, Frame, print},
    query::{Asked, OF_FEATURES},
    state::App,
};

#[derive(Template)]
#[template(path = "features.html")]
struct FeaturesHtml {
    frame: Frame,
    view: Features,
    zones: Zones,
}

/// `GET /features`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_FEATURES)?;
    let json = link::list("/features", &asked, None);
    let frame = Frame::new(&app, "overview", "Features").with_json(&json);
    let answer = app.ask(move |reader| {
        Ok((api::features::view(reader, &asked.filter)?, api::servers::view(reader)?))
    });
    let (view, servers) = answer.await?;
    print(&FeaturesHtml { frame, view, zones: Zones::of(&servers.servers) })
}
