//! All features, each with its history in figures.

use std::collections::HashMap;

use axum::{
    extract::{Query, State},
    response::Response,
};
use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::Filter,
    span::Span,
    view::{Feature, FeatureHistory, Features, Figures},
};
use lic_store::{error::StoreError, read::Reader};
use serde::Serialize;

use crate::{
    api::{Pairs, feature},
    error::Error,
    export::{self, Form},
    query::{Asked, OF_FEATURES},
    state::App,
};

/// The features that `filter` names, by server and name.
pub(crate) fn view(reader: &Reader, filter: &Filter) -> Result<Features, StoreError> {
    let mut features = reader.features()?;
    features.retain(|row| filter.is_of(&row.server, &row.feature));
    // All sessions are read once, and not once for each feature.
    let mut spans: HashMap<(ServerName, FeatureName), Vec<Span>> = HashMap::new();
    for of in reader.spans_since(Timestamp::MIN, None)? {
        spans.entry((of.server, of.feature)).or_default().push(of.span);
    }
    let features = features.into_iter().map(|row| {
        let spans = spans.remove(&(row.server.clone(), row.feature.clone()));
        feature::with_spans(reader, row, &spans.unwrap_or_default())
    });
    Ok(Features { features: features.collect::<Result<_, _>>()? })
}

/// A line of the table.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    now: &'a Feature,
    denials: u64,
    episodes: u64,
    checkouts: Option<u64>,
    ended_sessions: Option<u64>,
    ended_session_hours: Option<f64>,
    peak_seats: Option<u32>,
    peak_sessions: Option<u32>,
}

impl<'a> Row<'a> {
    fn of(feature: &'a FeatureHistory) -> Self {
        let figures: Option<&Figures> = feature.figures.as_ref();
        Self {
            now: &feature.now,
            denials: feature.denials,
            episodes: feature.episodes,
            checkouts: figures.map(|figures| figures.checkouts),
            ended_sessions: figures.map(|figures| figures.ended_sessions),
            ended_session_hours: figures.map(|figures| figures.ended_session_hours),
            peak_seats: figures.map(|figures| figures.peak_seats),
            peak_sessions: figures.map(|figures| figures.peak_sessions),
        }
    }
}

/// `GET /api/v1/features`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let asked = Asked::understand(&pairs, OF_FEATURES)?;
    let features = app.ask(move |reader| view(reader, &asked.filter)).await?;
    let rows: Vec<Row<'_>> = features.features.iter().map(Row::of).collect();
    export::answer(form, "features", &features, &rows)
}
