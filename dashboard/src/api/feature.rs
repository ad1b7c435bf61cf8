//! One feature: as it is now, and its history in figures.

use axum::{
    Json,
    extract::{Path, State},
};
use lic_analytics::figures::figures;
use lic_protocol::{
    name::{FeatureName, ServerName},
    span::Span,
    view::{Feature, FeatureHistory, Server},
};
use lic_store::{
    error::StoreError,
    read::{Reader, episodes::DenialCount},
};

use crate::{error::Error, format::shown, state::App};

/// The feature, or `None` when that license server has none of this name.
pub(crate) fn view(
    reader: &Reader,
    server: &ServerName,
    feature: &FeatureName,
) -> Result<Option<FeatureHistory>, StoreError> {
    reader.feature(server, feature)?.map(|now| with_figures(reader, now)).transpose()
}

/// Adds its history to a feature.
fn with_figures(reader: &Reader, now: Feature) -> Result<FeatureHistory, StoreError> {
    let spans = match now.in_use {
        Some(_) => reader.spans(&now.server, &now.feature)?,
        None => Vec::new(),
    };
    with_spans(reader, now, &spans)
}

/// Adds its history, of which `spans` are all sessions, to a feature.
pub(crate) fn with_spans(
    reader: &Reader,
    now: Feature,
    spans: &[Span],
) -> Result<FeatureHistory, StoreError> {
    let DenialCount { tries: denials, episodes } =
        reader.denial_count(&now.server, &now.feature)?;
    let figures = now.in_use.map(|_| figures(spans));
    Ok(FeatureHistory { now, denials, episodes, figures })
}

/// A feature as it is now, with its license server, or `None`.
pub(crate) fn found(
    reader: &Reader,
    server: &ServerName,
    feature: &FeatureName,
) -> Result<Option<(Server, Feature)>, StoreError> {
    let now = reader.feature(server, feature)?;
    let mut servers = reader.servers()?.into_iter();
    let server = servers.find(|row| row.name == *server);
    Ok(server.zip(now))
}

/// The failure of asking for a feature that is not there.
pub(crate) fn not_found(server: &ServerName, feature: &FeatureName) -> Error {
    let (server, feature) = (shown(server.as_str()), shown(feature.as_str()));
    Error::NotFound(format!("The license server \"{server}\" has no feature \"{feature}\"."))
}

/// `GET /api/v1/features/{server}/{feature}`.
pub(crate) async fn json(
    State(app): State<App>,
    Path((server, feature)): Path<(ServerName, FeatureName)>,
) -> Result<Json<FeatureHistory>, Error> {
    let missing = not_found(&server, &feature);
    let view = app.ask(move |reader| view(reader, &server, &feature)).await?;
    view.map(Json).ok_or(missing)
}
