//! Seats of one feature over time.

use std::ops::Range;

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use lic_analytics::{
    lengths::lengths,
    series::{Reach, series},
};
use lic_protocol::{
    name::{FeatureName, ServerName},
    view::{
        Feature, Server,
        series::{Point, Recount, Series},
    },
};
use lic_store::{
    error::StoreError,
    read::{Reader, folds},
};

use crate::{
    api::{Pairs, feature, observed},
    error::Error,
    export::{self, Form},
    query::{Asked, OF_A_SERIES},
    state::App,
};

/// Of how much of a series the lengths of sessions are told: they are made of sessions one by one, of which there may be any number.
const LENGTHS_BACK: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What of the past a series shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// How far back.
    pub(crate) reach: Reach,
    /// From when; without it, from now, or from when the license server was last heard where it is not followed.
    pub(crate) to: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

/// The series of a feature of `server`: the one function that says how seats were in use over time. Points between whole hours are
/// made of hours, others of sessions.
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
    let to = window.to.and_then(|to| to.checked_sub(SignedDuration::from_millis(1)).ok());
    let edges = window.reach.edges(to.or(last).unwrap_or(window.now), &zone);
    let (from, to) = match (edges.first(), edges.last()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => (window.now, window.now),
    };
    let lengths_from = to.checked_sub(LENGTHS_BACK).unwrap_or(from).max(from);
    // Where use cannot be seen, hours without it say nothing.
    let is_of_hours = !seen.is_empty() && folds::are_whole_hours(&edges);
    let spans_from = if is_of_hours { lengths_from } else { from };
    let spans = observed::spans(reader, server, &feature.feature, spans_from)?;
    let (points, recount) = if is_of_hours {
        of_hours(reader, (server, &feature.feature), &edges, &seen)?
    } else {
        (series(&spans, &edges, &seen), None)
    };
    Ok(Series {
        server: server.name.clone(),
        feature: feature.feature.clone(),
        from,
        to,
        zone: zone_name,
        issued: observed::issued(feature),
        recount,
        points,
        lengths: lengths(&spans, &(lengths_from..to)),
    })
}

/// The points between each two of `edges`, which are whole hours, and what of them is being counted again.
fn of_hours(
    reader: &Reader,
    of: (&Server, &FeatureName),
    edges: &[Timestamp],
    seen: &[Range<Timestamp>],
) -> Result<(Vec<Point>, Option<Recount>), StoreError> {
    let (Some(from), Some(to)) = (edges.first(), edges.last()) else {
        return Ok((Vec::new(), None));
    };
    let period = *from..*to;
    let hours = observed::hours(reader, of, &period, seen)?;
    let points = edges.iter().zip(folds::between(&hours, edges));
    let points = points.map(|(at, sum)| Point { at: *at, mean: sum.seats(), peak: sum.peak });
    Ok((points.collect(), observed::recount(&hours, &period)))
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
