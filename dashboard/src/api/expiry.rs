//! Which licenses end, and when.

mod calendar;

use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use lic_protocol::{
    query::Filter,
    view::{
        Feature,
        expiry::{Expiring, Expiry},
    },
};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
    query::{Asked, OF_EXPIRY},
    state::App,
};

const DAY_S: i64 = 86_400;

/// Licenses with an end, the next one first, at `now`.
pub(crate) fn view(reader: &Reader, filter: &Filter, now: Timestamp) -> Result<Expiry, StoreError> {
    let mut features = reader.features()?;
    features.retain(|row| filter.is_of(&row.server, &row.feature));
    Ok(of(&features, now))
}

/// Those of `features` with an end, the next one first.
pub(crate) fn of(features: &[Feature], now: Timestamp) -> Expiry {
    let ends = features.iter().filter_map(|row| Some(expiring(row, row.expires?, now)));
    let mut expiring: Vec<Expiring> = ends.collect();
    expiring.sort_by_key(|row| row.expires);
    let without = (features.len() - expiring.len()) as u64;
    Expiry { as_of: now, expiring, without }
}

fn expiring(feature: &Feature, expires: Timestamp, now: Timestamp) -> Expiring {
    Expiring {
        server: feature.server.clone(),
        feature: feature.feature.clone(),
        vendor: feature.vendor.clone(),
        version: feature.version.clone(),
        issued: feature.issued,
        expires,
        days_left: (expires.as_second() - now.as_second()).div_euclid(DAY_S),
    }
}

/// `GET /api/v1/expiry`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let (asked, now) = (Asked::understand(&pairs, OF_EXPIRY)?, app.now());
    let expiry = app.ask(move |reader| view(reader, &asked.filter, now)).await?;
    export::answer(form, "expiry", &expiry, &expiry.expiring)
}

/// `GET /api/v1/expiry.ics`.
pub(crate) async fn ics(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (asked, now) = (Asked::understand(&pairs, OF_EXPIRY)?, app.now());
    let expiry = app.ask(move |reader| view(reader, &asked.filter, now)).await?;
    let mime = [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")];
    Ok((mime, calendar::calendar(&expiry)).into_response())
}
