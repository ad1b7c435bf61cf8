//! Seats of one feature over time.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use jiff::Timestamp;
use lic_analytics::{
    lengths::lengths,
    series::{Reach, series},
};
use lic_protocol::{
    name::{FeatureName, ServerName},
    view::{Feature, Server, series::Series},
};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::{Pairs, feature, observed},
    error::Error,
    export::{self, Form},
    query::{Asked, OF_A_SERIES},
    state::App,
};

/// What of the past a series shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// How far back.
    pub(crate) reach: Reach,
    /// From when; without it, from now, or from when the license server was last heard where it is not followed.
    pub(crate) to: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

/// The series of a feature of `server`: the one function that says how seats were in use over time.
pub(crate) fn view(
    reader: &Reader,
    server: &Server,
    feature: &Feature,
    window: Window,
) -> Result<Series, StoreError> {
    let (zone, zone_name) = observed::zone(server);
    let seen = observed::observed(reader, server, window.now)?;
    let last = seen.last().map(|seen| seen.end);
    // The end of a day is not in the next one.
    let to = window.to.and_then(|to| to.checked_sub(jiff::SignedDuration::from_millis(1)).ok());
    let edges = window.reach.edges(to.or(last).unwrap_or(window.now), &zone);
    let (from, to) = match (edges.first(), edges.last()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => (window.now, window.now),
    };
    let spans = observed::spans(reader, server, &feature.feature, from)?;
    Ok(Series {
        server: server.name.clone(),
        feature: feature.feature.clone(),
        from,
        to,
        zone: zone_name,
        issued: observed::issued(feature),
        points: series(&spans, &edges, &seen),
        lengths: lengths(&spans, &(from..to)),
    })
}

/// `GET /api/v1/features/{server}/{feature}/series`.
pub(crate) async fn json(
    State(app): State<App>,
    Path((server, name)): Path<(ServerName, FeatureName)>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let asked = Asked::understand(&pairs, OF_A_SERIES)?;
    let missing = feature::not_found(&server, &name);
    let reach = asked.reach.unwrap_or_default();
    let window = Window { reach, to: asked.filter.to, now: app.now() };
    let answer = app.ask(move |reader| {
        let Some((server, feature)) = feature::found(reader, &server, &name)? else {
            return Ok(None);
        };
        view(reader, &server, &feature, window).map(Some)
    });
    let series = answer.await?.ok_or(missing)?;
    export::answer(form, "series", &series, &series.points)
}
