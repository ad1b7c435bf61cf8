//! Seats of one feature by weekday and hour.

use std::ops::Range;

use axum::{
    extract::{Query, State},
    response::Response,
};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use lic_protocol::{
    name::{FeatureName, ServerName},
    view::{
        Feature, Server,
        series::{Cell, HeatMap},
    },
};
use lic_store::{
    error::StoreError,
    read::{
        Reader,
        folds::{Summed, by_hour_of_week},
    },
};

use crate::{
    api::{Pairs, feature, observed},
    error::Error,
    export::{self, Form},
    query::{Asked, OF_A_HEAT_MAP},
    state::App,
};

/// What a heat map is made of, unless asked otherwise: a quarter of a year.
const BACK: SignedDuration = SignedDuration::from_hours(13 * 7 * 24);
/// The longest time that one is made of: two years and a bit.
const BACK_MAX: SignedDuration = SignedDuration::from_hours(800 * 24);

/// The heat map of a feature of `server`: the one function that says how busy each hour of the week is. Of what is asked for, every
/// hour of UTC counts that it touches, up to where the server was observed.
pub(crate) fn view(
    reader: &Reader,
    server: &Server,
    feature: &Feature,
    asked: &Range<Option<Timestamp>>,
    now: Timestamp,
) -> Result<HeatMap, StoreError> {
    let (zone, zone_name) = observed::zone(server);
    let seen = observed::observed(reader, server, now)?;
    let last = seen.last().map_or(now, |seen| seen.end);
    let to = asked.end.map_or(last, |to| to.min(last));
    let back = |span| to.checked_sub(span).unwrap_or(to);
    let from = asked.start.unwrap_or(back(BACK)).clamp(back(BACK_MAX), to);
    let (from, end) = (hour(from, RoundMode::Floor), hour(to, RoundMode::Ceil));
    let hours = observed::hours(reader, (server, &feature.feature), &(from..end), &seen)?;
    // Where use cannot be seen, hours without it say nothing.
    let week = if seen.is_empty() { <_>::default() } else { by_hour_of_week(&hours, &zone) };
    let to = end.min(last).max(from);
    Ok(HeatMap {
        server: server.name.clone(),
        feature: feature.feature.clone(),
        from,
        to,
        zone: zone_name,
        issued: observed::issued(feature),
        recount: observed::recount(&hours, &(from..end)),
        cells: (0_u8..).zip(week.iter().flatten()).map(cell).collect(),
    })
}

/// A time, rounded to an hour of UTC.
fn hour(at: Timestamp, mode: RoundMode) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Hour).mode(mode)).unwrap_or(at)
}

/// One of the hours of the week, counted from Monday 0 o'clock.
fn cell((at, sum): (u8, &Summed)) -> Cell {
    Cell {
        weekday: at / 24 + 1,
        hour: at % 24,
        mean: sum.seats(),
        peak: sum.peak,
        observed_s: sum.observed_s,
    }
}

/// `GET /api/v1/heatmap`: of the feature that `server` and `feature` name.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let filter = Asked::understand(&pairs, OF_A_HEAT_MAP)?.filter;
    let named: Option<(ServerName, FeatureName)> = filter.server.zip(filter.feature);
    let (server, name) = named.ok_or_else(|| {
        Error::BadParameter(
            "A heat map is of one feature: give both server and feature.".to_owned(),
        )
    })?;
    let missing = feature::not_found(&server, &name);
    let (period, now) = (filter.from..filter.to, app.now());
    let answer = app.ask(move |reader| {
        let Some((server, feature)) = feature::found(reader, &server, &name)? else {
            return Ok(None);
        };
        view(reader, &server, &feature, &period, now).map(Some)
    });
    let map = answer.await?.ok_or(missing)?;
    export::answer(form, "heatmap", &map, &map.cells)
}
