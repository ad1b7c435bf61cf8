//! features.html over `api::features`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::view::Features;

use crate::{
    api::{self, Pairs},
    busy::Busy,
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, print},
    query::{Asked, OF_FEATURES},
    state::App,
};

#[derive(Template)]
#[template(path = "features.html")]
struct FeaturesHtml {
    frame: Frame,
    view: Features,
    asked: Asked,
    zones: Zones,
}

/// `GET /features`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_FEATURES)?;
    let json = link::list("/features", &asked, None);
    let frame = Frame::new(&app, "overview", "Features").with_export(&json);
    let filter = asked.filter.clone();
    let answer = app.ask(move |reader| {
        Ok((api::features::view(reader, &filter)?, api::servers::view(reader)?))
    });
    let (view, servers) = answer.await?;
    print(&FeaturesHtml { frame, view, asked, zones: Zones::of(&servers.servers) })
}
