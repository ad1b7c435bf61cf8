//! All features, each with its history in figures.

use axum::{
    Json,
    extract::{Query, State},
};
use lic_protocol::{query::Filter, view::Features};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::{Pairs, feature},
    error::Error,
    query::{Asked, OF_FEATURES},
    state::App,
};

/// The features that `filter` names, by server and name.
pub(crate) fn view(reader: &Reader, filter: &Filter) -> Result<Features, StoreError> {
    let mut features = reader.features()?;
    features.retain(|row| {
        filter.server.as_ref().is_none_or(|server| row.server == *server)
            && filter.feature.as_ref().is_none_or(|feature| row.feature == *feature)
    });
    let features = features.into_iter().map(|row| feature::with_figures(reader, row));
    Ok(Features { features: features.collect::<Result<_, _>>()? })
}

/// `GET /api/v1/features`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Json<Features>, Error> {
    let asked = Asked::understand(&pairs, OF_FEATURES)?;
    Ok(Json(app.ask(move |reader| view(reader, &asked.filter)).await?))
}
